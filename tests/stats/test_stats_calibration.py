from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from strnet import stats
from strnet.errors import StatsError
from strnet.stats.logistic import fit_logistic

quick = settings(max_examples=40, deadline=None)
predictions = st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=40)


@pytest.fixture
def predicted(rng):
    """300 rows of 150 patients whose predictions are too extreme."""
    logit = rng.normal(size=300) + np.repeat(rng.normal(size=150), 2)
    target = rng.random(300) < 1 / (1 + np.exp(-(0.5 * logit + 0.3)))
    return target, 1 / (1 + np.exp(-logit)), np.repeat(np.arange(150), 2)


@quick
@given(predictions, st.integers(1, 15))
def test_the_parts_of_the_brier_score_add_up(case, bins):
    target, prob = (np.array(column) for column in zip(*case, strict=True))
    parts = stats.brier_parts(target, prob, bins=bins)
    whole = parts.reliability - parts.resolution + parts.uncertainty + parts.within_bins

    assert whole == pytest.approx(parts.score, abs=1e-12)
    assert parts.score == pytest.approx(stats.brier(target, prob).value, abs=1e-15)
    assert min(parts.reliability, parts.resolution, parts.uncertainty) >= 0


@quick
@given(predictions)
def test_nothing_is_left_within_bins_of_one_prediction_each(case):
    target, prob = (np.array(column) for column in zip(*case, strict=True))

    assert stats.brier_parts(target, np.round(prob, 1), bins=None).within_bins == pytest.approx(0, abs=1e-12)


def test_murphys_parts_by_hand():
    # predictions .2 (one of four positive) and .8 (three of four): base rate 1/2
    parts = stats.brier_parts([1, 0, 0, 0, 1, 1, 1, 0], [0.2] * 4 + [0.8] * 4, bins=None)

    assert parts.reliability == pytest.approx(0.05**2)
    assert parts.resolution == pytest.approx(0.25**2)
    assert parts.uncertainty == pytest.approx(0.25)


def test_the_brier_interval_knows_patients(predicted):
    target, prob, patient = predicted
    single = stats.brier(target, prob)
    clustered = stats.brier(np.tile(target, 2), np.tile(prob, 2), clusters=np.tile(np.arange(300), 2))

    assert clustered.standard_error == pytest.approx(single.standard_error)
    assert stats.brier(target, prob, clusters=patient).clusters == 150


def test_a_prediction_on_an_edge_belongs_to_the_lower_bin():
    # .1 lies in [0, .1] with .05; alone it would be 0 away from its target
    found = stats.expected_calibration_error([0, 1], [0.1, 0.05])

    assert found == pytest.approx(abs(0.5 - 0.075))


def test_weights_move_the_calibration_error():
    target, prob = [1, 0], [0.4, 0.4]

    assert stats.expected_calibration_error(target, prob) == pytest.approx(0.1)
    assert stats.expected_calibration_error(target, prob, weights=[3.0, 1.0]) == pytest.approx(0.35)


def test_the_reliability_curve_is_that_of_scikit_learn_with_counts(predicted):
    target, prob, _ = predicted
    curve = stats.reliability_curve(target, prob, binning="width")
    observed, mean = calibration_curve(target, prob, n_bins=10)

    assert curve.observed == pytest.approx(observed)
    assert curve.predicted == pytest.approx(mean)
    assert curve.count.sum() == 300
    assert (curve.low <= curve.observed).all()
    assert (curve.observed <= curve.high).all()


def test_slope_and_intercepts_are_those_of_statsmodels(predicted):
    target, prob, _ = predicted
    logit = np.log(prob / (1 - prob))
    both = sm.Logit(target, sm.add_constant(logit)).fit(disp=0)
    offset = sm.GLM(target, np.ones((300, 1)), sm.families.Binomial(), offset=logit).fit()

    line = stats.calibration_slope_intercept(target, prob)

    assert [line.weak_intercept.value, line.slope.value] == pytest.approx(both.params, abs=1e-8)
    assert [line.weak_intercept.standard_error, line.slope.standard_error] == pytest.approx(
        both.bse, abs=1e-6
    )
    assert line.in_the_large.value == pytest.approx(offset.params[0], abs=1e-8)
    assert line.in_the_large.standard_error == pytest.approx(offset.bse[0], abs=1e-6)


def test_over_patients_the_line_is_that_of_a_gee(predicted):
    target, prob, patient = predicted
    design = sm.add_constant(np.log(prob / (1 - prob)))
    fit = sm.GEE(target.astype(float), design, groups=patient, family=sm.families.Binomial()).fit()

    line = stats.calibration_slope_intercept(target, prob, clusters=patient)

    assert line.slope.value == pytest.approx(fit.params[1], abs=1e-6)
    assert line.slope.standard_error == pytest.approx(fit.bse[1], abs=1e-6)
    assert line.slope.clusters == 150


def test_predictions_recalibrated_by_their_own_line_are_perfect(predicted):
    target, prob, _ = predicted
    line = stats.calibration_slope_intercept(target, prob)
    logit = line.slope.value * np.log(prob / (1 - prob)) + line.weak_intercept.value

    again = stats.calibration_slope_intercept(target, 1 / (1 + np.exp(-logit)))

    assert again.slope.value == pytest.approx(1, abs=1e-8)
    assert again.weak_intercept.value == pytest.approx(0, abs=1e-8)
    assert again.in_the_large.value == pytest.approx(0, abs=1e-8)


def test_very_large_logits_do_not_break_the_fit(rng):
    logit = rng.normal(size=200) * 30
    target = rng.random(200) < 1 / (1 + np.exp(-logit / 30))
    line = stats.calibration_slope_intercept(target, 1 / (1 + np.exp(-np.clip(logit, -35, 35))))

    assert 0 < line.slope.value < 0.2


@pytest.mark.parametrize(
    ("target", "prob", "message"),
    [
        ([1, 0, 1], [0.2, 0.0, 1.0], "found 2 of 3 values of exactly 0 or 1"),
        ([1, 0, 1], [0.6, 0.2, 0.8], "separate the classes"),
        ([1, 0, 1], [0.1, 0.5, 0.2], "separate the classes"),
        ([1, 0, 1], [0.5, 0.5, 0.5], r"all 3 scores are 0\.0"),
        ([1, 1], [0.5, 0.6], "0 negatives"),
    ],
)
def test_rows_without_a_line_are_refused(target, prob, message):
    with pytest.raises(StatsError, match=message):
        stats.calibration_slope_intercept(target, prob)


def test_hosmer_lemeshow_by_hand():
    # two groups of ten, mean predictions .2 and .6, with 4 and 6 positives
    target, prob = [1] * 4 + [0] * 6 + [1] * 6 + [0] * 4, [0.2] * 10 + [0.6] * 10
    found = stats.hosmer_lemeshow(target, prob, groups=2)

    assert found.statistic == pytest.approx((4 - 2) ** 2 / (2 * 0.8))
    assert found.p_value == pytest.approx(math.exp(-found.statistic / 2))
    assert found.degrees_of_freedom == 2


def test_hosmer_lemeshow_on_the_same_rows_has_two_degrees_less(predicted):
    target, prob, _ = predicted
    new, same = (stats.hosmer_lemeshow(target, prob, same_rows=flag) for flag in (False, True))

    assert (new.degrees_of_freedom, same.degrees_of_freedom) == (10, 8)
    assert same.p_value < new.p_value


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stats.hosmer_lemeshow([1, 0], [0.5, 0.5], same_rows=True), "found 1 usable groups"),
        (lambda: stats.hosmer_lemeshow([1, 0], [1.0, 0.0], groups=2), "usable groups"),
        (lambda: stats.expected_calibration_error([1], [0.5], binning="log"), "Unknown binning"),
        (lambda: stats.reliability_curve([1], [0.5], bins=0), "expected 1 or more"),
    ],
)
def test_impossible_bins_are_refused(call, message):
    with pytest.raises(StatsError, match=message):
        call()


def test_net_benefit_by_hand():
    # at .2 a false positive costs 1/4: two true and one false positive of five
    found = stats.net_benefit([1, 1, 0, 0, 1], [0.9, 0.3, 0.2, 0.1, 0.1], 0.2)

    assert found.value == pytest.approx(2 / 5 - 1 / 5 / 4)
    worth = np.array([1, 1, -0.25, 0, 0])
    assert found.standard_error == pytest.approx(worth.std(ddof=1) / math.sqrt(5))


def test_treating_all_is_worth_the_prevalence_at_threshold_0(predicted):
    target, prob, patient = predicted
    curve = stats.decision_curve(target, prob, [0.0, 0.3], clusters=patient)

    assert curve.treat_all[0] == pytest.approx(target.mean())
    assert curve.net_benefit[0] == pytest.approx(target.mean())
    assert (curve.low < curve.net_benefit).all()
    assert (curve.net_benefit < curve.high).all()


def test_thresholds_at_which_nothing_is_worth_it_are_refused():
    with pytest.raises(StatsError, match=r"found 0\.2 to 1"):
        stats.decision_curve([1, 0], [0.5, 0.2], [0.2, 1.0])


def test_a_logistic_fit_without_a_maximum_is_refused():
    target, nothing = np.array([False, False, True, True]), np.zeros(4)
    twice_the_same = np.ones((4, 2))
    separating = np.array([[-2.0], [-1.0], [1.0], [2.0]])

    for design in (twice_the_same, separating):
        with pytest.raises(StatsError, match="expected a finite maximum"):
            fit_logistic(design, target, nothing)
