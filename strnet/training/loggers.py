"""Loggers beside the metrics table."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec

from pytorch_lightning.loggers import Logger, MLFlowLogger, TensorBoardLogger

from strnet.config import Recipe
from strnet.errors import missing_extra
from strnet.training.run_folder import RunFolder


def check_loggers(recipe: Recipe) -> None:
    """Nothing if every logger of the recipe is installed.

    Raises: MissingExtraError: MLflow is asked for and is not.
    """
    if "mlflow" in recipe.trainer.loggers and find_spec("mlflow") is None:
        raise missing_extra("mlflow", "mlflow", "The MLflow logger")


def build_loggers(recipe: Recipe, folder: RunFolder) -> Sequence[Logger]:
    """The TensorBoard and MLflow loggers that the recipe asks for, writing into the run folder.

    MLflow writes to MLFLOW_TRACKING_URI where that is set.
    """
    loggers: list[Logger] = []
    if "tensorboard" in recipe.trainer.loggers:
        loggers.append(TensorBoardLogger(folder.path, name="tensorboard", version=""))
    if "mlflow" in recipe.trainer.loggers:
        uri = os.environ.get("MLFLOW_TRACKING_URI") or (folder.path / "mlflow").absolute().as_uri()
        loggers.append(MLFlowLogger(experiment_name=recipe.name, run_name=folder.path.name, tracking_uri=uri))
    return loggers
