"""What the training rows say about a task's target: where its head starts and how its loss is weighed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strnet.config import TaskConfig
from strnet.errors import ModelError


@dataclass(frozen=True)
class TargetStatistics:
    """Training rows per class (binary: negatives, positives), or mean and SD of a regression target."""

    counts: tuple[int, ...] = ()
    mean: float = 0.0
    sd: float = 1.0

    @property
    def class_weights(self) -> tuple[float, ...]:
        """Weights inverse to class frequency; their mean over the training rows is 1."""
        return tuple(sum(self.counts) / (len(self.counts) * count) for count in self.counts)


def class_labels(task: TaskConfig) -> tuple[str, ...]:
    """Names of the classes of `task`, in order; empty for regression."""
    if task.kind == "binary":
        return ("negative", "positive")
    return task.target.classes or ()


def output_size(task: TaskConfig) -> int:
    """How many numbers the head of `task` gives per film: ordinal C - 1, multiclass C, else 1."""
    if task.kind == "multiclass":
        return len(class_labels(task))
    return max(len(class_labels(task)) - 1, 1)


def target_statistics(task: TaskConfig, values: NDArray[np.floating]) -> TargetStatistics:
    """Statistics of the training targets (N,) of `task`; NaN is unknown.

    Raises: ModelError: a class without training rows, or a regression target without two different
        values; a class index out of range.
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    labels = class_labels(task)
    if not labels:
        if known.size < 2 or known.min() == known.max():
            raise ModelError(
                f"task {task.name}: {known.size} training row(s) know its target and they do not differ. "
                "A regression needs two or more different values; add rows or drop the task."
            )
        return TargetStatistics(mean=float(known.mean()), sd=float(known.std()))
    if not np.isin(known, np.arange(len(labels))).all():
        raise ModelError(
            f"task {task.name}: targets must be class numbers 0 to {len(labels) - 1} or NaN, "
            f"found {sorted(set(known.tolist()))[:5]}."
        )
    counts = np.bincount(known.astype(int), minlength=len(labels))
    empty = [label for label, count in zip(labels, counts, strict=True) if count == 0]
    if empty:
        raise ModelError(
            f"task {task.name}: no training row is {' or '.join(empty)} (of {known.size} known). "
            "Each class needs at least one; add rows, merge classes or drop the task."
        )
    return TargetStatistics(counts=tuple(int(count) for count in counts))
