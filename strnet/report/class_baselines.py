"""Baselines of a task with several classes: their macro AUROC beside the network's, on the same rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from strnet import stats
from strnet.report.evaluation import ClassBaseline
from strnet.report.measures import AgainstNetwork, Measure, attempt, measured
from strnet.report.settings import EvaluationSettings
from strnet.report.task_rows import Floats, Ints, clusters_of, numbers
from strnet.schema import PATIENT_ID, baseline_column
from strnet.stats.bootstrap import bootstrap_counts, own_clusters, strata_by_class
from strnet.stats.counting import SortedPatients, auroc_of_counts


@dataclass(frozen=True, slots=True)
class ScoredClasses:
    """A baseline's and the network's scores of the same rows: `target` (n,), both (n, classes)."""

    baseline: str
    target: Ints
    network: Floats
    score: Floats
    clusters: npt.NDArray[Any] | None


def scored_classes(
    frame: pl.DataFrame, task: str, labels: tuple[str, ...], target: Ints, network: Floats
) -> Iterator[ScoredClasses]:
    """The rows of `frame` on which each baseline says something; `target` and `network` are of all rows.

    A baseline without a column for every class is none of this task.
    """
    patients = frame[PATIENT_ID].cast(pl.String).to_numpy()
    for name in _names(frame, task, labels):
        columns = [f"{baseline_column(name, task)}.{label}" for label in labels]
        score = np.column_stack([numbers(frame, column) for column in columns])
        known = np.isfinite(score).all(axis=1)
        if known.any():
            clusters = clusters_of(patients[known])
            yield ScoredClasses(name, target[known], network[known], score[known], clusters)


def class_baseline(rows: ScoredClasses, task: str, settings: EvaluationSettings) -> ClassBaseline:
    """The baseline's macro AUROC, and the network's minus it."""
    area = attempt(
        lambda: stats.multiclass_auroc(
            rows.target, rows.score, rng=settings.rng(task, rows.baseline, "ovr"), clusters=rows.clusters,
            confidence=settings.confidence, resampling=settings.resampling,
        )
    )  # fmt: skip
    against = area if area.value is None else _difference(rows, task, settings)
    return ClassBaseline(rows.baseline, rows.target.size, area, AgainstNetwork("macro_auroc", against))


def _difference(rows: ScoredClasses, task: str, settings: EvaluationSettings) -> Measure:
    """Mean over classes of the difference of the AUROCs against the rest, over resampled patients."""
    patients = own_clusters(rows.target.size, rows.clusters)
    classes = rows.score.shape[1]
    pairs = [
        tuple(
            SortedPatients(rows.target == code, score[:, code], patients)
            for score in (rows.network, rows.score)
        )
        for code in range(classes)
    ]

    def gain(counts: Ints) -> float:
        return float(np.mean([auroc_of_counts(a, counts) - auroc_of_counts(b, counts) for a, b in pairs]))

    draws = bootstrap_counts(
        gain, patients.count, strata_by_class(rows.target, patients, classes),
        rng=settings.rng(task, rows.baseline, "difference"), resampling=settings.resampling,
    )  # fmt: skip
    return measured(
        draws.estimate(
            gain(np.ones(patients.count, dtype=np.int64)), confidence=settings.confidence,
            count=rows.target.size, clusters=None if rows.clusters is None else patients.count,
        )
    )  # fmt: skip


def _names(frame: pl.DataFrame, task: str, labels: tuple[str, ...]) -> list[str]:
    """Baselines with a column `baseline.<name>.<task>.<class>` for every class."""
    parts = (column.split(".") for column in frame.columns)
    named = dict.fromkeys(p[1] for p in parts if len(p) == 4 and p[0] == "baseline" and p[2] == task)
    return [
        name
        for name in named
        if all(f"{baseline_column(name, task)}.{label}" in frame.columns for label in labels)
    ]
