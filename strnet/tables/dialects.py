"""How a delimited table was written (encoding, separator, decimal mark), found where one reading is left."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from strnet.errors import TableError, unknown_name
from strnet.tables.decimal_marks import Mark, with_decimal_points
from strnet.tables.uneven_rows import require_even, require_no_blanks_between

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t"}
DIALECTS = (*SEPARATORS, *(f"{name}/{mark}" for name in SEPARATORS for mark in ("point", "comma")))
"""Separator, and after the stroke the decimal mark; without it the mark is found in the cells."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the cells of one table were read."""

    encoding: str
    separator: str
    """A key of SEPARATORS."""
    mark: Mark = "point"
    """What stands before the decimals."""

    @property
    def name(self) -> str:
        """As `--csv-dialect` takes it."""
        return f"{self.separator}/{self.mark}"

    @property
    def is_plain(self) -> bool:
        """Whether this is what every program writes, and need not be mentioned."""
        return self.encoding == "UTF-8" and self.mark == "point" and self.separator == "comma"

    def __str__(self) -> str:
        return f"cells separated by {self.separator}, decimal {self.mark}, {self.encoding}"


@dataclass(frozen=True, slots=True)
class Delimited:
    """The cells of a table below its header, text, and where each row begins."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    dialect: Dialect


def read_delimited(
    content: bytes,
    where: str,
    *,
    suffix: str = ".csv",
    dialect: str | None = None,
    ignored: Collection[str] = (),
) -> Delimited:
    """The cells of a table, numbers with a decimal point whatever they were written with.

    `dialect` is one of DIALECTS; without it separator and mark are found. Blank rows are left out. Numbers
    in columns that are `ignored` may be anything.

    Raises: TableError: several readings or none, with the option that settles it.
    """
    separator_name, mark = asked(dialect)
    text, encoding = decoded(content, where)
    text, first_line, declared = _without_declaration(text)
    separator_name = separator_name or declared or _separator(text, suffix, where)
    header, rows, lines = _cells(text, SEPARATORS[separator_name], first_line, where)
    rows, found = with_decimal_points(
        header, rows, lines, where, said=mark, separator=separator_name, ignored=ignored
    )
    return Delimited(header, rows, lines, Dialect(encoding, separator_name, found))


def decoded(content: bytes, where: str) -> tuple[str, str]:
    """The text of a table, and the name of its encoding: UTF-8, UTF-16 by its mark, else Windows-1252.

    Raises: TableError: bytes that are text in none of them.
    """
    for mark, codec, name in (
        (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
        (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
        (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
    ):
        if content.startswith(mark):
            return _decode(content, codec, name, where), name
    try:
        text, name = content.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        text, name = _decode(content, "cp1252", "Windows-1252", where), "Windows-1252"
    if "\0" in text:
        raise TableError(f"{where}: {_zero_bytes(content)} Save the table as 'CSV UTF-8'.")
    return text, name


def _decode(content: bytes, codec: str, name: str, where: str) -> str:
    try:
        return content.decode(codec)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise TableError(
            f"{where}: line {line} is no text in {name}. Copy the file again if it was cut short, or save "
            "the table as UTF-8 (spreadsheets call it 'CSV UTF-8')."
        ) from error


def _zero_bytes(content: bytes) -> str:
    every_second = content[1:200:2].count(0) > 50 or content[:200:2].count(0) > 50
    if every_second:
        return "looks like UTF-16 without the mark that says so."
    line = content.count(b"\n", 0, content.index(0)) + 1
    return (
        f"line {line} holds a zero byte, so it is no text: often what a full disk or a lost link left behind."
    )


def asked(dialect: str | None) -> tuple[str | None, Mark | None]:
    """The name of the separator and the decimal mark that `dialect` says; None where it does not.

    Raises: TableError: none of DIALECTS.
    """
    if dialect is None:
        return None, None
    if dialect not in DIALECTS:
        raise TableError(f"--csv-dialect: {unknown_name('dialect', dialect, DIALECTS)}")
    separator, _, mark = dialect.partition("/")
    return separator, "comma" if mark == "comma" else "point" if mark else None


def _without_declaration(text: str) -> tuple[str, int, str | None]:
    """The text without the line `sep=;` that Excel writes, its first line, and what that line says."""
    found = re.match(r'"?sep=([,;\t])"?\r?\n', text)
    if not found:
        return text, 1, None
    return text[found.end() :], 2, next(name for name, mark in SEPARATORS.items() if mark == found[1])


def _separator(text: str, suffix: str, where: str) -> str:
    """The separator that gives two or more columns in every row; comma where none does.

    Raises: TableError: several do.
    """
    header = text.partition("\n")[0]
    if suffix == ".tsv" and "\t" in header:
        return "tab"
    fitting = {name: width for name, mark in SEPARATORS.items() if (width := _even_width(text, mark)) > 1}
    if len(fitting) > 1:
        readings = "\n".join(f"  {name}: {width} columns" for name, width in fitting.items())
        raise TableError(
            f"{where}: the cells can be told apart in {len(fitting)} ways.\n{readings}\n"
            f"Say which: {' or '.join(f'--csv-dialect {name}' for name in fitting)}."
        )
    if fitting:
        return next(iter(fitting))
    most = max(SEPARATORS, key=lambda name: header.count(SEPARATORS[name]))
    return most if SEPARATORS[most] in header else "comma"


def _even_width(text: str, separator: str) -> int:
    """Cells of every row; 0 where rows differ."""
    try:
        widths = {len(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if row}
    except csv.Error:  # a cell without end; the reading of the cells says where
        return 0
    return widths.pop() if len(widths) == 1 else 0


def _records(text: str, separator: str, first_line: int, where: str) -> Iterator[tuple[int, list[str]]]:
    """The rows, and the line where each begins.

    Raises: TableError: a quote that is never closed, or one that ends before its cell does.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    line = first_line
    try:
        for row in reader:
            yield line, row
            line = first_line + reader.line_num
    except csv.Error as error:
        closed = "expected after" in str(error)
        found = (
            "goes on behind the quote that closes a cell" if closed else "opens a quote that is never closed"
        )
        raise TableError(
            f'{where}: line {line} {found}. Double a quote that belongs to the text (""), or remove it.'
        ) from error


def _cells(
    text: str, separator: str, first_line: int, where: str
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...], tuple[int, ...]]:
    """Header, rows that are not blank, and the line where each begins.

    Raises: TableError: uneven rows, or no header.
    """
    if text.strip():
        require_no_blanks_between(text, separator, where)
    header: list[str] = []
    kept = []
    for line, row in _records(text, separator, first_line, where):
        if header and any(cell.strip() for cell in row):
            kept.append((line, row))
        header = header or [cell.strip() for cell in row]
    if not any(header):
        raise TableError(f"{where}: the first line names no columns. Write their names into it.")
    require_even(header, kept, where, separator)
    return tuple(header), tuple(tuple(row) for _, row in kept), tuple(line for line, _ in kept)
