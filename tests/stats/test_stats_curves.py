from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics

from strnet import stats
from strnet.errors import StatsError

quick = settings(max_examples=40, deadline=None)
rows = st.lists(st.tuples(st.booleans(), st.integers(-3, 3), st.integers(0, 2)), min_size=2, max_size=25)


def arrays(case):
    target, score, weight = (np.array(column) for column in zip(*case, strict=True))
    assume(0 < target.sum() < target.size)
    return target, score.astype(float), weight


@quick
@given(rows)
def test_every_distinct_score_is_a_point_with_its_brute_force_figures(case):
    target, score, _ = arrays(case)
    curve = stats.roc_curve(target, score)

    assert curve.threshold.tolist() == [np.inf, *sorted(set(score), reverse=True)]
    for threshold, sensitivity, specificity, precision in zip(
        curve.threshold, curve.sensitivity, curve.specificity, curve.precision, strict=True
    ):
        called = score >= threshold
        assert sensitivity == pytest.approx(called[target].mean())
        assert specificity == pytest.approx((~called[~target]).mean())
        assert precision == pytest.approx(target[called].mean() if called.any() else 1)


@quick
@given(rows)
def test_weighted_curves_and_areas_are_those_of_scikit_learn(case):
    target, score, weight = arrays(case)
    assume(weight[target].any() and weight[~target].any())
    curve = stats.roc_curve(target, score, weights=weight)
    area = np.trapezoid(curve.sensitivity, 1 - curve.specificity)

    assert area == pytest.approx(metrics.roc_auc_score(target, score, sample_weight=weight), abs=1e-12)
    expected = metrics.average_precision_score(target, score, sample_weight=weight)
    assert stats.average_precision(target, score, weights=weight) == pytest.approx(expected, abs=1e-12)


@quick
@given(rows, st.floats(0.05, 0.95))
def test_partial_areas_are_those_of_scikit_learn_and_of_a_fine_grid(case, at_least):
    target, score, _ = arrays(case)
    found = stats.partial_auroc(target, score, at_least=at_least)
    assert found == pytest.approx(metrics.roc_auc_score(target, score, max_fpr=1 - at_least), abs=1e-12)

    curve = stats.roc_curve(target, score)
    grid = np.linspace(at_least, 1, 4001)
    sensitivity, specificity = curve.sensitivity, curve.specificity
    by_grid = np.trapezoid(np.interp(grid, sensitivity, specificity), grid)
    area = stats.partial_auroc(target, score, at_least=at_least, of="sensitivity", standardised=False)
    assert area == pytest.approx(by_grid, abs=2e-3)


def test_the_standardised_partial_area_is_a_half_by_chance_and_1_at_best():
    target = [1, 0, 1, 0]
    for of in ("specificity", "sensitivity"):
        assert stats.partial_auroc(target, [1.0] * 4, at_least=0.8, of=of) == pytest.approx(0.5)
        assert stats.partial_auroc(target, [4.0, 1.0, 3.0, 2.0], at_least=0.8, of=of) == pytest.approx(1)


@quick
@given(rows)
def test_the_logit_interval_of_the_average_precision_lies_around_it(case):
    target, score, _ = arrays(case)
    found = stats.auprc(target, score)

    if found.value < 1:
        assert 0 < found.low < found.value < found.high < 1
    else:
        assert "jackknife" in found.note


def test_the_average_precision_by_hand():
    # ranks of the positives: 1, 3; precisions 1 and 2/3
    assert stats.auprc([1, 0, 1, 0], [4.0, 3.0, 2.0, 1.0]).value == pytest.approx((1 + 2 / 3) / 2)


def test_a_bootstrap_of_patients_says_how_many_there_are(rng):
    target, score = rng.random(60) < 0.5, rng.normal(size=60)
    found = stats.auprc(
        target,
        score,
        interval="bootstrap",
        clusters=np.arange(60) // 2,
        rng=rng,
        resampling=stats.Resampling(draws=100),
    )

    assert (found.clusters, found.count, found.events) == (30, 60, int(target.sum()))
    assert found.low < found.value < found.high


def test_an_unknown_part_and_useless_weights_are_refused():
    with pytest.raises(StatsError, match="Unknown part of the ROC curve"):
        stats.partial_auroc([1, 0], [1.0, 0.0], at_least=0.8, of="precision")
    with pytest.raises(StatsError, match="every weight of one class is 0"):
        stats.roc_curve([1, 0], [1.0, 0.0], weights=[1.0, 0.0])


def test_several_classes_by_hand(rng):
    # classes 0, 1, 2 with one clear and two exchanged rows
    target = [0, 0, 1, 1, 2, 2]
    prob = np.array(
        [[0.8, 0.1, 0.1], [0.7, 0.2, 0.1], [0.2, 0.3, 0.5], [0.1, 0.8, 0.1], [0.1, 0.5, 0.4], [0.0, 0.2, 0.8]]
    )
    few = stats.Resampling(draws=20)
    each = stats.one_vs_rest_auroc(target, prob)
    macro = stats.multiclass_auroc(target, prob, rng=rng, resampling=few)
    pairs = stats.multiclass_auroc(target, prob, average="hand_till", rng=rng, resampling=few)

    assert [e.value for e in each] == [1, 7 / 8, 7 / 8]
    assert macro.value == pytest.approx(11 / 12)
    # only class 1 against 2 errs: one pair of four in either column
    assert pairs.value == pytest.approx((4 + 2 * 3 / 4) / 6)


def test_patients_with_films_of_several_classes_are_drawn_whole(rng):
    target, prob = rng.integers(0, 3, 90), rng.dirichlet(np.ones(3), 90)
    for average in ("ovr", "hand_till"):
        found = stats.multiclass_auroc(
            target,
            prob,
            average=average,
            rng=rng,
            clusters=np.arange(90) // 3,
            resampling=stats.Resampling(draws=50),
        )
        assert found.clusters == 30
        assert found.low < found.value < found.high


@pytest.mark.parametrize(
    ("target", "score", "average", "message"),
    [
        ([0, 1], [0.1, 0.2], "ovr", r"expected \(n, classes\)"),
        ([0, 1, 1], np.ones((2, 2)), "ovr", "score: found 2 rows, expected 3"),
        ([0, 0], np.ones((2, 2)), "ovr", r"found no row of class \[1\]"),
        ([0, 1], np.ones((2, 2)), "micro", "Unknown average"),
    ],
)
def test_unusable_classes_are_refused(target, score, average, message, rng):
    with pytest.raises(StatsError, match=message):
        stats.multiclass_auroc(target, score, average=average, rng=rng)
