"""What lies on a film besides the body: side marker, collimated field, and rods of metal."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import cv2
import numpy as np

from strnet.phantom.physics.solids import Grid

Array = np.ndarray

COLLIMATED_SHARE = 0.5
"""Share of films with a visible edge of the collimated field."""


@dataclass(frozen=True)
class Marker:
    """A side marker: the letter, its style (`box` or `plain`), lower left corner and height in pixels."""

    letter: str
    style: str
    column: int
    row: int
    height: int


def draw_marker(laterality: str, style: str, size: tuple[int, int], generator: np.random.Generator) -> Marker:
    """Where the technician put the marker: beside the body, on the side it names."""
    rows, columns = size
    height = int(rows * generator.uniform(0.030, 0.045))
    side = generator.uniform(0.035, 0.10)
    column = columns * (side if laterality == "R" else 1.0 - side) - height * 0.4
    row = rows * generator.uniform(0.08, 0.30)
    return Marker(laterality, style, int(column), int(row), height)


def stamp(display: Array, marker: Marker) -> Array:
    """`display` with the marker burned in, float32, same shape."""
    stamped = display.copy()
    height = marker.height
    stroke = max(2, height // 9)
    if marker.style == "box":
        corner = (marker.column - height // 3, marker.row - height - height // 3)
        opposite = (marker.column + height, marker.row + height // 3)
        cv2.rectangle(stamped, corner, opposite, 0.30, thickness=-1)
    for start, end in _strokes(marker.letter):
        ends = [
            (marker.column + round(x * height * 0.6), marker.row - round(y * height)) for x, y in (start, end)
        ]
        cv2.line(stamped, ends[0], ends[1], 0.95, thickness=stroke, lineType=cv2.LINE_AA)
    return np.asarray(stamped)


_LETTERS = {
    "L": ((0, 1), (0, 0), (1, 0)),
    "R": ((0, 0), (0, 1), (0.75, 1), (1, 0.85), (1, 0.65), (0.75, 0.5), (0, 0.5), (0.45, 0.5), (1, 0)),
}


def _strokes(letter: str) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Line segments of a letter in the unit square: drawn here, so that no font library decides the bytes."""
    points = _LETTERS[letter]
    return list(itertools.pairwise(points))


def draw_field(size: tuple[int, int], generator: np.random.Generator) -> tuple[int, int, int, int]:
    """The collimated field (top, bottom, left, right), pixels; the whole film where none is seen."""
    rows, columns = size
    margins = generator.beta(1.2, 4.0, 4) * np.array([0.16, 0.16, 0.20, 0.20])
    if generator.random() >= COLLIMATED_SHARE:
        margins = np.zeros(4)
    return (
        int(margins[0] * rows),
        rows - int(margins[1] * rows),
        int(margins[2] * columns),
        columns - int(margins[3] * columns),
    )


def inside_field(size: tuple[int, int], field: tuple[int, int, int, int]) -> Array:
    """Mask of the collimated field, bool, shape `size`."""
    mask = np.zeros(size, dtype=bool)
    mask[field[0] : field[1], field[2] : field[3]] = True
    return mask


def rod(grid: Grid, start: tuple[float, float], end: tuple[float, float], radius: float) -> Array:
    """Chord through a round rod with domed ends from `start` to `end` (x, y in mm), mm, float32."""
    axis = np.array([end[0] - start[0], end[1] - start[1]], dtype=np.float32)
    x = grid.x[None, :] - np.float32(start[0])
    y = grid.y[:, None] - np.float32(start[1])
    along = np.clip((x * axis[0] + y * axis[1]) / np.float32(axis @ axis), 0.0, 1.0)
    gap = (x - along * axis[0]) ** 2 + (y - along * axis[1]) ** 2
    return np.asarray(2.0 * np.sqrt(np.maximum(np.float32(radius**2) - gap, np.float32(0.0))))
