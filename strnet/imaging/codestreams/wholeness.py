"""What may be said of a compressed picture: that it is cut short, that it does not fit, or a flag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from strnet.errors import ImageError

Flag = Literal["no_end_marker", "zero_block", "data_left_over", "constant_tail"]
FLAGS: dict[Flag, str] = {
    "no_end_marker": "every row was decoded, but the compressed data lack their end marker",
    "zero_block": "the compressed data hold a block of zero bytes, as an unfinished copy leaves it",
    "data_left_over": "the picture was complete before its data ended: a part of them was lost",
    "constant_tail": "from within a row on there is one grey value only, as an unfinished copy leaves it",
}
"""The codes of `Radiograph.flags`, in words. A flagged film was decoded, but is not to be trusted."""
LOSSES: frozenset[Flag] = frozenset(FLAGS) - {"no_end_marker"}
"""The flags of films of which a part was lost; without its end marker every row is still there."""

ZERO_BLOCK = 512
"""Bytes: the smallest unit that a disk or a copy loses. Whole JPEG 2000 films have runs of 11 at most."""


@dataclass(frozen=True, slots=True)
class Size:
    """What a header, or a compressed picture itself, announces."""

    rows: int
    columns: int
    components: int
    bits: int
    """Bits of a sample: allocated in a header, precision in a stream."""


def cut_short(found: str) -> ImageError:
    """The error for compressed data that end before their picture does."""
    return ImageError(f"the picture is cut short: {found}. Copy it again from where it came from.")


def require_same_size(stream: Size, header: Size) -> None:
    """Raise unless the compressed picture is the one that the header announces.

    Raises: ImageError: other rows, columns or components, or samples too deep for the header's container.
    """
    same = (stream.rows, stream.columns, stream.components) == (
        header.rows,
        header.columns,
        header.components,
    )
    if not same or stream.bits > header.bits:
        raise ImageError(
            f"the compressed picture is {_words(stream)}, but the header announces {_words(header)}. "
            "One of the two is damaged; export the film again."
        )


def has_zero_block(data: bytes, start: int, end: int) -> bool:
    """Whether at least `ZERO_BLOCK` zero bytes lie together in data[start:end]."""
    return data.find(bytes(ZERO_BLOCK), start, end) >= 0


def _words(size: Size) -> str:
    return f"{size.rows} x {size.columns}, {size.components} component(s) of {size.bits} bits"
