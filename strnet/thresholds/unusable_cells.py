"""Cells of a scores table that no threshold can use: which they are, and what they seem to be."""

from __future__ import annotations

import re
from typing import Final, NoReturn

import polars as pl

from strnet.errors import ThresholdError
from strnet.row_filter import ROW
from strnet.tables.notes import note

SHOWN: Final = 5
EXACT: Final = 2**53
"""Whole numbers up to here are told apart as floating point numbers."""

_READINGS: Final = (
    (r"[+-]?[\d.,]+\s*%", "These are percentages: write 68.5% as 0.685"),
    (r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?", "Commas stand between thousands: write 1234.5, not 1,234.5"),
    (r"[+-]?\d*,\d+", "Commas stand for the decimal point: write 0.25, or semicolons between the cells"),
    (r"(?i)true|false|t|f|yes|no|positive|negative", "These are decisions: name the column of the scores"),
    (r"\d{4}-\d\d-\d\d.*|\d{1,2}([./-])\d{1,2}\1\d{2,4}.*", "These are dates: name the column of the scores"),
    (r"#.+[!?/].*", "A formula of the spreadsheet failed: mend it"),
    (r"[<>]=?\s*[\d.,]+", "These are bounds: a score is one number"),
)


def as_number(column: str) -> pl.Expr:
    """The cells of a column as numbers, null where they are none."""
    # not strict: a column in which some tool wrote nan or inf is text, and each cell is judged by itself
    return pl.col(column).cast(pl.Float64, strict=False)


def not_finite(column: str) -> pl.Expr:
    """Whether a cell is empty, no number, NaN or infinite."""
    number = as_number(column)
    return number.is_null() | ~number.is_finite()


def require_numbers(column: str, kind: pl.DataType, what: str) -> None:
    """Raise unless a column may hold numbers, by its type: text may, dates and decisions do not.

    Raises: ThresholdError: another type, and what it holds.
    """
    if kind.is_numeric() or kind in (pl.String, pl.Null):
        return
    known = {"decisions (true and false)": kind == pl.Boolean, "dates": kind.is_temporal()}
    held = next((name for name, is_it in known.items() if is_it), str(kind))
    raise ThresholdError(f"{column}: found {held}, expected {what}. Name the column that holds numbers.")


def require_told_apart(column: str, numbers: pl.Series, what: str, advice: str) -> None:
    """Raise where whole numbers are too large to be told apart once they are floating point.

    Raises: ThresholdError: the largest.
    """
    largest = numbers.cast(pl.Float64).abs().max()
    if isinstance(largest, float) and EXACT < largest < float("inf"):
        raise ThresholdError(
            f"{column}: found {what} of more than 15 digits ({largest:.0f}), which are not told apart as "
            f"numbers. {advice}."
        )


def refuse_scores(kept: pl.LazyFrame, column: str, wrong: pl.Expr) -> NoReturn:
    """Raise with the wrong cells; `kept` has a column `ROW` of row numbers.

    Raises: ThresholdError: always, with the cells of `column` in the rows that are `wrong`.
    """
    texts = kept.filter(wrong).select(pl.col(column).cast(pl.String)).head(SHOWN).collect().to_series()
    seem = _reading([text for text in texts if text])
    advice = seem or "Write numbers as 0.25; score rows again that have none"
    refuse_cells(kept, column, wrong, "scores missing, not a number or infinite", advice)


def refuse_cells(kept: pl.LazyFrame, column: str, wrong: pl.Expr, what: str, advice: str) -> NoReturn:
    """As `refuse_scores`, with `what` the cells are and an `advice`."""
    found = kept.filter(wrong).select(pl.col(ROW), pl.col(column).alias("value")).collect(engine="streaming")
    shown = ", ".join(f"row {row}: {value}" for row, value in found.head(SHOWN).iter_rows())
    more = ", ..." if found.height > SHOWN else ""
    raise ThresholdError(
        f"{column}: found {found.height} {what} ({shown}{more}; rows counted from 0). "
        f"{advice}, or leave them out with a filter (--where)."
    )


def plain_name(column: str) -> pl.Expr:
    """The names of a column without case and outer blanks."""
    return pl.col(column).str.strip_chars().str.to_lowercase()


def note_look_alikes(table: pl.LazyFrame, column: str, shown_as: str) -> None:
    """Say which names of a column differ only in case or in blanks around them."""
    if table.collect_schema()[column] != pl.String:
        return
    each = table.select(pl.col(column).drop_nulls().unique())
    alike = each.group_by(plain_name(column).alias("plain name")).agg(pl.col(column).sort())
    found = alike.filter(pl.col(column).list.len() > 1).sort("plain name").collect()
    if found.height:
        shown = ", ".join(" and ".join(map(repr, names)) for names in found[column].head(SHOWN))
        note(
            shown_as,
            f"{found.height} names differ from another only in case or blanks ({shown}). They count as "
            "different: write them alike if they are one.",
        )


def _reading(cells: list[str]) -> str | None:
    """What the first cells seem to be, if they all are of one kind."""
    for pattern, said in _READINGS:
        if cells and all(re.fullmatch(pattern, cell.strip()) for cell in cells):
            return said
    return None
