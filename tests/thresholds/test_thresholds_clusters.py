import numpy as np
import pytest
from scipy import stats

from strnet.errors import ImpossibleError
from strnet.thresholds import fit_threshold
from strnet.thresholds.effective import kish, korn_graubard, rate
from strnet.thresholds.rows import ClassRows

SPEAKS_OF = {
    "korn_graubard": "films",
    "one_per_cluster": "patients",
    "betting": "patients",
    "worst": "patients without a missed film",
}
METHODS = ("korn_graubard", "one_per_cluster", "betting", "worst")


def knees(patients, seed=0, correlation=0.8, share=0.6):
    """Target, score and patient of two knees each, correlated within a patient."""
    rng = np.random.default_rng(seed)
    target = np.repeat(rng.random(patients) < share, 2)
    person = np.repeat(rng.normal(size=patients), 2) * correlation**0.5
    score = person + rng.normal(size=2 * patients) * (1 - correlation) ** 0.5 + 2.119 * target
    return target, score, np.repeat([f"P{i:04d}" for i in range(patients)], 2)


@pytest.mark.parametrize("method", METHODS)
def test_patients_of_one_film_are_treated_as_independent_films(binormal, method):
    target, score = binormal(300, seed=3)
    plain = fit_threshold(target, score)
    point = fit_threshold(target, score, clusters=np.arange(300), cluster_method=method)
    if method in ("one_per_cluster", "worst"):
        assert point.threshold == plain.threshold
        assert point.confidence_reached == plain.confidence_reached
    else:
        assert abs(point.misses_made - plain.misses_made) <= 3


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_rows_and_the_names_of_patients_change_nothing(method):
    target, score, patient = knees(150)
    order = np.random.default_rng(1).permutation(target.size)
    one = fit_threshold(target, score, clusters=patient, cluster_method=method, seed=7)
    other = fit_threshold(target[order], score[order], clusters=patient[order], cluster_method=method, seed=7)
    for name in ("threshold", "misses_allowed", "misses_made", "units", "status"):
        assert getattr(one, name) == getattr(other, name)
    assert one.effective_positives == pytest.approx(other.effective_positives, rel=1e-12)
    assert one.specificity.low == pytest.approx(other.specificity.low, rel=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_the_status_says_which_methods_guarantee(method):
    target, score, patient = knees(150)
    point = fit_threshold(target, score, clusters=patient, cluster_method=method)
    assert point.status == ("approximate" if method == "korn_graubard" else "guaranteed")
    assert (point.cluster_method, point.clusters) == (method, 150)
    assert point.seed is None
    assert point.promise == "if_answered"
    assert point.speaks_of == SPEAKS_OF[method]
    assert point.unit == ("patient" if method in ("one_per_cluster", "worst") else "film")


def test_counting_correlated_films_as_independent_would_promise_too_much():
    target, score, patient = knees(400, seed=2)
    plain = fit_threshold(target, score)
    for method in ("korn_graubard", "worst"):
        point = fit_threshold(target, score, clusters=patient, cluster_method=method)
        assert point.threshold < plain.threshold
        assert point.effective_positives < plain.effective_positives


def test_the_worst_film_rule_is_the_exact_rule_on_each_patients_lowest_film():
    target, score, patient = knees(120, seed=5)
    lowest = [score[target & (patient == name)].min() for name in np.unique(patient[target])]
    rows = np.ones(len(lowest))
    expected = fit_threshold(np.append(rows, 0), np.append(lowest, -99.0))
    assert (
        fit_threshold(target, score, clusters=patient, cluster_method="worst").threshold == expected.threshold
    )


def test_one_per_cluster_draws_each_film_equally_often():
    score = np.arange(60, dtype=float)
    patient = np.repeat(np.arange(20), 3)
    draws = [
        fit_threshold(
            np.ones(60),
            score,
            clusters=patient,
            cluster_method="one_per_cluster",
            method="empirical",
            seed=seed,
            min_sensitivity="1",
        ).threshold
        for seed in range(600)
    ]
    counts = np.bincount(np.array(draws, dtype=int), minlength=3)
    assert counts.sum() == counts[:3].sum()
    assert stats.chisquare(counts[:3]).pvalue > 1e-3


def test_a_seed_decides_the_draw_and_is_kept():
    target, score, patient = knees(100, seed=4)
    options = {"clusters": patient, "cluster_method": "one_per_cluster"}
    points = [fit_threshold(target, score, seed=seed, **options) for seed in (1, 1, 2, 3, 4, 5)]
    assert points[0] == points[1]
    assert len({point.threshold for point in points}) > 1
    assert points[2].seed == 2


def test_the_effective_number_is_the_formula_by_hand():
    # patients: (hit, hit), (hit, miss), (miss, miss), (hit, hit): p = 5/8
    hits = np.array([1, 1, 1, 0, 0, 0, 1, 1], dtype=bool)
    clusters = np.repeat(np.arange(4), 2)
    deviations = np.array([2, 1, 0, 2]) - 2 * 5 / 8
    variance = 4 / 3 * np.sum(deviations**2) / 64
    student = stats.t.ppf(0.95, 7) / stats.t.ppf(0.95, 3)
    expected = 5 / 8 * 3 / 8 / variance * student**2
    assert korn_graubard(hits, clusters, None, 0.05) == pytest.approx(expected, rel=1e-12)


def test_the_effective_number_never_exceeds_the_films_nor_claims_more_than_patients_without_a_miss():
    clusters = np.repeat(np.arange(10), 2)
    assert korn_graubard(np.ones(20, dtype=bool), clusters, None, 0.05) == 10
    spread = np.random.default_rng(0).random(2000) < 0.5
    assert korn_graubard(spread, np.arange(2000), None, 0.05) <= 2000


def test_a_confidence_of_one_half_has_an_effective_number_too():
    target, score, patient = knees(150)
    points = [fit_threshold(target, score, clusters=patient, confidence=c) for c in ("0.4", "0.5", "0.6")]
    assert all(50 < point.effective_positives < 300 for point in points)
    assert points[0].threshold >= points[1].threshold >= points[2].threshold


def test_kish_counts_equal_weights_fully_and_a_single_heavy_one_once():
    assert kish(np.full(7, 3.0)) == pytest.approx(7)
    assert kish(np.array([1.0, 0.0, 0.0])) == pytest.approx(1)


def test_weights_that_go_with_misses_are_worth_less_than_kish_says():
    score = np.arange(200.0)
    plain = np.random.default_rng(0).permutation(np.repeat([0.5, 2.0], [160, 40]))
    heavy_misses = np.repeat([2.0, 0.5], [40, 160])
    points = [fit_threshold(np.ones(200), score, weights=weights) for weights in (plain, heavy_misses)]
    assert kish(plain) == kish(heavy_misses)
    assert points[0].effective_positives == pytest.approx(kish(plain))
    assert points[1].effective_positives < 0.8 * kish(heavy_misses)


def test_the_interval_of_a_weighted_rate_covers_where_hard_cases_weigh_more():
    """At .95 of 800 draws 760 would be expected; Kish's effective number alone covers 93.4% of many."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(800):
        hard = rng.random(240) < 0.2
        hits = rng.random(240) < np.where(hard, 0.75, 0.95)
        weights = np.where(hard, 2.5, 0.625)
        estimate = rate(ClassRows(np.zeros(240), weights), hits, 0.95)
        covered += estimate.low <= (0.75 + 0.95) / 2 <= estimate.high
    assert covered >= 760


def test_films_of_a_single_patient_prove_nothing():
    for method, reason in (("betting", "1 positive patients"), ("korn_graubard", "with 1 positives")):
        with pytest.raises(ImpossibleError, match=reason):
            fit_threshold(np.ones(40), np.arange(40.0), clusters=np.zeros(40), cluster_method=method)


def test_a_rate_of_one_cluster_has_no_interval_and_says_so():
    rows = ClassRows(np.arange(4.0), None, np.zeros(4, dtype=np.int64))
    estimate = rate(rows, np.array([True, True, False, True]), 0.95)
    assert (estimate.value, estimate.has_interval, estimate.note) == (0.75, False, "no interval: one cluster")


def test_tied_scores_are_missed_together_by_betting():
    score = np.repeat([1.0, 2.0, 3.0, 4.0], 25)
    target = np.append(np.ones(100), 0)
    point = fit_threshold(
        target,
        np.append(score, 0.0),
        clusters=np.arange(101),
        cluster_method="betting",
        min_sensitivity="0.6",
    )
    assert point.threshold == 2.0
    assert point.misses_made == 25


@pytest.mark.filterwarnings("error")
def test_one_patient_is_enough_for_betting_on_a_low_floor():
    point = fit_threshold(
        [1, 1, 0],
        [3.0, 2.0, 1.0],
        clusters=[0, 0, 1],
        cluster_method="betting",
        min_sensitivity="0.01",
        confidence="0.9",
    )
    assert point.status == "guaranteed"
    assert point.effective_positives == 1
