"""Several networks on the same rows: each one's figure, every paired difference, and Holm's correction."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Literal

import numpy as np
import polars as pl

from strnet import stats
from strnet.config import TaskConfig
from strnet.errors import StatsError
from strnet.report.classes import class_rows
from strnet.report.measures import Measure, absent, attempt, measured
from strnet.report.settings import INTERVAL
from strnet.report.table import Table
from strnet.report.task_rows import NETWORK, TaskRows, task_rows
from strnet.report.wording import (
    MISSING,
    counted,
    estimate_text,
    figure_words,
    p_text,
    sentence,
    task_name,
    unit_text,
)
from strnet.stats import Comparison

Figure = Literal["auroc", "mae", "macro_auroc"]


@dataclass(frozen=True, slots=True)
class NetworkFigure:
    """A network's figure on the rows that all are judged on."""

    network: str
    figure: Measure


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """The figure of `first` minus that of `second`, and the p-value alone and after Holm's correction.

    Both are None where the test is undefined; it is counted among the comparisons all the same.
    """

    first: str
    second: str
    difference: Measure
    test: str
    p_value: float | None
    p_holm: float | None


@dataclass(frozen=True, slots=True)
class TaskComparison:
    """Several networks on the same rows of one task; `positives` if it is binary, `unit` if it has one."""

    task: str
    figure: Figure
    confidence: float
    rows: int
    patients: int
    positives: int | None
    unit: str | None
    networks: tuple[NetworkFigure, ...]
    pairs: tuple[PairedDifference, ...]


def compare_networks(
    frames: Mapping[str, pl.DataFrame],
    task: TaskConfig,
    *,
    against: str | None = None,
    confidence: float = 0.95,
) -> TaskComparison:
    """Networks by name on the same rows in the same order, each with each, or each with `against` only.

    A binary task by its AUROC (paired DeLong), a regression task by the mean absolute error (paired t-test);
    of several classes the macro AUROC is compared without a test. Patients are the unit where one has two
    rows. Holm's correction is over the comparisons of this task.

    Raises: ManifestError: scores that are missing or not finite.
    """
    names = list(frames)
    pairs = (
        list(combinations(names, 2))
        if against is None
        else [(name, against) for name in names if name != against]
    )
    judge = _judge(frames, task, confidence)
    differences = [judge.difference(first, second) for first, second in pairs]
    return TaskComparison(
        task=task.name,
        figure=judge.figure,
        confidence=confidence,
        rows=judge.size,
        patients=judge.patients,
        positives=judge.positives,
        unit=task.unit,
        networks=tuple(NetworkFigure(name, judge.of(name)) for name in names),
        pairs=_corrected(differences),
    )


def comparison_table(found: TaskComparison) -> Table:
    """One row per comparison, the network's own figure beside the first of them."""
    figure = figure_words(found.figure)
    own = {one.network: one.figure for one in found.networks}
    rows = []
    for network, measure in own.items():
        mine = [pair for pair in found.pairs if pair.first == network]
        lead = (network, estimate_text(measure))
        rows += [(*(lead if n == 0 else ("", "")), *_pair_cells(pair)) for n, pair in enumerate(mine)]
        rows += [] if mine else [(*lead, MISSING, MISSING, MISSING, MISSING)]
    films = counted(found.rows, "row")
    positive = "" if found.positives is None else f", {found.positives:,} positive"
    title = f"{sentence(task_name(found.task))}: {films} of {counted(found.patients, 'patient')}{positive}"
    columns = ("Network", figure + unit_text(found.unit), "Minus that of", "Difference", "p", "p (Holm)")
    return Table(title, columns, tuple(rows), tuple(_notes(found)))


def comparison_rows(found: TaskComparison) -> Iterator[dict[str, str | int | float | None]]:
    """One flat row per comparison, both networks' figures in it, for a table file."""
    own = {one.network: one.figure for one in found.networks}
    for pair in found.pairs:
        row: dict[str, str | int | float | None] = {
            "task": found.task,
            "figure": found.figure,
            "rows": found.rows,
            "patients": found.patients,
            "positives": found.positives,
            "first": pair.first,
            "second": pair.second,
        }
        measures = {"first": own[pair.first], "second": own[pair.second], "difference": pair.difference}
        for name, measure in measures.items():
            row[f"{name}_value"] = measure.value
            row[f"{name}_low"], row[f"{name}_high"] = measure.low, measure.high
        yield row | {"test": pair.test, "p": pair.p_value, "p_holm": pair.p_holm}


def _pair_cells(pair: PairedDifference) -> tuple[str, ...]:
    return pair.second, estimate_text(pair.difference), p_text(pair.p_value), p_text(pair.p_holm)


def _notes(found: TaskComparison) -> Iterator[str]:
    tests = dict.fromkeys(pair.test for pair in found.pairs)
    unit = "patients" if found.patients < found.rows else "rows"
    yield (
        f"{'; '.join(tests)}; {unit} are the unit; intervals are {100 * found.confidence:g}%. Holm's "
        f"correction is over the {counted(len(found.pairs), 'comparison')} of this table."
    )
    measures = (*(pair.difference for pair in found.pairs), *(one.figure for one in found.networks))
    yield from dict.fromkeys(measure.note for measure in measures if measure.note)


def _corrected(pairs: list[PairedDifference]) -> tuple[PairedDifference, ...]:
    """With Holm's correction; a test that is undefined counts as one that shows nothing."""
    if all(pair.p_value is None for pair in pairs):
        return tuple(pairs)
    adjusted = stats.holm([1.0 if pair.p_value is None else pair.p_value for pair in pairs])
    return tuple(
        pair if pair.p_value is None else replace(pair, p_holm=float(p))
        for pair, p in zip(pairs, adjusted, strict=True)
    )


class _Pairs:
    """Binary and regression tasks: one score per row."""

    def __init__(self, rows: Mapping[str, TaskRows], figure: Figure, confidence: float) -> None:
        self.figure = figure
        self._rows, self._confidence = rows, confidence
        self._first = next(iter(rows.values()))
        self.size = self._first.target.size
        self.patients = np.unique(self._first.patients).size
        self.positives = int(self._first.positive.sum()) if figure == "auroc" else None

    def of(self, network: str) -> Measure:
        """The network's figure."""
        rows, score = self._first, self._rows[network].scores[NETWORK]
        asked: dict[str, Any] = {
            "confidence": self._confidence,
            "interval": INTERVAL,
            "clusters": rows.clusters,
        }
        if self.figure == "auroc":
            return attempt(lambda: stats.auroc(rows.positive, score, **asked))
        return attempt(lambda: stats.regression_errors(rows.target, score, **asked)["mae"])

    def difference(self, first: str, second: str) -> PairedDifference:
        """The paired difference and its test."""
        try:
            found = self._compared(*(self._rows[name].scores[NETWORK] for name in (first, second)))
        except StatsError as error:
            return PairedDifference(first, second, absent(str(error)), "no test", None, None)
        p_value = found.test.p_value if math.isfinite(found.test.p_value) else None
        return PairedDifference(first, second, measured(found.difference), found.test.method, p_value, None)

    def _compared(self, one: np.ndarray, two: np.ndarray) -> Comparison:
        rows, confidence = self._first, self._confidence
        if self.figure == "auroc":
            return stats.paired_delong(
                rows.positive, one, two, confidence=confidence, interval=INTERVAL, clusters=rows.clusters
            )
        return stats.paired_absolute_errors(
            rows.target, one, two, confidence=confidence, clusters=rows.clusters
        )


class _Classes:
    """Tasks of several classes: their macro AUROC."""

    figure: Figure = "macro_auroc"
    positives = None

    def __init__(self, frames: Mapping[str, pl.DataFrame], task: TaskConfig, confidence: float) -> None:
        self._rows = {name: class_rows(frame, task) for name, frame in frames.items()}
        self._confidence = confidence
        self._first = next(iter(self._rows.values()))
        self.size = self._first.target.size
        self.patients = np.unique(self._first.patients).size

    def of(self, network: str) -> Measure:
        """The network's figure."""
        asked: dict[str, Any] = {"confidence": self._confidence, "clusters": self._first.clusters}
        return attempt(lambda: stats.multiclass_auroc(self._first.target, self._rows[network].prob, **asked))

    def difference(self, first: str, second: str) -> PairedDifference:
        """The paired difference; there is no test of it."""
        one, two = (self._rows[name].prob for name in (first, second))
        asked: dict[str, Any] = {"confidence": self._confidence, "clusters": self._first.clusters}
        found = attempt(lambda: stats.paired_multiclass_auroc(self._first.target, one, two, **asked))
        return PairedDifference(first, second, found, "no test of a macro AUROC", None, None)


def _judge(frames: Mapping[str, pl.DataFrame], task: TaskConfig, confidence: float) -> _Pairs | _Classes:
    if task.kind == "binary":
        rows = {name: task_rows(frame, task.name, "binary") for name, frame in frames.items()}
        return _Pairs(rows, "auroc", confidence)
    if task.kind == "regression":
        rows = {name: task_rows(frame, task.name, "regression") for name, frame in frames.items()}
        return _Pairs(rows, "mae", confidence)
    return _Classes(frames, task, confidence)
