"""Absolute errors of two models on the same rows."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp, ttest_rel

from strnet.errors import StatsError
from strnet.stats import paired_absolute_errors

RNG = np.random.default_rng(2)
MEASURED = RNG.normal(0, 1, 60)
FIRST, SECOND = MEASURED + RNG.normal(0, 0.5, 60), MEASURED + RNG.normal(0.2, 0.4, 60)
ERRORS = np.abs(FIRST - MEASURED), np.abs(SECOND - MEASURED)


def test_the_test_is_the_paired_t_test_of_absolute_errors():
    found = paired_absolute_errors(MEASURED, FIRST, SECOND)
    reference = ttest_rel(*ERRORS)
    assert found.test.p_value == pytest.approx(reference.pvalue)
    assert found.test.statistic == pytest.approx(reference.statistic)
    assert (found.difference.low, found.difference.high) == pytest.approx(reference.confidence_interval())
    assert (found.first.value, found.second.value) == pytest.approx((ERRORS[0].mean(), ERRORS[1].mean()))


def test_patients_with_equally_many_rows_are_tested_by_their_means():
    patients = np.repeat(np.arange(20), 3)
    found = paired_absolute_errors(MEASURED, FIRST, SECOND, clusters=patients)
    means = (ERRORS[0] - ERRORS[1]).reshape(20, 3).mean(axis=1)
    assert found.test.p_value == pytest.approx(ttest_1samp(means, 0).pvalue)
    assert found.difference.clusters == 20


def test_a_copied_model_does_not_differ_from_itself():
    found = paired_absolute_errors(MEASURED, FIRST, FIRST)
    assert (found.difference.value, found.test.p_value) == (0, 1)


def test_a_constant_shift_has_no_variance_and_no_p_value():
    measured = np.arange(4.0)
    found = paired_absolute_errors(measured, measured + 1, measured + 3)
    assert found.difference.value == -2
    assert np.isnan(found.test.p_value)


def test_missing_values_are_refused():
    with pytest.raises(StatsError, match="NaN"):
        paired_absolute_errors([0.0, 1.0], [0.0, np.nan], [0.0, 1.0])
