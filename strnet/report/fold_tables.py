"""Figures of each fold: mean and SD over folds beside the figure of all rows with its interval."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from strnet.report.fold_spread import FoldSpread, spread_of
from strnet.report.measures import Measure
from strnet.report.table import Table
from strnet.report.task_results import (
    BinaryEvaluation,
    BinaryGroup,
    CategoricalEvaluation,
    CategoricalGroup,
    RegressionEvaluation,
    RegressionGroup,
    TaskEvaluation,
)
from strnet.report.wording import counted_text, figure_words, number, sentence, task_name, unit_text
from strnet.schema import FOLD

_NOTES: Final = (
    "The SD is between folds and is no standard error: their networks share training rows. The interval is "
    "that of all rows together.",
    "All rows together are scored by a network per fold; where their scores are not on one scale, the pooled "
    "area lies below the mean of the folds.",
)


def fold_spreads(tasks: Iterable[TaskEvaluation]) -> Iterator[FoldSpread]:
    """Every figure of every task that is reported by fold; none where the rows are not of several folds."""
    for task in tasks:
        if isinstance(task, BinaryEvaluation):
            yield from _binary(task, [g for g in task.groups if g.column == FOLD])
        elif isinstance(task, RegressionEvaluation):
            yield from _regression(task, [g for g in task.groups if g.column == FOLD])
        else:
            yield from _classes(task, [g for g in task.groups if g.column == FOLD])


def fold_table(
    task: TaskEvaluation, spreads: Sequence[FoldSpread], reference_standards: tuple[str, ...] = ()
) -> list[Table]:
    """The table of a task by fold; nothing where it has no such figures."""
    own = [spread for spread in spreads if spread.task == task.task]
    if not own:
        return []
    folds = [group.value for group in task.groups if group.column == FOLD]
    columns = ("Figure", *(f"Fold {name}" for name in folds), "Mean", "SD", "All rows together")
    rows = [
        (
            spread.figure if spread.figure == "r" else sentence(figure_words(spread.figure)),
            *(number(value) for value in spread.of_folds),
            number(spread.mean),
            number(spread.sd),
            counted_text(spread.pooled),
        )
        for spread in own
    ]
    unit = unit_text(task.unit) if isinstance(task, RegressionEvaluation) else ""
    title = f"{sentence(task_name(task.task, reference_standards))}: by fold{unit}"
    return [Table(title, columns, tuple(rows), _NOTES if _ranks(task) else _NOTES[:1])]


def _ranks(task: TaskEvaluation) -> bool:
    return not isinstance(task, RegressionEvaluation)


def _binary(task: BinaryEvaluation, folds: Sequence[BinaryGroup]) -> Iterator[FoldSpread]:
    if not folds:
        return
    yield spread_of(task.task, "auroc", tuple(fold.auroc for fold in folds), task.scorers[0].auroc)
    reported = {point.name: point.on[-1] for point in task.points if point.on}
    for name, pooled in reported.items():
        of_folds = [dict(fold.points)[name] for fold in folds]
        for rate in ("sensitivity", "specificity"):
            measures: tuple[Measure, ...] = tuple(getattr(decisions, rate) for decisions in of_folds)
            yield spread_of(task.task, f"{name}.{rate}", measures, getattr(pooled, rate))


def _regression(task: RegressionEvaluation, folds: Sequence[RegressionGroup]) -> Iterator[FoldSpread]:
    for figure in ("r", "mae", "bias") if folds else ():
        measures = tuple(getattr(fold, figure) for fold in folds)
        yield spread_of(task.task, figure, measures, getattr(task.scorers[0], figure))


def _classes(task: CategoricalEvaluation, folds: Sequence[CategoricalGroup]) -> Iterator[FoldSpread]:
    for figure in ("accuracy", "macro_auroc") if folds else ():
        measures = tuple(getattr(fold, figure) for fold in folds)
        yield spread_of(task.task, figure, measures, getattr(task, figure))
