"""The loaders Lightning trains and validates from."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as lightning
import torch
from torch.utils.data import DataLoader

from strnet.data.balanced_draws import BalancedRows
from strnet.data.dataset import Batch, EpochSampler, RadiographDataset


class CohortDataModule(lightning.LightningDataModule):
    """Training rows in an order that follows from (seed, epoch), validation rows in their own."""

    def __init__(
        self,
        *,
        training: RadiographDataset,
        validation: RadiographDataset,
        batch_size: int,
        seed: int,
        balanced: BalancedRows | None = None,
    ) -> None:
        """`balanced`: how often each training row is drawn in an epoch; without it once."""
        super().__init__()
        self.training = training
        self.validation = validation
        self._batch_size = batch_size
        self._seed = seed
        self._balanced = balanced

    def train_dataloader(self) -> DataLoader[Batch]:
        """Batches of the training rows."""
        return self.training_batches(0)

    def training_batches(self, epoch: int) -> DataLoader[Batch]:
        """Batches of the training rows as they come in `epoch`."""
        sampler = EpochSampler(len(self.training), self._batch_size, seed=self._seed, balanced=self._balanced)
        sampler.set_epoch(epoch)
        return batch_loader(self.training, sampler)

    def val_dataloader(self) -> DataLoader[Batch]:
        """Batches of the validation rows."""
        return batch_loader(self.validation, EpochSampler(len(self.validation), self._batch_size, seed=None))


def batch_loader(dataset: RadiographDataset, sampler: EpochSampler) -> DataLoader[Batch]:
    """A loader in this process whose dataset is asked for whole batches.

    A batch takes a few milliseconds to fetch and change, on all cores; worker processes would cost more
    than that to send it over, and take the cores from the network.
    """
    return DataLoader(
        dataset,
        batch_size=None,
        sampler=sampler,
        collate_fn=_as_is,
        num_workers=0,
        # Every iteration draws a seed for workers, also where there are none; not from the generator of all.
        generator=torch.Generator(),
    )


def _as_is(batch: Any) -> Any:
    return batch
