from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from strnet import stats
from strnet.errors import StatsError

quick = settings(max_examples=40, deadline=None)


@pytest.fixture
def t_scores(rng):
    true = rng.normal(-1.5, 1.2, 80)
    return true, 0.8 * true - 0.1 + rng.normal(0, 0.5, 80)


def test_errors_by_hand():
    found = stats.regression_errors([0.0, 1.0, 2.0, 3.0], [1.0, 1.0, 2.0, 1.0])

    assert found["mae"].value == pytest.approx(3 / 4)
    assert found["rmse"].value == pytest.approx(math.sqrt(5 / 4))
    assert found["bias"].value == pytest.approx(-1 / 4)
    assert found["r2"].value == pytest.approx(1 - 5 / 5)
    half = scipy_stats.t.ppf(0.975, 3) * np.array([1, 0, 0, 2]).std(ddof=1) / 2
    assert found["mae"].high == pytest.approx(3 / 4 + half)
    assert found["mae"].low == 0


def test_films_that_repeat_each_other_do_not_narrow_the_errors(t_scores):
    true, predicted = t_scores
    patient = np.tile(np.arange(80), 2)
    single = stats.regression_errors(true, predicted)
    doubled = stats.regression_errors(np.tile(true, 2), np.tile(predicted, 2), clusters=patient)

    for name in ("mae", "rmse", "bias"):
        assert doubled[name].high == pytest.approx(single[name].high)
        assert doubled[name].clusters == 80


def test_pearson_is_that_of_scipy(t_scores):
    found, expected = stats.pearson(*t_scores), scipy_stats.pearsonr(*t_scores)
    interval = expected.confidence_interval()

    assert [found.value, found.low, found.high] == pytest.approx([expected.statistic, *interval])
    assert stats.pearson_p_value(found) == pytest.approx(expected.pvalue)


@pytest.mark.parametrize("figure", [stats.pearson, stats.concordance])
def test_over_patients_a_correlation_is_as_uncertain_as_its_bootstrap(figure, t_scores, rng):
    true, predicted = (np.tile(values, 2) for values in t_scores)
    patient = np.tile(np.arange(80), 2)

    found = figure(true, predicted, clusters=patient)
    drawn = stats.cluster_bootstrap(
        lambda rows: figure(true[rows], predicted[rows]).value, 160, rng=rng, clusters=patient,
        resampling=stats.Resampling(draws=500),
    )  # fmt: skip

    assert found.value == pytest.approx(figure(true, predicted).value)
    assert found.standard_error == pytest.approx(drawn.standard_errors[0], rel=0.2)
    assert found.low < found.value < found.high


def test_points_on_a_line_have_a_correlation_of_1_without_width():
    found = stats.pearson([1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 6.0, 8.0])

    assert (found.low, found.high) == (1, 1)
    assert stats.pearson_p_value(found) == 0


def test_three_points_have_a_correlation_without_interval():
    found = stats.pearson([1.0, 2.0, 3.0], [1.0, 3.0, 2.0])

    assert not found.has_interval
    assert found.note == "Fisher's variance needs four rows"


@quick
@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=3, max_size=20))
def test_concordance_is_never_farther_from_0_than_pearson(pairs):
    first, second = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        with pytest.raises(StatsError, match="expected several values"):
            stats.concordance(first, second)
        return
    ccc, r = stats.concordance(first, second).value, stats.pearson(first, second).value

    assert abs(ccc) <= abs(r) + 1e-12
    assert ccc == pytest.approx(stats.concordance(second, first).value)


def test_concordance_by_hand():
    # same spread, shifted by 1: 2 s^2 / (2 s^2 + 1) with s^2 = 2/3
    found = stats.concordance([0.0, 1.0, 2.0], [1.0, 2.0, 3.0])

    assert found.value == pytest.approx((4 / 3) / (4 / 3 + 1))
    assert "degenerate" in found.note


@pytest.mark.parametrize("interval", ["classical", "jackknife"])
def test_the_concordance_of_a_nearly_constant_answer_has_no_interval(interval, rng):
    t_score = rng.normal(-1.5, 1.0, 60)
    answer = -1.4 + 1e-7 * rng.normal(size=60)  # as a collapsed network gives it in single precision
    found = stats.concordance(t_score, answer, interval=interval)

    assert found.value == pytest.approx(0, abs=1e-6)
    assert not found.has_interval
    assert "hardly varies" in found.note


def test_the_limits_hold_the_bias_between_them_and_mirror_each_other(t_scores):
    found = stats.bland_altman(*t_scores)
    turned = stats.bland_altman(t_scores[1], t_scores[0])

    assert found.lower_limit.value < found.bias.value < found.upper_limit.value
    assert found.lower_limit.value == pytest.approx(-turned.upper_limit.value)
    assert found.lower_limit.low == pytest.approx(-turned.upper_limit.high)
    assert found.slope.value == pytest.approx(-turned.slope.value)


@pytest.mark.parametrize("method", ["bland_altman", "exact"])
def test_the_interval_of_a_limit_holds_the_true_limit_as_often_as_it_says(method, rng):
    held = 0
    for _ in range(400):
        difference = rng.normal(0.3, 1.0, 20)
        limit = stats.bland_altman(np.zeros(20), difference, method=method).upper_limit
        held += limit.low <= 0.3 + 1.959963984540054 <= limit.high

    assert held / 400 == pytest.approx(0.95, abs=0.035)


def test_the_exact_interval_is_carkeets_for_many_rows_near_the_usual_one(rng):
    difference = rng.normal(size=2000)
    usual, exact = (
        stats.bland_altman(np.zeros(2000), difference, method=m).upper_limit
        for m in ("bland_altman", "exact")
    )

    assert (usual.low, usual.high) == pytest.approx((exact.low, exact.high), abs=0.003)
    assert usual.value == exact.value


def test_the_slope_of_the_differences_is_that_of_least_squares(t_scores):
    true, predicted = t_scores
    expected = scipy_stats.linregress((true + predicted) / 2, predicted - true)
    found = stats.bland_altman(true, predicted).slope

    assert (found.value, found.standard_error) == pytest.approx((expected.slope, expected.stderr))


def test_means_that_do_not_vary_have_no_slope():
    found = stats.bland_altman([1.0, 0.0, 2.0], [1.0, 2.0, 0.0]).slope

    assert math.isnan(found.value)
    assert found.note == "the means do not vary"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stats.bland_altman([1.0, 2.0], [1.0, 2.0]), "found 2 rows"),
        (lambda: stats.concordance([1.0, 2.0], [1.0, 2.0]), "found 2 rows"),
        (lambda: stats.bland_altman([1.0] * 3, [1.0] * 3, method="normal"), "Unknown limits method"),
        (lambda: stats.regression_errors([1.0, 1.0], [1.0, 2.0]), "all 2 scores are 1"),
        (lambda: stats.pearson([1.0, np.nan], [1.0, 2.0]), "measured: found 1 of 2 NaN"),
        (lambda: stats.pearson([1.0, 2.0], [1.0]), "predicted: found 1 rows, expected 2"),
    ],
)
def test_unusable_rows_are_refused(call, message):
    with pytest.raises(StatsError, match=message):
        call()
