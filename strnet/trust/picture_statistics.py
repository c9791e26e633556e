"""A few grey-value figures of a prepared film: they notice what a network was never made to look at."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NAMES: Final = (
    *("mean", "sd", "black", "white", "change_across", "change_down"),
    *("asymmetry_across", "asymmetry_down", "middle_columns", "top_minus_bottom"),
)
SMALLEST_SPREAD: Final = 0.01
"""Of each figure: less among training films is chance, such as that all have one shape."""

_WHITE = 0.95


def picture_statistics(films: NDArray[np.uint16]) -> Floats:
    """Figures (N, 10) of prepared films (N, H, W), their grey values as 0 to 1, in the order of `NAMES`.

    A film and its mirror image, left to right, have the same.
    """
    grey = films.astype(np.float32) / np.float32(65535)
    third, thirds = grey.shape[1] // 3, slice(grey.shape[2] // 3, 2 * grey.shape[2] // 3)
    mean = grey.mean((1, 2))
    figures = (
        mean,
        grey.std((1, 2)),
        (films == 0).mean((1, 2)),
        (grey > _WHITE).mean((1, 2)),
        np.abs(np.diff(grey, axis=2)).mean((1, 2)),
        np.abs(np.diff(grey, axis=1)).mean((1, 2)),
        np.abs(grey - grey[:, :, ::-1]).mean((1, 2)),
        np.abs(grey - grey[:, ::-1]).mean((1, 2)),
        grey[:, :, thirds].mean((1, 2)) - mean,
        grey[:, :third].mean((1, 2)) - grey[:, -third:].mean((1, 2)),
    )
    return np.stack(figures, axis=1).astype(np.float64)
