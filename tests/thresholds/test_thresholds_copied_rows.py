import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strnet.errors import BundleError
from strnet.thresholds import known_rows
from strnet.thresholds.copied_rows import chance_of_sharing, excess_of_pairs, repetition
from strnet.thresholds.known_rows import (
    KnownRows,
    joined,
    numbered,
    numbered_rows,
    remembered,
    row_hashes,
    shared_films,
    shared_rows,
)
from strnet.thresholds.reading_order import label_keys
from strnet.thresholds.table_checks import film_hashes


def site(rng, rows, decimals=None):
    target = rng.random(rows) < 0.6
    score = rng.normal(size=rows) + 2.1 * target
    return target, score if decimals is None else np.round(score, decimals)


def test_an_id_has_the_number_of_blake2b_however_a_table_stores_it():
    # b2sum -l 64 of "17", read as a little-endian number
    expected = int.from_bytes(bytes.fromhex("20398d138e4d7bb4"), "little")
    for stored in (17, 17.0, "17", np.int32(17)):
        assert label_keys([stored]).tolist() == [expected]
    assert label_keys(["17a", "1 7"]).tolist() != [expected, expected]


def test_a_row_is_its_target_and_its_score_in_single_precision():
    score = np.array([0.1, 0.1, -0.0, 0.0, 0.3])
    hashes = row_hashes(np.array([True, False, True, True, True]), score)
    assert len(set(hashes.tolist())) == 4
    assert hashes[2] == hashes[3]
    single = row_hashes(np.array([True, False, True, True, True]), score.astype(np.float32))
    np.testing.assert_array_equal(hashes, single)


@pytest.mark.parametrize("kept", [10, 1000])
def test_rows_read_in_chunks_give_the_lowest_numbers_of_all(monkeypatch, kept):
    monkeypatch.setattr(known_rows, "KEPT", kept)
    monkeypatch.setattr(known_rows, "CHUNK", 7)
    target, score = site(np.random.default_rng(0), 100, decimals=1)
    numbers, counts = np.unique(row_hashes(target, score), return_counts=True)
    found = numbered_rows(target, score)
    np.testing.assert_array_equal(found.numbers, numbers[:kept])
    np.testing.assert_array_equal(found.counts, counts[:kept])
    assert found.total == 100


@pytest.mark.parametrize("change", ["a row more", "a row less", "another order", "only the first half"])
def test_rows_that_come_back_are_known_whatever_was_done_to_the_table(change):
    rng = np.random.default_rng(1)
    target, score = site(rng, 226)
    known = remembered(numbered_rows(target, score))
    back = {
        "a row more": (np.append(target, True), np.append(score, 9.0)),
        "a row less": (target[1:], score[1:]),
        "another order": (target[::-1], score[::-1]),
        "only the first half": (target[:113], score[:113]),
    }[change]
    found = shared_rows(known, numbered_rows(*back))
    assert found.known == np.size(back[0]) - (change == "a row more")
    assert found.chance < known_rows.BY_CHANCE


@pytest.mark.parametrize("decimals", [None, 3, 2, 1])
def test_a_second_site_with_rounded_scores_is_not_taken_for_the_first(decimals):
    rng = np.random.default_rng(2)
    for _ in range(50):
        known = remembered(numbered_rows(*site(rng, 226, decimals)))
        assert shared_rows(known, numbered_rows(*site(rng, 200, decimals))).chance > known_rows.BY_CHANCE


@pytest.mark.parametrize("decimals", [None, 3, 2, 1])
def test_a_table_nine_tenths_of_which_chose_the_threshold_is_caught(decimals):
    rng = np.random.default_rng(3)
    for _ in range(50):
        target, score = site(rng, 226, decimals)
        fresh_target, fresh_score = site(rng, 22, decimals)
        back = np.append(target[:203], fresh_target), np.append(score[:203], fresh_score)
        known = remembered(numbered_rows(target, score))
        assert shared_rows(known, numbered_rows(*back)).chance < known_rows.BY_CHANCE


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=3))
def test_the_chance_of_sharing_is_never_below_the_exact_one(counts):
    """Against every way to deal the pooled rows to both tables, as equally likely hands."""
    from itertools import combinations

    first, second = (np.array(column) for column in zip(*counts, strict=True))
    pooled = np.repeat(np.arange(first.size), first + second)
    agreement = np.sum(first * second / np.maximum(first + second - 1, 1))
    hands = [
        np.bincount(pooled[list(hand)], minlength=first.size)
        for hand in combinations(range(pooled.size), int(first.sum()))
    ]
    of_hands = [np.sum(a * (first + second - a) / np.maximum(first + second - 1, 1)) for a in hands]
    exact = np.mean(np.array(of_hands) >= agreement - 1e-12)
    assert chance_of_sharing(first, second) >= exact - 1e-12


def test_of_many_rows_a_sample_is_kept_that_knows_them_again(monkeypatch):
    monkeypatch.setattr(known_rows, "KEPT", 500)
    rng = np.random.default_rng(4)
    target, score = site(rng, 5000)
    known = remembered(numbered_rows(target, score))
    assert str(known) == "a sample of 500 of 5000 rows"
    found = shared_rows(known, numbered_rows(target[:1000], score[:1000]))
    assert found.known == found.compared == pytest.approx(100, abs=40)
    assert found.chance < known_rows.BY_CHANCE
    fresh = shared_rows(known, numbered_rows(*site(rng, 5000)))
    assert fresh.known == 0
    assert fresh.compared == pytest.approx(500, abs=100)


@pytest.mark.parametrize("kept", [10, 1000])
def test_rows_of_two_tables_are_known_as_those_of_both_in_one(monkeypatch, kept):
    monkeypatch.setattr(known_rows, "KEPT", kept)
    target, score = site(np.random.default_rng(5), 100, decimals=1)
    parts = [remembered(numbered_rows(target[part], score[part])) for part in (slice(30), slice(30, 100))]
    assert joined(*parts) == remembered(numbered_rows(target, score))


def test_a_film_is_known_by_its_id_unless_every_site_counts_so():
    films = film_hashes(pl.Series(["knee_01", "knee_02", "knee_03"]))
    assert shared_films(remembered(numbered(films)), label_keys(["knee_03", "knee_04"])).known == 1
    assert film_hashes(pl.Series([1, 2, 3])) is None
    assert film_hashes(pl.Series(["1", "002"])) is None


def test_numbers_that_are_no_numbers_are_refused():
    with pytest.raises(BundleError, match="Fit the operating point again"):
        shared_rows(KnownRows(2, "not base64!"), numbered(np.zeros(1, dtype=np.uint64)))


def counts_of(rows):
    return np.unique(rows, return_counts=True)[1]


@pytest.mark.parametrize("times", [2, 3])
def test_a_table_pasted_so_often_is_found_also_without_its_last_row(times):
    rows = row_hashes(*site(np.random.default_rng(5), 60))
    found = repetition(counts_of(np.tile(rows, times)[:-1]))
    assert (found.times, found.repeated, found.distinct) == (times, 59, 60)
    assert found.chance < 1e-15


@given(st.integers(0, 1000))
def test_integers_repeat_without_having_been_pasted(seed):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 1 + rng.integers(1, 60), size=rng.integers(1, 400))
    assert repetition(counts_of(scores)).chance > 1e-5


def test_a_third_of_the_rows_pasted_again_is_more_than_ties_explain():
    rng = np.random.default_rng(6)
    rows = row_hashes(*site(rng, 300))
    assert excess_of_pairs(counts_of(np.append(rows, rows[:100]))) < 1e-3
    assert excess_of_pairs(counts_of(rows)) == 1
    for decimals in (1, 2, 3):
        assert excess_of_pairs(counts_of(row_hashes(*site(rng, 300, decimals)))) > 1e-3
