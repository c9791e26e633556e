"""Table 1 of a study: its patients by group, what is known of them, and whether the groups differ."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from strnet.errors import ManifestError, StatsError, unknown_name
from strnet.grouping import group_labels, read_grouping
from strnet.report.measures import Measure, measured
from strnet.report.patient_rows import patient_column
from strnet.schema import DIAGNOSES, SPLIT, SPLITS
from strnet.stats import (
    Estimate,
    HypothesisTest,
    auroc,
    compare_counts,
    compare_numbers,
    compare_several,
    cramers_v,
    eta_squared,
    hedges_g,
)
from strnet.stats.inputs import Floats

MOST_CATEGORIES: Final = 20
_FEWEST_NUMBERS: Final = 3
"""Different numbers from which on a column is summarised, not counted."""
_ORDERS: Final[Mapping[str, Sequence[str]]] = {"diagnosis": DIAGNOSES, SPLIT: SPLITS}


@dataclass(frozen=True, slots=True)
class TableOneRequest:
    """The column whose groups are compared, those they are compared in, and how numbers are summarised."""

    by: str
    """A column, or with cuts, such as age:50,65."""
    columns: tuple[str, ...]
    """Those named below are shown too."""
    medians: tuple[str, ...] = ()
    """Columns with median and quartiles, compared by ranks, instead of mean and SD."""
    categories: tuple[str, ...] = ()
    """Columns of numbers whose values are counted."""


@dataclass(frozen=True, slots=True)
class NumberSummary:
    """Known values of a group: how many, mean and SD, median and quartiles; None where undefined."""

    known: int
    unknown: int
    mean: float | None
    sd: float | None
    median: float | None
    lower_quartile: float | None
    upper_quartile: float | None


@dataclass(frozen=True, slots=True)
class CategoryCounts:
    """Patients of a group by category, and those of whom it is not known."""

    known: int
    unknown: int
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Compared:
    """A test and an effect size; None where there is none, with the reason in `note`."""

    test: str = ""
    p_value: float | None = None
    statistic: float | None = None
    effect: Measure | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class TableOneRow:
    """One column of the manifest: all patients first, then each group, and how they compare."""

    column: str
    kind: str
    """mean, median or categories."""
    groups: tuple[NumberSummary | CategoryCounts, ...]
    compared: Compared
    differing: int
    """Patients whose images disagree."""


@dataclass(frozen=True, slots=True)
class TableOne:
    """The patients of a study by group."""

    by: str
    groups: Mapping[str, int]
    """Patients of each group; all of them, those without a group included, stand under no name."""
    patients: int
    without_group: int
    in_several: int
    """Patients whose images stand in several groups: they are in none."""
    rows: tuple[TableOneRow, ...]


def table_one(frame: pl.DataFrame, request: TableOneRequest) -> TableOne:
    """Table 1 of the images in `frame`, with patients as the unit.

    Raises: ManifestError: an unknown column, or no patient in any group. GroupingError: `by` cannot be cut.
    """
    shown = tuple(dict.fromkeys((*request.columns, *request.medians, *request.categories)))
    for name in shown:
        if name not in frame.columns:
            raise ManifestError(f"table 1: {unknown_name('column', name, frame.columns)}")
    grouping = read_grouping(request.by, frame.columns, "--by")
    labels = group_labels(frame[grouping.column], grouping).alias("__group__")
    found = patient_column(frame.with_columns(labels), "__group__", numbers=False)
    names = _ordered(found.values, grouping.column)
    if not names:
        raise ManifestError(f"table 1: no patient has one {grouping.column}. Choose another column (--by).")
    if len(names) > MOST_CATEGORIES:
        raise ManifestError(
            f"table 1: {grouping.column} makes {len(names)} groups, expected {MOST_CATEGORIES} or fewer. "
            "Choose another column (--by), or cut its numbers, such as age:50,65."
        )
    groups = {name: (found.values.cast(pl.String) == name).fill_null(value=False) for name in names}
    rows = tuple(_row(frame, name, list(groups.values()), request) for name in shown)
    sizes = {name: int(inside.sum()) for name, inside in groups.items()}
    return TableOne(
        by=request.by,
        groups=sizes,
        patients=found.values.len(),
        without_group=found.values.null_count() - found.differing,
        in_several=found.differing,
        rows=rows,
    )


def _ordered(labels: pl.Series, column: str) -> list[str]:
    """The groups that have a patient, in the order of severity, of the splits, or of their values."""
    present = labels.drop_nulls().unique().sort().cast(pl.String).to_list()
    order = _ORDERS.get(column, ())
    return [*(name for name in order if name in present), *(name for name in present if name not in order)]


def _row(
    frame: pl.DataFrame, name: str, groups: Sequence[pl.Series], request: TableOneRequest
) -> TableOneRow:
    few = frame[name].drop_nulls().n_unique() < _FEWEST_NUMBERS
    counted = name in request.categories or not frame[name].dtype.is_numeric() or few
    if name in request.medians and counted:
        raise ManifestError(f"table 1: column {name} is counted, and has no median. Leave it out there.")
    found = patient_column(frame, name, numbers=not counted)
    values = found.values
    parts = [values, *(values.filter(inside) for inside in groups)]
    if counted:
        categories = _categories(values, name)
        counts = tuple(_counts(part, categories) for part in parts)
        table = np.array([list(group.counts.values()) for group in counts[1:]])
        return TableOneRow(name, "categories", counts, _compared_counts(table), found.differing)
    kind = "median" if name in request.medians else "mean"
    summaries = tuple(_summary(part) for part in parts)
    known = [part.drop_nulls().cast(pl.Float64).to_numpy() for part in parts[1:]]
    return TableOneRow(name, kind, summaries, _compared_numbers(known, kind), found.differing)


def _categories(values: pl.Series, name: str) -> list[str]:
    found = values.drop_nulls().unique().sort()
    if found.len() > MOST_CATEGORIES:
        raise ManifestError(
            f"table 1: column {name} holds {found.len()} different words, expected {MOST_CATEGORIES} or "
            "fewer. Leave it out (--column)."
        )
    words = [_word(value) for value in found]
    order = _ORDERS.get(name, ())
    return sorted(words, key=lambda word: order.index(word) if word in order else len(order))


def _word(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _counts(values: pl.Series, categories: Sequence[str]) -> CategoryCounts:
    words = [_word(value) for value in values.drop_nulls()]
    return CategoryCounts(len(words), values.null_count(), {name: words.count(name) for name in categories})


def _summary(values: pl.Series) -> NumberSummary:
    known = values.drop_nulls().cast(pl.Float64)
    quartiles = [known.quantile(share, "linear") for share in (0.25, 0.5, 0.75)]
    return NumberSummary(
        known.len(), values.null_count(), _number(known.mean()), _number(known.std()),
        quartiles[1], quartiles[0], quartiles[2],
    )  # fmt: skip


def _number(value: Any) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _compared_numbers(groups: Sequence[Floats], kind: str) -> Compared:
    if len(groups) < 2:
        return Compared(note="one group only")
    two, ranks = len(groups) == 2, kind == "median"
    if two:
        method = "mann_whitney" if ranks else "welch"
        effect = (lambda: _superiority(groups)) if ranks else (lambda: hedges_g(*groups))
        return _compared(lambda: compare_numbers(*groups, method=method), effect)
    method = "kruskal_wallis" if ranks else "welch"
    return _compared(
        lambda: compare_several(groups, method=method), None if ranks else lambda: eta_squared(groups)
    )


def _compared_counts(table: Any) -> Compared:
    if len(table) < 2:
        return Compared(note="one group only")
    return _compared(lambda: compare_counts(table), lambda: cramers_v(table))


def _superiority(groups: Sequence[Floats]) -> Estimate:
    """P(a patient of the first group has a higher value than one of the second), ties one half."""
    first, second = groups
    target = np.repeat([1, 0], [first.size, second.size])
    return auroc(target, np.concatenate(groups), interval="newcombe")


def _compared(test: Callable[[], HypothesisTest], effect: Callable[[], Estimate] | None) -> Compared:
    try:
        found = test()
        size = None if effect is None else measured(effect())
    except StatsError as error:  # a group without known values, a category that everybody has
        return Compared(note=str(error).partition(": ")[2])
    return Compared(found.method, _number(found.p_value), _number(found.statistic), size, found.note)
