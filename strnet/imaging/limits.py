"""How large an image may be: what a file announces is compared with it before anything is allocated."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from pathlib import Path

from strnet.errors import ImageError

LARGEST_SIDE = 20_000
"""Pixels; a film of 43 cm at 0.02 mm."""
LARGEST_FILM = 2**26
"""Pixels, rows x columns: 8192 x 8192. The largest films in use, digitised mammograms and stitched legs, have
30 to 60 million. Decoding takes about 12 bytes for each, so 0.8 GB at most."""
LARGEST_VOLUME = 2**30
"""Voxels: 1024 slices of 1024 x 1024, 2 GB as int16. A whole body in slices of 0.6 mm has 0.8 billion."""
LARGEST_FILE = 2**30
"""Bytes. A film of `LARGEST_FILM` pixels of 16 bits, uncompressed, has an eighth of that."""
LARGEST_HEADER = 2**23
"""Bytes of a data set beside its pixels: curves, overlays, private elements."""


def require_film_size(rows: int, columns: int) -> None:
    """Raise unless a film of so many pixels is read.

    Raises: ImageError: more than `LARGEST_FILM` pixels.
    """
    if rows * columns > LARGEST_FILM:
        raise ImageError(
            f"{rows} x {columns} pixels, more than the {LARGEST_FILM:,} a film may have. Export it smaller."
        )


def require_volume_size(shape: Sequence[int]) -> None:
    """Raise unless a volume of that shape is read.

    Raises: ImageError: more than `LARGEST_VOLUME` voxels.
    """
    voxels = math.prod(shape)
    if voxels > LARGEST_VOLUME:
        raise ImageError(f"{voxels:,} voxels, more than the {LARGEST_VOLUME:,} a volume may have. Crop it.")


def require_file_size(path: Path) -> None:
    """Raise unless the file may be read whole.

    Raises: ImageError: more than `LARGEST_FILE` bytes.
    """
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise ImageError(f"{size:,} bytes, more than the {LARGEST_FILE:,} a film file may have.")


def inflated(deflated: bytes, most: int) -> bytes:
    """The bytes of a raw deflate stream, at most `most`.

    Raises: ImageError: the stream is cut, damaged or inflates to more.
    """
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated_bytes = stream.decompress(deflated, most + 1)
    except zlib.error as error:
        raise ImageError(f"the deflated data set is damaged ({error}). Copy it again.") from error
    if len(inflated_bytes) > most:
        raise ImageError(
            f"the deflated data set inflates to more than {most:,} bytes, which no film of its size needs."
        )
    if not stream.eof:
        found = f"cut short after {len(inflated_bytes):,} bytes"
        raise ImageError(f"the deflated data set is {found}. Copy it again.")
    return inflated_bytes


def start_of_inflated(deflated: bytes, most: int) -> bytes:
    """The first bytes, at most `most`, that a raw deflate stream gives; none where it is damaged."""
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(deflated, most)
    except zlib.error:
        return b""
