"""Predictions of a trained network for rows in the cache, and the table every run ends with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from strnet.config import TaskConfig
from strnet.data.datamodule import batch_loader
from strnet.data.dataset import EpochSampler, RadiographDataset
from strnet.data.targets import Targets
from strnet.models import ScreeningNetwork, class_labels
from strnet.schema import (
    CASE_ID,
    FEATURES,
    FOLD,
    IDENTITY_COLUMNS,
    IMAGE_ID,
    REGION,
    SPLIT,
    class_logit_column,
    logit_column,
    prediction_column,
    target_column,
)
from strnet.trust import picture_statistics

Outputs = Mapping[str, NDArray[np.float64]]
"""By task, as the network gives them: (rows,), or (rows, outputs) where a task has several."""

_BATCH = 32


@dataclass(frozen=True, eq=False)
class PredictedRows:
    """What one pass over the rows gave."""

    outputs: Outputs
    features: NDArray[np.float64]
    """Pooled features (rows, C)."""
    statistics: NDArray[np.float64]
    """`picture_statistics` of the films, (rows, 10)."""


@torch.no_grad()
def predict_rows(
    network: ScreeningNetwork, dataset: RadiographDataset, device: torch.device | str = "cpu"
) -> PredictedRows:
    """Outputs and features of `network` for every row of `dataset`, in float32 whatever it was trained in.

    A network is served in float32, so the scores that set its threshold must be.
    """
    training = network.training
    network.to(device).eval()
    parts: dict[str, list[NDArray[np.float64]]] = {}
    statistics: list[NDArray[np.float64]] = []
    for batch in batch_loader(dataset, EpochSampler(len(dataset), _BATCH, seed=None)):
        outputs, features = network.forward_with_features(batch.image.to(device), batch.clinical.to(device))
        for name, output in {**outputs, FEATURES: features}.items():
            parts.setdefault(name, []).append(output.double().cpu().numpy())
        statistics.append(picture_statistics(dataset.films(batch.rows.numpy())))
    network.train(training)
    found = {name: np.concatenate(part) for name, part in parts.items()}
    return PredictedRows(outputs=found, features=found.pop(FEATURES), statistics=np.concatenate(statistics))


def predictions_table(
    frame: pl.DataFrame, tasks: Sequence[TaskConfig], targets: Targets, outputs: Outputs
) -> pl.DataFrame:
    """One row per image, or region of one: identity, split, fold, and per task the target and the answer.

    The logits of an ordinal task stand under the class beyond which they ask: P(class > k - 1 | class >= k
    - 1).
    """
    known = [
        pl.col(c) if c in frame.columns else pl.lit(None, pl.String).alias(c)
        for c in (*IDENTITY_COLUMNS, SPLIT)
    ]
    known += [pl.col(REGION)] if REGION in frame.columns else []
    frame = frame.with_columns(pl.col(IMAGE_ID).alias(CASE_ID))  # each image is a case of its own
    columns = [pl.Series(FOLD, frame[FOLD], dtype=pl.Int64)]
    for task in tasks:
        columns.append(pl.Series(target_column(task.name), targets[task.name]).fill_nan(None))
        columns += [
            pl.Series(name, values) for name, values in _output_columns(task, outputs[task.name]).items()
        ]
    return frame.select(known).with_columns(columns)


def _output_columns(task: TaskConfig, output: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    if task.kind == "binary":
        return {logit_column(task.name): output}
    if task.kind == "regression":
        return {prediction_column(task.name): output}
    labels = class_labels(task)[-(output.shape[1] if output.ndim == 2 else 1) :]
    values = output.reshape(len(output), len(labels))
    return {class_logit_column(task.name, label): values[:, i] for i, label in enumerate(labels)}
