"""Batches of network inputs: fetched whole from the memory map, augmented whole on tensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from strnet.config import Augmentation, Preprocessing
from strnet.data.augment import augment, augment_labels, draw
from strnet.data.balanced_draws import BalancedRows, repeats
from strnet.data.cache import LABELS, RowKey, SampleCache
from strnet.data.randomness import Stream, generator
from strnet.data.targets import Targets
from strnet.imaging import to_network_input


@dataclass(frozen=True)
class Samples:
    """The rows of one split, all arrays with one entry a row."""

    image_ids: tuple[str, ...]
    clinical: NDArray[np.float64]
    """(rows, columns) as measured, NaN where unknown."""
    targets: Targets
    regions: tuple[str, ...] | None = None
    """Which region of its image each row is; None where a row is an image."""

    @property
    def keys(self) -> Sequence[RowKey]:
        """What the store knows each row by."""
        if self.regions is None:
            return self.image_ids
        return list(zip(self.image_ids, self.regions, strict=True))

    def __len__(self) -> int:
        return len(self.image_ids)


class Batch(NamedTuple):
    """What one step sees."""

    image: Tensor
    """(N, 1, H, W) float32, standardised."""
    clinical: Tensor
    """(N, columns) float32 as measured, NaN where unknown."""
    targets: dict[str, Tensor]
    """(N,) float32 by task, NaN where unknown; of a segmentation its labels (N, H, W) int64."""
    rows: Tensor
    """(N,) int64, positions in the split."""


class BatchKey(NamedTuple):
    """Which rows a batch holds, and in which epoch; the draws follow from it."""

    epoch: int
    rows: NDArray[np.int64]
    repeats: NDArray[np.int64] | None = None
    """How often each row was drawn before in this epoch; None where every row comes once."""


_REPEAT_BITS = 32
"""A row's number stands below them in the index of its draws, so that its first draw has its own."""


class RadiographDataset(Dataset[Batch]):
    """The films of one split; indexed by a `BatchKey` it gives a whole batch."""

    def __init__(
        self,
        samples: Samples,
        cache: SampleCache,
        preprocessing: Preprocessing,
        *,
        augmentation: Augmentation | None = None,
        seed: int = 0,
        mirrored: bool = False,
        labels: str | None = None,
    ) -> None:
        """Without `augmentation` the films are given as they are, or `mirrored` left to right.

        `labels` is the task of a segmentation.

        Raises: CacheError: a row whose film the cache does not hold.
        """
        self.samples = samples
        self._cache = cache
        self._records = cache.rows(samples.keys)
        self._labels = labels
        keys = [(image_id, LABELS) for image_id in samples.image_ids]
        self._label_records = None if labels is None else cache.rows(keys)
        self._preprocessing = preprocessing
        self._augmentation = augmentation
        self._seed = seed
        self._mirrored = mirrored
        self._clinical = torch.from_numpy(samples.clinical.astype(np.float32))
        self._targets = {name: torch.from_numpy(t.astype(np.float32)) for name, t in samples.targets.items()}

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.samples)

    def __getitem__(self, key: BatchKey) -> Batch:
        """The rows of `key`, as they look in its epoch."""
        films = self.films(key.rows)
        image = torch.from_numpy(to_network_input(films, self._preprocessing))[:, None]
        rows = torch.from_numpy(key.rows)
        targets = {n: t[rows] for n, t in self._targets.items()} | self._label_targets(key.rows)
        if self._augmentation is not None:
            indices = key.rows.tolist()
            if key.repeats is not None:  # a film that is drawn again is changed otherwise
                indices = (key.rows + (key.repeats << _REPEAT_BITS)).tolist()
            draws = draw(self._augmentation, films.shape[1:], self._seed, key.epoch, indices)
            image = augment(image, draws, self._augmentation, self._preprocessing)
            if self._labels is not None:
                targets[self._labels] = augment_labels(targets[self._labels], draws, self._augmentation)
        return Batch(image, self._clinical[rows], targets, rows)

    def _label_targets(self, rows: NDArray[np.int64]) -> dict[str, Tensor]:
        if self._labels is None or self._label_records is None:
            return {}
        numbers = np.asarray(self._cache.records[self._label_records[rows]])
        return {self._labels: torch.from_numpy(numbers.astype(np.int64))}

    def films(self, rows: NDArray[np.int64]) -> NDArray[np.uint16]:
        """The prepared films (N, height, width) of `rows`, as they are in the cache, or mirrored."""
        films = np.asarray(self._cache.records[self._records[rows]])
        return np.ascontiguousarray(films[:, :, ::-1]) if self._mirrored else films


class EpochSampler(Sampler[BatchKey]):
    """The batches of an epoch, in an order that follows from (seed, epoch); `set_epoch` moves on.

    Every row once, unless the draws are balanced. Batches differ in size by one at most, and hold two rows or
    more: a batch of a single row would have no variance for a batch normalisation to divide by. (Batches of
    two, from an odd number of rows, therefore include one of three.)
    """

    def __init__(
        self,
        rows: int,
        batch_size: int,
        *,
        seed: int | None,
        balanced: BalancedRows | None = None,
    ) -> None:
        """Without a `seed` the rows come in their own order; with `balanced` as often as that says."""
        self._rows = rows
        self._batches = min(-(-rows // batch_size), max(rows // 2, 1))
        self._seed = seed
        self._balanced = balanced
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Make the next iteration give the batches of `epoch`."""
        self._epoch = epoch

    def __len__(self) -> int:
        """Batches in an epoch."""
        return self._batches

    def __iter__(self) -> Iterator[BatchKey]:
        order = np.arange(self._rows)
        if self._seed is not None and self._balanced is not None:
            draws = generator(self._seed, Stream.SAMPLING, self._epoch)
            yield from self._drawn(self._balanced.draw(draws))
            return
        if self._seed is not None:
            order = generator(self._seed, Stream.ORDER, self._epoch).permutation(self._rows)
        for rows in np.array_split(order, self._batches):
            yield BatchKey(self._epoch, rows)

    def _drawn(self, order: NDArray[np.int64]) -> Iterator[BatchKey]:
        parts = (np.array_split(values, self._batches) for values in (order, repeats(order)))
        for rows, again in zip(*parts, strict=True):
            yield BatchKey(self._epoch, rows, again)
