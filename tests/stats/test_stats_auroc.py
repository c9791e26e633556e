from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from strnet import stats
from strnet.errors import StatsError
from strnet.stats.auroc import newcombe_limits
from strnet.stats.ranks import placements

quick = settings(max_examples=40, deadline=None)  # the machine may be busy


@st.composite
def cases(draw, least=1):
    """Scores of few distinct values, so with many ties, and one or more rows of each class."""
    positives = draw(st.integers(least, 12))
    negatives = draw(st.integers(least, 12))
    score = st.integers(-4, 4).map(float)
    scores = draw(st.lists(score, min_size=positives + negatives, max_size=positives + negatives))
    target = np.array(draw(st.permutations([1] * positives + [0] * negatives)))
    return target, np.array(scores)


def wins(target, score):
    """Every positive against every negative, by brute force."""
    positives, negatives = score[target == 1], score[target == 0]
    return np.array([[(p > n) + 0.5 * (p == n) for n in negatives] for p in positives])


def brute_variance(wins_of_pairs):
    """DeLong's variance as the paper states it, from the matrix of all pairs."""
    m, n = wins_of_pairs.shape
    return wins_of_pairs.mean(1).var(ddof=1) / m + wins_of_pairs.mean(0).var(ddof=1) / n


@quick
@given(cases())
def test_the_area_is_the_share_of_pairs_won(case):
    assert stats.auroc(*case).value == pytest.approx(wins(*case).mean(), abs=1e-14)


@quick
@given(cases(least=2))
def test_the_standard_error_is_delongs_over_all_pairs(case):
    assert stats.auroc(*case).standard_error ** 2 == pytest.approx(brute_variance(wins(*case)), abs=1e-14)


@quick
@given(cases())
def test_placements_are_shares_of_pairs_in_the_order_of_the_rows(case):
    target, score = case
    found = placements(target == 1, score)

    assert found.positives == pytest.approx(wins(*case).mean(1), abs=1e-14)
    assert found.negatives == pytest.approx(wins(*case).mean(0), abs=1e-14)


@quick
@given(cases(least=2), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(case, random):
    target, score = case
    order = np.array(random.sample(range(target.size), target.size))

    assert stats.auroc(target[order], score[order]) == stats.auroc(target, score)


@quick
@given(cases(least=2))
def test_a_rising_transform_of_the_scores_changes_nothing(case):
    target, score = case

    assert stats.auroc(target, np.exp(score) - 3) == stats.auroc(target, score)


@quick
@given(cases(least=2))
def test_turning_the_scores_round_mirrors_the_area(case):
    target, score = case
    found, turned = stats.auroc(target, score), stats.auroc(target, -score)

    assert turned.value == pytest.approx(1 - found.value, abs=1e-14)
    assert turned.standard_error == pytest.approx(found.standard_error, abs=1e-14)


@quick
@given(cases(least=2))
def test_each_row_its_own_patient_and_equal_weights_change_nothing(case):
    target, score = case
    plain = stats.auroc(target, score)
    weighted = stats.auroc(target, score, weights=np.full(target.size, 3.0))
    clustered = stats.auroc(target, score, clusters=np.arange(target.size))

    assert weighted.value == pytest.approx(plain.value, abs=1e-14)
    assert weighted.standard_error == pytest.approx(plain.standard_error, abs=1e-13)
    assert clustered.standard_error == pytest.approx(plain.standard_error, abs=1e-13)


@quick
@given(cases(least=1), st.data())
def test_a_weight_of_2_is_the_row_twice_and_0_is_no_row(case, data):
    target, score = case
    weights = np.array(data.draw(st.lists(st.integers(0, 2), min_size=target.size, max_size=target.size)))
    assume(weights[target == 1].any() and weights[target == 0].any())

    weighted = stats.auroc(target, score, weights=weights)

    repeated = stats.auroc(np.repeat(target, weights), np.repeat(score, weights))
    assert weighted.value == pytest.approx(repeated.value, abs=1e-14)


@quick
@given(cases(), st.sampled_from(["delong", "logit", "newcombe"]), st.floats(0.5, 0.999))
def test_an_interval_lies_in_the_unit_interval_around_the_area(case, interval, confidence):
    found = stats.auroc(*case, interval=interval, confidence=confidence)

    if found.has_interval:
        assert 0 <= found.low <= found.value + 1e-12
        assert found.value - 1e-12 <= found.high <= 1
    else:
        assert "newcombe" in found.note


@quick
@given(cases())
def test_newcombes_interval_is_always_defined_and_has_width(case):
    found = stats.auroc(*case, interval="newcombe")

    assert found.has_interval
    assert found.low < found.high


def test_newcombes_limits_are_where_the_area_lies_z_errors_away():
    value, m, n = 0.8, 15, 40
    low, high = newcombe_limits(value, m, n, 0.95)

    for limit in (low, high):
        size = (m + n) / 2 - 1
        spread = 1 + size * (1 - limit) / (2 - limit) + size * limit / (1 + limit)
        error = math.sqrt(limit * (1 - limit) * spread / (m * n))
        assert abs(value - limit) / error == pytest.approx(1.959963984540054, rel=1e-9)


def test_scores_one_unit_in_the_last_place_apart_are_not_ties():
    low = 0.6535494669979386
    score = [low, np.nextafter(low, 1), low]

    assert stats.auroc([0, 1, 1], score).value == 0.75


def test_separated_classes_have_no_width_by_delong_and_say_so():
    found = stats.auroc([0, 0, 1, 1], [1.0, 2.0, 3.0, 4.0])

    assert (found.value, found.low, found.high) == (1, 1, 1)
    assert "no width" in found.note


def test_a_second_film_that_repeats_the_first_gives_the_error_of_one_film(rng):
    target = rng.random(60) < 0.5
    score = rng.normal(size=60) + target
    twice = {"target": np.tile(target, 2), "score": np.tile(score, 2)}

    single = stats.auroc(target, score, clusters=np.arange(60))
    doubled = stats.auroc(**twice, clusters=np.tile(np.arange(60), 2))
    naive = stats.auroc(**twice)

    assert doubled.standard_error == pytest.approx(single.standard_error, rel=1e-12)
    assert naive.standard_error < 0.75 * single.standard_error
    assert (doubled.count, doubled.clusters) == (120, 60)


def test_obuchowskis_variance_counts_patients_with_films_of_both_classes():
    # two patients with one positive and one negative film each, by hand:
    # wins of positive 1 against negatives 1, 2: (1, 1), of positive 2: (0, 1); area 3/4
    # excess of patient 1: positive 1/4, negative (1/2 - 3/4) = -1/4; patient 2: -1/4 and 1/4; divided by 2
    target, score, patient = [1, 0, 1, 0], [4.0, 3.0, 2.0, 1.0], [1, 1, 2, 2]

    found = stats.auroc(target, score, clusters=patient)

    within = 2 * ((1 / 8) ** 2 + (1 / 8) ** 2)
    between = 2 * 2 * (-(1 / 8) * (1 / 8) * 2)
    assert found.value == 0.75
    assert found.standard_error**2 == pytest.approx(max(2 * within + between, 0), abs=1e-15)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_placements_of_many_scores_agree_with_the_midranks_of_scipy(seed):
    rng = np.random.default_rng(seed)
    target, score = rng.random(500) < 0.3, rng.integers(0, 60, 500).astype(float)
    found = placements(target, score)

    within = rankdata(score[target])
    expected = (rankdata(score)[target] - within) / np.count_nonzero(~target)
    assert found.positives == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"interval": "wald"}, "Unknown AUROC interval"),
        ({"interval": "newcombe", "clusters": [1, 1, 2]}, "uses only the counts of rows"),
        ({"weights": [1.0, 0.0, 0.0]}, "every weight of one class is 0"),
        ({"clusters": [1, 2]}, "clusters: found 2 rows, expected 3"),
        ({"confidence": 95}, r"Write 0\.95"),
    ],
)
def test_an_impossible_request_is_refused(request_, message):
    with pytest.raises(StatsError, match=message):
        stats.auroc([1, 0, 0], [0.3, 0.2, 0.1], **request_)


def test_one_patient_has_an_area_but_no_variance():
    found = stats.auroc([1, 0, 1, 0], [4.0, 1.0, 3.0, 2.0], clusters=["a"] * 4)

    assert found.value == 1
    assert math.isnan(found.low)


def test_rows_of_weight_0_do_not_count_as_rows_or_patients_in_the_error():
    target, score = np.array([1, 1, 1, 0, 0, 0]), np.array([3.0, 1.0, 9.0, 2.0, 0.0, 9.0])
    weights, patient = np.array([1.0, 1, 0, 1, 1, 0]), np.array([1, 2, 5, 1, 3, 6])
    kept = weights > 0

    for clusters in (None, patient):
        own = None if clusters is None else clusters[kept]
        found = stats.auroc(target, score, weights=weights, clusters=clusters)
        without = stats.auroc(target[kept], score[kept], clusters=own)
        assert found.value == pytest.approx(without.value)
        assert found.standard_error == pytest.approx(without.standard_error)


def test_scores_that_tell_nothing_have_no_width_by_delong():
    found = stats.auroc([1, 0, 1, 0], [2.0] * 4)

    assert (found.value, found.low, found.high) == (0.5, 0.5, 0.5)
    assert (
        found.note
        == "no width: within a class all rows are placed alike; interval='newcombe' is defined here"
    )
