"""What a picture alone shows of its quality."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from strnet.errors import ImageError
from strnet.imaging.codestreams.wholeness import FLAGS, LOSSES
from strnet.imaging.radiograph import Image, Radiograph

Fault = Literal["blank", "no_contrast", "cut"]
FAULTS: dict[Fault, str] = {
    "blank": "every pixel has the same grey value",
    "no_contrast": "nearly every pixel has the same grey value",
    "cut": "the picture breaks off within a row, and all below is one grey value",
}
_LEAST_CONTRAST = 2.0 / 255.0  # between the 1st and the 99th percentile: two greys of an 8-bit picture
_SAMPLE = 2**16  # pixels that the percentiles are taken of; all of a large film take longer than its decoding
_BLOCK = 512  # bytes, of a disk
_TALLEST_BAND = 16  # rows that a decoder fills block by block
_LEAST_TAIL = 0.02  # of the picture
_LEAST_STEP = 0.05  # of the grey range, between what breaks off and the constant
_NEARLY_ALL = 0.9

Stored = npt.NDArray[np.generic]


def picture_faults(pixels: Image) -> tuple[Fault, ...]:
    """Faults of display values (H, W) in [0, 1]; empty for a film that shows something."""
    if pixels.min() == pixels.max():
        return ("blank",)
    step = int(np.ceil(np.sqrt(pixels.size / _SAMPLE)))
    low, high = np.percentile(pixels[::step, ::step], (1, 99))
    faults: list[Fault] = ["no_contrast"] if high - low < _LEAST_CONTRAST else []
    if _breaks_off(pixels):
        faults.append("cut")
    return tuple(faults)


def require_whole(radiograph: Radiograph) -> None:
    """Raise unless the film shows something, and all of it: what no cohort should hold.

    Raises: ImageError: blank, without contrast, or with a part of it lost.
    """
    lost = [FLAGS[flag] for flag in radiograph.flags if flag in LOSSES]
    found = [*(FAULTS[fault] for fault in picture_faults(radiograph.pixels)), *lost]
    if found:
        raise ImageError(f"{'; '.join(found)}. Copy or export the film again, or leave it out of the cohort.")


def has_constant_tail(stored: npt.NDArray[Any], start: int | None) -> bool:
    """Whether uncompressed values turn into zeros within a row, at the border of a disk block, to the end.

    `start` is where they begin in the file. The border of a collimated film begins with a row, or not
    at a block; a copy that stopped between two rows cannot be told from it.
    """
    if start is None or stored[-1, -1] != 0:
        return False
    bottom = _constant_from(stored)
    if bottom is None:
        return False
    row, column = bottom
    offset = (row * stored.shape[1] + column) * stored.itemsize + start
    at_block = (offset + stored.itemsize - 1) % _BLOCK < stored.itemsize
    above = stored[row - 1, column:] if row else np.zeros(1)
    return bool(at_block and column and np.mean(above != 0) >= 0.5)


def _constant_from(values: npt.NDArray[Any]) -> tuple[int, int] | None:
    """Row and column from which all values equal the last; None for less than a row, or for all."""
    other = values.ravel() != values[-1, -1]
    run = int(np.argmax(other[::-1]))
    if not other[-1 - run]:
        return None  # no other value at all
    return divmod(values.size - run, values.shape[1]) if run >= values.shape[1] else None


def _breaks_off(pixels: Image) -> bool:
    """Whether the lower part is one grey value from within a row (or a band of rows of blocks) on."""
    bottom = _constant_from(pixels)
    if bottom is None or (bottom[0] + 1) * pixels.shape[1] > (1.0 - _LEAST_TAIL) * pixels.size:
        return False
    last, constant = bottom[0] - (bottom[1] == 0), float(pixels[-1, -1])
    step = np.abs(pixels[max(last - _TALLEST_BAND, 0) : last + 1] - constant)
    near = step <= _LEAST_STEP * float(np.ptp(pixels))
    column = _first_constant_column(step[-1])
    if not 0 < column < pixels.shape[1] or near[-1, :column].mean() > 1.0 - _NEARLY_ALL:
        return False
    right = near[:, column:].mean(axis=1)
    above = right[right < 1.0]
    return bool(above.size and above[-1] < 1.0 - _NEARLY_ALL)


def _first_constant_column(step: npt.NDArray[np.floating[Any]]) -> int:
    """Column from which the row is the constant to its end."""
    other = np.flatnonzero(step)
    return int(other[-1]) + 1 if other.size else 0
