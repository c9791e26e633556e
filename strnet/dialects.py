"""How a delimited table was written (encoding, separator, decimal mark), found where one reading is left."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from strnet.decimal_marks import Mark, with_decimal_points
from strnet.errors import ManifestError, unknown_name

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t"}
DIALECTS = (*SEPARATORS, *(f"{name}/{mark}" for name in SEPARATORS for mark in ("point", "comma")))
"""Separator, and after the stroke the decimal mark; without it the mark is found in the cells."""
_SHOWN = 20


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

    Raises: ManifestError: several readings or none, with the option that settles it.
    """
    separator_name, mark = _asked(dialect)
    text, encoding = decoded(content, where)
    text, first_line, declared = _without_declaration(text)
    separator_name = separator_name or declared or ("tab" if suffix == ".tsv" else _separator(text, where))
    header, rows, lines = _cells(text, SEPARATORS[separator_name], first_line, where)
    rows, found = with_decimal_points(
        header, rows, lines, where, said=mark, separator=separator_name, ignored=ignored
    )
    return Delimited(header, rows, lines, Dialect(encoding, separator_name, found))


def decoded(content: bytes, where: str) -> tuple[str, str]:
    """The text of a table, and the name of its encoding: UTF-8, UTF-16 by its mark, else Windows-1252.

    Raises: ManifestError: bytes that are text in none of them.
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
        raise ManifestError(f"{where}: holds zero bytes, so it is no text. Save the table as 'CSV UTF-8'.")
    return text, name


def _decode(content: bytes, codec: str, name: str, where: str) -> str:
    try:
        return content.decode(codec)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ManifestError(
            f"{where}: line {line} is no text in {name}. Save the table as UTF-8 (spreadsheets call it "
            "'CSV UTF-8')."
        ) from error


def _asked(dialect: str | None) -> tuple[str | None, Mark | None]:
    if dialect is None:
        return None, None
    if dialect not in DIALECTS:
        raise ManifestError(f"--csv-dialect: {unknown_name('dialect', dialect, DIALECTS)}")
    separator, _, mark = dialect.partition("/")
    return separator, "comma" if mark == "comma" else "point" if mark else None


def _without_declaration(text: str) -> tuple[str, int, str | None]:
    """The text without the line `sep=;` that Excel writes, its first line, and what that line says."""
    found = re.match(r'"?sep=([,;\t])"?\r?\n', text)
    if not found:
        return text, 1, None
    return text[found.end() :], 2, next(name for name, mark in SEPARATORS.items() if mark == found[1])


def _separator(text: str, where: str) -> str:
    """The separator that gives two or more columns in every row; comma where none does.

    Raises: ManifestError: several do.
    """
    fitting = {name: width for name, mark in SEPARATORS.items() if (width := _even_width(text, mark)) > 1}
    if len(fitting) > 1:
        readings = "\n".join(f"  {name}: {width} columns" for name, width in fitting.items())
        raise ManifestError(
            f"{where}: the cells can be told apart in {len(fitting)} ways.\n{readings}\n"
            f"Say which: {' or '.join(f'--csv-dialect {name}' for name in fitting)}."
        )
    if fitting:
        return next(iter(fitting))
    header = text.partition("\n")[0]
    most = max(SEPARATORS, key=lambda name: header.count(SEPARATORS[name]))
    return most if SEPARATORS[most] in header else "comma"


def _even_width(text: str, separator: str) -> int:
    """Cells of every row; 0 where rows differ."""
    widths = {len(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if row}
    return widths.pop() if len(widths) == 1 else 0


def _cells(
    text: str, separator: str, first_line: int, where: str
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...], tuple[int, ...]]:
    """Header, rows that are not blank, and the line where each begins.

    Raises: ManifestError: uneven rows, or no header.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    header: list[str] = []
    kept, line = [], first_line
    for row in reader:
        if header and any(cell.strip() for cell in row):
            kept.append((line, row))
        header = header or [cell.strip() for cell in row]
        line = first_line + reader.line_num
    if not any(header):
        raise ManifestError(f"{where}: the first line names no columns.")
    _require_even(header, kept, where)
    return tuple(header), tuple(tuple(row) for _, row in kept), tuple(line for line, _ in kept)


def _require_even(header: Sequence[str], rows: Sequence[tuple[int, list[str]]], where: str) -> None:
    uneven = [(line, len(row)) for line, row in rows if len(row) != len(header)]
    if uneven:
        listing = "\n".join(f"  line {line}  {cells} cells" for line, cells in uneven[:_SHOWN])
        more = f"\n  ... and {len(uneven) - _SHOWN} more" if len(uneven) > _SHOWN else ""
        raise ManifestError(
            f"{where}: {len(uneven)} row(s) with another number of cells than the header ({len(header)}).\n"
            f"{listing}{more}\n"
            "Put a cell that holds a separator in quotes. A short last row is often a file copied in part."
        )
