"""What a file is by its first and last bytes, whatever its name says."""

from __future__ import annotations

import re
from typing import Final, Literal

from strnet.errors import TableError

Kind = Literal["delimited", "parquet", "workbook"]
HEAD: Final = 4096
"""Bytes that are enough to tell."""
PARQUET: Final = b"PAR1"
GZIP: Final = b"\x1f\x8b"
ZIP: Final = b"PK\x03\x04"

_OTHERS: Final = (
    (PARQUET, "a Parquet file", "Name it .parquet"),
    (ZIP, "an Excel workbook or a zip archive", "Name it .xlsx if Excel wrote it, else unpack it"),
    (GZIP, "compressed with gzip", "Name it .csv.gz, or unpack it"),
    (
        b"\xd0\xcf\x11\xe0",
        "an old Excel workbook (.xls), or one with a password",
        "Save it as .xlsx without one",
    ),
    (b"%PDF", "a PDF document", "Export the table it shows as CSV"),
    (b"{\\rtf", "a text document (RTF)", "Export the table it shows as CSV"),
    (b"BZh", "compressed with bzip2", "Unpack it, or compress it with gzip"),
    (b"\xfd7zXZ", "compressed with xz", "Unpack it, or compress it with gzip"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "Unpack it, or compress it with gzip"),
)
_PAGE = re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype|html|\?xml|table|head|body)", re.IGNORECASE)


def kind_of(head: bytes) -> Kind:
    """What the first bytes of a table without a name say it is; text where they say nothing."""
    if head.startswith(PARQUET):
        return "parquet"
    return "workbook" if head.startswith(ZIP) else "delimited"


def require_kind(kind: Kind, head: bytes, tail: bytes, where: str) -> None:
    """Raise unless the first and last bytes of a file may be those of its `kind`.

    Raises: TableError: what the file is in truth, or that it was cut short.
    """
    if not head:
        raise TableError(f"{where}: the file is empty. Write the table again.")
    if kind_of(head) != kind or kind == "delimited":
        _require_nothing_else(
            head, where, {"parquet": "Parquet", "workbook": ".xlsx"}.get(kind, "a table as text")
        )
    if kind != "delimited" and kind_of(head) != kind:
        raise TableError(
            f"{where}: is {_plain_words(head)}, and no {kind} inside. Give it its true extension."
        )
    if kind == "parquet" and not tail.endswith(PARQUET):
        raise TableError(f"{where}: the Parquet file was cut short: its end is missing. Copy it again.")


def _require_nothing_else(head: bytes, where: str, expected: str) -> None:
    if _PAGE.match(head):
        raise TableError(
            f"{where}: is a web page (HTML or XML), expected {expected}: often the log-in page of the server "
            "it was loaded from. Load the table again, or export it as CSV."
        )
    for signature, found, advice in _OTHERS:
        if head.startswith(signature):
            raise TableError(f"{where}: is {found}, expected {expected}. {advice}.")


def _plain_words(head: bytes) -> str:
    return "text" if b"\0" not in head else "made of bytes that no table begins with"
