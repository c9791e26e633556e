"""Tables of the figures of each group: sites, scanners, sexes, ages, folds, and what else was asked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from strnet.report.table import MeasureRow, Table, measure_table
from strnet.report.task_results import (
    BinaryEvaluation,
    BinaryGroup,
    CategoricalEvaluation,
    CategoricalGroup,
    RegressionEvaluation,
    RegressionGroup,
    TaskEvaluation,
)
from strnet.report.wording import counted_text, group_name, sentence, task_name, unit_text

_NOTES: Final = (
    "Groups differ by chance as well: among many of them some interval lies apart from the others, and "
    "nothing here is corrected for their number.",
)


def group_tables(
    task: TaskEvaluation, standards: tuple[str, ...], columns: Collection[str] | None = None
) -> list[Table]:
    """The figures of each group of some columns, or of all: a table, and for decisions one more.

    `standards` are what the labels were measured with; they stand in the name of a T-score.
    """
    chosen = [group for group in task.groups if columns is None or group.column in columns]
    if not chosen:
        return []
    if isinstance(task, BinaryEvaluation):
        groups = [group for group in chosen if isinstance(group, BinaryGroup)]
        return [_areas(task, groups), *([_decisions(task, groups)] if task.points else [])]
    if isinstance(task, RegressionEvaluation):
        groups_of_values = [group for group in chosen if isinstance(group, RegressionGroup)]
        return [_agreements(task, groups_of_values, standards)]
    return [_accuracies(task, [group for group in chosen if isinstance(group, CategoricalGroup)])]


def _areas(task: BinaryEvaluation, groups: Sequence[BinaryGroup]) -> Table:
    rows = [
        MeasureRow((_group_name(group), str(group.rows), str(group.positives)), (group.auroc,))
        for group in groups
    ]
    return measure_table(_title(task, "by group"), ("Group", "Cases", "Positive", "AUROC"), rows, _NOTES)


def _decisions(task: BinaryEvaluation, groups: Sequence[BinaryGroup]) -> Table:
    rows = [
        (
            _group_name(group),
            name,
            counted_text(decisions.sensitivity),
            counted_text(decisions.specificity),
        )
        for group in groups
        for name, decisions in group.points
    ]
    columns = ("Group", "Operating point", "Sensitivity", "Specificity")
    return Table(_title(task, "operating points by group"), columns, tuple(rows), _NOTES)


def _agreements(
    task: RegressionEvaluation, groups: Sequence[RegressionGroup], standards: tuple[str, ...]
) -> Table:
    rows = [
        MeasureRow((_group_name(group), str(group.rows)), (group.r, group.mae, group.bias))
        for group in groups
    ]
    title = f"{sentence(task_name(task.task, standards))}: by group{unit_text(task.unit)}"
    return measure_table(title, ("Group", "Cases", "r", "MAE", "Bias"), rows, _NOTES)


def _accuracies(task: CategoricalEvaluation, groups: Sequence[CategoricalGroup]) -> Table:
    rows = [
        MeasureRow((_group_name(group), str(group.rows)), (group.accuracy, group.macro_auroc))
        for group in groups
    ]
    return measure_table(
        _title(task, "by group"), ("Group", "Cases", "Accuracy", "Macro AUROC"), rows, _NOTES
    )


def _title(task: TaskEvaluation, what: str) -> str:
    return f"{sentence(task_name(task.task))}: {what}"


def _group_name(group: BinaryGroup | RegressionGroup | CategoricalGroup) -> str:
    return group_name(group.column, group.value)
