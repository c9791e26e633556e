from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics
from statsmodels.stats.inter_rater import cohens_kappa

from strnet import stats
from strnet.errors import StatsError


def test_the_four_counts_by_hand():
    found = stats.confusion([1, 1, 0, 0, 0], [1, 0, 1, 0, 0])

    assert found == stats.Confusion(1, 1, 1, 2)
    assert (found.positives, found.negatives, found.total) == (2, 3, 5)


def test_an_undefined_share_is_nan_with_the_reason():
    found = stats.table_metrics(stats.Confusion(0, 3, 0, 5))

    assert math.isnan(found["ppv"].value)
    assert found["ppv"].note == "no rows to take a share of"
    assert math.isnan(found["positive_likelihood_ratio"].value)
    assert math.isnan(found["diagnostic_odds_ratio"].value)
    assert found["sensitivity"].value == 0


def test_a_table_without_any_call_or_positive_has_no_f1():
    assert math.isnan(stats.table_metrics(stats.Confusion(0, 0, 0, 4))["f1"].value)


def test_a_likelihood_ratio_of_0_has_no_logarithm():
    found = stats.table_metrics(stats.Confusion(4, 0, 1, 3))["negative_likelihood_ratio"]

    assert found.value == 0
    assert found.note == "the logarithm of 0"


def test_a_likelihood_ratio_by_hand():
    found = stats.table_metrics(stats.Confusion(40, 10, 20, 80))["positive_likelihood_ratio"]

    error = math.sqrt(1 / 40 - 1 / 50 + 1 / 20 - 1 / 100)
    assert found.value == pytest.approx(4)
    assert found.high == pytest.approx(4 * math.exp(1.959963984540054 * error))


def test_f1_lies_between_limits_made_from_the_jaccard_share():
    found = stats.table_metrics(stats.Confusion(12, 2, 3, 11))["f1"]
    jaccard = stats.proportion(12, 17)

    assert found.value == pytest.approx(24 / 29)
    assert found.low == pytest.approx(2 * jaccard.low / (1 + jaccard.low))


def test_patients_change_intervals_and_not_values(rng):
    target, called = rng.random(100) < 0.5, rng.random(100) < 0.5
    plain = stats.binary_metrics(target, called)
    clustered = stats.binary_metrics(target, called, clusters=np.arange(100) // 2)

    for name, estimate in clustered.items():
        assert estimate.value == pytest.approx(plain[name].value)
        assert (estimate.count, estimate.events) == (plain[name].count, plain[name].events)
        assert estimate.clusters is not None


def test_a_share_of_one_patient_is_undefined_with_the_reason():
    found = stats.binary_metrics([1, 1, 0, 0], [1, 0, 0, 0], clusters=["a", "a", "b", "c"])

    assert math.isnan(found["sensitivity"].value)
    assert "fewer than two patients" in found["sensitivity"].note
    assert found["specificity"].value == 1


def test_weighted_shares_are_those_of_scikit_learn(rng):
    target, called, weights = rng.random(50) < 0.5, rng.random(50) < 0.5, rng.random(50)
    found = stats.binary_metrics(target, called, weights=weights)

    recall = metrics.recall_score(target, called, sample_weight=weights)
    precision = metrics.precision_score(target, called, sample_weight=weights)
    assert found["sensitivity"].value == pytest.approx(recall)
    assert found["ppv"].value == pytest.approx(precision)


@pytest.mark.parametrize("cells", [(-1, 2, 3, 4), (0, 0, 0, 0)])
def test_impossible_cells_are_refused(cells):
    with pytest.raises(StatsError, match="confusion: found"):
        stats.Confusion(*cells)


@pytest.fixture
def three_classes(rng):
    target = rng.integers(0, 3, 120)
    return target, np.clip(target + rng.integers(-1, 2, 120), 0, 2)


def test_the_matrix_and_the_figures_of_each_class_are_those_of_scikit_learn(three_classes):
    matrix = stats.confusion_matrix(*three_classes, 3)
    found = stats.class_metrics(matrix)

    assert matrix.tolist() == metrics.confusion_matrix(*three_classes).tolist()
    assert [m["sensitivity"].value for m in found] == pytest.approx(
        metrics.recall_score(*three_classes, average=None)
    )
    assert stats.macro_metrics(matrix)["ppv"] == pytest.approx(
        metrics.precision_score(*three_classes, average="macro")
    )


@pytest.mark.parametrize(
    ("weights", "theirs"), [("none", None), ("linear", "linear"), ("quadratic", "quadratic")]
)
def test_kappa_and_its_error_are_those_of_statsmodels(weights, theirs, three_classes):
    matrix = stats.confusion_matrix(*three_classes, 3)
    found, expected = stats.cohen_kappa(matrix, weights=weights), cohens_kappa(matrix, wt=theirs)

    assert found.value == pytest.approx(expected.kappa)
    assert found.standard_error**2 == pytest.approx(expected.var_kappa)


def test_full_agreement_is_a_kappa_of_1():
    found = stats.cohen_kappa([[5, 0], [0, 7]])

    assert (found.value, found.low, found.high) == (1, 1, 1)


@pytest.mark.parametrize("rows", [7, 40, 101])
@pytest.mark.parametrize("answer", [0, 1, 2])
@pytest.mark.parametrize("films", [1, 2])
def test_the_kappa_of_a_constant_answer_has_no_interval(rows, answer, films, rng):
    target = rng.integers(0, 3, rows)
    found = stats.kappa_of_rows(
        target, np.full(rows, answer), 3, clusters=None if films == 1 else np.arange(rows) // films
    )

    assert found.value == pytest.approx(0, abs=1e-12)
    assert not found.has_interval
    assert "always says the same class" in found.note


def test_the_large_sample_error_of_a_constant_answer_is_said_to_be_none(rng):
    target = rng.integers(0, 3, 101)
    found = stats.cohen_kappa(stats.confusion_matrix(target, np.full(101, 1), 3))

    assert found.standard_error == 0
    assert found.note == "no width: these rows show no spread"


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[3, 0], [0, 0]], "all rows in one class"),
        ([[1, 2, 3]], r"expected \(classes, classes\)"),
        ([[1, -2], [3, 4]], "counts of 0 or more"),
    ],
)
def test_an_unusable_matrix_is_refused(matrix, message):
    with pytest.raises(StatsError, match=message):
        stats.cohen_kappa(matrix)


def test_codes_outside_the_classes_are_named():
    with pytest.raises(StatsError, match=r"found 1 values outside 0 to 2 \(rows \[1\]: \[3\]\)"):
        stats.confusion_matrix([0, 3], [0, 1], 3)
    with pytest.raises(StatsError, match="expected class codes"):
        stats.confusion_matrix(["normal"], ["normal"], 3)
    with pytest.raises(StatsError, match="Unknown kappa weighting"):
        stats.cohen_kappa([[1, 0], [0, 1]], weights="cubic")
