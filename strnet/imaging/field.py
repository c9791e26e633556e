"""The collimated field of a film: what lies inside its uniform dark or bright borders."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from strnet.imaging.radiograph import Image

_THUMBNAIL = 256  # pixels of the longer side that the search is done on, at most
_TOLERANCE = 0.03  # of the film's grey range: how far a border may be from the darkest or brightest grey
_OUTLIERS = 0.02  # share of a border line that may be something else, such as a corner of lettering
_LEAST_KEPT = 0.3  # of either side: a field smaller than this is a misreading, and the film is kept whole


@dataclass(frozen=True, slots=True)
class Field:
    """Rows and columns of the field, half-open: `pixels[top:bottom, left:right]`."""

    top: int
    bottom: int
    left: int
    right: int


def collimated_field(pixels: Image) -> Field:
    """The smallest rectangle that leaves out only uniform dark or bright lines along the edges.

    A line goes only if nearly all of it is the darkest or the brightest grey of the film (shutter,
    unexposed border, plain air), from the edge inwards without a gap. Anatomy, noise, scatter and
    lettering stop the crop. The whole film comes back where too little would remain.
    """
    rows, columns = pixels.shape
    step = -(-max(rows, columns) // _THUMBNAIL)
    thumbnail = _reduced(pixels, step)
    top, bottom = _span(thumbnail, rows, step)
    left, right = _span(thumbnail.T, columns, step)
    if bottom - top < _LEAST_KEPT * rows or right - left < _LEAST_KEPT * columns:
        return Field(0, rows, 0, columns)
    return Field(top, bottom, left, right)


def _reduced(pixels: Image, step: int) -> Image:
    """Means of blocks of `step` x `step` pixels; an incomplete block at the far edges is left out."""
    rows, columns = max(pixels.shape[0] // step, 1), max(pixels.shape[1] // step, 1)
    whole = np.ascontiguousarray(pixels[: rows * step, : columns * step])
    return np.asarray(cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA))


def _span(thumbnail: Image, length: int, step: int) -> tuple[int, int]:
    """First and last + 1 film row that is kept; one more thumbnail row each way is kept to be safe."""
    inside = np.flatnonzero(~_is_border(thumbnail))
    if inside.size == 0:
        return 0, length
    first, last = max(int(inside[0]) - 1, 0), int(inside[-1]) + 2
    return first * step, length if last >= thumbnail.shape[0] else last * step


def _is_border(lines: Image) -> npt.NDArray[np.bool_]:
    """Whether each row is all dark or all bright, but for a few outliers."""
    low, high = float(lines.min()), float(lines.max())
    margin = _TOLERANCE * (high - low)
    outside = np.minimum((lines > low + margin).mean(axis=1), (lines < high - margin).mean(axis=1))
    return np.asarray(outside <= _OUTLIERS)
