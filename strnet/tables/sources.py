"""The one door by which tables come in: a file, a folder of parts, standard input."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from strnet.tables.parts import scan_parts
from strnet.tables.places import table_file
from strnet.tables.scanning import BLANK, scan_file


def scan_table(
    source: Path | str,
    what: str = "table",
    *,
    dialect: str | None = None,
    unknown: tuple[str, ...] = BLANK,
    text: tuple[str, ...] = (),
) -> pl.LazyFrame:
    """The rows of a table, wherever it lies and however it was written; cells that are `unknown` are null.

    `source` is a CSV, TSV (each also with .gz), Parquet or XLSX file (`book.xlsx#Sheet2`), a folder of such
    parts with equal columns, or `-` for standard input. Of a text table the columns `*_id` and those in
    `text`, where it has them, stay text, whatever their cells look like: 007 is not 7. What is not
    UTF-8 with commas and points is read where one reading is left, and said (`TableNote`); `dialect` is one
    of `dialects.DIALECTS`.

    Raises: TableError: nothing there, or no table; with the cause and what to do.
    """
    if Path(source).is_dir():
        return scan_parts(Path(source), what, dialect=dialect, unknown=unknown, text=text)
    return scan_file(table_file(source, what), dialect=dialect, unknown=unknown, text=text)
