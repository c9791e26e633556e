"""A site whose unflagged people were verified in part: its bounds by enumeration, and what is refused."""

from dataclasses import replace
from functools import cache
from itertools import product
from math import comb, factorial, prod

import numpy as np
import pytest
from scipy.stats import beta, hypergeom

from strnet.errors import ImpossibleError, ThresholdError
from strnet.thresholds.hypergeometric import chance_of_at_most, least_positives, most_positives
from strnet.thresholds.negatives_plan import drawn_needed, plan_negatives
from strnet.thresholds.partial_verification import VerificationCounts, verify_counts
from strnet.thresholds.sampled_sensitivity import Sampled, closed_form, lower_bound, proves, upper_bound

HOSPITAL = VerificationCounts(
    flagged=100,
    flagged_verified=80,
    flagged_positive=62,
    unflagged=200,
    unflagged_drawn=60,
    unflagged_verified=60,
    unflagged_positive=0,
)


def chance_by_counting(found, group, positives, sample):
    ways = sum(comb(positives, x) * comb(group - positives, sample - x) for x in range(found + 1))
    return ways / comb(group, sample)


def test_the_hypergeometric_chance_is_that_of_counting_samples():
    for group in range(1, 13):
        for positives, sample in product(range(group + 1), repeat=2):
            for found in range(sample + 1):
                expected = chance_by_counting(found, group, positives, sample)
                assert chance_of_at_most(found, group, positives, sample) == pytest.approx(
                    expected, abs=1e-13
                )


def test_the_hypergeometric_chance_is_scipys_for_large_groups():
    rng = np.random.default_rng(0)
    group = rng.integers(1, 50_000, 500)
    positives, sample = (rng.integers(0, group + 1) for _ in range(2))
    found = np.clip(positives * sample // group + rng.integers(-9, 10, 500), -1, None)
    expected = hypergeom.cdf(found, group, positives, sample)
    assert np.allclose(chance_of_at_most(found, group, positives, sample), expected, rtol=1e-8, atol=1e-300)


@pytest.mark.parametrize("delta", [0.051, 0.31])  # no chance of so small a group is just that
def test_the_bounds_of_a_finite_group_are_the_last_numbers_that_are_not_excluded(delta):
    for group in range(1, 11):
        for sample in range(group + 1):
            for found in range(sample + 1):
                possible = range(found, group - sample + found + 1)
                fits = [m for m in possible if chance_by_counting(found, group, m, sample) > delta]
                assert most_positives(found, sample, group, delta) == max(fits)
                above = [
                    m
                    for m in possible
                    if found == 0 or 1 - chance_by_counting(found - 1, group, m, sample) > delta
                ]
                assert least_positives(found, sample, group, delta) == min(above)


def test_the_bound_of_an_endless_group_is_clopper_and_pearsons():
    group = 10_000_000
    expected = beta.ppf(0.95, 3 + 1, 60 - 3)
    assert most_positives(3, 60, group, 0.05) / group == pytest.approx(expected, rel=1e-4)


@cache
def bounds(found, unflagged, drawn, positives):
    seen = Sampled(found=found, unflagged=unflagged, drawn=drawn, positives=(positives, positives))
    return lower_bound(seen, 0.1), upper_bound(seen, 0.1)


@pytest.mark.parametrize("prevalence", [0.35, 0.8])
@pytest.mark.parametrize("sensitivity", [0.5, 0.7, 0.86])
@pytest.mark.parametrize("want", [lambda unflagged: min(4, unflagged), lambda unflagged: -(-unflagged // 3)])
def test_no_bound_of_the_population_is_wrong_more_often_than_it_says(prevalence, sensitivity, want):
    people, specificity = 12, 0.9
    cells = np.array([prevalence * sensitivity, prevalence * (1 - sensitivity)])
    cells = np.append(cells, (1 - prevalence) * np.array([1 - specificity, specificity]))
    wrong = np.zeros(2)
    for found, missed, false in product(range(people + 1), repeat=3):
        true_negatives = people - found - missed - false
        if true_negatives < 0:
            continue
        counts = (found, missed, false, true_negatives)
        ways = factorial(people) / prod(map(factorial, counts))
        chance = ways * np.prod(cells**counts)
        unflagged = missed + true_negatives
        drawn = want(unflagged)
        for positives in range(max(0, missed - unflagged + drawn), min(missed, drawn) + 1):
            sampled = (
                comb(missed, positives) * comb(true_negatives, drawn - positives) / comb(unflagged, drawn)
            )
            low, high = bounds(found, unflagged, drawn, positives)
            wrong += chance * sampled * np.array([low > sensitivity, high < sensitivity])
    assert np.all(wrong <= 0.1)
    assert wrong.sum() > 0.01  # a bound that is never wrong says little


def test_everybody_verified_leaves_clopper_and_pearson():
    everybody = Sampled(found=62, unflagged=200, drawn=200, positives=(8, 8))
    assert lower_bound(everybody, 0.05) == pytest.approx(beta.ppf(0.05, 62, 9), abs=2e-4)
    assert upper_bound(everybody, 0.05) == pytest.approx(beta.ppf(0.95, 63, 8), abs=2e-4)


def test_the_joint_bound_beats_a_bound_inside_a_bound():
    seen = Sampled(found=62, unflagged=200, drawn=60, positives=(0, 0))
    missed = most_positives(0, 60, 200, 0.025)
    shared = beta.ppf(0.025, 62, missed + 1)
    assert shared == pytest.approx(0.759, abs=1e-3)
    assert lower_bound(seen, 0.05) == pytest.approx(0.871, abs=1e-3)
    assert closed_form(62, 0, 0.3, 0.05, "lower") == pytest.approx(0.858, abs=1e-3)


def test_a_bound_is_what_the_test_of_its_floor_says():
    for found, positives, drawn in product((30, 62), (0, 2), (40, 90)):
        seen = Sampled(found=found, unflagged=200, drawn=drawn, positives=(positives, positives))
        low = lower_bound(seen, 0.05)
        assert proves(seen, low - 1e-5, 0.05)
        assert not proves(seen, low + 1e-4, 0.05)


def test_more_found_more_drawn_and_fewer_positives_raise_both_bounds():
    seen = Sampled(found=40, unflagged=150, drawn=50, positives=(2, 2))
    better = (replace(seen, found=45), replace(seen, drawn=80), replace(seen, positives=(1, 1)))
    for other in better:
        assert lower_bound(other, 0.05) > lower_bound(seen, 0.05)
        assert upper_bound(other, 0.05) >= upper_bound(seen, 0.05)


def test_the_hospital_of_the_issue_is_certified_by_none_and_not_by_one_positive():
    none, one = (verify_counts(replace(HOSPITAL, unflagged_positive=n)) for n in (0, 1))
    assert (none.verdict, none.worst.missed) == ("certified", (0, 8))
    assert none.worst.among_these[0] == pytest.approx(62 / 70)
    assert (one.verdict, drawn_needed(one)) == ("insufficient", 89)
    assert verify_counts(replace(HOSPITAL, unflagged_positive=20)).verdict == "alarm"


def test_who_did_not_come_counts_against_each_bound():
    counts = replace(HOSPITAL, unflagged_drawn=62, unflagged_positive=1)
    worst = verify_counts(counts).worst
    lower = replace(counts, unflagged_verified=62, unflagged_positive=3, flagged_verified=100)
    upper = replace(counts, unflagged_verified=62, flagged_verified=100, flagged_positive=82)
    # the interval for the number of positives spans both, so that the bounds differ in the fourth place
    assert worst.sensitivity[0] == pytest.approx(verify_counts(lower).worst.sensitivity[0], abs=1e-3)
    assert worst.sensitivity[1] == pytest.approx(verify_counts(upper).worst.sensitivity[1], abs=1e-3)
    assert worst.missed[1] == verify_counts(lower).worst.missed[1]
    assert worst.missed[0] == verify_counts(upper).worst.missed[0]


def test_absence_at_random_lies_inside_absence_at_its_worst_and_is_not_asked_where_all_came():
    half = replace(HOSPITAL, unflagged_drawn=75, unflagged_positive=2)
    found = verify_counts(half)
    assert found.worst.sensitivity[0] < found.random.sensitivity[0] < found.random.sensitivity[1]
    assert found.random.sensitivity[1] <= found.worst.sensitivity[1]
    assert verify_counts(replace(HOSPITAL, flagged_verified=100)).random is None


def test_without_verified_negatives_the_error_gives_the_ppv_and_says_why():
    nobody = replace(HOSPITAL, unflagged_drawn=0, unflagged_verified=0)
    with pytest.raises(ImpossibleError, match=r"cannot be known.*0\.775 \(0\.668 to 0\.861; 62/80\)"):
        verify_counts(nobody)
    with pytest.raises(ImpossibleError):  # a list of which nobody came is no better
        verify_counts(replace(nobody, unflagged_drawn=60))


def test_nobody_unflagged_leaves_nobody_to_verify():
    everybody = replace(HOSPITAL, unflagged=0, unflagged_drawn=0, unflagged_verified=0)
    assert verify_counts(everybody).worst.missed == (0, 0)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"flagged_verified": 101}, "flagged_verified: found 101, expected 0 to 100"),
        ({"flagged_positive": 81}, "flagged_positive: found 81, expected 0 to 80"),
        ({"unflagged_verified": 61}, "unflagged_verified: found 61, expected 0 to 60"),
        ({"unflagged_drawn": 201}, "unflagged_drawn: found 201, expected 0 to 200"),
        ({"unflagged_positive": -1}, "unflagged_positive: found -1"),
        ({"flagged_verified": 0, "flagged_positive": 0}, "flagged_verified: found 0 of 100"),
    ],
)
def test_counts_that_contradict_each_other_are_refused(wrong, words):
    with pytest.raises(ThresholdError, match=words):
        verify_counts(replace(HOSPITAL, **wrong))


def test_the_plan_names_the_fewest_that_certify():
    found = plan_negatives(flagged_positive=62, unflagged=200, expected_sensitivity=0.97)
    assert [(one.positives, one.drawn) for one in found.samples[:3]] == [(0, 55), (1, 89), (2, 121)]
    for one in found.samples:
        for drawn, verdict in ((one.drawn, "certified"), (one.drawn - 1, "insufficient")):
            counts = replace(
                HOSPITAL,
                flagged_verified=100,
                unflagged_drawn=drawn,
                unflagged_verified=drawn,
                unflagged_positive=one.positives,
            )
            assert verify_counts(counts).verdict == verdict
    # two of 64 positives are missed if 62 are 97% of them: none among 55 of 200
    assert found.samples[0].chance == pytest.approx(145 / 200 * 144 / 199)


def test_a_plan_for_too_few_positives_says_how_many_it_takes():
    with pytest.raises(ImpossibleError, match="It takes 20"):
        plan_negatives(flagged_positive=19, unflagged=200)


def test_the_fewest_drawn_for_twenty_found_are_those_of_a_sum_by_hand():
    # 20 or more found and none in the sample, if 21 are positive: all found, or one missed and not drawn
    def chance(drawn):
        return 0.86**21 + 21 * 0.86**20 * 0.14 * (200 - drawn) / 200

    assert chance(190) < 0.05 * 0.999 < chance(189)
    assert plan_negatives(flagged_positive=20, unflagged=200).samples[0].drawn == 190
