"""Effect sizes and tests of several groups, against scipy, published figures and numbers by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from strnet.errors import StatsError
from strnet.stats import compare_several, cramers_v, eta_squared, hedges_g

AUTOMATIC = [21.4, 18.7, 18.1, 14.3, 24.4, 22.8, 19.2, 17.8, 16.4, 17.3]
AUTOMATIC += [15.2, 10.4, 10.4, 14.7, 21.5, 15.5, 15.2, 13.3, 19.2]
MANUAL = [21.0, 21.0, 22.8, 32.4, 30.4, 33.9, 27.3, 26.0, 30.4, 15.8, 19.7, 15.0, 21.4]


def test_cohens_d_of_the_motor_trend_cars_is_that_of_the_r_package_effectsize():
    found = hedges_g(AUTOMATIC, MANUAL)
    unbiased = 1 - 3 / (4 * 30 - 1)
    # cohens_d(mpg ~ am): -1.48 [-2.27, -0.67]
    assert found.value / unbiased == pytest.approx(-1.48, abs=0.005)
    assert found.low / unbiased == pytest.approx(-2.27, abs=0.005)
    assert found.high / unbiased == pytest.approx(-0.67, abs=0.005)


def test_the_limits_of_g_are_where_the_noncentral_t_leaves_its_tails(rng):
    first, second = rng.normal(0, 1, 14), rng.normal(0.4, 1, 9)
    found = hedges_g(first, second, confidence=0.9)
    root = math.sqrt(14 * 9 / 23)
    t = stats.ttest_ind(first, second).statistic
    unbiased = found.value * root / t
    assert stats.nct.cdf(t, 21, found.low / unbiased * root) == pytest.approx(0.95)
    assert stats.nct.cdf(t, 21, found.high / unbiased * root) == pytest.approx(0.05)


def test_exchanging_the_groups_turns_g_round(rng):
    first, second = rng.normal(size=8), rng.normal(1, 2, 12)
    one, other = hedges_g(first, second), hedges_g(second, first)
    assert (one.value, one.low, one.high) == pytest.approx((-other.value, -other.high, -other.low))


def test_g_covers_the_difference_as_often_as_it_says():
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(400):
        found = hedges_g(rng.normal(0.8, 1, 12), rng.normal(0, 1, 20))
        hits += found.low <= 0.8 <= found.high
    assert abs(hits / 400 - 0.95) < 3.5 * math.sqrt(0.95 * 0.05 / 400)


def test_groups_worlds_apart_have_a_g_and_say_so_where_they_have_no_interval():
    found = hedges_g([0.0, 1e-9, 2e-9], [1.0, 1.0, 1.0 + 1e-9])
    assert found.value < -1e8
    assert found.has_interval or found.note


def test_v_is_that_of_scipy_and_its_limits_leave_the_tails_of_the_noncentral_chi_squared():
    table = np.array([[30, 25, 12], [18, 40, 33]])
    found = cramers_v(table)
    assert found.value == pytest.approx(stats.contingency.association(table, method="cramer"))
    chi_squared = stats.chi2_contingency(table, correction=False).statistic
    assert stats.ncx2.cdf(chi_squared, 2, found.low**2 * 158) == pytest.approx(0.975)
    assert stats.ncx2.cdf(chi_squared, 2, found.high**2 * 158) == pytest.approx(0.025)


def test_v_by_hand():
    # all expected counts are 10; chi-squared 4 * 25 / 10 = 10; V = sqrt(10 / 40)
    assert cramers_v([[15, 5], [5, 15]]).value == pytest.approx(0.5)
    assert cramers_v([[10, 10], [10, 10]]).low == 0


def test_v_of_small_counts_has_no_interval_and_says_why():
    found = cramers_v([[3, 1], [1, 3]])
    assert found.value == pytest.approx(0.5)
    assert not found.has_interval
    assert found.note == "an expected count is below 5"


def test_eta_squared_by_hand():
    # means 2 and 5 around 3.5: between 4 * 2.25 = 9 of 9 + 0.5 + 0.5
    assert eta_squared([[1.5, 2.5], [4.5, 5.5]]).value == pytest.approx(0.9)


def test_welchs_anova_of_two_groups_is_welchs_t_test(rng):
    first, second = rng.normal(0, 1, 12), rng.normal(1, 3, 7)
    t = stats.ttest_ind(first, second, equal_var=False)
    found = compare_several([first, second])
    assert found.statistic == pytest.approx(t.statistic**2)
    assert found.p_value == pytest.approx(t.pvalue)
    assert found.degrees_of_freedom == pytest.approx(t.df)


def test_welchs_anova_is_that_of_statsmodels(rng):
    oneway = pytest.importorskip("statsmodels.stats.oneway")
    groups = [rng.normal(0, 1, 12), rng.normal(1, 3, 7), rng.normal(0.5, 2, 20)]
    theirs = oneway.anova_oneway(groups, use_var="unequal", welch_correction=True)
    ours = compare_several(groups)
    assert ours.statistic == pytest.approx(theirs.statistic)
    assert ours.p_value == pytest.approx(theirs.pvalue)
    assert ours.degrees_of_freedom == pytest.approx(theirs.df[1])


def test_the_classical_anova_by_hand():
    # between: 6 * 1 on 2, within: 6 * 1 on 6 degrees of freedom; F = 3
    found = compare_several([[1, 2, 3], [2, 3, 4], [3, 4, 5]], method="anova")
    assert (found.statistic, found.degrees_of_freedom) == (pytest.approx(3.0), 6)
    assert found.p_value == pytest.approx(0.125)


def test_kruskal_wallis_of_separated_groups_by_hand():
    # rank sums 3, 7, 11 of 6: 12 / 42 * (9 + 49 + 121) / 2 - 21
    found = compare_several([[1, 2], [3, 4], [5, 6]], method="kruskal_wallis")
    assert found.statistic == pytest.approx(12 / 42 * 179 / 2 - 21)


def test_groups_that_do_not_vary_have_no_anova_and_say_so():
    assert compare_several([[1, 1], [1, 1], [1, 1]]).p_value == 1
    assert math.isnan(compare_several([[1, 1], [2, 2], [1, 1]]).p_value)
    assert compare_several([[1, 1], [2, 3], [1, 2]]).note == "a group does not vary"
    assert compare_several([[1, 1], [1, 1]], method="kruskal_wallis").p_value == 1


@pytest.mark.parametrize("groups", [[[1, 2]], [[1, 2], [3]], [[1, math.nan], [2, 3]]])
def test_unusable_groups_are_refused(groups):
    with pytest.raises(StatsError):
        compare_several(groups)
    with pytest.raises(StatsError):
        eta_squared(groups)
