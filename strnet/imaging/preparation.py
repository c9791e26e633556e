"""From display values to the network's input: crop, resize, normalise, quantise.

The sample cache keeps what `prepare` returns, and `to_network_input` is all that is left to do at
training and at prediction, so the two cannot differ. `Preprocessing.digest` names the outcome; a
change here that moves any grey value raises `Preprocessing.version`.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from strnet.config import Preprocessing
from strnet.errors import ImageError
from strnet.imaging.field import collimated_field
from strnet.imaging.radiograph import Image, quantise

_LEAST_CONTRAST = 1.0 / 65535.0  # one step of a 16-bit film; less is the rounding error of the resize


def prepare(pixels: Image, preprocessing: Preprocessing) -> npt.NDArray[np.uint16]:
    """Grey values 0..65535, (height, width), of display values (H, W) in [0, 1]; bone stays bright.

    The film keeps its proportions and is centred; what it does not fill is 0.

    Raises: ImageError: a film with a single grey value.
    """
    if preprocessing.crop_to_field:
        field = collimated_field(pixels)
        pixels = pixels[field.top : field.bottom, field.left : field.right]
    fitted = _fitted(pixels, preprocessing.height, preprocessing.width)
    return _centred(quantise(_normalised(fitted, preprocessing)), preprocessing.height, preprocessing.width)


def to_network_input(
    quantised: npt.NDArray[np.uint16], preprocessing: Preprocessing
) -> npt.NDArray[np.float32]:
    """Float32 of the same shape (..., height, width): grey values in [0, 1], less the mean, over the SD."""
    scaled = quantised * np.float32(1.0 / (65535.0 * preprocessing.std))
    return np.asarray(scaled - np.float32(preprocessing.mean / preprocessing.std))


def _fitted(pixels: Image, height: int, width: int) -> Image:
    """The film at the largest size that fits, by area averages; by interpolation where it grows."""
    rows, columns = pixels.shape
    scale = min(height / rows, width / columns)
    size = (max(round(columns * scale), 1), max(round(rows * scale), 1))
    if size == (columns, rows):
        return pixels
    how = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, size, interpolation=how))


def _normalised(pixels: Image, preprocessing: Preprocessing) -> Image:
    if preprocessing.normalisation == "none":
        return np.clip(pixels, 0.0, 1.0)
    ends = preprocessing.percentiles if preprocessing.normalisation == "percentile" else (0.0, 100.0)
    low, high = np.percentile(pixels, ends).astype(np.float32)
    if high - low < _LEAST_CONTRAST:
        raise ImageError(
            f"the film has no contrast: percentiles {ends[0]:g} and {ends[1]:g} of its grey values are "
            f"{low:.6g} and {high:.6g}. Leave it out of the cohort."
        )
    return np.asarray(np.clip((pixels - low) / (high - low), 0.0, 1.0), dtype=np.float32)


def _centred(film: npt.NDArray[np.uint16], height: int, width: int) -> npt.NDArray[np.uint16]:
    rows, columns = film.shape
    top, left = (height - rows) // 2, (width - columns) // 2
    canvas = np.zeros((height, width), dtype=np.uint16)
    canvas[top : top + rows, left : left + columns] = film
    return canvas
