"""The chunks of a PNG file and their checksums. Source: PNG specification (ISO/IEC 15948) 5.3."""

from __future__ import annotations

import zlib

from strnet.errors import ImageError
from strnet.imaging.codestreams.wholeness import Flag, cut_short

_SIGNATURE = 8  # bytes


def png_flags(data: bytes) -> tuple[Flag, ...]:
    """`no_end_marker` where IEND is missing behind whole chunks of pixels; otherwise nothing.

    Raises: ImageError: a chunk is cut, or its checksum is wrong.
    """
    position = _SIGNATURE
    while position < len(data):
        length, kind = int.from_bytes(data[position : position + 4], "big"), data[position + 4 : position + 8]
        end = position + 12 + length
        if end > len(data):
            raise cut_short(f"PNG chunk {kind!r} needs {end - len(data)} more bytes")
        body = memoryview(data)[position + 4 : end - 4]
        if zlib.crc32(body) != int.from_bytes(data[end - 4 : end], "big"):
            raise ImageError(
                f"the checksum of PNG chunk {kind!r} is wrong: the data are damaged. Copy it again."
            )
        if kind == b"IEND":
            return ()
        position = end
    return ("no_end_marker",)
