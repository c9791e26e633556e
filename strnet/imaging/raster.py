"""PNG and JPEG files: one grey picture, bone bright as displayed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import cv2
import libjpeg
import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from strnet.errors import ImageError
from strnet.imaging.codestreams.jpeg_completeness import decode_whole
from strnet.imaging.codestreams.jpeg_stream import jpeg_stream
from strnet.imaging.codestreams.png_chunks import png_flags
from strnet.imaging.codestreams.wholeness import Flag
from strnet.imaging.limits import require_file_size, require_film_size
from strnet.imaging.radiograph import Acquisition, Radiograph

Stored = npt.NDArray[np.integer]
_EXIF_ORIENTATION = 0x0112
_ORIENTATIONS: dict[int, Callable[[Stored], Stored]] = {
    1: lambda picture: picture,
    2: lambda picture: picture[:, ::-1],
    3: lambda picture: picture[::-1, ::-1],
    4: lambda picture: picture[::-1],
    5: lambda picture: picture.swapaxes(0, 1),
    6: lambda picture: picture.swapaxes(0, 1)[:, ::-1],
    7: lambda picture: picture[::-1, ::-1].swapaxes(0, 1),
    8: lambda picture: picture.swapaxes(0, 1)[::-1],
}
"""What turns a stored picture upright. Source: EXIF 2.32, tag 274 (Orientation)."""
_LARGEST_TINT = 16
"""Largest difference between the channels of a pixel that counts as grey, of 255."""
_LARGEST_COLOURED_SHARE = 0.01
"""A red marker or a coloured caption on a grey film may be this much of it."""


def read_raster(path: Path, file_format: Literal["png", "jpeg"]) -> Radiograph:
    """The film in a PNG or JPEG, turned as its EXIF orientation says.

    An RGB file whose channels agree is grey, and its luminance (ITU-R BT.601) is taken.

    Raises: ImageError: truncated or corrupt, in colour, or with a transparent part.
    """
    try:
        with PillowImage.open(path) as picture:
            source = _acquisition(path, picture, file_format)
            require_film_size(source.rows, source.columns)
            flags = _flags(path, file_format)
            stored = _grey(_oriented(path, picture))
            source = replace(source, turned=_orientation(picture) != 1)
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from error
    except MemoryError:
        raise
    except Exception as error:  # Pillow raises OSError, SyntaxError, struct.error, ... on corrupt bytes
        raise ImageError(f"{path}: the {file_format.upper()} cannot be decoded: {error}") from error
    largest = 2**source.bits_stored - 1
    return Radiograph(stored.astype(np.float32) / np.float32(largest), source, flags=flags)


def read_raster_acquisition(path: Path, file_format: Literal["png", "jpeg"]) -> Acquisition:
    """Size, depth and mode of a PNG or JPEG, from its header.

    Raises: ImageError: no readable header.
    """
    try:
        with PillowImage.open(path) as picture:
            return _acquisition(path, picture, file_format)
    except Exception as error:
        raise ImageError(f"{path}: the {file_format.upper()} header cannot be read: {error}") from error


def _flags(path: Path, file_format: Literal["png", "jpeg"]) -> tuple[Flag, ...]:
    """Flags of a file that is whole.

    Raises: ImageError: cut or damaged, as its syntax shows it, or a decoder given a tail to stumble over.
    """
    require_file_size(path)
    data = path.read_bytes()
    if file_format == "png":
        return png_flags(data)
    return decode_whole(jpeg_stream(data), libjpeg.decode)[1]  # Pillow fills missing rows in silence


def _acquisition(path: Path, picture: PillowImage.Image, file_format: Literal["png", "jpeg"]) -> Acquisition:
    return Acquisition(
        file_format=file_format,
        rows=picture.height,
        columns=picture.width,
        bits_stored=_depth(path, picture),
        photometric=picture.mode,
    )


def _depth(path: Path, picture: PillowImage.Image) -> int:
    """Bits per channel. A PNG keeps them in byte 24; Pillow would quietly halve 16-bit colour."""
    if picture.format != "PNG":
        return 8
    with path.open("rb") as stream:
        return 16 if stream.read(25)[24] == 16 else 8


def _oriented(path: Path, picture: PillowImage.Image) -> Stored:
    """Channels last, uint8 or uint16, upright as EXIF says."""
    picture.load()
    turned = _ORIENTATIONS[_orientation(picture)]
    return np.ascontiguousarray(turned(_channels(path, picture)))


def _orientation(picture: PillowImage.Image) -> int:
    """1 to 8 as EXIF counts, 1 where it says nothing; of a PNG that was loaded: Pillow would load it here."""
    found = picture.getexif().get(_EXIF_ORIENTATION, 1)
    return int(found) if found in _ORIENTATIONS else 1


def _channels(path: Path, picture: PillowImage.Image) -> Stored:
    if picture.mode in ("1", "L"):
        return np.asarray(picture.convert("L"))
    if picture.mode in ("I;16", "I;16B", "I"):
        return np.asarray(picture).astype(np.uint16)
    if _depth(path, picture) == 16:
        return _sixteen_bit_colour(path)
    if picture.mode in ("P", "PA", "LA", "RGB", "RGBA"):
        return np.asarray(picture.convert("RGBA"))
    raise ImageError(f"colour mode {picture.mode} is not read. Save the film as grey PNG.")


def _sixteen_bit_colour(path: Path) -> Stored:
    """Red, green, blue (and alpha) of a PNG with 16 bits per channel, which Pillow cuts to 8."""
    stored = cv2.imdecode(np.fromfile(path, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    if stored is None or stored.ndim != 3:
        raise ImageError("the 16-bit PNG cannot be decoded. Save the film as grey PNG.")
    return np.asarray(stored[..., [2, 1, 0, 3][: stored.shape[2]]], dtype=np.uint16)


def _grey(stored: Stored) -> Stored:
    """One channel (H, W) of a picture that is grey.

    Raises: ImageError: transparent parts, or in colour.
    """
    if stored.ndim == 2:
        return stored
    largest = np.iinfo(stored.dtype).max
    if stored.shape[2] == 4 and stored[..., 3].min() < largest:
        raise ImageError("the picture is partly transparent, expected an opaque film. Flatten it first.")
    colour = np.ascontiguousarray(stored[..., :3])
    tint = colour.max(axis=2) - colour.min(axis=2)
    coloured = float((tint > _LARGEST_TINT * (largest // 255)).mean())
    if coloured > _LARGEST_COLOURED_SHARE:
        raise ImageError(f"the picture is in colour ({coloured:.0%} of its pixels), expected a grey film.")
    return np.asarray(cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY))
