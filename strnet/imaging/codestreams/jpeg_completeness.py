"""Decoding a Huffman-coded JPEG so that a cut cannot pass: the decoders at hand fill missing rows in silence.

No table may use the code of ones alone (ITU-T T.81 C.2), so ones are put behind the data of every scan and
restart interval. A whole picture never reads them; a cut one stops the decoder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import libjpeg
import numpy as np
import numpy.typing as npt

from strnet.errors import ImageError
from strnet.imaging.codestreams.huffman_tail import ends_with_whole_symbol
from strnet.imaging.codestreams.jpeg_stream import LOSSLESS, JpegStream, with_tails
from strnet.imaging.codestreams.wholeness import Flag, cut_short, has_zero_block

Picture = npt.NDArray[np.generic]
Decode = Callable[[bytes], Picture]

_ONES = b"\xff\x00" * 16  # 0xFF stuffed: 128 bits, more than a code and its value bits need
_OTHER = b"\x00\x00" + b"\x55\xaa" * 16
_NEEDED = 4  # bytes: without so many at its end, no whole picture can be decoded


def decode_whole(stream: JpegStream, decode: Decode) -> tuple[Picture, tuple[Flag, ...]]:
    """The picture that `decode` makes of the stream, and flags.

    Raises: ImageError: the coded data end before the picture does. Whatever `decode` raises where it
    cannot read the stream at all.
    """
    picture = _attempt(stream, decode)
    if picture is None:
        decode(with_tails(stream, b""))  # raises the decoder's own words where ones are not the reason
        raise cut_short("the JPEG data end before the last row")
    if not ends_with_whole_symbol(stream):
        _require_same(picture, stream, decode)
    end: tuple[Flag, ...] = () if stream.ended else ("no_end_marker",)
    return picture, end + _flags_of_zeros(stream)


def _attempt(stream: JpegStream, decode: Decode) -> Picture | None:
    try:
        return decode(with_tails(stream, _ONES))
    except (RuntimeError, ValueError, ImageError):
        return None


def _require_same(picture: Picture, stream: JpegStream, decode: Decode) -> None:
    """Raise unless the picture stays the same with another tail, so that none of a tail is in it."""
    try:
        other = decode(with_tails(stream, _OTHER))
    except (RuntimeError, ValueError) as error:
        raise cut_short("the JPEG data end within the last sample") from error
    if not np.array_equal(other, picture):
        raise cut_short("the JPEG data end within the last sample")


def _flags_of_zeros(stream: JpegStream) -> tuple[Flag, ...]:
    """Flags for a block of zero bytes in the coded data: no symbols at all, or too many.

    Zeros decode to fewer or more samples than what they replaced. Too few end in an error before this.
    """
    scan = stream.scans[-1]
    if not has_zero_block(stream.data, scan.start, scan.end):
        return ()
    if not _may_be_zeros(stream):
        return ("zero_block",)
    coded = stream.data[scan.start : scan.end].rstrip(b"\xff")
    shorter = replace(scan, end=scan.start + max(len(coded) - _NEEDED, 0))
    shortened = replace(stream, data=stream.data[: shorter.end], scans=[*stream.scans[:-1], shorter])
    return () if _attempt(shortened, libjpeg.decode) is None else ("data_left_over",)


def _may_be_zeros(stream: JpegStream) -> bool:
    """Whether a constant area is coded in zero bits alone: by the first code of each table of the scan."""
    dc, ac = stream.scans[-1].tables[0]
    tables = [(0, dc)] if stream.process == LOSSLESS else [(0, dc), (1, ac)]
    return all(stream.tables.get(table, ((), b""))[1][:1] == b"\0" for table in tables)
