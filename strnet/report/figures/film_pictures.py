"""Example films as PNG, alone and with the network's saliency laid over."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from strnet.errors import StrnetError

_SHORT_SIDE_MAX: Final = 512


@dataclass(frozen=True, slots=True)
class ExampleFilm:
    """A film to show: `image` uint8 (H, W), `saliency` floats (H, W) or None, and what to say of it."""

    image: npt.NDArray[np.uint8]
    saliency: npt.NDArray[np.float32] | None
    caption: str


def film_png(image: npt.NDArray[np.uint8]) -> bytes:
    """PNG bytes of a film, bone bright as it is given.

    Raises: StrnetError: not a two-dimensional uint8 array.
    """
    if image.ndim != 2 or image.dtype != np.uint8:
        raise StrnetError(
            f"example film: found {image.dtype} of shape {image.shape}, expected uint8 (rows, columns)."
        )
    return _png(np.repeat(_thinned(image)[:, :, None], 3, axis=2))


def overlay_png(image: npt.NDArray[np.uint8], saliency: npt.NDArray[np.float32]) -> bytes:
    """PNG bytes of a film with its saliency laid over: the higher, the more opaque and the brighter.

    Raises: StrnetError: a saliency map of another shape, or with values that are not finite.
    """
    from matplotlib import colormaps

    if saliency.shape != image.shape or not np.isfinite(saliency).all():
        raise StrnetError(
            f"saliency: found shape {saliency.shape}, expected finite values of shape {image.shape}."
        )
    strength = _thinned(np.clip(saliency, 0, None).astype(np.float64))
    strength = strength / strength.max() if strength.max() > 0 else strength
    heat = colormaps["inferno"](strength)[:, :, :3]
    opacity = (0.65 * strength)[:, :, None]
    grey = np.repeat(_thinned(image)[:, :, None], 3, axis=2) / 255.0
    return _png(np.round(255 * (opacity * heat + (1 - opacity) * grey)).astype(np.uint8))


def _thinned(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Every k-th pixel of a film larger than a page needs."""
    step = max(1, min(pixels.shape) // _SHORT_SIDE_MAX)
    return pixels[::step, ::step]


def _png(pixels: npt.NDArray[np.uint8]) -> bytes:
    from matplotlib.image import imsave

    buffer = io.BytesIO()
    imsave(buffer, pixels, format="png", pil_kwargs={"optimize": True})
    return buffer.getvalue()
