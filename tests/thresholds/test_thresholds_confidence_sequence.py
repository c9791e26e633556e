"""The wealth against brute force, its fairness exactly, and the verdicts of many looks by simulation."""

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strnet.thresholds.confidence_sequence import (
    PRIOR,
    RATIOS,
    WEIGHTED_PRIOR,
    PatientMisses,
    Wealth,
    sensitivity_bounds,
)
from strnet.thresholds.floor import read_floor
from strnet.thresholds.rules import exact_misses
from strnet.thresholds.site_verdict import anytime_verdict, fixed_verdict, verdict_of

FLOOR, DELTA = read_floor("0.86"), Fraction(1, 20)


def of_counts(missed, patients):
    return PatientMisses(np.repeat([1.0, 0.0], [missed, patients - missed]))


@pytest.mark.parametrize("missed", [0, 2, 5])
def test_for_one_film_a_patient_the_wealth_is_a_bayes_factor(missed):
    lower = 0.14 * RATIOS
    found = 40 - missed
    expected = np.sum(PRIOR * lower**missed * (1 - lower) ** found) / (0.14**missed * 0.86**found)
    assert Wealth(of_counts(missed, 40), 0.14, for_fewer=True).log() == pytest.approx(math.log(expected))


@given(st.floats(0.02, 0.98), st.booleans(), st.booleans())
def test_the_wealth_of_one_patient_is_one_on_average_at_the_very_edge(miss_share, for_fewer, weighted):
    # misses of 0, 1/2 and 1 with mean `miss_share`; a patient who weighs half is missed as often
    shares, chances = np.array([0.0, 0.5, 1.0]), np.array([1 - miss_share, 0, miss_share])
    half = min(miss_share, 1 - miss_share)
    chances += half * np.array([-0.5, 1, -0.5])
    weights, of_weights = ([1.0, 0.5], [0.3, 0.7]) if weighted else ([None], [1.0])
    total = 0.0
    for (share, chance), (weight, of_weight) in product(
        zip(shares, chances, strict=True), zip(weights, of_weights, strict=True)
    ):
        one = PatientMisses(np.array([share]), weight and np.array([weight]), weight and 1.0)
        total += chance * of_weight * math.exp(Wealth(one, miss_share, for_fewer=for_fewer).log())
    assert total == pytest.approx(1)


def test_the_order_of_patients_plays_no_part():
    rng = np.random.default_rng(0)
    share, weight = rng.random(50), rng.random(50)
    order = rng.permutation(50)
    bounds = sensitivity_bounds(PatientMisses(share, weight, 1.0), 0.05)
    assert sensitivity_bounds(PatientMisses(share[order], weight[order], 1.0), 0.05) == bounds


def test_heavier_stakes_are_the_prior_where_patients_weigh_less_than_they_could():
    light = PatientMisses(np.zeros(20), np.full(20, 1.0), 10.0)
    growth = (1 - 0.14 * RATIOS) / 0.86 - 1
    expected = np.sum(WEIGHTED_PRIOR * (1 + growth / 10) ** 20)
    assert Wealth(light, 0.14, for_fewer=True).log() == pytest.approx(math.log(expected))


@given(st.integers(1, 200), st.data())
def test_the_verdict_is_on_which_side_of_the_floor_a_bound_lies(patients, data):
    misses = of_counts(data.draw(st.integers(0, patients)), patients)
    found = anytime_verdict(misses, FLOOR, DELTA)
    assert (found.verdict == "certified") == (found.lower >= 0.86)
    assert (found.verdict == "alarm") == (found.upper < 0.86)
    assert found.lower <= 1 - misses.miss_share <= found.upper


def test_bounds_hold_what_was_seen_and_close_in_on_it():
    widths = [np.diff(sensitivity_bounds(of_counts(n // 10, n), 0.05))[0] for n in (20, 200, 2000, 200_000)]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < 0.01


def test_a_floor_of_one_is_disproved_by_one_miss_and_proved_by_nothing():
    one = read_floor("1")
    assert anytime_verdict(of_counts(1, 3), one, DELTA).verdict == "alarm"
    for found in (anytime_verdict(of_counts(0, 999), one, DELTA), fixed_verdict(0, 999, one, DELTA)):
        assert (found.verdict, found.more_if_none_missed) == ("insufficient", None)


def test_patients_who_are_missed_just_less_than_allowed_may_never_certify():
    found = anytime_verdict(of_counts(13_999, 100_000), FLOOR, DELTA)
    assert (found.verdict, found.more_at_this_rate) == ("insufficient", None)


def test_the_anytime_test_takes_at_most_three_quarters_more_patients_than_the_fixed_one():
    for patients in (22, 60, 90, 210):
        missed = exact_misses(patients, FLOOR, DELTA)
        assert fixed_verdict(missed, patients, FLOOR, DELTA).verdict == "certified"
        more = anytime_verdict(of_counts(missed, patients), FLOOR, DELTA).more_if_none_missed
        assert 0 < more <= 0.75 * patients


@pytest.mark.parametrize("wrong", ["certified", "alarm"])
def test_at_the_floor_itself_looks_at_every_patient_seldom_err(wrong):
    """1,000 runs of 400 patients: each kind of error at most 5%, over all looks together."""
    rng = np.random.default_rng(8)
    seen = np.cumsum(rng.random((1000, 400)) < 0.14, axis=1)
    ever = np.zeros(1000, dtype=bool)
    for patients in range(1, 401):
        counts, which = np.unique(seen[:, patients - 1], return_inverse=True)
        looks = [Wealth(of_counts(k, patients), 0.14, for_fewer=wrong == "certified") for k in counts]
        ever |= (np.array([look.log() for look in looks]) >= math.log(20))[which]
    assert 0.005 < ever.mean() <= 0.05 + 3 * (0.05 * 0.95 / 1000) ** 0.5


def test_the_fixed_test_counts_whole_patients():
    assert verdict_of(of_counts(2, 60), "fixed", FLOOR, DELTA) == fixed_verdict(2, 60, FLOOR, DELTA)
