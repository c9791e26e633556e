"""Decoding a Huffman-coded JPEG so that a cut cannot pass: the decoders at hand fill missing rows in silence.

No table may use the code of ones alone (ITU-T T.81 C.2), so ones are put behind the data of every scan and
restart interval. A whole picture never reads them; a cut one stops the decoder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from strnet.errors import ImageError
from strnet.imaging.codestreams.findings import Flag, cut_short, has_zero_block
from strnet.imaging.codestreams.huffman_tail import ends_with_whole_symbol
from strnet.imaging.codestreams.jpeg_stream import JpegStream, with_tails

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
    flags: list[Flag] = [] if stream.ended else ["no_end_marker"]
    if _has_left_over(stream, decode):
        flags.append("data_left_over")
    return picture, tuple(flags)


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


def _has_left_over(stream: JpegStream, decode: Decode) -> bool:
    """Whether a stream with a block of zeros in it does without its last bytes.

    Zeros decode to fewer or more samples than what they replaced. Too few end in an error before this.
    """
    scan = stream.scans[-1]
    if not has_zero_block(stream.data, scan.start, scan.end):
        return False
    coded = stream.data[scan.start : scan.end].rstrip(b"\xff")
    shorter = replace(scan, end=scan.start + max(len(coded) - _NEEDED, 0))
    shortened = replace(stream, data=stream.data[: shorter.end], scans=[*stream.scans[:-1], shorter])
    return _attempt(shortened, decode) is not None
