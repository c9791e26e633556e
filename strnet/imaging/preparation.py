"""From display values to the network's input: crop, resize, normalise, quantise.

The sample cache keeps what `prepare` returns, and `to_network_input` is all that is left to do at
training and at prediction, so the two cannot differ. `Preprocessing.digest` names the outcome; a
change here that moves any grey value raises `Preprocessing.version`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from strnet.config import Preprocessing
from strnet.errors import ImageError
from strnet.imaging.field import collimated_field
from strnet.imaging.radiograph import Image, quantise
from strnet.imaging.region import Box, Inside, blank_outside

_LEAST_CONTRAST = 1.0 / 65535.0  # one step of a 16-bit film; less is the rounding error of the resize


def prepare(pixels: Image, preprocessing: Preprocessing) -> npt.NDArray[np.uint16]:
    """Grey values 0..65535, (height, width), of display values (H, W) in [0, 1]; bone stays bright.

    The film keeps its proportions and is centred; what it does not fill is 0.

    Raises: ImageError: a film with a single grey value.
    """
    if preprocessing.crop_to_field:
        field = collimated_field(pixels)
        pixels = pixels[field.top : field.bottom, field.left : field.right]
    fitted = _fitted(pixels, placement(pixels.shape, preprocessing))
    return _centred(quantise(_normalised(fitted, fitted, preprocessing)), preprocessing)


def prepare_region(
    pixels: Image, crop: Box, inside: Inside | None, preprocessing: Preprocessing
) -> npt.NDArray[np.uint16]:
    """As `prepare`, of what lies in the box `crop`, whatever the collimated field is.

    `inside` (H, W) leaves all else blank, and only its grey values decide the normalisation; None keeps
    everything in the box.

    Raises: ImageError: a region with a single grey value, or nothing of `inside` in the box.
    """
    cut = np.ascontiguousarray(pixels[crop.slices])
    place = placement(cut.shape, preprocessing)
    fitted = _fitted(cut, place)
    if inside is None:
        return _centred(quantise(_normalised(fitted, fitted, preprocessing)), preprocessing)
    kept = _fitted(inside[crop.slices].astype(np.float32), place) >= 0.5
    if not kept.any():
        raise ImageError("nothing of the mask is left at the size of the network's input: it is too small.")
    grey = quantise(_normalised(fitted, fitted[kept], preprocessing))
    return _centred(blank_outside(grey, kept), preprocessing)


def prepare_labels(labels: npt.NDArray[np.uint8], preprocessing: Preprocessing) -> npt.NDArray[np.uint16]:
    """The labels (H, W) of a whole film where `prepare` puts its pixels, (height, width); 0 beside it.

    Only for films that are not cropped to their field, which the labels do not know.
    """
    place = placement(labels.shape, preprocessing)
    size = (place.columns, place.rows)
    fitted = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT)
    return _centred(np.asarray(fitted, dtype=np.uint16), preprocessing)


def labels_on_film(
    scores: npt.NDArray[np.float32],
    pixels: tuple[int, int],
    grid: tuple[int, int],
    preprocessing: Preprocessing,
) -> npt.NDArray[np.uint8]:
    """The label of the highest of `scores` (labels, height, width) at each pixel of a file's `grid`.

    The scores lie where `prepare` put the film's square `pixels`, and are interpolated between them.
    """
    place = placement(pixels, preprocessing)
    best = np.full(grid, -np.inf, dtype=np.float32)
    labels = np.zeros(grid, dtype=np.uint8)
    for label, score in enumerate(scores):
        cut = score[place.top : place.top + place.rows, place.left : place.left + place.columns]
        found = cv2.resize(np.ascontiguousarray(cut), grid[::-1], interpolation=cv2.INTER_LINEAR)
        higher = found > best
        best[higher] = found[higher]
        labels[higher] = label
    return labels


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the pixels of a film stand in the network's input."""

    top: int
    left: int
    rows: int
    columns: int
    shrinks: bool


def placement(shape: tuple[int, ...], preprocessing: Preprocessing) -> Placement:
    """The place of a film of `shape`: as large as fits, its proportions kept, in the middle."""
    rows, columns = shape
    scale = min(preprocessing.height / rows, preprocessing.width / columns)
    high, wide = max(round(rows * scale), 1), max(round(columns * scale), 1)
    top, left = (preprocessing.height - high) // 2, (preprocessing.width - wide) // 2
    return Placement(top, left, high, wide, shrinks=scale < 1.0)


def to_network_input(
    quantised: npt.NDArray[np.uint16], preprocessing: Preprocessing
) -> npt.NDArray[np.float32]:
    """Float32 of the same shape (..., height, width): grey values in [0, 1], less the mean, over the SD."""
    scaled = quantised * np.float32(1.0 / (65535.0 * preprocessing.std))
    return np.asarray(scaled - np.float32(preprocessing.mean / preprocessing.std))


def _fitted(pixels: Image, place: Placement) -> Image:
    """The film at the size of its place, by area averages; by interpolation where it grows."""
    if (place.rows, place.columns) == pixels.shape:
        return pixels
    how = cv2.INTER_AREA if place.shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, (place.columns, place.rows), interpolation=how))


def _normalised(pixels: Image, deciding: Image, preprocessing: Preprocessing) -> Image:
    """Grey values in [0, 1]; the percentiles are those of the `deciding` pixels."""
    if preprocessing.normalisation == "none":
        return np.clip(pixels, 0.0, 1.0)
    ends = preprocessing.percentiles if preprocessing.normalisation == "percentile" else (0.0, 100.0)
    low, high = np.percentile(deciding, ends).astype(np.float32)
    if high - low < _LEAST_CONTRAST:
        raise ImageError(
            f"the film has no contrast: percentiles {ends[0]:g} and {ends[1]:g} of its grey values are "
            f"{low:.6g} and {high:.6g}. Leave it out of the cohort."
        )
    return np.asarray(np.clip((pixels - low) / (high - low), 0.0, 1.0), dtype=np.float32)


def _centred(film: npt.NDArray[np.uint16], preprocessing: Preprocessing) -> npt.NDArray[np.uint16]:
    rows, columns = film.shape
    top, left = (preprocessing.height - rows) // 2, (preprocessing.width - columns) // 2
    canvas = np.zeros((preprocessing.height, preprocessing.width), dtype=np.uint16)
    canvas[top : top + rows, left : left + columns] = film
    return canvas
