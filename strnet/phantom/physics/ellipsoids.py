"""Ellipsoids and tubes that lie anywhere in space, and their exact thickness along a beam from front or side.

Axes in mm: x to the patient's left, y down, z to the back. A film from the front looks along z, one from the
side along x: the same solids give both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, sqrt

import numpy as np

from strnet.phantom.physics.solids import Box, Grid

Array = np.ndarray

FROM_THE_FRONT, FROM_THE_SIDE = 2, 0
"""The axis that the beam runs along."""
_STEEPEST = 0.35
"""Sine of the smallest angle between a tube and the beam: its domed ends limit the path beyond."""


@dataclass(frozen=True)
class Canvas:
    """A film's `grid`, and the axis (0 or 2) that the `beam` runs along: the columns run along the other.

    `squeeze` is the pitch of the rows over that of the columns: where it is below 1, what is round is drawn
    high and flat.
    """

    grid: Grid
    beam: int
    squeeze: float = 1.0

    @property
    def across(self) -> int:
        """The axis that the columns run along."""
        return 2 - self.beam

    def box(self, across: float, down: float, reach: tuple[float, float]) -> Box:
        """The pixels within `reach` (across, down; mm) of the point (`across`, `down`), cut to the film."""
        rows, columns = self.grid.shape
        left, right = _between(float(self.grid.x[0]), self.grid.pixel_mm, across, reach[0], columns)
        top, bottom = _between(float(self.grid.y[0]), self.grid.pixel_mm * self.squeeze, down, reach[1], rows)
        return Box(top, bottom, left, right)

    def squeezed(self, share: float) -> Canvas:
        """The canvas for solids whose height was multiplied by `share`: the same pixels, the same chords."""
        grid = Grid(self.grid.y * np.float32(share), self.grid.x, self.grid.pixel_mm)
        return Canvas(grid, self.beam, self.squeeze * share)

    def offsets(self, box: Box, across: float, down: float) -> tuple[Array, Array]:
        """Distance of the pixels of `box` from a point: across (1, W) and down (H, 1), mm, float32."""
        rows, columns = box.slices
        return self.grid.x[None, columns] - np.float32(across), self.grid.y[rows, None] - np.float32(down)


def _between(first: float, step: float, middle: float, reach: float, count: int) -> tuple[int, int]:
    start = min(max(ceil((middle - reach - first) / step), 0), count)
    return start, max(min(floor((middle + reach - first) / step) + 1, count), start)


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid at `centre` (3,) whose semi-axes are the columns of `axes` (3, 3), in mm.

    `sharpness` 1 is an ellipsoid; a higher power of two keeps its outline and evens its thickness inside.
    """

    centre: Array
    axes: Array
    sharpness: int = 1

    def shrunk(self, walls: tuple[float, float, float]) -> Ellipsoid | None:
        """The ellipsoid whose semi-axes are shorter by `walls` mm; None if nothing is left."""
        lengths = np.linalg.norm(self.axes, axis=0)
        left = (lengths - np.array(walls)) / lengths
        return Ellipsoid(self.centre, self.axes * left, self.sharpness) if left.min() > 0 else None


def shadow(solid: Ellipsoid, canvas: Canvas) -> Box:
    """The pixels that `solid` can cover."""
    wide, high = (sqrt(sum(part * part for part in solid.axes[axis].tolist())) for axis in (canvas.across, 1))
    return canvas.box(float(solid.centre[canvas.across]), float(solid.centre[1]), (wide, high))


def chord(solid: Ellipsoid, canvas: Canvas, box: Box) -> Array:
    """The beam's length inside `solid` in the pixels of `box`, mm, float32, shape `box.shape`.

    Source: the shadow of an ellipsoid with matrix S = axes axes^T is the ellipse with its submatrix s; the
    chord in the middle is 2 sqrt(det S / det s).
    """
    one, two = solid.axes[canvas.across].tolist(), solid.axes[1].tolist()
    wide = one[0] ** 2 + one[1] ** 2 + one[2] ** 2
    high = two[0] ** 2 + two[1] ** 2 + two[2] ** 2
    skew = one[0] * two[0] + one[1] * two[1] + one[2] * two[2]
    area = wide * high - skew**2
    place = solid.centre.tolist()
    across, down = canvas.offsets(box, place[canvas.across], place[1])
    # The ellipse as a sum of squares: across after a shear that depends on the row alone, then down.
    sheared = (across - np.float32(skew / high) * down) * np.float32(sqrt(high / area))
    np.multiply(sheared, sheared, out=sheared)
    sheared += np.float32(1.0 / high) * down**2
    return np.float32(2.0 * _volume(solid.axes) / sqrt(area)) * _profile(sheared, solid.sharpness)


def _volume(axes: Array) -> float:
    a, b, c = axes.tolist()
    mixed = (b[1] * c[2] - b[2] * c[1], b[2] * c[0] - b[0] * c[2], b[0] * c[1] - b[1] * c[0])
    return float(abs(a[0] * mixed[0] + a[1] * mixed[1] + a[2] * mixed[2]))


def _profile(outside: Array, sharpness: int) -> Array:
    """(1 - outside^n)^(1 / 2n) for a power of two n, 0 where `outside` exceeds 1; `outside` is used up."""
    doublings = sharpness.bit_length() - 1
    for _ in range(doublings):
        np.multiply(outside, outside, out=outside)
    inside = np.maximum(np.float32(1.0) - outside, np.float32(0.0))
    for _ in range(doublings + 1):
        np.sqrt(inside, out=inside)
    return inside


def tube(points: Array, radii: Array, walls: float, canvas: Canvas) -> tuple[Box, Array, Array]:
    """The pixels, and the beam's length in a round tube and in the canal inside its `walls`, mm, float32.

    The tube runs through `points` (N, 3) with `radii` (N,). Where it runs along the beam its length there is
    limited by its domed ends.
    """
    flat = points[:, [canvas.across, 1]]
    low, high, thick = flat.min(axis=0), flat.max(axis=0), float(radii.max())
    middle, half = ((low + high) / 2.0).tolist(), ((high - low) / 2.0 + thick).tolist()
    whole = canvas.box(middle[0], middle[1], (half[0], half[1]))
    outer, inner = np.zeros(whole.shape, np.float32), np.zeros(whole.shape, np.float32)
    for number in range(len(points) - 1):
        radius = float(radii[number] + radii[number + 1]) / 2.0
        part, gap, stretch = _segment(points[number : number + 2], radius, canvas)
        window = (
            slice(part.top - whole.top, part.bottom - whole.top),
            slice(part.left - whole.left, part.right - whole.left),
        )
        for length, reach in ((outer, radius), (inner, radius - walls)):
            half_chord = np.sqrt(np.maximum(np.float32(max(reach, 0.0) ** 2) - gap, np.float32(0.0)))
            np.maximum(length[window], half_chord * stretch, out=length[window])
    return whole, outer, inner


def _segment(ends: Array, radius: float, canvas: Canvas) -> tuple[Box, Array, np.float32]:
    """The pixels near a segment, their squared distance from it, and chord over half-chord across it."""
    start, end = ends.tolist()
    one, two = (start[canvas.across], start[1]), (end[canvas.across], end[1])
    run, fall = two[0] - one[0], two[1] - one[1]
    flat = max(run * run + fall * fall, 1e-6)
    length = sqrt(flat + (end[canvas.beam] - start[canvas.beam]) ** 2)
    reach = (abs(run) / 2.0 + radius, abs(fall) / 2.0 + radius)
    box = canvas.box(one[0] + run / 2.0, one[1] + fall / 2.0, reach)
    across, down = canvas.offsets(box, *one)
    along = across * np.float32(run / flat) + down * np.float32(fall / flat)
    np.minimum(np.maximum(along, np.float32(0.0), out=along), np.float32(1.0), out=along)
    gap = (across - along * np.float32(run)) ** 2 + (down - along * np.float32(fall)) ** 2
    return box, gap, np.float32(2.0 / max(sqrt(flat) / length, _STEEPEST))


def turned_axes(semi_axes: Sequence[float] | Array, *turns: tuple[int, float]) -> Array:
    """Semi-axis vectors (3, 3), the columns: `semi_axes` along x, y, z, then each turn (axis, degrees)."""
    axes = np.diag(np.asarray(semi_axes, dtype=float))
    for axis, degrees in turns:
        axes = rotation(axis, np.deg2rad(degrees)) @ axes
    return axes


def rotation(axis: int, angle: float) -> Array:
    """The matrix (3, 3) that turns by `angle` radians about `axis`, from the next axis to the one after."""
    cos, sin = np.cos(angle), np.sin(angle)
    one, two = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(3)
    matrix[one, one] = matrix[two, two] = cos
    matrix[two, one], matrix[one, two] = sin, -sin
    return matrix
