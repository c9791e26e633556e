"""Held against brute force over every observed threshold, counted in whole numbers."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from strnet.errors import ImpossibleError
from strnet.thresholds import fit_threshold

BASE = 0.653549466997938588442
LADDER = [BASE]
for _ in range(5):
    LADDER.append(float(np.nextafter(LADDER[-1], 1)))  # one unit in the last place apart

SCORES = st.one_of(
    st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.9, 1.0]),
    st.sampled_from(LADDER),
    st.floats(-1e6, 1e6, allow_nan=False),
    st.integers(-5, 5).map(float),
)
FEW = settings(max_examples=40, deadline=None)
FLOORS = st.sampled_from(["0.07", "0.5", "0.55", "0.8", "0.86", "0.9", "0.95", "1"])


@dataclass
class Case:
    target: np.ndarray
    score: np.ndarray
    floor: str


@st.composite
def cases(draw, smallest=1, largest=40):
    rows = draw(st.lists(st.tuples(st.booleans(), SCORES), min_size=smallest, max_size=largest))
    target, score = (np.array(column) for column in zip(*rows, strict=True))
    assume(target.any() and (len(rows) == 1 or np.ptp(score) > 0))
    return Case(target, score, draw(FLOORS))


def found(case, threshold):
    return int(np.sum(case.score[case.target] >= threshold))


def rejected(case, threshold):
    return int(np.sum(case.score[~case.target] < threshold))


def feasible(case, needed):
    return [t for t in np.unique(case.score) if found(case, t) >= needed]


@FEW
@given(cases())
def test_no_feasible_threshold_is_more_specific(case):
    positives = int(case.target.sum())
    needed = -((-Fraction(case.floor) * positives) // 1)
    point = fit_threshold(case.target, case.score, min_sensitivity=case.floor, method="empirical")
    thresholds = feasible(case, needed)
    assert point.threshold in thresholds
    assert rejected(case, point.threshold) == max(rejected(case, t) for t in thresholds)
    assert point.threshold == max(t for t in thresholds if t in case.score[case.target])
    assert point.misses_made == positives - found(case, point.threshold)


@FEW
@given(cases(smallest=20, largest=80), st.sampled_from(["0.6", "0.8", "0.9"]))
def test_the_exact_threshold_is_the_highest_that_its_count_of_misses_allows(case, confidence):
    positives = int(case.target.sum())
    tails = binom.cdf(np.arange(positives + 1), positives, float(1 - Fraction(case.floor)))
    assume(np.all(np.abs(tails - float(1 - Fraction(confidence))) > 1e-9))
    allowed = int(np.sum(tails <= float(1 - Fraction(confidence)))) - 1
    options = {"min_sensitivity": case.floor, "confidence": confidence}
    if allowed < 0:
        with pytest.raises(ImpossibleError):
            fit_threshold(case.target, case.score, **options)
        return
    point = fit_threshold(case.target, case.score, **options)
    assert point.status == "guaranteed"
    thresholds = feasible(case, positives - allowed)
    assert point.threshold == max(t for t in thresholds if t in case.score[case.target])
    assert rejected(case, point.threshold) == max(rejected(case, t) for t in thresholds)
    assert point.misses_made <= allowed


@FEW
@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(case, random):
    order = list(range(case.target.size))
    random.shuffle(order)
    one = fit_threshold(case.target, case.score, min_sensitivity=case.floor, method="empirical")
    other = fit_threshold(
        case.target[order], case.score[order], min_sensitivity=case.floor, method="empirical"
    )
    assert one == other


@FEW
@given(cases())
def test_reversed_scores_give_the_mirrored_point(case):
    up = fit_threshold(case.target, case.score, min_sensitivity=case.floor, method="empirical")
    down = fit_threshold(
        case.target, -case.score, min_sensitivity=case.floor, method="empirical", higher_is_positive=False
    )
    assert down.threshold == -up.threshold
    assert (up.operator, down.operator) == (">=", "<=")
    assert down.specificity == up.specificity
    assert down.ties == up.ties
    assert np.array_equal(up.apply(case.score), down.apply(-case.score))


@FEW
@given(cases())
def test_a_strictly_rising_transform_moves_only_the_threshold(case):
    ranks = np.searchsorted(np.unique(case.score), case.score).astype(float) * 3 + 7
    one = fit_threshold(case.target, case.score, min_sensitivity=case.floor, method="empirical")
    other = fit_threshold(case.target, ranks, min_sensitivity=case.floor, method="empirical")
    assert np.array_equal(one.apply(case.score), other.apply(ranks))
    assert other.specificity == one.specificity


@FEW
@given(cases())
def test_the_middle_of_the_gap_decides_every_row_as_the_tight_threshold_does(case):
    options = {"min_sensitivity": case.floor, "method": "empirical"}
    tight = fit_threshold(case.target, case.score, **options)
    middle = fit_threshold(case.target, case.score, anchor="midgap", **options)
    assert middle.threshold <= tight.threshold
    assert np.array_equal(tight.apply(case.score), middle.apply(case.score))
    lower = case.score[case.score < tight.threshold]
    assert not lower.size or middle.threshold > lower.max()


@FEW
@given(cases())
def test_single_precision_decides_like_double(case):
    score = case.score.astype(np.float32)
    assume(score.size == 1 or np.ptp(score) > 0)
    options = {"min_sensitivity": case.floor, "method": "empirical", "anchor": "midgap"}
    single = fit_threshold(case.target, score, **options)
    double = fit_threshold(case.target, score.astype(np.float64), **options)
    assert single == double
    assert np.array_equal(single.apply(score), double.apply(score.astype(np.float64)))


def test_the_middle_between_neighbours_in_single_precision_is_not_rounded_back_onto_one():
    low = np.float32(1.0)
    high = np.nextafter(low, np.float32(2))
    score, target = np.array([low, low, high, high]), np.array([0, 0, 1, 1])
    for turn in (1, -1):
        point = fit_threshold(
            target, turn * score, method="empirical", anchor="midgap", higher_is_positive=turn > 0
        )
        assert float(low) < turn * point.threshold < float(high)
        assert (point.specificity.value, point.misses_made) == (1, 0)
        assert point.apply(turn * score).tolist() == [False, False, True, True]


@st.composite
def weighted_cases(draw):
    case = draw(cases())
    weights = np.array(
        draw(st.lists(st.sampled_from([0, 1, 2]), min_size=case.target.size, max_size=case.target.size))
    )
    repeated = np.repeat(np.arange(case.target.size), weights)
    assume(case.target[repeated].any())
    assume(repeated.size == 1 or np.ptp(case.score[repeated]) > 0)
    return case, weights, repeated


@FEW
@given(weighted_cases())
def test_weights_of_0_1_and_2_choose_the_threshold_of_rows_left_out_and_repeated(drawn):
    case, weights, repeated = drawn
    options = {"min_sensitivity": case.floor, "method": "empirical"}
    assume(np.sum(weights > 0) == 1 or np.ptp(case.score[weights > 0]) > 0)
    point = fit_threshold(case.target, case.score, weights=weights, **options)
    plain = fit_threshold(case.target[repeated], case.score[repeated], **options)
    assert point.threshold == plain.threshold
    assert point.observed_sensitivity.value == pytest.approx(plain.observed_sensitivity.value, abs=1e-12)
    assert (point.specificity is None) == (plain.specificity is None)
    if point.specificity is not None:
        assert point.specificity.value == pytest.approx(plain.specificity.value, abs=1e-12)


@FEW
@given(cases(smallest=25, largest=60), st.sampled_from([1.0, 2.0, 0.25]))
def test_equal_weights_of_any_size_change_no_threshold(case, weight):
    weights = np.full(case.target.size, weight)
    for method in ("empirical", "exact"):
        try:
            plain = fit_threshold(
                case.target, case.score, method=method, confidence="0.8", min_sensitivity="0.7"
            )
        except ImpossibleError:
            continue
        point = fit_threshold(
            case.target, case.score, method=method, confidence="0.8", min_sensitivity="0.7", weights=weights
        )
        assert point.threshold == plain.threshold
        assert point.confidence_reached == pytest.approx(plain.confidence_reached, abs=1e-9)


@pytest.mark.parametrize("positives", range(1, 8))
def test_from_one_positive_upwards_there_is_an_empirical_threshold(positives):
    score = np.arange(2 * positives, dtype=float)
    target = score >= positives
    point = fit_threshold(target, score, method="empirical")
    assert point.threshold == positives
    assert point.specificity.value == 1


def test_a_single_row_has_a_threshold_without_specificity():
    point = fit_threshold([1], [0.3], method="empirical")
    assert (point.threshold, point.specificity, point.negatives) == (0.3, None, 0)


def test_the_arguments_are_left_as_they_were(binormal):
    target, score = binormal(500)
    kept = target.copy(), score.copy()
    fit_threshold(target, score)
    assert np.array_equal(target, kept[0])
    assert np.array_equal(score, kept[1])


def test_read_only_and_strided_arrays_are_read_as_they_are(binormal):
    target, score = binormal(400)
    point = fit_threshold(target, score)
    wide = np.repeat(score, 3)[::3]
    assert not wide.flags.c_contiguous
    frozen = score.copy()
    frozen.flags.writeable = False
    assert fit_threshold(target, wide) == fit_threshold(target, frozen) == point


def test_more_rows_than_one_chunk_are_counted_like_few(binormal):
    target, score = binormal(200_000, seed=5)
    score = np.round(score, 2)
    point = fit_threshold(target, score)
    assert point.misses_made == np.sum(score[target] < point.threshold)
    assert point.specificity.value == np.mean(score[~target] < point.threshold)
    assert point.ties.positives == np.sum(score[target] == point.threshold)
    assert point.ties.negatives == np.sum(score[~target] == point.threshold)


def test_scores_that_fall_with_disease_are_noticed_but_not_turned(golden_set):
    table = golden_set("g14_reversed")
    point = fit_threshold(table["y"], table["score"])
    assert point.operator == ">="
    assert any("higher_is_positive=False" in note for note in point.notes)
    turned = fit_threshold(table["y"], table["score"], higher_is_positive=False)
    assert turned.notes == ()
