"""Balanced draws: classes and patients equally often, and every draw of (seed, epoch)."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from strnet.config import Augmentation
from strnet.data import BatchKey, EpochSampler, RadiographDataset, Samples, build_cache
from strnet.data.balanced_draws import BalancedRows, balanced_rows, repeats
from strnet.data.randomness import Stream, generator

NAN = np.nan


def drawn_in(epoch, balanced, seed=3, size=4):
    sampler = EpochSampler(len(balanced.shares), size, seed=seed, balanced=balanced)
    sampler.set_epoch(epoch)
    return list(sampler)


def test_shares_of_a_hand_computed_case():
    """Twelve rows: 8 negative, 2 positive, 2 unknown. The ten known draws are halved: 5 and 5."""
    target = np.array([0.0] * 8 + [1.0] * 2 + [NAN] * 2)
    assert balanced_rows(target).shares.tolist() == [5 / 8] * 8 + [5 / 2] * 2 + [1.0] * 2


def test_shares_by_patient_do_not_follow_the_number_of_their_films():
    """Class 1 has one patient with three films and one with one; two draws for each patient."""
    target = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0])
    patients = ["a", "b", "c", "d", "e", "e", "e", "f"]
    found = balanced_rows(target, patients).shares
    np.testing.assert_allclose(found, [1, 1, 1, 1, 2 / 3, 2 / 3, 2 / 3, 2])


def test_a_patient_with_films_of_both_classes_counts_in_each():
    found = balanced_rows(np.array([0.0, 1.0, 1.0, 0.0]), ["a", "a", "b", "b"]).shares
    np.testing.assert_allclose(found, [1, 1, 1, 1])


@given(
    target=st.lists(st.sampled_from([0.0, 1.0, 2.0, NAN]), min_size=2, max_size=40),
    seed=st.integers(0, 2**32 - 1),
    by_patient=st.booleans(),
)
def test_every_row_is_drawn_as_often_as_its_share_says_up_to_rounding(target, seed, by_patient):
    target = np.array(target)
    patients = [f"patient{number // 3}" for number in range(target.size)] if by_patient else None
    balanced = balanced_rows(target, patients)
    shares = balanced.shares
    assert shares.sum() == pytest.approx(target.size)
    rows = balanced.draw(np.random.default_rng(seed))
    assert rows.size == target.size
    counts = np.bincount(rows, minlength=target.size)
    assert (np.abs(counts - shares) < 1 + 1e-9).all()
    known = rows[~np.isnan(target[rows])]
    of_class = [np.sum(target[known] == value) for value in np.unique(target[~np.isnan(target)])]
    assert np.ptp(of_class or [0]) <= 2
    assert known.size == np.sum(~np.isnan(target))


def test_the_mean_over_many_epochs_is_the_share():
    balanced = balanced_rows(np.array([0.0] * 9 + [1.0] * 3))
    counts = sum(
        np.bincount(balanced.draw(generator(1, Stream.SAMPLING, epoch)), minlength=12) for epoch in range(600)
    )
    np.testing.assert_allclose(counts / 600, balanced.shares, atol=0.08)


def test_the_draws_follow_from_seed_and_epoch_alone():
    balanced = balanced_rows(np.array([0.0] * 9 + [1.0] * 3))

    def order(seed, epoch):
        return np.concatenate([key.rows for key in drawn_in(epoch, balanced, seed)]).tolist()

    assert order(1, 4) == order(1, 4)
    assert len({tuple(order(seed, epoch)) for seed in (1, 2) for epoch in (0, 1, 2)}) == 6


def test_a_row_that_comes_again_says_how_often_it_came():
    assert repeats(np.array([4, 1, 4, 4, 1])).tolist() == [0, 0, 1, 2, 1]
    often = BalancedRows(np.array([2.5, 0.5, 0.5, 0.5]), np.array([0, 1, 1, 1]))
    keys = drawn_in(0, often, size=2)
    pairs = [pair for key in keys for pair in zip(key.rows.tolist(), key.repeats.tolist(), strict=True)]
    assert len(set(pairs)) == len(pairs)
    assert Counter(row for row, _ in pairs)[0] in (2, 3)


def test_a_film_that_is_drawn_again_is_changed_otherwise(films, preprocessing, tmp_path):
    samples = Samples(tuple(i for i, _ in films), np.zeros((len(films), 0)), {})
    cache = build_cache(films, preprocessing, tmp_path / "cache", workers=0)
    dataset = RadiographDataset(samples, cache, preprocessing, augmentation=Augmentation(), seed=3)
    rows = np.array([2, 2, 5])
    plain = dataset[BatchKey(1, rows)].image
    again = dataset[BatchKey(1, rows, np.array([0, 1, 0]))].image
    torch.testing.assert_close(plain[0], plain[1], rtol=0, atol=0)
    torch.testing.assert_close(again[0], plain[0], rtol=0, atol=0)
    assert not torch.equal(again[1], again[0])
