"""Batches: every row once, in an order that can be repeated, and the same film as at prediction."""

import numpy as np
import pytest
import torch

from strnet.config import Augmentation
from strnet.data import BatchKey, CohortDataModule, EpochSampler, RadiographDataset, Samples, build_cache
from strnet.data.randomness import Stream, generator
from strnet.errors import CacheError
from strnet.imaging import prepare, read_radiograph, to_network_input


@pytest.fixture
def samples(films) -> Samples:
    n = len(films)
    return Samples(
        image_ids=tuple(image_id for image_id, _ in films),
        clinical=np.column_stack([np.arange(n, dtype=float), np.where(np.arange(n) % 2, np.nan, 1.0)]),
        targets={"bone_loss": np.array([0.0, 1.0, np.nan] * 3), "t_score": np.linspace(-3, 1, n)},
    )


@pytest.fixture
def cache(films, preprocessing, tmp_path):
    return build_cache(films, preprocessing, tmp_path / "cache", workers=0)


def test_a_plain_batch_is_what_the_predictor_would_see(films, samples, cache, preprocessing):
    batch = RadiographDataset(samples, cache, preprocessing)[BatchKey(0, np.array([4, 1]))]
    for place, number in enumerate((4, 1)):
        film = prepare(read_radiograph(films[number][1]).pixels, preprocessing)
        np.testing.assert_array_equal(batch.image[place, 0].numpy(), to_network_input(film, preprocessing))
    np.testing.assert_array_equal(batch.clinical.numpy(), [[4, 1], [1, np.nan]])
    np.testing.assert_array_equal(batch.targets["bone_loss"].numpy(), [1, 1])
    np.testing.assert_array_equal(batch.rows.numpy(), [4, 1])
    assert batch.image.dtype == torch.float32


def test_an_augmented_film_does_not_depend_on_its_batch(samples, cache, preprocessing):
    dataset = RadiographDataset(samples, cache, preprocessing, augmentation=Augmentation(), seed=3)
    together = dataset[BatchKey(5, np.array([0, 7, 3]))].image
    alone = dataset[BatchKey(5, np.array([7]))].image
    torch.testing.assert_close(together[1], alone[0], rtol=0, atol=0)
    assert not torch.equal(alone, dataset[BatchKey(6, np.array([7]))].image)


def test_a_row_whose_film_the_cache_lacks_is_refused(samples, films, preprocessing, tmp_path):
    half = build_cache(films[:4], preprocessing, tmp_path / "half", workers=0)
    with pytest.raises(CacheError, match="image4"):
        RadiographDataset(samples, half, preprocessing)


@pytest.mark.parametrize(("rows", "size"), [(17, 4), (16, 4), (9, 8), (3, 8), (1, 2)])
def test_an_epoch_has_every_row_once_in_batches_of_nearly_one_size(rows, size):
    batches = list(EpochSampler(rows, size, seed=1))
    assert sorted(np.concatenate([b.rows for b in batches])) == list(range(rows))
    sizes = [b.rows.size for b in batches]
    assert max(sizes) <= size
    assert max(sizes) - min(sizes) <= 1
    assert len(EpochSampler(rows, size, seed=1)) == len(batches)


@pytest.mark.parametrize("rows", [2, 3, 5, 23])
def test_no_batch_is_of_one_row_whose_variance_a_norm_would_need(rows):
    sizes = [batch.rows.size for batch in EpochSampler(rows, 2, seed=1)]
    assert sum(sizes) == rows
    assert set(sizes) <= {2, 3}
    assert sizes.count(3) <= 1


def test_the_order_follows_from_seed_and_epoch_alone():
    def order(seed, epoch):
        sampler = EpochSampler(50, 8, seed=seed)
        sampler.set_epoch(epoch)
        return np.concatenate([batch.rows for batch in sampler]).tolist()

    assert order(1, 4) == order(1, 4)
    assert len({tuple(order(seed, epoch)) for seed in (1, 2) for epoch in (0, 1, 2)}) == 6


def test_the_loaders_shuffle_training_rows_and_keep_validation_rows(samples, cache, preprocessing):
    dataset = RadiographDataset(samples, cache, preprocessing)
    module = CohortDataModule(training=dataset, validation=dataset, batch_size=4, seed=2)
    trained = torch.cat([batch.rows for batch in module.train_dataloader()])
    assert trained.tolist() != list(range(9))
    assert sorted(trained.tolist()) == list(range(9))
    assert torch.cat([batch.rows for batch in module.val_dataloader()]).tolist() == list(range(9))


def test_streams_of_one_seed_share_no_draw():
    first = {stream: generator(5, stream, 2, 3).random() for stream in Stream}
    assert len(set(first.values())) == len(Stream)
