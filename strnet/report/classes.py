"""Several classes, evaluated: a multiclass or ordinal task, and the three diagnoses of two binary tasks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
import polars as pl

from strnet import schema, stats
from strnet.config import TaskConfig
from strnet.errors import ManifestError, unknown_name
from strnet.report.class_baselines import ScoredClasses, class_baseline, scored_classes
from strnet.report.decisions import share_of
from strnet.report.measures import Measure, absent, attempt
from strnet.report.settings import INTERVAL, EvaluationSettings
from strnet.report.subgroups import subgroups
from strnet.report.task_results import CategoricalEvaluation, CategoricalGroup, ClassResult
from strnet.report.task_rows import Bools, Floats, Ints, clusters_of, numbers, patient_codes, require_finite
from strnet.stats import Estimate
from strnet.stats.answers import class_probabilities
from strnet.stats.coherence import most_probable
from strnet.tables import require_columns


@dataclass(frozen=True, slots=True)
class ClassRows:
    """Rows whose class is known: codes `target`, `predicted` (n,), `prob` (n, classes), `patients` (n,)."""

    task: str
    kind: Literal["multiclass", "ordinal"]
    labels: tuple[str, ...]
    target: Ints
    prob: Floats
    predicted: Ints
    patients: Ints
    unknown: int
    frame: pl.DataFrame
    baselines: tuple[ScoredClasses, ...] = ()

    def only(self, keep: Bools) -> ClassRows:
        """The rows that `keep` (n,) names, without baselines."""
        return replace(
            self,
            target=self.target[keep],
            prob=self.prob[keep],
            predicted=self.predicted[keep],
            patients=self.patients[keep],
            frame=self.frame.filter(keep),
            baselines=(),
        )

    @property
    def clusters(self) -> Ints | None:
        """Patients where any has two films, otherwise None."""
        return clusters_of(self.patients)


def evaluate_classes(rows: ClassRows, settings: EvaluationSettings) -> CategoricalEvaluation:
    """Confusion matrix, figures of each class and over all of them."""
    matrix = _matrix(rows)
    return CategoricalEvaluation(
        task=rows.task,
        kind=rows.kind,
        rows=rows.target.size,
        unknown=rows.unknown,
        patients=np.unique(rows.patients).size,
        labels=rows.labels,
        confusion=tuple(tuple(int(count) for count in row) for row in matrix),
        classes=tuple(_class(rows, code, settings) for code in range(len(rows.labels))),
        accuracy=_accuracy(rows, settings),
        macro_auroc=_over_all(rows, "ovr", settings),
        hand_till=_over_all(rows, "hand_till", settings),
        weighted_kappa=attempt(partial(_kappa, rows, settings)),
        baselines=tuple(class_baseline(baseline, settings) for baseline in rows.baselines),
        groups=tuple(
            _group(column, value, rows.only(keep), settings)
            for column, value, keep in subgroups(rows.frame, settings.groups)
        ),
    )


def _group(column: str, value: str, rows: ClassRows, settings: EvaluationSettings) -> CategoricalGroup:
    return CategoricalGroup(
        column=column,
        value=value,
        rows=rows.target.size,
        accuracy=_accuracy(rows, settings),
        macro_auroc=_over_all(rows, "ovr", settings),
    )


def _accuracy(rows: ClassRows, settings: EvaluationSettings) -> Measure:
    everyone = np.ones(rows.target.size, bool)
    return share_of(rows.predicted == rows.target, everyone, rows.patients, settings)


def class_rows(frame: pl.DataFrame, task: TaskConfig) -> ClassRows:
    """The rows of a multiclass or ordinal task; targets are class names, or their places from 0.

    Raises: ManifestError: a missing column, an unknown class, or logits that are not finite.
    """
    labels = task.target.classes or ()
    target = _codes(frame, schema.target_column(task.name), labels)
    known = ~np.isnan(target)
    rows = frame.filter(known)
    # an ordinal task has a logit per question "beyond the class before?", so none for the first class
    asked = labels if task.kind == "multiclass" else labels[1:]
    columns = [schema.class_logit_column(task.name, label) for label in asked]
    require_columns(frame, columns, "predictions")
    logits = np.column_stack([numbers(rows, column) for column in columns])
    for index, column in enumerate(columns):
        require_finite(rows, logits[:, index], column)
    prob = class_probabilities(logits, ordinal=task.kind == "ordinal")
    codes = target[known].astype(np.int64)
    return ClassRows(
        task=task.name,
        kind="ordinal" if task.kind == "ordinal" else "multiclass",
        labels=labels,
        target=codes,
        prob=prob,
        predicted=most_probable(prob),
        patients=patient_codes(rows),
        unknown=int(np.count_nonzero(~known)),
        frame=rows,
        baselines=tuple(scored_classes(rows, task.name, labels, codes, prob)),
    )


def _codes(frame: pl.DataFrame, column: str, labels: tuple[str, ...]) -> Floats:
    require_columns(frame, (column,), "predictions")
    if frame[column].dtype == pl.String:
        unknown = sorted(set(frame[column].drop_nulls().to_list()) - set(labels))
        if unknown:
            raise ManifestError(
                f"predictions: column '{column}': {unknown_name('class', unknown[0], labels)}"
            )
        places = frame[column].replace_strict(labels, range(len(labels)), return_dtype=pl.Float64)
        return places.fill_null(np.nan).to_numpy().copy()
    codes = numbers(frame, column)
    wrong = ~np.isnan(codes) & ~np.isin(codes, np.arange(len(labels)))
    if wrong.any():
        raise ManifestError(
            f"predictions: column '{column}' has {int(wrong.sum())} values that are no place among "
            f"{len(labels)} classes (first: {codes[wrong][0]:g}). Write class names, or their places from 0."
        )
    return codes


def _class(rows: ClassRows, code: int, settings: EvaluationSettings) -> ClassResult:
    inside, called = rows.target == code, rows.predicted == code
    return ClassResult(
        label=rows.labels[code],
        rows=int(inside.sum()),
        recall=share_of(called, inside, rows.patients, settings),
        precision=share_of(inside, called, rows.patients, settings),
        auroc=attempt(
            lambda: stats.auroc(
                inside,
                rows.prob[:, code],
                confidence=settings.confidence,
                interval=INTERVAL,
                clusters=rows.clusters,
            )
        ),
    )


def _matrix(rows: ClassRows) -> Ints:
    """Counts (classes, classes) of target and predicted class; zeros where there are no rows."""
    size = len(rows.labels)
    return np.bincount(rows.target * size + rows.predicted, minlength=size * size).reshape(size, size)


def _kappa(rows: ClassRows, settings: EvaluationSettings) -> Estimate:
    return stats.kappa_of_rows(
        rows.target,
        rows.predicted,
        len(rows.labels),
        confidence=settings.confidence,
        clusters=rows.clusters,
    )


def _over_all(rows: ClassRows, average: str, settings: EvaluationSettings) -> Measure:
    if not rows.target.size:
        return absent("no rows with a known class")
    return attempt(
        lambda: stats.multiclass_auroc(
            rows.target,
            rows.prob,
            average=average,
            confidence=settings.confidence,
            interval=INTERVAL,
            clusters=rows.clusters,
        )
    )
