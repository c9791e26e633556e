"""Loggers beside the metrics table."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec

from pytorch_lightning.loggers import Logger, MLFlowLogger, TensorBoardLogger

from strnet.config import Recipe
from strnet.errors import ConfigError, missing_extra
from strnet.files import writing_to
from strnet.training.run_folder import RunFolder

_TRACKING_URI = "MLFLOW_TRACKING_URI"


def check_loggers(recipe: Recipe) -> None:
    """Raise unless every logger of the recipe is installed and knows where to write.

    Raises: MissingExtraError: MLflow is asked for and is not. ConfigError: it has no MLFLOW_TRACKING_URI.
    """
    if "mlflow" not in recipe.trainer.loggers:
        return
    if find_spec("mlflow") is None:
        raise missing_extra("mlflow", "mlflow", "The MLflow logger")
    # No folder in its place: MLflow 3 refuses to write plain files.
    if not os.environ.get(_TRACKING_URI):
        raise ConfigError(
            f"trainer.loggers: mlflow writes to the server in {_TRACKING_URI}, which is not set. Set it, for "
            "example to http://localhost:5000, or leave mlflow out."
        )


class _TensorBoard(TensorBoardLogger):
    """Lightning's logger, whose errors of writing name its folder."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Write quantities of a step.

        Raises: OutputError: see `files.writing_to`.
        """
        with writing_to(self.log_dir):
            super().log_metrics(metrics, step)

    def save(self) -> None:
        """Write what waits to be written.

        Raises: OutputError: see `files.writing_to`.
        """
        with writing_to(self.log_dir):
            super().save()

    def finalize(self, status: str) -> None:
        """Write what waits to be written, and end.

        Raises: OutputError: see `files.writing_to`.
        """
        with writing_to(self.log_dir):
            super().finalize(status)


def build_loggers(recipe: Recipe, folder: RunFolder) -> Sequence[Logger]:
    """The TensorBoard logger, writing into the run folder, and the MLflow logger, as the recipe asks."""
    loggers: list[Logger] = []
    if "tensorboard" in recipe.trainer.loggers:
        loggers.append(_TensorBoard(folder.path, name="tensorboard", version=""))
    if "mlflow" in recipe.trainer.loggers:
        uri = os.environ[_TRACKING_URI]
        loggers.append(MLFlowLogger(experiment_name=recipe.name, run_name=folder.path.name, tracking_uri=uri))
    return loggers
