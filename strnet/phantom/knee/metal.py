"""Metal in a knee: a plate and screws."""

from __future__ import annotations

import numpy as np

from strnet.phantom.physics.overlay import rod
from strnet.phantom.physics.solids import Grid

Array = np.ndarray

METAL_SHARE = 0.03
"""Share of films with a plate and screws."""


def draw_metal(grid: Grid, scale: float, generator: np.random.Generator) -> Array:
    """Path length in titanium, mm, float32, of a lateral tibial plate with screws."""
    path = np.zeros(grid.shape, np.float32)
    top = float(generator.uniform(14.0, 24.0))
    pitch = float(generator.uniform(11.0, 14.0))
    for number in range(int(generator.integers(3, 6))):
        y = top + number * pitch
        length = max(58.0 - 9.0 * number, 26.0)
        right = 30.0 - 4.0 * number
        np.maximum(path, rod(grid, (right * scale, y), ((right - length) * scale, y + 1.0), 2.1), out=path)
    plate = rod(grid, (33.0 * scale, top - 8.0), (15.0 * scale, top + 62.0), 3.6)
    return np.asarray(np.maximum(path, np.minimum(plate, np.float32(5.0))))
