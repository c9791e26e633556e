"""Baselines of a task with several classes: their macro AUROC beside the network's, on the same rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from strnet import stats
from strnet.report.measures import AgainstNetwork, attempt, measured
from strnet.report.settings import INTERVAL, EvaluationSettings
from strnet.report.task_results import ClassBaseline
from strnet.report.task_rows import Floats, Ints, clusters_of, numbers, patient_codes
from strnet.schema import baseline_column
from strnet.stats import Estimate


@dataclass(frozen=True, slots=True)
class ScoredClasses:
    """A baseline's and the network's scores of the same rows: `target` (n,), both (n, classes)."""

    baseline: str
    target: Ints
    network: Floats
    score: Floats
    clusters: Ints | None


def scored_classes(
    frame: pl.DataFrame, task: str, labels: tuple[str, ...], target: Ints, network: Floats
) -> Iterator[ScoredClasses]:
    """The rows of `frame` on which each baseline says something; `target` and `network` are of all rows.

    A baseline without a column for every class is none of this task.
    """
    patients = patient_codes(frame)
    for name in _names(frame, task, labels):
        columns = [f"{baseline_column(name, task)}.{label}" for label in labels]
        score = np.column_stack([numbers(frame, column) for column in columns])
        known = np.isfinite(score).all(axis=1)
        if known.any():
            clusters = clusters_of(patients[known])
            yield ScoredClasses(name, target[known], network[known], score[known], clusters)


def class_baseline(rows: ScoredClasses, settings: EvaluationSettings) -> ClassBaseline:
    """The baseline's macro AUROC, and the network's minus it."""
    area = attempt(
        lambda: stats.multiclass_auroc(
            rows.target,
            rows.score,
            confidence=settings.confidence,
            interval=INTERVAL,
            clusters=rows.clusters,
        )
    )
    against = area if area.value is None else measured(_difference(rows, settings))
    return ClassBaseline(rows.baseline, rows.target.size, area, AgainstNetwork("macro_auroc", against))


def _difference(rows: ScoredClasses, settings: EvaluationSettings) -> Estimate:
    return stats.paired_multiclass_auroc(
        rows.target, rows.network, rows.score, confidence=settings.confidence, clusters=rows.clusters
    )


def _names(frame: pl.DataFrame, task: str, labels: tuple[str, ...]) -> list[str]:
    """Baselines with a column `baseline.<name>.<task>.<class>` for every class."""
    parts = (column.split(".") for column in frame.columns)
    named = dict.fromkeys(p[1] for p in parts if len(p) == 4 and p[0] == "baseline" and p[2] == task)
    return [
        name
        for name in named
        if all(f"{baseline_column(name, task)}.{label}" in frame.columns for label in labels)
    ]
