"""Groups of rows by one column: its values as they are, or bins of a number, written `age:50,65,80`."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise

import polars as pl

from strnet.errors import GroupingError, unknown_name
from strnet.schema import GROUP_CUTS

MOST_VALUES = 20
"""Different numbers that may stand for themselves; more of them need cuts."""
_EACH = "each"


@dataclass(frozen=True, slots=True)
class Grouping:
    """A column, and where its numbers are cut: a bin runs from one cut to just below the next.

    Without `cuts` they are those of `schema.GROUP_CUTS`, if it has any for the column, unless `each` number
    is a group of its own.
    """

    column: str
    cuts: tuple[float, ...] = ()
    each: bool = False
    option: str = "--group"
    """What a person wrote it behind; error messages say it."""


def read_grouping(text: str, columns: Collection[str], option: str = "--group") -> Grouping:
    """The grouping that `text` asks for: `COLUMN`, `COLUMN:CUT,CUT,...` or `COLUMN:each`, of `columns`.

    Raises: GroupingError: no such column, with the nearest one, or cuts that are not rising numbers.
    """
    if text in columns:
        return Grouping(text, option=option)
    column, colon, cuts = text.rpartition(":")
    if not colon or column not in columns:
        raise GroupingError(f"{option} {text}: {unknown_name('column', column or text, columns)}")
    if cuts == _EACH:
        return Grouping(column, each=True, option=option)
    return Grouping(column, _cuts(text, cuts, option), option=option)


def column_of(text: str, columns: Collection[str]) -> str:
    """The column that a grouping names, whether or not it is among `columns`."""
    return text if text in columns else text.rpartition(":")[0] or text


def group_labels(values: pl.Series, grouping: Grouping) -> pl.Series:
    """The group of each row (n,) as an Enum whose order is that of the groups; null where it is unknown.

    Raises: GroupingError: too many different numbers without cuts, or cuts of a column that holds no numbers.
    """
    if not values.dtype.is_numeric():
        if grouping.cuts and values.dtype != pl.Null and values.null_count() < values.len():
            raise GroupingError(
                f"{grouping.option}: column '{grouping.column}' holds {values.dtype}, no numbers to cut. "
                f"Ask for {grouping.option} {grouping.column}."
            )
        return _ordered(values.cast(pl.String))
    numbers = values.cast(pl.Float64).fill_nan(None)
    cuts = grouping.cuts or (() if grouping.each else GROUP_CUTS.get(grouping.column, ()))
    return _binned(numbers, cuts) if cuts else _by_number(numbers, grouping)


def _cuts(text: str, written: str, option: str) -> tuple[float, ...]:
    try:
        cuts = tuple(float(cut) for cut in written.split(","))
    except ValueError:
        cuts = ()
    rising = all(low < high for low, high in pairwise(cuts))
    if not cuts or not rising or not all(map(math.isfinite, cuts)):
        raise GroupingError(
            f"{option} {text}: found '{written}', expected rising numbers where a new group begins, such as "
            f"age:50,65,80, or COLUMN:{_EACH} for a group per number."
        )
    return cuts


def _binned(numbers: pl.Series, cuts: tuple[float, ...]) -> pl.Series:
    words = [_number(cut) for cut in cuts]
    between = [f"{low} to <{high}" for low, high in pairwise(words)]
    names = [f"<{words[0]}", *between, f">={words[-1]}"]
    bins = numbers.to_frame("number").select(
        pl.when(pl.col("number").is_not_null()).then(
            pl.sum_horizontal([(pl.col("number") >= cut).cast(pl.UInt32) for cut in cuts])
        )
    )
    places = bins.to_series()
    return places.replace_strict(range(len(names)), names, return_dtype=pl.String).cast(pl.Enum(names))


def _by_number(numbers: pl.Series, grouping: Grouping) -> pl.Series:
    found = numbers.drop_nulls().unique().sort()
    if found.len() > MOST_VALUES and not grouping.each:
        quartiles = sorted({f"{found.quantile(share):g}" for share in (0.25, 0.5, 0.75)}, key=float)
        column, option = grouping.column, grouping.option
        raise GroupingError(
            f"{option} {column}: it holds {found.len()} different numbers. Say where to cut them, such as "
            f"{option} {column}:{','.join(quartiles)}, or {option} {column}:{_EACH} for a group per number."
        )
    names = [_number(value) for value in found]
    return numbers.replace_strict(found.to_list(), names, return_dtype=pl.String).cast(pl.Enum(names))


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)


def _ordered(text: pl.Series) -> pl.Series:
    return text.cast(pl.Enum(text.drop_nulls().unique().sort()))
