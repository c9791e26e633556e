"""Bones as stacks of superelliptic cross-sections, and their exact thickness along a parallel beam.

Axes in mm, seen as on the film: x to the right, y down, z along the beam (for a left knee seen from the
front: lateral, distal, posterior). One cross-section per film row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Grid:
    """Rows `y` (H,) and columns `x` (W,) of a film in mm, float32, evenly spaced by `pixel_mm`."""

    y: Array
    x: Array
    pixel_mm: float

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.y.size, self.x.size


@dataclass(frozen=True)
class Solid:
    """A stack of cross-sections |x - cx|^p / a^p + |z - cz|^p / b^p <= 1, one per row, arrays (H,) in mm.

    Rows with a <= 0 are empty.
    """

    centre_x: Array
    half_width: Array
    centre_z: Array
    half_depth: Array
    exponent: float = 2.0

    def shrunk(self, thickness: Array, rows_inside: Array) -> Solid:
        """The solid inside a shell of `thickness` (H,) mm; empty outside `rows_inside` (H,) bool."""
        width = np.where(rows_inside, self.half_width - thickness, 0.0)
        depth = np.where(rows_inside, self.half_depth - thickness, 0.0)
        width = np.where(depth > 0, width, 0.0)
        return Solid(self.centre_x, width, self.centre_z, depth, self.exponent)


@dataclass(frozen=True)
class Bone:
    """One bone: outer surface, marrow space, and per row what fills them (bone per volume, (H,))."""

    outer: Sequence[Solid]
    inner: Sequence[Solid]
    shell_fill: Array
    trabecular_fill: Array


@dataclass(frozen=True)
class Box:
    """Rows and columns of a film, half-open."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of the box in an array of the film's shape."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return max(self.bottom - self.top, 0), max(self.right - self.left, 0)


def profile(y: Array, knots: Sequence[tuple[float, float]]) -> Array:
    """Values at rows `y` of the monotone cubic curve through `knots` (y, value), held beyond the ends.

    Source: Fritsch and Carlson 1980, SIAM J. Numer. Anal. 17:238.
    """
    return np.asarray(_curve(tuple(knots))(np.clip(y, knots[0][0], knots[-1][0])))


@cache  # the knots are literals of the anatomies; fitting 32 curves a film is a tenth of its cost
def _curve(knots: tuple[tuple[float, float], ...]) -> Callable[[Array], Array]:
    from scipy.interpolate import PchipInterpolator

    at, value = (np.array(column, dtype=float) for column in zip(*knots, strict=True))
    return PchipInterpolator(at, value)


def rounding(distance: Array, radius: float, exponent: float = 2.0) -> Array:
    """Factor in [0, 1] that rounds the end of a solid: 0 at its tip (`distance` 0 mm), 1 from `radius` on."""
    inside = np.clip(1.0 - np.asarray(distance) / radius, 0.0, 1.0)
    factor = (1.0 - inside**exponent) ** (1.0 / exponent)
    return np.asarray(np.where(np.asarray(distance) > 0, factor, 0.0))


def ellipsoid(
    y: Array,
    centre: tuple[float, float, float],
    half_axes: tuple[float, float, float],
    exponent: float = 2.0,
) -> Solid:
    """A superellipsoid at `centre` (x, y, z) with `half_axes` (x, y, z), all in mm."""
    inside = np.clip(np.abs(y - centre[1]) / half_axes[1], 0.0, 1.0)
    factor = (1.0 - inside**exponent) ** (1.0 / exponent)
    flat = np.ones_like(y)
    return Solid(centre[0] * flat, half_axes[0] * factor, centre[2] * flat, half_axes[2] * factor, exponent)


def bounding_box(solids: Sequence[Solid], grid: Grid) -> Box:
    """The smallest box of film pixels that holds every solid of `solids`."""
    top, bottom, left, right = grid.shape[0], 0, grid.shape[1], 0
    for solid in solids:
        rows = np.flatnonzero(solid.half_width > 0)
        if not rows.size:
            continue
        low = (solid.centre_x - solid.half_width)[rows].min()
        high = (solid.centre_x + solid.half_width)[rows].max()
        top, bottom = min(top, int(rows[0])), max(bottom, int(rows[-1]) + 1)
        left = min(left, int(np.searchsorted(grid.x, low)))
        right = max(right, int(np.searchsorted(grid.x, high)))
    return Box(top, bottom, left, right)


def thickness(solids: Sequence[Solid], grid: Grid, box: Box) -> Array:
    """Length of the beam inside the union of `solids`, mm, float32, shape `box.shape`.

    Along one beam the solids are joined from the first entry to the last exit, so overlapping parts of a
    bone count once, and a gap between them along the beam counts as bone.
    """
    entry = np.full(box.shape, np.inf, dtype=np.float32)
    leave = np.full(box.shape, -np.inf, dtype=np.float32)
    for solid in solids:
        part = bounding_box([solid], grid)
        top, bottom = max(part.top, box.top), min(part.bottom, box.bottom)
        left, right = max(part.left, box.left), min(part.right, box.right)
        if top >= bottom or left >= right:
            continue
        half = half_chord(solid, grid, Box(top, bottom, left, right))
        middle = solid.centre_z[top:bottom, None].astype(np.float32)
        window = (slice(top - box.top, bottom - box.top), slice(left - box.left, right - box.left))
        met = half > 0
        np.minimum(entry[window], middle - half, out=entry[window], where=met)
        np.maximum(leave[window], middle + half, out=leave[window], where=met)
    length = leave - entry
    return np.maximum(length, np.float32(0.0), out=length)


def half_chord(solid: Solid, grid: Grid, box: Box) -> Array:
    """Half the length of the beam inside `solid`, mm, float32, shape `box.shape`; 0 where it misses.

    Source: z = b (1 - |x / a|^p)^(1/p), the superellipse solved for z.
    """
    rows, columns = box.slices
    width = np.maximum(solid.half_width[rows], 1e-6).astype(np.float32)[:, None]
    depth = np.where(solid.half_width[rows] > 0, solid.half_depth[rows], 0.0).astype(np.float32)[:, None]
    u = (grid.x[columns][None, :] - solid.centre_x[rows].astype(np.float32)[:, None]) / width
    if solid.exponent == 2.0:
        np.multiply(u, u, out=u)
        np.subtract(np.float32(1.0), u, out=u)
        return np.asarray(depth * np.sqrt(np.maximum(u, np.float32(0.0), out=u), out=u))
    power = np.float32(solid.exponent)
    inside = np.float32(1.0) - np.minimum(np.abs(u, out=u), np.float32(1.0), out=u) ** power
    return np.asarray(depth * inside ** (np.float32(1.0) / power))
