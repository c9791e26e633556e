"""The segments of an RLE Lossless frame. Source: DICOM PS3.5 annex G."""

from __future__ import annotations

import struct
from itertools import pairwise

from PIL import Image as PillowImage

from strnet.errors import ImageError
from strnet.imaging.codestreams.wholeness import cut_short

_HEADER = 64  # bytes


def rle_segments(frame: bytes, count: int) -> list[bytes]:
    """The `count` segments of a frame, one for each byte of a pixel, the most significant first.

    Raises: ImageError: another number of segments, or offsets that do not follow each other.
    """
    if len(frame) < _HEADER:
        raise cut_short(f"the RLE header has {len(frame)} of {_HEADER} bytes")
    found, *offsets = struct.unpack("<16I", frame[:_HEADER])
    if found != count:
        raise ImageError(f"the RLE header announces {found} segments, expected {count}: it is damaged.")
    starts = offsets[:count]
    if starts[0] != _HEADER or any(a >= b for a, b in pairwise(starts)):
        raise ImageError(f"the RLE segments start at {starts}: the header is damaged.")
    if starts[-1] >= len(frame):
        raise cut_short(f"RLE segment {count} starts at byte {starts[-1]} of {len(frame)}")
    return [frame[a:b] for a, b in zip(starts, [*starts[1:], len(frame)], strict=True)]


def require_no_more(segment: bytes, pixels: int) -> None:
    """Raise if the segment decodes to more than `pixels` bytes; decodes no further than that.

    Raises: ImageError: bytes left over, as where a part of the segment was overwritten.
    """
    coded = segment.rstrip(b"\0") + b"\0"  # a last run may be one of zeros; the rest is padding
    try:
        PillowImage.frombytes("L", (pixels + 1, 1), coded, "packbits", "L")
    except ValueError:  # not enough data for one byte more
        return
    raise ImageError(f"an RLE segment holds more than {pixels} bytes: it is damaged. Copy it again.")
