"""One fast look at every byte of a delimited file: whether it can be streamed as it stands.

The reader behind it fills up short rows and, where not all columns are asked for, cuts long ones, in silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, NamedTuple

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
CHUNK: Final = 1 << 18
"""Bytes at a time: what fits into the processor's own memory is several times faster."""
_QUOTE, _END, _RETURN, _BOM_END = b'"'[0], b"\n"[0], b"\r"[0], 0xBF


@dataclass(frozen=True, slots=True)
class Survey:
    """What stands in a delimited file."""

    rows: int
    """Rows that are not blank, the header among them."""
    blank: int
    """Rows without a byte."""
    returns: int
    """Lines that end with CR LF."""
    is_plain: bool
    """Every row has as many cells as the header, all is UTF-8, and quotes hold whole cells and are closed."""
    last_line: bytes
    """The last line, where it has no end."""


class _Open(NamedTuple):
    """What goes on from one chunk to the next, where a line end stands in quotes."""

    inside: bool = False
    separators: int = 0
    """Of the row that is not ended."""


class _Lines(NamedTuple):
    """What one chunk holds."""

    rows: int
    blank: int
    returns: int
    is_plain: bool


def surveyed(stream: BinaryIO, separator: str, width: int) -> Survey:
    """What the bytes of `stream` hold, if its rows have `width` cells; its memory does not grow with it."""
    state, mark, last_line = _Open(), separator.encode()[0], b""
    rows, blank, returns, is_plain = 0, 0, 0, True
    for chunk in _whole_lines(stream):
        last_line = b"" if chunk.endswith(b"\n") else chunk[chunk.rfind(b"\n") + 1 :]
        part, state = _counted(chunk + b"\n" if last_line else chunk, mark, width, state)
        rows, blank, returns = rows + part.rows, blank + part.blank, returns + part.returns
        is_plain = is_plain and part.is_plain
    return Survey(rows, blank, returns, is_plain and not state.inside, last_line)


def _whole_lines(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK):
        yield chunk if chunk.endswith(b"\n") else chunk + stream.readline()


def _counted(chunk: bytes, mark: int, width: int, state: _Open) -> tuple[_Lines, _Open]:
    found = np.frombuffer(chunk, dtype=np.uint8)
    counts = (found == _END) | (found == mark)
    plain, inside = _is_text(chunk) and not _has_lone_return(chunk, found), state.inside
    if inside or b'"' in chunk:
        quotes = found == _QUOTE
        quoted = np.logical_xor.accumulate(quotes) ^ inside
        plain = plain and _quotes_whole_cells(found, quotes, quoted, mark)
        counts, inside = counts & ~quoted, bool(quoted[-1])
    places = np.flatnonzero(counts)
    ends = found[places] == _END
    blank = _blank(found, places, ends)
    ends = ends if blank is None else ends[~blank]
    returns = (
        int(np.count_nonzero(found[places[found[places] == _END] - 1] == _RETURN)) if b"\r" in chunk else 0
    )
    rows = np.flatnonzero(ends)
    even = bool((rows == np.arange(1, rows.size + 1) * width - 1 - state.separators).all())
    left = int(ends.size - rows[-1] - 1) if rows.size else state.separators + int(ends.size)
    none = 0 if blank is None else int(np.count_nonzero(blank))
    return _Lines(int(rows.size), none, returns, plain and even), _Open(inside, left)


def _is_text(chunk: bytes) -> bool:
    if b"\0" in chunk:
        return False
    try:
        return chunk.isascii() or bool(chunk.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def _quotes_whole_cells(found: Bytes, quotes: Mask, quoted: Mask, mark: int) -> bool:
    """Whether quotes open where a cell begins and close where it ends; a quote in quotes is doubled."""
    opening, closing = np.flatnonzero(quotes & quoted), np.flatnonzero(quotes & ~quoted)
    before = found[opening[opening > 0] - 1]
    behind = found[closing[closing < found.size - 1] + 1]
    begins = np.isin(before, (mark, _END, _QUOTE, _BOM_END))
    return bool(begins.all() and np.isin(behind, (mark, _END, _RETURN, _QUOTE)).all())


def _has_lone_return(chunk: bytes, found: Bytes) -> bool:
    return b"\r" in chunk and bool(((found[:-1] == _RETURN) & (found[1:] != _END)).any())


def _blank(found: Bytes, places: npt.NDArray[np.intp], ends: Mask) -> Mask | None:
    """Which of the marks at `places` end a row that holds no byte; None where none can."""
    after_end = np.concatenate([[True], ends[:-1]])
    if not (ends & after_end).any():
        return None
    length = np.diff(places, prepend=-1) - 1
    blank: Mask = ends & after_end & ((length == 0) | ((length == 1) & (found[places - 1] == _RETURN)))
    return blank
