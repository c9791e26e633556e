"""The Lightning side of training: steps, the epoch's validation, optimiser and schedule."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import pytorch_lightning as lightning
import torch
from torch import Tensor
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from strnet.config import TaskConfig, TrainerConfig
from strnet.data.dataset import Batch
from strnet.data.randomness import Stream, generator, torch_seed
from strnet.errors import TrainingError
from strnet.models import (
    ScreeningNetwork,
    TargetStatistics,
    freeze_backbone,
    multi_task_loss,
    parameter_groups,
    thaw_stages,
)
from strnet.training.averaging import averaged_network, measure_batch_norm
from strnet.training.mixup import mix
from strnet.training.quantities import validation_quantities


@dataclass(frozen=True)
class Learning:
    """What a network is to learn, and how."""

    tasks: Sequence[TaskConfig]
    statistics: Mapping[str, TargetStatistics]
    """By task, of the training rows."""
    trainer: TrainerConfig
    seed: int
    image_ids: Mapping[str, Sequence[str]]
    """By split, to name the films of a batch that fails."""


class ScreeningModule(lightning.LightningModule):
    """A `ScreeningNetwork` in training."""

    def __init__(self, network: ScreeningNetwork, learning: Learning) -> None:
        super().__init__()
        self.network = network
        self.quantities: dict[str, float] = {}
        """Of the last whole epoch: the training loss and every validation quantity."""
        self.averaged = averaged_network(network, learning.trainer)
        self._learning = learning
        self._losses: list[Tensor] = []
        self._sizes: list[int] = []
        self._validation: list[tuple[dict[str, Tensor], dict[str, Tensor]]] = []
        self._rows: Tensor | None = None

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Outputs of the network for a batch."""
        return self.network(batch.image, batch.clinical)

    @property
    def judged(self) -> ScreeningNetwork:
        """The network that is validated and kept: the average, once there is one."""
        if self.averaged is None or int(self.averaged.n_averaged) == 0:
            return self.network
        return cast("ScreeningNetwork", self.averaged.module)

    def on_train_epoch_start(self) -> None:
        """Freeze what of the backbone does not learn, and begin a new mean of the loss."""
        trainer = self._learning.trainer
        copies = [] if self.averaged is None else [cast("ScreeningNetwork", self.averaged.module)]
        for network in (self.network, *copies):
            if trainer.unfreeze:
                thaw_stages(network, sum(self.current_epoch >= epoch for epoch in trainer.unfreeze))
            else:
                freeze_backbone(network, self.current_epoch < trainer.frozen_epochs)
        self._losses.clear()
        self._sizes.clear()

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Seed the step's dropout from (seed, epoch, step)."""
        # At every step: Lightning makes loaders, which draw from this generator, at other times when resumed.
        torch.manual_seed(torch_seed(self._learning.seed, Stream.DROPOUT, self.current_epoch, batch_idx))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss of a batch, shape ().

        Raises: TrainingError: it is not finite.
        """
        loss = self._loss(batch, batch_idx)
        detached = loss.detach()
        if not math.isfinite(detached):
            raise self._not_finite("loss", float(detached), "train", batch.rows)
        self._losses.append(detached)
        self._sizes.append(len(batch.rows))
        self._rows = batch.rows
        return loss

    def _loss(self, batch: Batch, step: int) -> Tensor:
        learning = self._learning

        def loss_of(targets: Mapping[str, Tensor]) -> Tensor:
            return multi_task_loss(outputs, targets, learning.tasks, learning.statistics).total

        if learning.trainer.mixup == 0:
            outputs = self(batch)
            return loss_of(batch.targets)
        draws = generator(learning.seed, Stream.MIXUP, self.current_epoch, step)
        mixed = mix(batch, learning.tasks, learning.trainer.mixup, draws)
        outputs = self(mixed.batch)
        return mixed.loss(loss_of)

    def on_train_batch_end(self, *_: Any) -> None:
        """Let the step enter the moving average."""
        if self.averaged is not None and self._learning.trainer.averaging == "ema" and self._averages:
            self.averaged.update_parameters(self.network)

    def configure_gradient_clipping(self, *_: Any, **__: Any) -> None:
        """Clip gradients to the recipe's norm.

        Raises: TrainingError: the norm is not finite.
        """
        largest = self._learning.trainer.gradient_clip or math.inf
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), largest)
        if not math.isfinite(norm):
            raise self._not_finite("gradient norm", float(norm), "train", self._rows)

    def on_train_epoch_end(self) -> None:
        """Set and log the `quantities` of the epoch; the training loss is a mean over rows."""
        losses = torch.stack(self._losses).double().cpu()
        mean = torch.dot(losses, torch.tensor(self._sizes, dtype=torch.float64)) / sum(self._sizes)
        self.quantities = {"train/loss": float(mean), **self.quantities}
        shown = {"train/loss", self._learning.trainer.monitor}
        for name, value in self.quantities.items():
            self.log(name, value, prog_bar=name in shown)

    def on_validation_epoch_start(self) -> None:
        """Drop what the last epoch gathered, and let this one enter the average of epochs."""
        self._validation.clear()
        if self.averaged is not None and self._learning.trainer.averaging == "swa" and self._averages:
            self.averaged.update_parameters(self.network)
            self._measure_batch_norm(self.judged)

    def validation_step(self, batch: Batch) -> None:
        """Keep outputs and targets for the end of the epoch.

        Raises: TrainingError: an output is not finite.
        """
        found = self.judged(batch.image, batch.clinical)
        outputs = {name: output.float().cpu() for name, output in found.items()}
        for name, output in outputs.items():
            if not output.isfinite().all():
                raise self._not_finite(f"output of task {name}", math.nan, "validation", batch.rows)
        self._validation.append((outputs, {name: target.cpu() for name, target in batch.targets.items()}))

    def on_validation_epoch_end(self) -> None:
        """Add those over all validation rows to `quantities`.

        Raises: TrainingError: the monitored quantity is not finite.
        """
        learning = self._learning
        outputs, targets = (
            {
                name: torch.cat([part[side][name] for part in self._validation])
                for name in self._validation[0][side]
            }
            for side in (0, 1)
        )
        self.quantities = validation_quantities(learning.tasks, outputs, targets, learning.statistics)
        monitored = self.quantities.get(learning.trainer.monitor, math.nan)
        if not math.isfinite(monitored):
            raise TrainingError(
                f"Epoch {self.current_epoch}: {learning.trainer.monitor} is {monitored}. No checkpoint can "
                "be chosen by it. Lower trainer.learning_rate, or monitor another quantity."
            )

    def configure_optimizers(self) -> Any:
        """AdamW by parameter group, with a schedule that moves at every step.

        An average of epochs needs weights that go on moving, so from its start on the rate stays what it is.
        """
        trainer = self._learning.trainer
        groups = parameter_groups(
            self.network,
            learning_rate=trainer.learning_rate,
            weight_decay=trainer.weight_decay,
            backbone_factor=trainer.backbone_learning_rate,
            layer_decay=trainer.layer_decay,
        )
        optimiser = AdamW(groups, fused=self.device.type in ("cpu", "cuda"))  # type: ignore[arg-type]
        steps = int(self.trainer.estimated_stepping_batches)
        warmup = trainer.warmup_epochs * steps / trainer.max_epochs
        held = steps if trainer.averaging != "swa" else trainer.averaging_start * steps // trainer.max_epochs
        schedule = LambdaLR(optimiser, lambda step: learning_rate_factor(min(step, held), steps, warmup))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    @property
    def _averages(self) -> bool:
        return self.current_epoch >= self._learning.trainer.averaging_start

    def _measure_batch_norm(self, network: ScreeningNetwork) -> None:
        torch.manual_seed(torch_seed(self._learning.seed, Stream.BATCH_STATISTICS, self.current_epoch))
        batches = self.trainer.datamodule.training_batches(self.current_epoch)  # type: ignore[attr-defined]
        films = (batch.image.to(self.device) for batch in batches)
        measure_batch_norm(network, films, self.trainer.precision_plugin.forward_context())

    def _not_finite(self, what: str, found: float, split: str, rows: Tensor | None) -> TrainingError:
        ids = [self._learning.image_ids[split][row] for row in (rows.tolist() if rows is not None else [])]
        return TrainingError(
            f"Epoch {self.current_epoch}, step {self.global_step}: the {what} is {found}, expected a finite "
            f"number. Training stopped; the last whole epoch is kept. Films of the batch: {', '.join(ids)}.\n"
            "Look at these films and their targets; if they are sound, lower trainer.learning_rate."
        )


def learning_rate_factor(step: int, steps: int, warmup: float) -> float:
    """Factor in [0, 1] on the learning rate at `step` of `steps`: linear over `warmup`, then half a cosine.

    Source: Loshchilov and Hutter 2017, SGDR, eq. 5 with one period; Goyal et al. 2017 for the warm-up.
    """
    if step < warmup:
        return (step + 1) / (warmup + 1)
    passed = (step - warmup) / max(steps - warmup, 1.0)
    return 0.5 * (1.0 + math.cos(math.pi * min(passed, 1.0)))
