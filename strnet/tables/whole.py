"""Tables of the house's own, read whole: any that is ours, or a manifest with each cell as it was written."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl

from strnet.errors import TableError
from strnet.tables.places import TableFile, table_file
from strnet.tables.sources import scan_table
from strnet.tables.uneven_rows import require_even
from strnet.tables.workbooks import read_binary


def read_table(path: Path | str, what: str = "table", *, as_text: bool = False) -> pl.DataFrame:
    """The rows of a table as `scan_table` takes it; empty cells are null, `*_id` columns are text.

    `what` names the table in error messages. With `as_text` every cell but those of Parquet stays text, and
    blank rows are kept, so that a bad cell can be reported with its line; such a table has commas and UTF-8.

    Raises: TableError: no such file, an extension that is not read, or content that does not parse.
    """
    try:
        if not as_text:
            return scan_table(path, what).collect()
        file = table_file(path, what)
        return _read_text(file) if file.kind == "delimited" else read_binary(file, as_text=True)
    except pl.exceptions.PolarsError as error:
        raise TableError(f"{path}: the {what} cannot be read: {error}") from error


def _read_text(file: TableFile) -> pl.DataFrame:
    content, separator = file.bytes(), "\t" if file.suffix == ".tsv" else ","
    _require_plain(content, file.name, separator)
    return pl.read_csv(content, separator=separator, infer_schema=False)


def _require_plain(content: bytes, where: str, separator: str) -> None:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise TableError(
            f"{where}: line {line} is not UTF-8. Save the table as UTF-8 (spreadsheets call it 'CSV UTF-8')."
        ) from error
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        header = next(reader, [])
        rows = [(reader.line_num, cells) for cells in reader if cells]
    except csv.Error as error:
        raise TableError(f"{where}: line {reader.line_num}: {error}. Close every quote.") from error
    if len(header) == 1 and separator == "," and ";" in header[0]:
        raise TableError(f"{where}: the cells are separated by ';', expected ','.")
    require_even(header, rows, where, separator)
