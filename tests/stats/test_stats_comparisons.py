from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests

from strnet import stats
from strnet.errors import StatsError


@pytest.fixture
def two_models(rng):
    target = rng.random(80) < 0.5
    common = rng.normal(size=80)
    return target, common + 1.5 * target, common + 0.8 * target + rng.normal(size=80)


def test_the_variance_of_the_difference_is_that_of_the_difference_of_the_components(two_models):
    target, first, second = two_models

    def components(score):
        won = (score[target][:, None] > score[~target][None, :]).astype(float)
        return won.mean(1), won.mean(0)

    of_positives, of_negatives = (a - b for a, b in zip(components(first), components(second), strict=True))
    expected = of_positives.var(ddof=1) / target.sum() + of_negatives.var(ddof=1) / (~target).sum()
    found = stats.paired_delong(target, first, second)

    assert found.difference.standard_error**2 == pytest.approx(expected, rel=1e-10)
    assert found.difference.value == pytest.approx(found.first.value - found.second.value, abs=1e-15)


def test_exchanging_the_models_turns_the_difference_round(two_models):
    target, first, second = two_models
    found, turned = stats.paired_delong(target, first, second), stats.paired_delong(target, second, first)

    assert turned.difference.value == -found.difference.value
    assert turned.test.p_value == found.test.p_value
    assert (turned.difference.low, turned.difference.high) == pytest.approx(
        (-found.difference.high, -found.difference.low)
    )


def test_a_model_does_not_differ_from_itself_on_another_scale(two_models):
    target, first, _ = two_models
    found = stats.paired_delong(target, first, 3 * first - 7)

    assert (found.difference.value, found.test.p_value) == (0, 1)
    assert found.test.note == "no row tells the two apart"


def test_patients_widen_the_paired_difference(two_models):
    target, first, second = (np.tile(values, 2) for values in two_models)
    patients = np.tile(np.arange(80), 2)

    single = stats.paired_delong(*two_models)
    doubled = stats.paired_delong(target, first, second, clusters=patients)

    assert doubled.test.statistic == pytest.approx(single.test.statistic, rel=0.02)
    assert doubled.difference.clusters == 80


def test_a_single_positive_has_a_difference_without_a_test():
    found = stats.paired_delong([1, 0, 0], [3.0, 2.0, 1.0], [1.0, 2.0, 3.0])

    assert found.difference.value == 1
    assert math.isnan(found.test.p_value)
    assert found.difference.note == "the variance needs two rows or patients of each class"


def test_unpaired_areas_need_errors_and_one_confidence():
    good = stats.auroc([1, 1, 0, 0], [1.0, 0.3, 0.5, 0.2])
    without = stats.auroc([1, 0, 0], [0.4, 0.5, 0.2])
    with pytest.raises(StatsError, match="without a standard error"):
        stats.unpaired_delong(good, without)
    other = stats.auroc([1, 1, 0, 0], [1.0, 0.3, 0.5, 0.2], confidence=0.9)
    with pytest.raises(StatsError, match="expected one"):
        stats.unpaired_delong(good, other)


def test_two_perfect_sites_do_not_differ():
    perfect = stats.auroc([0, 0, 1, 1], [1.0, 2.0, 3.0, 4.0])
    found = stats.unpaired_delong(perfect, perfect)

    assert found.test.p_value == 1
    assert (found.difference.low, found.difference.high) == (0, 0)


def test_sites_are_compared_by_patients_where_the_areas_know_them(two_models):
    target, first, second = two_models
    areas = [stats.auroc(target, score, clusters=np.arange(80) // 2) for score in (first, second)]
    found = stats.unpaired_delong(*areas)

    errors = [area.standard_error**2 for area in areas]
    assert found.test.degrees_of_freedom == pytest.approx(
        sum(errors) ** 2 / (errors[0] ** 2 / 39 + errors[1] ** 2 / 39)
    )


@pytest.mark.parametrize("exact", [True, False])
def test_mcnemar_is_that_of_statsmodels(exact, rng):
    first, second = rng.random(60) < 0.8, rng.random(60) < 0.6
    table = [[np.sum(first & second), np.sum(first & ~second)], [np.sum(~first & second), 0]]

    found = stats.mcnemar(first, second, exact=exact)

    assert found.test.p_value == pytest.approx(statsmodels_mcnemar(table, exact=exact).pvalue, rel=1e-10)
    assert found.difference.value == pytest.approx(first.mean() - second.mean())


def test_readings_that_never_differ_give_no_evidence():
    for exact in (True, False):
        found = stats.mcnemar([1, 0, 1], [1, 0, 1], exact=exact)
        assert (found.test.p_value, found.only_first, found.only_second) == (1, 0, 0)


def test_mcnemar_over_patients_of_one_film_is_the_z_test_of_the_difference():
    first, second = [1] * 8 + [0] * 2 + [1] * 10, [0] * 8 + [1] * 2 + [1] * 10
    found = stats.mcnemar(first, second, clusters=np.arange(20))

    gained = np.array(first) - np.array(second)
    z = gained.mean() / (gained.std(ddof=1) / math.sqrt(20))
    assert found.test.statistic == pytest.approx(z)
    assert found.test.p_value == pytest.approx(2 * scipy_stats.norm.sf(z))


def test_mcnemar_over_patients_with_two_films_needs_more_evidence():
    first, second = [1] * 8 + [0] * 2 + [1] * 10, [0] * 8 + [1] * 2 + [1] * 10
    single = stats.mcnemar(first, second, clusters=np.arange(20))
    doubled = stats.mcnemar(first * 2, second * 2, clusters=np.tile(np.arange(20), 2))

    assert doubled.test.p_value == pytest.approx(single.test.p_value)


def test_holm_is_that_of_statsmodels(rng):
    p_values = np.append(rng.random(20) ** 3, [0.0, 1.0])

    assert stats.holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1], abs=1e-15)


def test_holm_by_hand():
    assert stats.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_welch_is_that_of_scipy(rng):
    first, second = rng.normal(size=30), rng.normal(0.5, 2, size=20)
    found, expected = (
        stats.compare_numbers(first, second),
        scipy_stats.ttest_ind(first, second, equal_var=False),
    )

    assert found.statistic == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.degrees_of_freedom == pytest.approx(expected.df)


def test_mann_whitney_of_separated_groups_by_hand():
    found = stats.compare_numbers([1.0, 2.0, 3.0], [4.0, 5.0, 6.0], method="mann_whitney")

    assert (found.statistic, found.p_value) == (0, pytest.approx(2 / 20))


def test_groups_that_do_not_vary():
    same = stats.compare_numbers([1.0, 1.0], [1.0, 1.0])
    apart = stats.compare_numbers([1.0, 1.0], [2.0, 2.0])

    assert same.p_value == 1
    assert math.isnan(apart.p_value)


def test_counts_are_compared_by_chi_squared_and_small_ones_by_fisher():
    large = stats.compare_counts([[10, 20], [30, 15]])
    small = stats.compare_counts([[1, 9], [8, 2]])
    expected = scipy_stats.chi2_contingency([[10, 20], [30, 15]], correction=False)

    assert (large.method, large.p_value) == ("chi-squared", pytest.approx(expected.pvalue))
    assert large.degrees_of_freedom == 1
    assert small.method == "Fisher"
    assert small.p_value == pytest.approx(scipy_stats.fisher_exact([[1, 9], [8, 2]]).pvalue)


def test_empty_categories_are_left_out_and_small_ones_noted():
    found = stats.compare_counts([[3, 0, 40, 9], [1, 0, 30, 12]])

    assert found.degrees_of_freedom == 2
    assert found.note == "an expected count is below 5"


@pytest.mark.parametrize(
    ("table", "method", "message"),
    [
        ([[1.5, 2], [3, 4]], "auto", "expected whole counts"),
        ([[1, 2], [0, 0]], "auto", "1 groups and 2 categories"),
        ([[1, 2, 3], [3, 4, 5]], "fisher", r"expected \(2, 2\)"),
        ([[1, 2], [3, 4]], "exact", "Unknown test of counts"),
    ],
)
def test_unusable_tables_are_refused(table, method, message):
    with pytest.raises(StatsError, match=message):
        stats.compare_counts(table, method=method)


def test_unusable_groups_are_refused():
    with pytest.raises(StatsError, match="groups of 1 and 2 rows"):
        stats.compare_numbers([1.0], [1.0, 2.0])
    with pytest.raises(StatsError, match="Unknown test of two groups"):
        stats.compare_numbers([1.0, 2.0], [1.0, 2.0], method="student")
