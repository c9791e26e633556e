"""Parquet files and sheets of workbooks, read whole."""

from __future__ import annotations

import io
from typing import Any

import polars as pl

from strnet.errors import TableError, unknown_name
from strnet.tables.columns_needed import require_distinct
from strnet.tables.notes import note
from strnet.tables.places import TableFile


def read_binary(file: TableFile, *, as_text: bool = False) -> pl.DataFrame:
    """The rows of a Parquet file or of one sheet of a workbook; with `as_text` a sheet's cells stay text.

    Raises: TableError: content that does not parse, an unknown sheet, or a sheet without cells.
    """
    try:
        if file.kind == "parquet":
            return pl.read_parquet(_source(file))
        return _read_sheet(file, as_text)
    except (pl.exceptions.PolarsError, ValueError, OSError) as error:
        raise TableError(f"{file.name}: cannot be read: {_first_line(error)}") from error


def _read_sheet(file: TableFile, as_text: bool) -> pl.DataFrame:
    import fastexcel

    try:
        book = fastexcel.read_excel(file.bytes())
    except fastexcel.FastExcelError as error:
        raise TableError(
            f"{file.name}: the workbook is damaged or was cut short ({_first_line(error)}). Copy it again."
        ) from error
    names = book.sheet_names
    sheet = file.sheet or names[0]
    if sheet not in names:
        raise TableError(f"{file.name}: {unknown_name('sheet', sheet, names)}")
    if file.sheet is None and len(names) > 1:
        others = ", ".join(f"{file.name}#{name}" for name in names[1:])
        note(file.name, f"sheet '{names[0]}' of {len(names)} is read. For another: {others}.")
    options: dict[str, Any] = {"dtypes": "string"} if as_text else {}
    try:
        # the reader gives the second column of a name another one
        first = book.load_sheet(sheet, header_row=None, n_rows=1).to_polars()
        require_distinct([name for name in first.rows()[0] if name] if first.height else [], file.name)
        return pl.read_excel(
            _source(file),
            sheet_name=sheet,
            read_options=options,
            drop_empty_rows=not as_text,
        )
    except pl.exceptions.NoDataError as error:
        raise TableError(f"{file.name}: the sheet '{sheet}' holds no cells.") from error


def _source(file: TableFile) -> Any:
    return file.path if file.content is None else io.BytesIO(file.content)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".") + "."
