"""Tables in and out: CSV, TSV, Parquet and spreadsheets, chosen by the file's extension."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from strnet.errors import ManifestError, unknown_name
from strnet.files import write_atomically

READABLE = (".csv", ".tsv", ".parquet", ".xlsx")


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
    except (pl.exceptions.PolarsError, ValueError, OSError) as error:
        raise ManifestError(f"{path}: the {what} cannot be read: {error}") from error


def write_table(frame: pl.DataFrame, path: Path | str) -> None:
    """Nothing; the rows stand in a CSV, TSV or Parquet file, whole, or the old file is intact.

    Raises: ManifestError: an extension that is not written.
    """
    path = Path(path)
    with write_atomically(path) as temporary:
        if path.suffix == ".parquet":
            frame.write_parquet(temporary)
        elif path.suffix in (".csv", ".tsv"):
            frame.write_csv(temporary, separator="\t" if path.suffix == ".tsv" else ",")
        else:
            raise ManifestError(f"{path}: cannot write '{path.suffix}'. Use .csv, .tsv or .parquet.")


def require_columns(frame: pl.DataFrame, names: Iterable[str], where: str) -> None:
    """Nothing if all columns are there.

    Raises: ManifestError: the first missing column with the nearest one that exists.
    """
    for name in names:
        if name not in frame.columns:
            raise ManifestError(
                f"{where}: column '{name}' is missing. {unknown_name('column', name, frame.columns)}"
            )


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
    if as_text:
        return pl.read_csv(path, separator=separator, infer_schema=False)
    # An id of digits is still a name: 007 must not become 7.
    header = pl.read_csv(path, separator=separator, n_rows=0).columns
    text = {name: pl.String for name in header if name.endswith("_id")}
    return pl.read_csv(path, separator=separator, schema_overrides=text, infer_schema_length=10_000)
