"""Tables in and out: CSV, TSV, Parquet and spreadsheets, chosen by the file's extension."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

import polars as pl

from strnet.decimal_marks import with_decimal_points
from strnet.dialects import Dialect, read_delimited
from strnet.errors import ManifestError, unknown_name
from strnet.files import write_bytes

READABLE = (".csv", ".tsv", ".parquet", ".xlsx")
_SHOWN = 20
WRITABLE = (".csv", ".tsv", ".parquet")


def read_table(path: Path | str, what: str = "table", *, as_text: bool = False) -> pl.DataFrame:
    """The rows of a CSV, TSV, Parquet or XLSX file; empty cells are null, `*_id` columns are text.

    `what` names the table in error messages. With `as_text` every cell but those of Parquet stays text, and
    blank rows are kept, so that a bad cell can be reported with its line.

    Raises: ManifestError: no such file, an extension that is not read, or content that does not parse.
    """
    path = Path(path)
    if not path.is_file():
        raise ManifestError(f"{path}: no such {what}. Give the path of a {', '.join(READABLE)} file.")
    try:
        return _read(path, as_text)
    except (pl.exceptions.PolarsError, csv.Error, ValueError, OSError) as error:
        raise ManifestError(f"{path}: the {what} cannot be read: {error}") from error


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

    Raises: ManifestError: no such file, several readings, a column that stands twice, or uneven rows.
    """
    path = Path(path)
    if path.suffix.lower() not in (".csv", ".tsv", ".txt"):
        return _foreign_sheet(read_table(path, what, as_text=True), path, ignored)
    try:
        content = path.read_bytes()
        cells = read_delimited(
            content, str(path), suffix=path.suffix.lower(), dialect=dialect, ignored=ignored
        )
    except (OSError, csv.Error) as error:
        raise ManifestError(f"{path}: the {what} cannot be read: {error}") from error
    return _foreign(cells.header, cells.rows, cells.lines, path, "line", cells.dialect)


def _foreign_sheet(frame: pl.DataFrame, path: Path, ignored: Collection[str]) -> ForeignTable:
    first = 2 if path.suffix.lower() == ".xlsx" else 1  # a spreadsheet counts its header, Parquet has none
    texts = frame.select(pl.all().cast(pl.String).fill_null("")).rows()
    held = [(place, row) for place, row in enumerate(texts, start=first) if any(map(str.strip, row))]
    lines, rows = [place for place, _ in held], [row for _, row in held]
    if path.suffix.lower() == ".xlsx":
        rows = list(with_decimal_points(frame.columns, rows, lines, str(path), ignored=ignored)[0])
    return _foreign(frame.columns, rows, lines, path, "row", None)


def _foreign(
    header: Sequence[str],
    rows: Sequence[tuple[str, ...]],
    lines: Sequence[int],
    path: Path,
    line_word: str,
    dialect: Dialect | None,
) -> ForeignTable:
    """Raises: ManifestError: a column name that stands twice."""
    named = [name.strip() or f"column_{n}" for n, name in enumerate(header, start=1)]
    twice = [name for name, count in Counter(named).items() if count > 1]
    if twice:
        raise ManifestError(f"{path}: column '{twice[0]}' stands twice. Keep one.")
    frame = pl.DataFrame(rows, schema=dict.fromkeys(named, pl.String), orient="row")
    frame = frame.select(pl.all().str.strip_chars().replace("", None))
    # Spreadsheets leave columns behind that have neither a name nor a cell.
    empty = [
        ours
        for ours, theirs in zip(named, header, strict=True)
        if not theirs.strip() and not frame[ours].count()
    ]
    return ForeignTable(frame.drop(empty), path, pl.Series(lines, dtype=pl.Int64), line_word, dialect)


def write_table(frame: pl.DataFrame, path: Path | str) -> None:
    """Write the rows to a CSV, TSV or Parquet file: whole, or the old file is intact.

    Raises: ManifestError: an extension that is not written. OutputError: see `files.writing_to`.
    """
    path = Path(path)
    _require_writable_kind(path)
    # By way of memory: polars says of a full disk no more than that the file is out of specification.
    content = io.BytesIO()
    if path.suffix == ".parquet":
        frame.write_parquet(content)
    else:
        frame.write_csv(content, separator="\t" if path.suffix == ".tsv" else ",")
    write_bytes(path, content.getvalue())


def require_writable(path: Path | str) -> None:
    """Raise unless `write_table` can write `path`, asked before long work; its folder now exists.

    Raises: ManifestError: an extension that is not written, a folder, or a place that cannot be written to.
    """
    path = Path(path)
    _require_writable_kind(path)
    try:
        if path.is_dir():
            raise IsADirectoryError(None, "it is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise ManifestError(f"{path}: cannot be written ({error.strerror}). Give another place.") from error


def require_columns(frame: pl.DataFrame, names: Iterable[str], where: str) -> None:
    """Raise unless all columns are there.

    Raises: ManifestError: the first missing column with the nearest one that exists.
    """
    for name in names:
        if name not in frame.columns:
            raise ManifestError(
                f"{where}: column '{name}' is missing. {unknown_name('column', name, frame.columns)}"
            )


def _require_writable_kind(path: Path) -> None:
    if path.suffix not in WRITABLE:
        raise ManifestError(f"{path}: cannot write '{path.suffix}'. Use {', '.join(WRITABLE)}.")


def _read(path: Path, as_text: bool) -> pl.DataFrame:
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return pl.read_parquet(path)
    if suffix == ".xlsx":
        options = {"dtypes": "string"} if as_text else {}
        return pl.read_excel(path, read_options=options, drop_empty_rows=not as_text)
    if suffix in (".csv", ".tsv"):
        return _read_delimited(path, "\t" if suffix == ".tsv" else ",", as_text)
    raise ManifestError(f"{path}: '{path.suffix}' is not read. Use {', '.join(READABLE)}.")


def _read_delimited(path: Path, separator: str, as_text: bool) -> pl.DataFrame:
    _require_even_rows(path, separator)
    if as_text:
        return pl.read_csv(path, separator=separator, infer_schema=False)
    # An id of digits is still a name: 007 must not become 7.
    header = pl.read_csv(path, separator=separator, n_rows=0).columns
    text = {name: pl.String for name in header if name.endswith("_id")}
    return pl.read_csv(path, separator=separator, schema_overrides=text, infer_schema_length=None)


def _require_even_rows(path: Path, separator: str) -> None:
    """Raise unless every row has as many cells as the header, or none: the reader fills up shorter ones.

    Raises: ManifestError: uneven rows, another separator, or another encoding than UTF-8, with the line.
    """
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ManifestError(
            f"{path}: line {line} is not UTF-8. Save the table as UTF-8 (spreadsheets call it 'CSV UTF-8')."
        ) from error
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    header = next(rows, [])
    if len(header) == 1 and separator == "," and ";" in header[0]:
        raise ManifestError(f"{path}: the cells are separated by ';', expected ','.")
    uneven = [(rows.line_num, len(cells)) for cells in rows if len(cells) not in (0, len(header))]
    if uneven:
        listing = "\n".join(f"  line {line}  {cells} cells" for line, cells in uneven[:_SHOWN])
        more = f"\n  ... and {len(uneven) - _SHOWN} more" if len(uneven) > _SHOWN else ""
        raise ManifestError(
            f"{path}: {len(uneven)} row(s) with another number of cells than the header ({len(header)}).\n"
            f"{listing}{more}\n"
            "Put a cell that holds a separator in quotes. A short last row is often a file copied in part."
        )
