"""The Lightning side of a segmentation: steps, the epoch's validation Dice, optimiser and schedule."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytorch_lightning as lightning
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from strnet.config import Recipe
from strnet.data.dataset import Batch
from strnet.data.randomness import Stream, torch_seed
from strnet.errors import TrainingError
from strnet.models.segmentation import segmentation_loss
from strnet.stats.overlap import dice_per_label
from strnet.training.module import learning_rate_factor


class SegmentationModule(lightning.LightningModule):
    """A U-Net in training."""

    def __init__(self, network: nn.Module, recipe: Recipe, image_ids: Mapping[str, Sequence[str]]) -> None:
        """`image_ids` by split name the films of a batch that fails."""
        super().__init__()
        self.network = network
        self.quantities: dict[str, float] = {}
        """Of the last whole epoch: the training loss and every validation quantity."""
        self._recipe = recipe
        self._task = recipe.tasks[0].name
        self._labels = len(recipe.tasks[0].target.classes or ())
        self._image_ids = image_ids
        self._losses: list[tuple[float, int]] = []
        self._validation: list[tuple[float, NDArray[np.float64]]] = []

    @property
    def judged(self) -> nn.Module:
        """The network that is validated and kept."""
        return self.network

    def on_train_epoch_start(self) -> None:
        """Begin a new mean of the loss."""
        self._losses.clear()

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Seed the step's dropout from (seed, epoch, step)."""
        torch.manual_seed(torch_seed(self._recipe.seed, Stream.DROPOUT, self.current_epoch, batch_idx))

    def training_step(self, batch: Batch) -> Tensor:
        """The loss of a batch, shape ().

        Raises: TrainingError: it is not finite.
        """
        loss = segmentation_loss(self.network(batch.image), batch.targets[self._task])
        found = float(loss.detach())
        if not math.isfinite(found):
            ids = ", ".join(self._image_ids["train"][row] for row in batch.rows.tolist())
            raise TrainingError(
                f"Epoch {self.current_epoch}, step {self.global_step}: the loss is {found}, expected a "
                f"finite number. The last whole epoch is kept. Films of the batch: {ids}.\nLook at these "
                "films and their masks; if they are sound, lower trainer.learning_rate."
            )
        self._losses.append((found, len(batch.rows)))
        return loss

    def configure_gradient_clipping(self, *_: Any, **__: Any) -> None:
        """Clip gradients to the recipe's norm."""
        largest = self._recipe.trainer.gradient_clip or math.inf
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), largest)

    def on_train_epoch_end(self) -> None:
        """Set and log the `quantities` of the epoch; the training loss is a mean over rows."""
        mean = sum(loss * size for loss, size in self._losses) / sum(size for _, size in self._losses)
        self.quantities = {"train/loss": mean, **self.quantities}
        shown = {"train/loss", self._recipe.trainer.monitor}
        for name, value in self.quantities.items():
            self.log(name, value, prog_bar=name in shown)

    def on_validation_epoch_start(self) -> None:
        """Drop what the last epoch gathered."""
        self._validation.clear()

    def validation_step(self, batch: Batch) -> None:
        """Keep loss and Dice of each film for the end of the epoch."""
        truth = batch.targets[self._task]
        logits = self.network(batch.image).float()
        found = logits.argmax(dim=1).cpu().numpy()
        for row in range(len(truth)):
            loss = float(segmentation_loss(logits[row : row + 1], truth[row : row + 1]))
            dice = dice_per_label(truth[row].cpu().numpy(), found[row], self._labels)
            self._validation.append((loss, dice))

    def on_validation_epoch_end(self) -> None:
        """Add those over all validation rows to `quantities`.

        Raises: TrainingError: the monitored quantity is not finite.
        """
        loss = float(np.mean([loss for loss, _ in self._validation]))
        dice = mean_dice(np.stack([dice for _, dice in self._validation]))
        self.quantities = {
            "validation/loss": loss,
            f"validation/{self._task}_loss": loss,
            f"validation/{self._task}_dice": dice,
        }
        monitored = self.quantities[self._recipe.trainer.monitor]
        if not math.isfinite(monitored):
            raise TrainingError(
                f"Epoch {self.current_epoch}: {self._recipe.trainer.monitor} is {monitored}. No checkpoint "
                "can be chosen by it. Lower trainer.learning_rate."
            )

    def configure_optimizers(self) -> Any:
        """AdamW, with a schedule that moves at every step; biases and slopes are not decayed."""
        trainer = self._recipe.trainer
        decayed = [p for p in self.network.parameters() if p.ndim > 1]
        others = [p for p in self.network.parameters() if p.ndim <= 1]
        groups = [
            {"params": decayed, "weight_decay": trainer.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        optimiser = AdamW(groups, lr=trainer.learning_rate)
        steps = int(self.trainer.estimated_stepping_batches)
        warmup = trainer.warmup_epochs * steps / trainer.max_epochs
        schedule = LambdaLR(optimiser, lambda step: learning_rate_factor(step, steps, warmup))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def mean_dice(films: NDArray[np.float64]) -> float:
    """Mean over labels of the mean over films, from Dice (films, labels); NaN cells do not count.

    A label that no film shows has no mean and is left out.
    """
    shown = ~np.isnan(films)
    counts = shown.sum(axis=0)
    sums = np.where(shown, films, 0.0).sum(axis=0)
    return float((sums[counts > 0] / counts[counts > 0]).mean()) if counts.any() else math.nan
