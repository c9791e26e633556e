"""A table as a lazy frame: streamed where it is plain, read and written out plain where it is not."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from typing import Any, Final

import polars as pl

from strnet.errors import TableError
from strnet.tables.columns_needed import require_distinct
from strnet.tables.dialects import SEPARATORS, Dialect, asked, decoded
from strnet.tables.foreign import foreign_table
from strnet.tables.notes import note
from strnet.tables.places import TableFile
from strnet.tables.signatures import HEAD
from strnet.tables.survey import Survey, surveyed
from strnet.tables.workbooks import read_binary

BLANK: Final = ("",)
"""What a cell holds whose value is unknown."""
_LONGEST_HEADER: Final = 1 << 22
_DECIMAL: Final = re.compile(r"[+-]?\d*\.?\d+(e[+-]?\d+)?", re.IGNORECASE)
_NO_HEADER: Final = ("#", "sep=", '"sep=')
_SHOWN = 60
_PLACE: Final = "place in the table"


def scan_file(
    file: TableFile,
    *,
    dialect: str | None = None,
    unknown: tuple[str, ...] = BLANK,
    text: tuple[str, ...] = (),
) -> pl.LazyFrame:
    """The rows of a file that was looked at: see `sources.scan_table`.

    Raises: TableError: no table; with the cause and what to do.
    """
    if file.kind == "workbook":
        return read_binary(file).lazy()
    try:
        if file.kind == "parquet":
            table = pl.scan_parquet(file.path if file.content is None else io.BytesIO(file.content))
        else:
            table = _scan_delimited(file, dialect, unknown, text)
        table.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        problem = str(error).splitlines()[0].rstrip(".")
        raise TableError(f"{file.name}: cannot be read: {problem}. Write the table again.") from error
    return table


def _scan_delimited(
    file: TableFile, dialect: str | None, unknown: tuple[str, ...], text: tuple[str, ...]
) -> pl.LazyFrame:
    separator, header = _plain_header(file, dialect)
    if separator is not None:
        with file.stream() as stream:
            found = surveyed(stream, separator, len(header))
        if found.is_plain and found.rows and _has_points(file, separator, dialect):
            _tell(found, separator, file)
            return _scanned(file, header, separator, unknown, text, without_blank=bool(found.blank))
    return _scan_closely(file, dialect, unknown, text)


def _plain_header(file: TableFile, dialect: str | None) -> tuple[str | None, list[str]]:
    """The separator and the names of the columns; None where the first line leaves a question."""
    with file.stream() as stream:
        line = stream.readline(_LONGEST_HEADER)
    try:
        text = line.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        return None, []
    likely = _separators_in(text, file, asked(dialect)[0])
    if len(likely) > 1 or text.startswith(_NO_HEADER) or "\r" in text or text.count('"') % 2:
        return None, []
    separator = SEPARATORS[likely[0]] if likely else ","
    names = next(csv.reader([text], delimiter=separator), [])
    tidy = all(name == name.strip() for name in names) and names.count("") <= 1
    may_be_words = len(names) == 1 and " " in text
    return (separator if tidy and any(names) and not may_be_words else None), names


def _separators_in(text: str, file: TableFile, said: str | None) -> list[str]:
    if said is None and file.suffix == ".tsv" and "\t" in text:
        said = "tab"
    return [said] if said else [name for name, mark in SEPARATORS.items() if mark in text]


def _has_points(file: TableFile, separator: str, dialect: str | None) -> bool:
    """Whether no number can hold a decimal comma: the cells have no comma, or it stands between them."""
    mark = asked(dialect)[1]
    if mark is not None or separator == ",":
        return mark != "comma"
    with file.stream() as stream:
        return not any(b"," in chunk for chunk in iter(lambda: stream.read(HEAD * 64), b""))


def _scanned(
    file: TableFile,
    header: list[str],
    separator: str,
    unknown: tuple[str, ...],
    text: tuple[str, ...],
    *,
    without_blank: bool = False,
) -> pl.LazyFrame:
    require_distinct(header, file.name)
    if all(_DECIMAL.fullmatch(name) for name in header) and any("." in name for name in header):
        raise TableError(
            f"{file.name}: the first line holds numbers. Write the names of the columns above it."
        )

    def scanned(**types: Any) -> pl.LazyFrame:
        content = file.path if file.content is None else io.BytesIO(file.content)
        return pl.scan_csv(content, separator=separator, null_values=list(unknown), **types)

    # types from all rows: a sorted column may hold its first decimal, or letter, at the very end
    found = scanned(infer_schema_length=None).collect_schema()
    if all(kind == pl.String for kind in found.values()):
        _require_no_second_header(scanned(infer_schema=False), header, file)
    named = {name for name in header if name.endswith("_id") or name in text}
    texts = {name for name, kind in found.items() if name in named or kind == pl.Int128}
    # said from here on, for they would be looked for again whenever rows are read
    table = scanned(schema={name: pl.String() if name in texts else kind for name, kind in found.items()})
    return table.filter(~pl.all_horizontal(pl.all().is_null())) if without_blank else table


def _require_no_second_header(table: pl.LazyFrame, header: list[str], file: TableFile) -> None:
    """Raise where a row repeats the header, which makes text of every column.

    Raises: TableError: the first such row.
    """
    same = pl.all_horizontal(pl.col(name) == name for name in header if name)
    again = table.with_row_index(_PLACE, offset=1).filter(same).head(1).collect(engine="streaming")
    if again.height:
        raise TableError(
            f"{file.name}: row {again[_PLACE].item()} below the header is the header again: a second table "
            "was pasted below the first. Remove that line if the tables belong together, else give one."
        )


def _scan_closely(
    file: TableFile, dialect: str | None, unknown: tuple[str, ...], as_text: tuple[str, ...]
) -> pl.LazyFrame:
    """The table in the encoding and dialect that it has, or everything that is wrong with it."""
    text, encoding = decoded(file.bytes(), file.name)
    if encoding != "UTF-8":
        advice = "If letters come out wrong, save it as UTF-8 (spreadsheets call it 'CSV UTF-8')."
        note(file.name, f"is read as {encoding}. {advice}")
        again = replace(file, content=text.removeprefix("\ufeff").encode())
        return _scan_delimited(again, dialect, unknown, as_text)
    table = foreign_table(file, dialect=dialect)
    if table.dialect is not None and not table.dialect.is_plain:
        note(file.name, f"is read as {table.dialect}.")
    _tell_end(text[-_SHOWN * 4 :], file)
    plain = replace(file, content=table.frame.write_csv().encode())
    if not table.frame.height:
        return table.frame.lazy()
    return _scanned(plain, table.frame.columns, ",", unknown, as_text)


def _tell(found: Survey, separator: str, file: TableFile) -> None:
    if separator != "," and file.suffix != ".tsv":
        name = next(name for name, mark in SEPARATORS.items() if mark == separator)
        note(file.name, f"is read as {Dialect('UTF-8', name)}.")
    if 0 < found.returns < found.rows + found.blank - bool(found.last_line):
        lines = found.rows + found.blank
        note(
            file.name,
            f"{found.returns} of {lines} lines end with CR LF, the others with LF: two files in one?",
        )
    if found.last_line:
        _tell_end(found.last_line.decode("utf-8"), file)


def _tell_end(text: str, file: TableFile) -> None:
    """Say that the last line has no end, if it has none: a file cut short looks like that."""
    if text.endswith(("\n", "\r")):
        return
    last = text.splitlines()[-1]
    shown = last if len(last) <= _SHOWN else "..." + last[-_SHOWN:]
    note(
        file.name,
        f"the last line has no end ({shown!r}). A file that was cut short looks like that, also in the "
        "middle of a number: compare it with where it comes from.",
    )
