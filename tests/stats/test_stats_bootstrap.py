from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from strnet import stats
from strnet.errors import StatsError
from strnet.stats.bootstrap import bootstrap_counts, own_clusters, strata_by_class
from strnet.stats.counting import OperatingPointOfCounts, SortedPatients, average_precision_of_counts


@pytest.fixture
def films(rng):
    """40 patients with two films each, tied scores."""
    target = rng.random(80) < 0.5
    score = np.round(rng.normal(size=80) + target, 1)
    return target, score, np.repeat(np.arange(40), 2)


def test_the_figures_of_a_resample_are_those_of_its_rows_by_scikit_learn(films, rng):
    target, score, patient = films
    clusters = own_clusters(80, patient)
    rows = SortedPatients(target, score, clusters)
    figures = OperatingPointOfCounts(rows, 0.4)

    for _ in range(50):
        counts = np.bincount(rng.integers(0, 40, 40), minlength=40)
        drawn = np.repeat(np.arange(80), counts[patient])
        called, positive = score[drawn] >= 0.4, target[drawn]
        area, sensitivity, specificity = figures(counts)
        assert area == pytest.approx(roc_auc_score(positive, score[drawn]), abs=1e-12)
        assert sensitivity == pytest.approx(called[positive].mean(), abs=1e-12)
        assert specificity == pytest.approx((~called[~positive]).mean(), abs=1e-12)
        precision = average_precision_of_counts(rows, counts)
        assert precision == pytest.approx(average_precision_score(positive, score[drawn]), abs=1e-12)


def test_whole_patients_are_drawn(films, rng):
    *_, patient = films

    def films_per_patient(rows):
        sizes = np.bincount(patient[rows], minlength=40)
        return float((sizes % 2).sum()), float(len(rows))

    drawn = stats.cluster_bootstrap(
        films_per_patient, 80, rng=rng, clusters=patient, resampling=stats.Resampling(draws=50)
    )
    assert (drawn.values == [0, 80]).all()


def test_each_stratum_keeps_its_number_of_patients(rng):
    strata = np.array([0] * 10 + [1] * 30)
    drawn = stats.cluster_bootstrap(
        lambda rows: np.bincount(strata[rows], minlength=2).astype(float),
        40,
        rng=rng,
        strata=strata,
        resampling=stats.Resampling(draws=30),
    )

    assert (drawn.values == [10, 30]).all()


def test_the_error_of_a_mean_is_the_textbook_one(rng):
    values = rng.normal(size=400)
    drawn = stats.cluster_bootstrap(lambda rows: values[rows].mean(), 400, rng=rng)

    assert drawn.standard_errors[0] == pytest.approx(values.std() / 20, rel=0.06)
    low, high = drawn.limits(0.95)
    assert [low[0], high[0]] == pytest.approx(
        values.mean() + np.array([-1.96, 1.96]) * values.std() / 20, abs=0.01
    )


def test_undefined_resamples_are_dropped_and_counted(rng):
    target, score = np.array([1] + [0] * 9), np.arange(10.0)

    found = stats.bootstrap_operating_point(
        target, score, 5.0, rng=rng, resampling=stats.Resampling(draws=400, stratified=False)
    )["auroc"]

    # a resample lacks the one positive with probability .9 ** 10 = .35
    dropped = int(found.note.split()[0])
    assert found.note == f"{dropped} of 400 resamples dropped"
    assert dropped == pytest.approx(0.349 * 400, abs=50)


def test_all_resamples_undefined_is_an_error(rng):
    with pytest.raises(StatsError, match="all 20 resamples were undefined"):
        stats.cluster_bootstrap(lambda _: np.nan, 5, rng=rng, resampling=stats.Resampling(draws=20))


def test_the_same_seed_gives_the_same_figures_with_any_number_of_threads(films):
    target, score, patient = films
    found = [
        stats.bootstrap_operating_point(
            target,
            score,
            0.4,
            rng=np.random.default_rng(5),
            clusters=patient,
            resampling=stats.Resampling(draws=200, threads=threads),
        )
        for threads in (1, 3)
    ]

    assert found[0] == found[1]


def test_another_seed_gives_other_figures(films):
    target, score, _ = films
    few = stats.Resampling(draws=50)
    first, second = (
        stats.auprc(target, score, interval="bootstrap", rng=np.random.default_rng(s), resampling=few)
        for s in (1, 2)
    )

    assert first.value == second.value
    assert first.low != second.low


def test_patients_widen_the_interval_of_films_that_go_together(rng):
    patient = np.repeat(np.arange(150), 2)
    target = np.repeat(rng.random(150) < 0.5, 2)
    score = np.repeat(rng.normal(size=150), 2) + target

    of_films = stats.bootstrap_operating_point(target, score, 0.5, rng=rng)["auroc"]
    of_patients = stats.bootstrap_operating_point(target, score, 0.5, rng=rng, clusters=patient)["auroc"]

    assert of_patients.standard_error == pytest.approx(of_films.standard_error * np.sqrt(2), rel=0.1)
    assert of_patients.clusters == 150


def test_the_bootstrap_error_of_patients_is_obuchowskis(films, rng):
    target, score, patient = (np.tile(v, 5) for v in films)
    patient = patient + np.repeat(np.arange(5), 80) * 40

    drawn = stats.bootstrap_operating_point(
        target, score, 0.4, rng=rng, clusters=patient, resampling=stats.Resampling(stratified=False)
    )["auroc"]
    closed = stats.auroc(target, score, clusters=patient)

    assert drawn.standard_error == pytest.approx(closed.standard_error, rel=0.08)


def test_patients_are_stratified_by_the_classes_they_have():
    clusters = own_clusters(6, np.array([0, 0, 1, 1, 2, 2]))
    strata = strata_by_class(np.array([1, 1, 0, 1, 0, 0]), clusters)

    assert strata.tolist() == [2, 3, 1]


def test_every_patient_is_drawn_once_on_average(rng):
    seen = []

    def remember(counts):
        seen.append(counts)
        return 0.0

    bootstrap_counts(remember, 30, None, rng=rng, resampling=stats.Resampling(draws=600, threads=1))

    assert {int(counts.sum()) for counts in seen} == {30}
    assert np.mean(seen, axis=0) == pytest.approx(np.ones(30), abs=0.2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rng: stats.Resampling(draws=0), "expected 1 or more"),
        (
            lambda rng: stats.cluster_bootstrap(len, 3, rng=rng, clusters=[1, 1, 2], strata=[0, 1, 1]),
            "a patient in two strata",
        ),
        (lambda rng: stats.auprc([1, 0], [0.5, 0.2], interval="bootstrap"), "without rng"),
        (lambda rng: stats.auprc([1, 0], [0.5, 0.2], clusters=[1, 2]), "takes films as independent"),
        (lambda rng: stats.auprc([1, 0], [0.5, 0.2], interval="delong"), "Unknown AUPRC interval"),
    ],
)
def test_an_impossible_request_is_refused(call, message, rng):
    with pytest.raises(StatsError, match=message):
        call(rng)
