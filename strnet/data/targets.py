"""Targets of the recipe's tasks, taken from a table; NaN where unknown, or where a task is not defined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from strnet.config import Given, TaskConfig
from strnet.errors import ConfigError, ManifestError, TrainingError, unknown_name
from strnet.schema import DIAGNOSES, SEXES

Targets = Mapping[str, NDArray[np.float64]]
"""By task name: 0 or 1 (binary), class index (multiclass, ordinal), value (regression); NaN is unknown."""

_VOCABULARIES = {"diagnosis": DIAGNOSES, "sex": SEXES}


def targets_of(frame: pl.DataFrame, tasks: Iterable[TaskConfig]) -> dict[str, NDArray[np.float64]]:
    """The target of each task for each row of `frame`, (rows,) float64.

    Raises: ConfigError: a column or value that the table does not know, with the nearest one.
    ManifestError: a value that is no number where the task needs one.
    """
    return {task.name: _target(frame, task) for task in tasks}


def class_counts(task: TaskConfig, target: NDArray[np.float64]) -> NDArray[np.int64]:
    """Known rows of each class, (classes,); negatives and positives for a binary task."""
    classes = 2 if task.kind == "binary" else len(task.target.classes or ())
    return np.bincount(target[~np.isnan(target)].astype(np.int64), minlength=classes)


def check_targets(tasks: Sequence[TaskConfig], training: Targets, validation: Targets) -> None:
    """Raise unless every task can be learned from the training rows and judged on the validation rows.

    Raises: TrainingError: each task that cannot, with the rows it has and the rows it needs.
    """
    problems = []
    for task in tasks:
        for split, targets in (("train", training), ("validation", validation)):
            problem = _problem(task, split, targets[task.name])
            if problem:
                problems.append(f"task {task.name}, {split} rows: {problem}")
    if problems:
        raise TrainingError(
            "These rows cannot train and judge the tasks.\n  "
            + "\n  ".join(problems)
            + "\nLabel more rows, make "
            "the split again with other ratios or stratified by this column, or leave the task out."
        )


def _problem(task: TaskConfig, split: str, target: NDArray[np.float64]) -> str | None:
    known = int((~np.isnan(target)).sum())
    if task.kind == "regression":
        different = np.unique(target[~np.isnan(target)]).size
        # The SD of the training values is the unit in which the error is measured.
        values, sort = (different, "different") if split == "train" else (known, "known")
        return None if values >= 2 else f"{values} {sort} values, needed at least 2"
    counts = class_counts(task, target)
    names = ("negative", "positive") if task.kind == "binary" else (task.target.classes or ())
    empty = [name for name, count in zip(names, counts, strict=True) if count == 0]
    # A validation set may lack a class of many; of two it needs both, or no curve is defined.
    if not empty or (split == "validation" and task.kind != "binary" and known):
        return None
    found = ", ".join(f"{count} {name}" for name, count in zip(names, counts, strict=True))
    unknown = target.size - known
    return f"found {found}; needed at least 1 of each ({target.size} rows, {unknown} without a label)"


def _target(frame: pl.DataFrame, task: TaskConfig) -> NDArray[np.float64]:
    where = f"task {task.name}"
    _require(frame, task.target.column, f"{where}: target.column")
    column = frame[task.target.column]
    defined = _defined(frame, task.given, where)
    if task.target.positive is not None:
        values = _is_one_of(column, task.target.positive, f"{where}: target.positive").cast(pl.Float64)
    elif task.target.classes is not None:
        values = _class_index(column, task.target.classes, defined, f"{where}: target.classes")
    else:
        values = _numeric(column, where)
    target = values.to_numpy().astype(np.float64)
    if task.target.at_most is not None:
        target = _below_cut(target, target <= task.target.at_most)
    if task.target.below is not None:
        target = _below_cut(target, target < task.target.below)
    return np.where(defined, target, np.nan)


def _below_cut(values: NDArray[np.float64], below: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.where(np.isnan(values), np.nan, below)


def _defined(frame: pl.DataFrame, given: Given | None, where: str) -> NDArray[np.bool_]:
    """Rows where the task is defined; where the condition itself is unknown it is not."""
    if given is None:
        return np.ones(frame.height, dtype=bool)
    _require(frame, given.column, f"{where}: given.column")
    return _is_one_of(frame[given.column], given.values, f"{where}: given.values").fill_null(False).to_numpy()


def _require(frame: pl.DataFrame, column: str, where: str) -> None:
    if column not in frame.columns:
        raise ConfigError(f"{where}: {unknown_name('column', column, frame.columns)}")


def _is_one_of(column: pl.Series, values: Sequence[str], where: str) -> pl.Series:
    """Whether each cell is one of `values`; null stays null. Among numbers 1, 1.0 and '1' are one."""
    text = _cells(column)
    valid = _VOCABULARIES.get(column.name) or text.drop_nulls().unique().sort().to_list()
    wanted = [_cell(value, column) for value in values]
    for value, cell in zip(values, wanted, strict=True):
        if cell not in valid:
            raise ConfigError(f"{where}: {unknown_name(f'value of {column.name}', value, valid)}")
    return text.is_in(wanted)


def _class_index(
    column: pl.Series, classes: Sequence[str], defined: NDArray[np.bool_], where: str
) -> pl.Series:
    text = _cells(column)
    wanted = [_cell(name, column) for name in classes]
    if len(set(wanted)) < len(wanted):
        raise ConfigError(f"{where}: {', '.join(classes)} name one number twice. Classes must differ.")
    _is_one_of(column, classes, where)
    strange = text.filter(pl.Series(defined) & text.is_not_null() & ~text.is_in(wanted))
    if len(strange):
        raise ConfigError(
            f"{where}: {len(strange)} rows hold '{strange[0]}', which is none of {', '.join(classes)}. "
            "Add the class, or say with `given` in which rows the task is defined."
        )
    places = {name: float(i) for i, name in enumerate(wanted)}
    return text.replace_strict(places, default=None, return_dtype=pl.Float64)


def _cells(column: pl.Series) -> pl.Series:
    """The cells as text; a whole number without decimals."""
    if not column.dtype.is_float():
        return column.cast(pl.String)
    return pl.Series(column.name, [None if x is None else _number_text(x) for x in column], dtype=pl.String)


def _cell(value: str, column: pl.Series) -> str:
    """How a cell of `column` that means `value` is written by `_cells`."""
    if not column.dtype.is_numeric():
        return value
    try:
        return _number_text(float(value))
    except ValueError:
        return value


def _number_text(number: float) -> str:
    return str(int(number)) if number.is_integer() else repr(number)


def _numeric(column: pl.Series, where: str) -> pl.Series:
    numbers = column.cast(pl.Float64, strict=False)
    strange = column.filter(numbers.is_null() & column.is_not_null())
    if len(strange):
        raise ManifestError(
            f"{where}: column '{column.name}' holds '{strange[0]}' and {len(strange) - 1} more that are no "
            "number. Correct the cells, or leave them blank: blank means unknown."
        )
    return numbers
