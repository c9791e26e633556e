from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import t

from strnet import stats
from strnet.errors import StatsError


@pytest.fixture
def films(rng):
    """60 patients with 1 to 3 films whose results go together."""
    sizes = rng.integers(1, 4, size=60)
    ability = np.repeat(rng.normal(1.5, 1.2, size=60), sizes)
    hit = rng.random(ability.size) < 1 / (1 + np.exp(-ability))
    return hit, np.repeat(np.arange(60), sizes)


def test_the_gee_interval_is_that_of_statsmodels(films):
    hit, patient = films
    fit = sm.GEE(
        hit.astype(float), np.ones((hit.size, 1)), groups=patient, family=sm.families.Binomial()
    ).fit()
    low, high = fit.conf_int()[0]

    found = stats.clustered_proportion(hit, patient, method="gee")

    assert found.low == pytest.approx(1 / (1 + math.exp(-low)), abs=1e-6)
    assert found.high == pytest.approx(1 / (1 + math.exp(-high)), abs=1e-6)


def test_korn_graubard_is_clopper_pearson_at_the_effective_number(films):
    hit, patient = films
    size = stats.korn_graubard_size(hit, patient)
    found = stats.clustered_proportion(hit, patient, method="korn_graubard")

    low, high = stats.proportion_bounds(found.value * size, size, method="clopper_pearson")
    assert 20 < size < hit.size
    assert (found.low, found.high) == (pytest.approx(float(low)), pytest.approx(float(high)))


def test_films_that_repeat_each_other_count_as_one():
    hit = np.array([1] * 30 + [0] * 10)
    patient = np.arange(40)

    single = stats.clustered_proportion(hit, patient)
    doubled = stats.clustered_proportion(np.tile(hit, 2), np.tile(patient, 2))

    assert doubled.standard_error == pytest.approx(single.standard_error)
    # by hand: 39 as for single films, and less for the degrees of freedom of 40 patients with 80 films
    fewer = (t.ppf(0.975, 79) / t.ppf(0.975, 39)) ** 2
    size = stats.korn_graubard_size(np.tile(hit, 2), np.tile(patient, 2))
    assert size == pytest.approx(39 * fewer)
    assert doubled.low < single.low


def test_independent_films_are_worth_almost_their_number():
    # by hand: p (1 - p) over the linearised variance p (1 - p) / (n - 1), so n - 1
    hit = np.array([1] * 30 + [0] * 10)

    assert stats.korn_graubard_size(hit, np.arange(40)) == pytest.approx(39)


def test_jeffreys_takes_the_spread_of_patients_and_a_little_of_two_more_who_all_agree():
    # by hand: 20 patients of two films, 3 with a miss in both: the variance is 0.85 * 0.15 / 19,
    # that of 20 films; 20 patients are worth 20, and two of 2 + 3 count for that
    hit, patient = np.repeat([1] * 17 + [0] * 3, 2), np.repeat(np.arange(20), 2)
    size = 1 / (0.6 / 19 + 0.4 / 20) * (t.ppf(0.975, 39) / t.ppf(0.975, 19)) ** 2

    found = stats.clustered_proportion(hit, patient)

    low, high = stats.proportion_bounds(0.85 * size, size, method="jeffreys")
    assert (found.low, found.high) == (pytest.approx(float(low)), pytest.approx(float(high)))


def test_all_successes_are_worth_one_film_per_patient():
    hit, patient = np.ones(40), np.repeat(np.arange(20), 2)
    found = stats.clustered_proportion(hit, patient)
    expected = stats.proportion(20, 20, method="clopper_pearson")

    assert (found.low, found.high) == (pytest.approx(expected.low), 1)


def test_patients_who_each_have_one_hit_and_one_miss_are_not_worth_more_than_their_films():
    hit, patient = np.tile([1, 0], 20), np.repeat(np.arange(20), 2)

    assert stats.korn_graubard_size(hit, patient) == 40


def test_methods_without_a_variance_say_which_has_one():
    found = stats.clustered_proportion([1, 1, 1], [1, 2, 3], method="wald")

    assert not found.has_interval
    assert "jeffreys" in found.note


def test_weights_shift_the_share_and_leave_no_count_of_successes():
    found = stats.clustered_proportion([1, 0, 1], weights=[1.0, 2.0, 1.0])

    assert found.value == 0.5
    assert found.events is None
    # by hand: terms 1/4 (1/2), 1/2 (-1/2), 1/4 (1/2); 3/2 times the sum of their squares
    assert found.standard_error**2 == pytest.approx(1.5 * (1 / 64 + 1 / 16 + 1 / 64))


def test_a_row_of_weight_0_is_no_row():
    weighted = stats.clustered_proportion([1, 0, 1, 1], [1, 2, 3, 4], weights=[1.0, 1.0, 1.0, 0.0])
    without = stats.clustered_proportion([1, 0, 1], [1, 2, 3])

    assert weighted.standard_error == pytest.approx(without.standard_error)
    assert weighted.clusters == 3


def test_one_patient_is_refused():
    with pytest.raises(StatsError, match="found one patient"):
        stats.clustered_proportion([1, 0], ["a", "a"])
    with pytest.raises(StatsError, match="found one patient"):
        stats.korn_graubard_size([1, 0], ["a", "a"])


def test_an_unknown_method_is_refused():
    with pytest.raises(StatsError, match="Unknown clustered method"):
        stats.clustered_proportion([1, 0], method="wilson")


def test_the_mean_of_one_row_has_no_interval_and_says_so():
    found = stats.mean_estimate([2.0], 0.95, None)

    assert found.value == 2
    assert not found.has_interval
    assert found.note == "one row or patient has no variance"
