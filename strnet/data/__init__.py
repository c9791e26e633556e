"""From files to batches: the sample cache, targets, augmentation, datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from strnet.data.cache import SampleCache, build_cache
from strnet.data.targets import Targets, check_targets, targets_of

if TYPE_CHECKING:
    from strnet.data.datamodule import CohortDataModule
    from strnet.data.dataset import Batch, BatchKey, EpochSampler, RadiographDataset, Samples

__all__ = [
    "Batch",
    "BatchKey",
    "CohortDataModule",
    "EpochSampler",
    "RadiographDataset",
    "SampleCache",
    "Samples",
    "Targets",
    "build_cache",
    "check_targets",
    "targets_of",
]

_DATASET = {"Batch", "BatchKey", "EpochSampler", "RadiographDataset", "Samples"}


def __getattr__(name: str) -> Any:
    # Not imported above: each process that fills a cache imports this package, and none of them needs torch.
    if name in _DATASET:
        from strnet.data import dataset

        return getattr(dataset, name)
    if name == "CohortDataModule":
        from strnet.data.datamodule import CohortDataModule

        return CohortDataModule
    raise AttributeError(f"module 'strnet.data' has no attribute '{name}'")
