"""Tables out: a CSV, TSV or Parquet file, whole or as it was before, or standard output."""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

import polars as pl

from strnet.errors import TableError
from strnet.files import write_bytes, writing_to
from strnet.tables.places import STDIO, table_suffix

WRITABLE: Final = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet")


def write_table(frame: pl.DataFrame, path: Path | str) -> None:
    """Write the rows to a CSV, TSV or Parquet file: whole, or the old file is intact; `-` is standard output.

    Raises: TableError: an extension that is not written. OutputError: see `files.writing_to`.
    """
    path = Path(path)
    _require_writable_kind(path)
    # By way of memory: polars says of a full disk no more than that the file is out of specification.
    content = io.BytesIO()
    suffix = table_suffix(path)
    if suffix == ".parquet":
        frame.write_parquet(content)
    else:
        frame.write_csv(content, separator="\t" if suffix.startswith(".tsv") else ",")
    if path == STDIO:
        with writing_to("standard output"):
            sys.stdout.buffer.write(content.getvalue())
            sys.stdout.buffer.flush()
        return
    # The same rows make the same bytes: no time of day in the head.
    packed = gzip.compress(content.getvalue(), mtime=0) if suffix.endswith(".gz") else content.getvalue()
    write_bytes(path, packed)


def require_writable(path: Path | str) -> None:
    """Raise unless `write_table` can write `path`, asked before long work; its folder now exists.

    Raises: TableError: an extension that is not written, a folder, or a place that cannot be written to.
    """
    path = Path(path)
    _require_writable_kind(path)
    if path == STDIO:
        return
    try:
        if path.is_dir():
            raise IsADirectoryError(None, "it is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise TableError(f"{path}: cannot be written ({error.strerror}). Give another place.") from error


def _require_writable_kind(path: Path) -> None:
    if path != STDIO and table_suffix(path) not in WRITABLE:
        raise TableError(f"{path}: cannot write '{path.suffix}'. Use {', '.join(WRITABLE)}.")
