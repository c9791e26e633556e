"""The few figures that stand at the top of a report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from strnet.report.evaluation import Evaluation
from strnet.report.measures import Measure
from strnet.report.task_results import BinaryEvaluation, RegressionEvaluation
from strnet.report.wording import counted, number, sentence, task_name, unit_text


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure in large type: its name, the value, and its interval or counts."""

    name: str
    value: str
    more: str


def tiles(evaluation: Evaluation) -> tuple[Tile, ...]:
    """AUROC of each binary task, what each operating point does, agreement and accuracy."""
    standards = evaluation.subject.reference_standards
    found: list[Tile] = []
    for task in evaluation.binary():
        found += _of_binary(task, evaluation.subject.split)
    for task_of_classes in evaluation.categorical():
        found.append(_tile(f"{task_name(task_of_classes.task)}, macro AUROC", task_of_classes.macro_auroc))
    for regression in evaluation.regression():
        found += _of_regression(regression, standards)
    return tuple(found)


def _of_binary(task: BinaryEvaluation, split: str) -> Iterator[Tile]:
    yield _tile(f"{task_name(task.task)}, AUROC", task.scorers[0].auroc)
    for point in task.points:
        for decisions in point.on:
            if decisions.split == split:
                yield _tile(f"{task_name(task.task)}, sensitivity, {point.name}", decisions.sensitivity)
                yield _tile(f"{task_name(task.task)}, specificity, {point.name}", decisions.specificity)


def _of_regression(task: RegressionEvaluation, standards: tuple[str, ...]) -> Iterator[Tile]:
    network = task.scorers[0]
    yield _tile(f"{task_name(task.task, standards)}, r", network.r)
    yield _tile(f"{task_name(task.task, standards)}, MAE{unit_text(task.unit)}", network.mae)


def _tile(name: str, measure: Measure) -> Tile:
    interval = f"{number(measure.low)} to {number(measure.high)}" if measure.has_interval else "no interval"
    counts = "" if measure.events is None else f"{measure.events}/{measure.count}"
    cases = counts or ("" if measure.count is None else counted(measure.count, "case"))
    more = " · ".join(part for part in (interval, cases) if part)
    return Tile(sentence(name), number(measure.value), more if measure.value is not None else "no figure")
