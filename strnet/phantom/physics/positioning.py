"""Where a body lies on its film: magnification, shift, rotation and small bends."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from strnet.phantom.physics.solids import Grid

Array = np.ndarray

USUAL_ROWS = 768
"""Rows of a film at which a scanner's `pixel_mm` is stated."""


@dataclass(frozen=True)
class Positioning:
    """How the film was taken: rotation, what is imaged off the centre, tube voltage.

    `zoom` is the magnification relative to the scanner's usual one.
    """

    rotation_degrees: float
    shift_x_mm: float
    shift_y_mm: float
    zoom: float
    kilovolts: float


def film_grid(size: tuple[int, int], pixel_mm: float, positioning: Positioning) -> Grid:
    """The film's grid in mm of the object plane; `pixel_mm` is that of a film of `USUAL_ROWS` rows."""
    rows, columns = size
    step = pixel_mm / positioning.zoom * USUAL_ROWS / rows
    y = (np.arange(rows) - rows / 2 + 0.5) * step - positioning.shift_y_mm
    x = (np.arange(columns) - columns / 2 + 0.5) * step - positioning.shift_x_mm
    return Grid(y.astype(np.float32), x.astype(np.float32), step)


def bends(grid: Grid, generator: np.random.Generator, sd_mm: float = 0.9) -> tuple[Array, Array]:
    """Smooth displacements (across, along), pixels, float32, that no two people share."""
    rows, columns = grid.shape
    coarse = sd_mm / grid.pixel_mm * generator.standard_normal((2, 6, 5), dtype=np.float32)
    across, along = (cv2.resize(part, (columns, rows), interpolation=cv2.INTER_CUBIC) for part in coarse)
    return np.asarray(across), np.asarray(along)


def turned(grid: Grid, bent: tuple[Array, Array], rotation_degrees: float) -> tuple[Array, Array]:
    """Where each pixel of the film looks on the drawn body (columns, rows), float32: `bent`, then rotated."""
    rows, columns = grid.shape
    angle = np.deg2rad(rotation_degrees)
    x = np.arange(columns, dtype=np.float32)[None, :] - np.float32(columns / 2)
    y = np.arange(rows, dtype=np.float32)[:, None] - np.float32(rows / 2)
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    across = bent[0] + (cos * x + (sin * y + np.float32(columns / 2)))
    along = bent[1] + ((np.float32(rows / 2) - sin * x) + cos * y)
    return across, along
