from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from strnet.errors import ImpossibleError, ThresholdError
from strnet.thresholds.floor import read_confidence, read_floor, required_true_positives
from strnet.thresholds.rules import (
    best_floor,
    chance_of_holding,
    crc_misses,
    effective_exact_misses,
    empirical_misses,
    exact_misses,
    fewest_positives,
    misses_allowed,
    positives_allowing,
    sensitivity_law,
)

FLOORS = ("0.80", "0.86", "0.90", "0.95")


def test_the_fewest_positives_for_a_guarantee_are_those_of_the_printed_table():
    table = {
        floor: tuple(
            fewest_positives("exact", read_floor(floor), Fraction(delta)) for delta in ("0.05", "0.1")
        )
        for floor in FLOORS
    }
    assert table == {"0.80": (14, 11), "0.86": (20, 16), "0.90": (29, 22), "0.95": (59, 45)}


@pytest.mark.parametrize(
    ("positives", "needed"),
    [(50, 0.96), (100, 0.92), (136, 0.912), (300, 0.897), (1000, 0.879), (5000, 0.868)],
)
def test_the_calibration_sensitivity_needed_is_that_of_the_printed_table(positives, needed):
    allowed = exact_misses(positives, read_floor("0.86"), Fraction("0.05"))
    assert (positives - allowed) / positives == pytest.approx(needed, abs=5e-4)


@pytest.mark.parametrize("delta", ["0.01", "0.025", "0.05", "0.1"])
@pytest.mark.parametrize("floor", ["0.8", "0.86", "0.9", "0.95"])
def test_the_exact_rule_allows_the_misses_of_the_golden_table(golden, floor, delta):
    expected = golden["misses_by_size"][floor][delta]
    found = {size: exact_misses(int(size), read_floor(floor), Fraction(delta)) for size in expected}
    assert found == expected


def test_the_exact_rule_is_the_largest_count_whose_binomial_tail_is_at_most_delta():
    for positives in (1, 7, 19, 20, 21, 33, 34, 250, 999):
        tails = stats.binom.cdf(np.arange(positives + 1), positives, 0.14)
        assert exact_misses(positives, read_floor("0.86"), Fraction("0.05")) == np.sum(tails <= 0.05) - 1


def test_a_tail_that_equals_delta_is_allowed_although_floats_say_otherwise():
    assert 0.9**3 > 0.729
    assert exact_misses(3, read_floor("0.9"), Fraction("0.729")) == 0
    assert exact_misses(1, read_floor("0.05"), 1 - read_confidence("0.95")) == 0


def test_an_effective_number_that_is_whole_allows_what_a_count_does():
    floor = read_floor("0.86")
    for positives in (20, 57, 136, 1000):
        real = effective_exact_misses(float(positives), floor, 0.05)
        assert np.floor(real + 1e-9) == exact_misses(positives, floor, Fraction("0.05"))
    assert effective_exact_misses(19.0, floor, 0.05) < 0


def test_counting_misses_in_floats_loses_one_for_406_of_981_sizes_and_counting_them_whole_for_none():
    """A risk in floats, n * (1 - recall) rounded up, is what one well-known library tests with."""
    floor, delta = read_floor("0.86"), Fraction("0.05")
    lost = 0
    for size in range(20, 1001):
        allowed = exact_misses(size, floor, delta)
        recall = (size - allowed) / size
        lost += int(np.ceil(size * (1 - recall))) > allowed
        assert stats.binom.cdf(allowed, size, 0.14) <= 0.05 < stats.binom.cdf(allowed + 1, size, 0.14)
    assert lost == 406


def test_the_float_ceiling_is_wrong_where_the_fraction_is_right(golden):
    traps = golden["rational_floor_traps"]
    assert traps
    for trap in traps:
        assert (
            required_true_positives(read_floor(trap["floor"]), trap["n"])
            == trap["exact"]
            != trap["float_ceil"]
        )
    for floor, n in (("0.07", 100), ("0.55", 100), ("0.56", 50)):
        assert required_true_positives(read_floor(floor), n) == round(float(floor) * n)
        assert np.ceil(float(floor) * n) == round(float(floor) * n) + 1


def test_the_law_of_the_sensitivity_is_the_beta_law_of_the_order_statistic():
    law = sensitivity_law(12, 136, 0.95)
    beta = stats.beta(124, 13)
    assert law.value == pytest.approx(beta.mean(), abs=1e-12)
    assert (law.low, law.high) == pytest.approx(beta.interval(0.95), abs=1e-10)
    assert chance_of_holding(12, 136, read_floor("0.86")) == pytest.approx(beta.sf(0.86), abs=1e-12)
    assert chance_of_holding(12, 136, read_floor("0.86")) == pytest.approx(1 - stats.binom.cdf(12, 136, 0.14))


def test_drawn_order_statistics_follow_the_law():
    rng = np.random.default_rng(4)
    positives = np.sort(rng.random((20_000, 60)), axis=1)
    true_sensitivity = 1 - positives[:, 3]
    law = sensitivity_law(3, 60, 0.95)
    assert true_sensitivity.mean() == pytest.approx(law.value, abs=3 * true_sensitivity.std() / 20_000**0.5)
    holds = np.mean(true_sensitivity >= 0.9)
    assert holds == pytest.approx(chance_of_holding(3, 60, read_floor("0.9")), abs=0.01)


def test_the_three_rules_allow_ever_fewer_misses():
    floor, delta = read_floor("0.86"), Fraction("0.05")
    for positives in range(1, 400):
        empirical, crc = empirical_misses(positives, floor), crc_misses(positives, floor)
        assert empirical - 1 <= crc <= empirical
        assert exact_misses(positives, floor, delta) <= crc


def test_conformal_risk_control_keeps_the_floor_on_average():
    for positives in range(7, 300):
        allowed = crc_misses(positives, read_floor("0.86"))
        assert Fraction(positives - allowed, positives + 1) >= Fraction("0.86")
        assert Fraction(positives - allowed - 1, positives + 1) < Fraction("0.86")


def test_an_impossible_request_says_how_many_positives_it_takes():
    with pytest.raises(ImpossibleError, match=r"7 positives.*It takes 20 positives: add 13.*at most 0\.651"):
        misses_allowed("exact", 7, read_floor("0.86"), Fraction("0.05"))
    with pytest.raises(ImpossibleError, match=r"on average.*It takes 7 positives: add 2"):
        misses_allowed("crc", 5, read_floor("0.86"), Fraction("0.05"))
    with pytest.raises(ImpossibleError, match="any number of positives"):
        misses_allowed("exact", 10_000, read_floor("1"), Fraction("0.05"))


def test_a_floor_of_one_can_be_met_on_these_rows_only():
    assert misses_allowed("empirical", 10, read_floor(1), Fraction("0.05")) == 0
    assert fewest_positives("exact", read_floor(1), Fraction("0.05")) is None
    assert fewest_positives("empirical", read_floor(1), Fraction("0.05")) == 1


def test_the_best_floor_is_the_one_that_becomes_possible():
    for positives in (1, 5, 20, 136):
        best = best_floor(positives, 0.05)
        assert exact_misses(positives, read_floor(best - 1e-9), Fraction("0.05")) == 0
        assert exact_misses(positives, read_floor(best + 1e-9), Fraction("0.05")) == -1


def test_the_fewest_positives_that_allow_a_miss_grow_with_the_misses():
    floor, delta = read_floor("0.86"), Fraction("0.05")
    sizes = [positives_allowing(misses, "exact", floor, delta) for misses in range(40)]
    assert sizes[0] == 20
    assert all(after > before for before, after in pairwise(sizes))
    for misses, size in enumerate(sizes):
        assert exact_misses(size, floor, delta) == misses
        assert exact_misses(size - 1, floor, delta) == misses - 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("86", "percent as 0.86"),
        (86, "percent as 0.86"),
        ("86%", "86% is 0.86"),
        (0, "above 0"),
        (-0.1, "above 0"),
        ("high", "such as 0.86"),
        (float("nan"), "such as 0.86"),
        (float("inf"), "such as 0.86"),
    ],
)
def test_a_floor_outside_its_range_is_refused_with_what_to_write(given, message):
    with pytest.raises(ThresholdError, match=message):
        read_floor(given)


@pytest.mark.parametrize("given", [0, 1, "95", 95, "95%"])
def test_a_confidence_outside_its_range_is_refused(given):
    with pytest.raises(ThresholdError, match="confidence"):
        read_confidence(given)


def test_a_floor_is_read_exactly_and_kept_as_it_was_written():
    assert read_floor(".86").share == Fraction(43, 50)
    assert read_floor(".86").text == ".86"
    assert read_floor(0.86).share == read_floor(np.float64(0.86)).share == read_floor("43/50").share
    assert read_floor(np.float32(0.86)).share == Fraction(43, 50)


def test_an_unknown_method_is_named_with_the_nearest():
    with pytest.raises(ThresholdError, match="did you mean 'exact'"):
        misses_allowed("exat", 10, read_floor("0.86"), Fraction("0.05"))
