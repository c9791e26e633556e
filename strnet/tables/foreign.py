"""Tables that other people's programs wrote, their cells as text, with the place of each row."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from strnet.tables.columns_needed import require_distinct
from strnet.tables.decimal_marks import with_decimal_points
from strnet.tables.dialects import Dialect, read_delimited
from strnet.tables.places import TableFile, table_file
from strnet.tables.workbooks import read_binary


@dataclass(frozen=True, eq=False)
class ForeignTable:
    """A table that somebody else's program wrote: cells as text, blank ones null, numbers with a point."""

    frame: pl.DataFrame
    path: Path
    lines: pl.Series
    """Where each row stands in its file."""
    line_word: str
    """What that is called: `line`, or `row` in a spreadsheet or Parquet file."""
    dialect: Dialect | None = None
    """How a delimited file was read; None for the other kinds."""


def read_foreign_table(
    path: Path | str,
    what: str = "table",
    *,
    dialect: str | None = None,
    ignored: Collection[str] = (),
) -> ForeignTable:
    """The rows that are not blank of a CSV, TSV, Parquet or XLSX file, as hospitals and archives write them.

    A delimited file may be separated by comma, semicolon or tab, with decimal commas, in UTF-8, UTF-16 or
    Windows-1252: found where one reading is left, or said by `dialect` (`dialects.DIALECTS`). Columns that
    are `ignored` come too, but their numbers raise no question.

    Raises: TableError: no such file, several readings, a column that stands twice, or uneven rows.
    """
    return foreign_table(table_file(path, what), dialect=dialect, ignored=ignored)


def foreign_table(
    file: TableFile, *, dialect: str | None = None, ignored: Collection[str] = ()
) -> ForeignTable:
    """As `read_foreign_table`, of a file that was looked at."""
    if file.kind != "delimited":
        return _foreign_sheet(read_binary(file, as_text=True), file, ignored)
    cells = read_delimited(file.bytes(), file.name, suffix=file.suffix, dialect=dialect, ignored=ignored)
    return _foreign(cells.header, cells.rows, cells.lines, file, "line", cells.dialect)


def _foreign_sheet(frame: pl.DataFrame, file: TableFile, ignored: Collection[str]) -> ForeignTable:
    first = 2 if file.kind == "workbook" else 1  # a spreadsheet counts its header, Parquet has none
    texts = frame.select(pl.all().cast(pl.String).fill_null("")).rows()
    held = [(place, row) for place, row in enumerate(texts, start=first) if any(map(str.strip, row))]
    lines, rows = [place for place, _ in held], [row for _, row in held]
    if file.kind == "workbook":
        rows = list(with_decimal_points(frame.columns, rows, lines, file.name, ignored=ignored)[0])
    return _foreign(frame.columns, rows, lines, file, "row", None)


def _foreign(
    header: Sequence[str],
    rows: Sequence[tuple[str, ...]],
    lines: Sequence[int],
    file: TableFile,
    line_word: str,
    dialect: Dialect | None,
) -> ForeignTable:
    """Raises: TableError: a column name that stands twice."""
    named = [name.strip() or f"column_{n}" for n, name in enumerate(header, start=1)]
    require_distinct(named, file.name)
    frame = pl.DataFrame(rows, schema=dict.fromkeys(named, pl.String), orient="row")
    frame = frame.select(pl.all().str.strip_chars().replace("", None))
    # Spreadsheets leave columns behind that have neither a name nor a cell.
    empty = [
        ours
        for ours, theirs in zip(named, header, strict=True)
        if not theirs.strip() and not frame[ours].count()
    ]
    return ForeignTable(frame.drop(empty), file.path, pl.Series(lines, dtype=pl.Int64), line_word, dialect)
