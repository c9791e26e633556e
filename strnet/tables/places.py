"""Where a table lies: a file, a sheet of a workbook (`book.xlsx#Sheet2`), standard input (`-`)."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Final

from strnet.errors import TableError
from strnet.tables.signatures import GZIP, HEAD, Kind, kind_of, require_kind

STDIO: Final = Path("-")
"""Standard input where a table is read, standard output where one is written."""
KINDS: Final = MappingProxyType[str, Kind](
    {
        ".csv": "delimited",
        ".tsv": "delimited",
        ".txt": "delimited",
        ".csv.gz": "delimited",
        ".tsv.gz": "delimited",
        ".parquet": "parquet",
        ".xlsx": "workbook",
    }
)
READABLE: Final = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet", ".xlsx")
_TOLD = f"Give a {', '.join(READABLE)} file, a folder of such parts, or - for standard input."


@dataclass(frozen=True, slots=True)
class TableFile:
    """A table that is there and is what its name says; `content` holds what has no path of its own."""

    name: str
    """As error messages call it."""
    kind: Kind
    path: Path
    suffix: str = ""
    content: bytes | None = None
    """The bytes of standard input, or of a file that was compressed."""
    sheet: str | None = None

    def stream(self) -> BinaryIO:
        """The bytes from their beginning."""
        return self.path.open("rb") if self.content is None else io.BytesIO(self.content)

    def bytes(self) -> bytes:
        """All bytes."""
        return self.path.read_bytes() if self.content is None else self.content


def table_suffix(path: Path | str) -> str:
    """The extension in lower case, with the one before it where the file is compressed: `.csv.gz`."""
    suffixes = [suffix.lower() for suffix in Path(path).suffixes[-2:]]
    return "".join(suffixes) if suffixes[-1:] == [".gz"] else "".join(suffixes[-1:])


def table_file(source: Path | str, what: str = "table") -> TableFile:
    """The table that `source` names, looked at but not yet read; `what` names it in messages.

    Raises: TableError: nothing there, an extension that is not read, or another thing than its name says.
    """
    if str(source) == str(STDIO):
        return _standard_input(what)
    path, sheet = _path_and_sheet(Path(source))
    if path.exists() and not path.is_file():
        raise TableError(
            f"{path}: is no file but a pipe or a device. Give - and send the table by standard input."
        )
    if not path.is_file():
        raise TableError(f"{path}: no such {what}. {_TOLD}")
    if path.name.startswith("~$"):
        raise TableError(
            f"{path}: is the mark that Excel leaves while a workbook is open. Give {path.name[2:]} itself."
        )
    suffix = table_suffix(path)
    kind = KINDS.get(suffix)
    if kind is None:
        raise TableError(f"{path}: '{suffix}' is not read. {_TOLD}")
    if sheet is not None and kind != "workbook":
        raise TableError(f"{path}: has no sheets; found '#{sheet}'. Leave it out, or give an .xlsx workbook.")
    try:
        return _looked_at(path, suffix, kind, sheet)
    except OSError as error:
        raise TableError(f"{path}: cannot be read ({error.strerror or error}).") from error


def _path_and_sheet(path: Path) -> tuple[Path, str | None]:
    name, mark, sheet = path.name.rpartition("#")
    if path.exists() or not mark or not path.with_name(name or "#").is_file():
        return path, None
    return path.with_name(name), sheet


def _looked_at(path: Path, suffix: str, kind: Kind, sheet: str | None) -> TableFile:
    with path.open("rb") as stream:
        head = stream.read(HEAD)
        stream.seek(-min(path.stat().st_size, 4), io.SEEK_END)
        tail = stream.read()
    if not suffix.endswith(".gz"):
        require_kind(kind, head, tail, str(path))
        return TableFile(str(path), kind, path, suffix, sheet=sheet)
    if head and not head.startswith(GZIP):
        raise TableError(f"{path}: is not compressed with gzip. Leave .gz out of its name.")
    content = _unpacked(path.read_bytes(), str(path))
    require_kind(kind, content[:HEAD], content[-4:], str(path))
    return TableFile(str(path), kind, path, suffix.removesuffix(".gz"), content)


def _standard_input(what: str) -> TableFile:
    name, content = "standard input", sys.stdin.buffer.read()
    if not content:
        raise TableError(f"{name}: is empty, expected a {what}. Check the command before the pipe.")
    if content.startswith(GZIP):
        content = _unpacked(content, name)
    kind = kind_of(content)
    require_kind(kind, content[:HEAD], content[-4:], name)
    return TableFile(name, kind, STDIO, content=content)


def _unpacked(content: bytes, where: str) -> bytes:
    try:
        return gzip.decompress(content)
    except EOFError as error:
        raise TableError(
            f"{where}: the compressed file was cut short: its end is missing. Copy it again."
        ) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise TableError(f"{where}: the compressed file is damaged ({error}). Copy it again.") from error
