"""What an epoch leaves in the run folder: best weights, metrics table, and the state to resume from."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytorch_lightning as lightning
import torch
from pytorch_lightning.callbacks import Checkpoint
from pytorch_lightning.plugins.io import TorchCheckpointIO
from safetensors.torch import save
from torch import nn

from strnet.config import TrainerConfig
from strnet.files import write_bytes
from strnet.tables import write_table
from strnet.training.module import ScreeningModule
from strnet.training.run_folder import RunFolder

OnEpoch = Callable[[int, Mapping[str, float]], None]
"""Called after each epoch with its number and its quantities; may raise to stop the run."""


class AtomicCheckpointIO(TorchCheckpointIO):
    """Checkpoints that are whole or absent; read without unpickling code."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write `checkpoint` to `path`: whole, or it holds what it held before."""
        # By way of memory: torch says of a full disk no more than that a position is unexpected.
        content = io.BytesIO()
        torch.save(checkpoint, content)
        write_bytes(path, content.getvalue())

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> Any:
        """The checkpoint at `path`."""
        return torch.load(path, map_location=map_location or "cpu", weights_only=True)


class EpochRecorder(Checkpoint):
    """Keeps the best epoch, stops when there is none better, and writes everything after each epoch.

    Its state travels in the checkpoint, so that a resumed run continues the table and the count.
    """

    def __init__(self, folder: RunFolder, trainer: TrainerConfig, on_epoch: OnEpoch | None = None) -> None:
        self.history: list[dict[str, float]] = []
        self.best_epoch = -1
        self.best_value = float("inf") if trainer.monitor_mode == "min" else float("-inf")
        self._folder = folder
        self._config = trainer
        self._on_epoch = on_epoch

    @property
    def stopped_early(self) -> bool:
        """Whether the last `early_stopping` epochs brought nothing better."""
        patience = self._config.early_stopping
        waited_from = max(self.best_epoch, self._first - 1)
        return patience > 0 and len(self.history) - 1 - waited_from >= patience

    def state_dict(self) -> dict[str, Any]:
        """History and best epoch, for the checkpoint."""
        return {"history": self.history, "best_epoch": self.best_epoch, "best_value": self.best_value}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the history and best epoch of the checkpoint."""
        self.history = list(state_dict["history"])
        self.best_epoch = state_dict["best_epoch"]
        self.best_value = state_dict["best_value"]

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Keep a run stopped that had stopped before it was interrupted."""
        trainer.should_stop = self.stopped_early

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: ScreeningModule) -> None:  # type: ignore[override]
        """Write the epoch to the run folder."""
        epoch = trainer.current_epoch
        quantities = pl_module.quantities
        # Groups have their own rates; all of them move by one factor, and the recipe's rate stands for them.
        group = trainer.optimizers[0].param_groups[0]
        rate = self._config.learning_rate * group["lr"] / group["initial_lr"]
        self.history.append(
            {"epoch": epoch, "step": trainer.global_step, "learning_rate": rate, **quantities}
        )
        if epoch >= self._first and self._improves(quantities[self._config.monitor]):
            self.best_epoch, self.best_value = epoch, quantities[self._config.monitor]
            save_weights(pl_module.judged, self._folder.weights)
        trainer.should_stop = trainer.should_stop or self.stopped_early
        # The checkpoint last: a kill before it repeats the epoch, and the epoch gives the same again.
        if "csv" in self._config.loggers:
            write_table(pl.DataFrame(self.history, infer_schema_length=None), self._folder.metrics)
        trainer.save_checkpoint(self._folder.last_checkpoint)
        if self._on_epoch:
            self._on_epoch(epoch, quantities)

    @property
    def _first(self) -> int:
        """The first epoch that can be kept: where weights are averaged, the first that has an average."""
        return 0 if self._config.averaging == "none" else self._config.averaging_start

    def _improves(self, value: float) -> bool:
        return value < self.best_value if self._config.monitor_mode == "min" else value > self.best_value


def save_weights(network: nn.Module, path: Path) -> None:
    """Write the weights of `network` to `path` as safetensors: whole, or it holds what it held before."""
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    write_bytes(path, save(weights))
