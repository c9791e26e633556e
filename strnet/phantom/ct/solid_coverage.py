"""How much of each voxel a solid fills: ellipsoids, vertebral bodies, tubes and upright columns on a lattice.

Axes in mm as in the films: x to the patient's left, y down, z to the back; arrays are (planes along y, rows
along z, columns along x). Edges are as wide as a voxel: thin shells keep their mass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from strnet.phantom.lumbar.vertebral_bodies import EXPONENT, HOLLOW, WAIST, Body
from strnet.phantom.physics.ellipsoids import Ellipsoid

Array = np.ndarray

_BULGE = 1.08
"""How much farther than its ellipsoid a sharper one reaches between its axes."""


@dataclass(frozen=True)
class Lattice:
    """Points of a scan in mm, float32: `y` (P,) of the planes, `z` (R,) of the rows, `x` (C,) of the columns.

    `y` falls (planes towards the head) or rises; `pixel_mm` lie between rows and columns, `plane_mm` between
    planes.
    """

    y: Array
    z: Array
    x: Array
    pixel_mm: float
    plane_mm: float

    @property
    def shape(self) -> tuple[int, int, int]:
        """Planes, rows and columns."""
        return self.y.size, self.z.size, self.x.size

    def window(self, centre: Array, reach: Sequence[float]) -> Window:
        """The part of the lattice within `reach` (x, y, z; mm) of the point `centre` (x, y, z)."""
        margin = max(self.pixel_mm, self.plane_mm)
        x, y, z = (
            _between(axis, float(middle) - far - margin, float(middle) + far + margin)
            for axis, middle, far in zip((self.x, self.y, self.z), centre, reach, strict=True)
        )
        return Window((y, z, x), Lattice(self.y[y], self.z[z], self.x[x], self.pixel_mm, self.plane_mm))


@dataclass(frozen=True)
class Window:
    """A part of a lattice: `slices` index the whole lattice's arrays, `lattice` has its points."""

    slices: tuple[slice, slice, slice]
    lattice: Lattice

    @property
    def empty(self) -> bool:
        """Whether no point is inside."""
        return 0 in self.lattice.shape


def _between(axis: Array, low: float, high: float) -> slice:
    inside = np.flatnonzero((axis >= low) & (axis <= high))
    return slice(int(inside[0]), int(inside[-1]) + 1) if inside.size else slice(0, 0)


def along(lattice: Lattice, origin: Array, direction: Array) -> Array:
    """Distance of the points from `origin` (3,) along `direction` (3,), both (x, y, z); (P, R, C) float32."""
    dx, dy, dz = (np.float32(part) for part in direction)
    ox, oy, oz = (np.float32(part) for part in origin)
    flat = (lattice.z[:, None] - oz) * dz + (lattice.x[None, :] - ox) * dx
    return np.asarray(((lattice.y - oy) * dy)[:, None, None] + flat[None, :, :])


def filled(distance: Array, width: float) -> Array:
    """Share of a voxel of `width` mm that lies behind a surface at signed `distance` mm; used up."""
    distance *= np.float32(-1.0 / width)
    distance += np.float32(0.5)
    return np.asarray(np.clip(distance, np.float32(0.0), np.float32(1.0), out=distance))


def ellipsoid_window(solid: Ellipsoid, lattice: Lattice) -> Window:
    """The part of `lattice` that `solid` can reach."""
    reach = np.sqrt((solid.axes**2).sum(axis=1)) * (1.0 if solid.sharpness == 1 else _BULGE)
    return lattice.window(solid.centre, reach.tolist())


def ellipsoid_coverage(solids: Sequence[Ellipsoid], lattice: Lattice) -> list[Array]:
    """What `solids` of one centre and one set of directions fill of the voxels, each (P, R, C) as `lattice`.

    One of sharpness 2 or more is drawn between an ellipsoid and a fourth-power one: the sum of u^4 and of the
    products u_i^2 u_j^2 is 1. The distance from its surface is taken to first order.
    """
    lengths = np.linalg.norm(solids[0].axes, axis=0)
    squares = []
    for axis in range(3):
        part = along(lattice, solids[0].centre, solids[0].axes[:, axis] / lengths[axis])
        squares.append(np.multiply(part, part, out=part))
    return [_ellipsoid(solid, squares, lattice.pixel_mm) for solid in solids]


def _ellipsoid(solid: Ellipsoid, squares: list[Array], width: float) -> Array:
    inverse = [np.float32(1.0 / value) for value in (solid.axes**2).sum(axis=0).tolist()]
    scaled = [square * factor for square, factor in zip(squares, inverse, strict=True)]
    total = scaled[0] + scaled[1]
    total += scaled[2]
    if solid.sharpness == 1:
        slope = scaled[0] * inverse[0] + scaled[1] * inverse[1] + scaled[2] * inverse[2]
        value = total - np.float32(1.0)
    else:
        value = total * total
        slope = np.zeros_like(total)
        for part, factor in zip(scaled, inverse, strict=True):
            value += part * part
            slope += part * factor * (total + part) ** 2
        value *= np.float32(0.5)
        value -= np.float32(1.0)
    np.sqrt(np.maximum(slope, np.float32(1e-8), out=slope), out=slope)
    value /= slope
    value *= np.float32(0.5)
    return filled(value, width)


@dataclass(frozen=True)
class BodyCoverage:
    """A vertebral body on its `window`: shares inside its surface and inside its walls, both (P, R, C).

    `height` is (down / half height)^2 and `behind` the depth over the half depth, for what varies inside.
    """

    window: Window
    outer: Array
    inner: Array
    height: Array
    behind: Array


def body_coverage(
    body: Body, walls: tuple[float, float, float], frame: Array, lattice: Lattice
) -> BodyCoverage:
    """`body`, its axes the columns of `frame`, with `walls` (endplate, side, front), mm."""
    half = np.array([body.half_width, body.half_height, body.half_depth])
    window = lattice.window(body.centre, (np.abs(frame) @ half).tolist())
    part = window.lattice
    x, down, back = (along(part, body.centre, frame[:, axis]) for axis in range(3))
    distance = np.sqrt(x * x + back * back)
    # An endplate that is level meets the planes, an upright one the rows.
    level = abs(float(frame[1, 1]))
    edge = level * part.plane_mm + sqrt(max(1.0 - level**2, 0.0)) * part.pixel_mm
    outer = _body(body, (x, down, back, distance), (part.pixel_mm, edge))
    inner = _body(body.shrunk(*walls), (x, down, back, distance), (part.pixel_mm, edge))
    down *= np.float32(1.0 / body.half_height)
    back *= np.float32(1.0 / body.half_depth)
    return BodyCoverage(window, outer, np.minimum(inner, outer), np.multiply(down, down, out=down), back)


def _body(body: Body, at: tuple[Array, Array, Array, Array], edges: tuple[float, float]) -> Array:
    """Share inside `body`: the superellipse with its waist, between the hollow endplates."""
    x, down, back, distance = at
    waist = np.minimum((down * np.float32(1.0 / body.half_height)) ** 2, np.float32(1.0))
    waist = np.float32(1.0 - WAIST) + np.float32(WAIST) * waist
    u, w = (
        np.abs(x) / (waist * np.float32(body.half_width)),
        np.abs(back) / (waist * np.float32(body.half_depth)),
    )
    u2, w2 = u * u, w * w
    hollow = np.maximum(np.float32(1.0) - u2 - w2, np.float32(0.0))
    hollow = np.float32(body.half_height) * (np.float32(1.0) - np.float32(HOLLOW) * hollow)
    side = np.maximum(u2 * np.sqrt(u) + w2 * np.sqrt(w), np.float32(1e-6))
    outside = distance * (np.float32(1.0) - side ** np.float32(-1.0 / EXPONENT))
    # At the very axis both factors vanish into 0 times infinity: there it is deep inside.
    outside = np.where(distance < np.float32(0.05), np.float32(-5.0), outside)
    return filled(outside, edges[0]) * filled(np.abs(down) - hollow, edges[1])


def tube_coverage(points: Array, radii: Array, wall: float, lattice: Lattice) -> tuple[Window, Array, Array]:
    """The window of a round tube through `points` (N, 3), the shares in it, and those inside its `wall`."""
    low, high, thick = points.min(axis=0), points.max(axis=0), float(radii.max())
    window = lattice.window((low + high) / 2.0, ((high - low) / 2.0 + thick).tolist())
    outer, inner = (np.zeros(window.lattice.shape, np.float32) for _ in range(2))
    if window.empty:
        return window, outer, inner
    for number in range(len(points) - 1):
        radius = float(radii[number] + radii[number + 1]) / 2.0
        start, end = points[number], points[number + 1]
        reach = (np.abs(end - start) / 2.0 + radius).tolist()
        near = window.lattice.window((start + end) / 2.0, reach)
        if near.empty:
            continue
        away = _from_segment(start, end, near.lattice)
        for share, size in ((outer, radius), (inner, radius - wall)):
            if size > 0.0:
                covered = filled(away - np.float32(size), lattice.pixel_mm)
                np.maximum(share[near.slices], covered, out=share[near.slices])
    return window, outer, inner


def _from_segment(start: Array, end: Array, lattice: Lattice) -> Array:
    """Distance of the points of `lattice` from a segment, mm."""
    length = max(float(np.linalg.norm(end - start)), 1e-6)
    run = along(lattice, start, (end - start) / length)
    near = np.clip(run, np.float32(0.0), np.float32(length))
    x, y, z = (
        (axis - np.float32(middle)) ** 2
        for axis, middle in zip((lattice.x, lattice.y, lattice.z), start, strict=True)
    )
    square = y[:, None, None] + (z[:, None] + x[None, :])[None]
    square -= near * (np.float32(2.0) * run - near)
    return np.sqrt(np.maximum(square, np.float32(0.0), out=square), out=square)


@dataclass(frozen=True)
class Column:
    """An upright organ: per plane the centre and the half-axes of its ellipse, arrays (P,) in mm.

    `turn` turns the ellipses about the long axis, radians. Planes with a half-axis of 0 are empty.
    """

    x: Array
    z: Array
    half_x: Array
    half_z: Array
    turn: float = 0.0


def column_coverage(column: Column, lattice: Lattice) -> tuple[Window, Array]:
    """The window of `column`, one entry per plane of `lattice`, and what it fills of the voxels there."""
    there = np.flatnonzero((column.half_x > 0) & (column.half_z > 0))
    if not there.size:
        return Window((slice(0, 0),) * 3, lattice.window(np.zeros(3), (-1e6,) * 3).lattice), np.zeros(
            (0, 0, 0)
        )
    reach = np.maximum(column.half_x, column.half_z) if column.turn else column.half_x
    tall = np.maximum(column.half_x, column.half_z) if column.turn else column.half_z
    margin = lattice.pixel_mm
    y = slice(int(there[0]), int(there[-1]) + 1)
    x = _between(lattice.x, *_limits(column.x[y], reach[y], margin))
    z = _between(lattice.z, *_limits(column.z[y], tall[y], margin))
    part = Lattice(lattice.y[y], lattice.z[z], lattice.x[x], lattice.pixel_mm, lattice.plane_mm)
    dx = part.x[None, None, :] - column.x[y].astype(np.float32)[:, None, None]
    dz = part.z[None, :, None] - column.z[y].astype(np.float32)[:, None, None]
    cos, sin = np.float32(np.cos(column.turn)), np.float32(np.sin(column.turn))
    u = (cos * dx + sin * dz) / np.maximum(column.half_x[y], 1e-3).astype(np.float32)[:, None, None]
    w = (cos * dz - sin * dx) / np.maximum(column.half_z[y], 1e-3).astype(np.float32)[:, None, None]
    radius = np.sqrt(u * u + w * w)
    away = np.sqrt(dx * dx + dz * dz) * (
        np.float32(1.0) - np.float32(1.0) / np.maximum(radius, np.float32(1e-3))
    )
    away = np.where(radius < np.float32(1e-2), np.float32(-5.0), away)
    return Window((y, z, x), part), filled(away, lattice.pixel_mm)


def _limits(middle: Array, reach: Array, margin: float) -> tuple[float, float]:
    return float((middle - reach).min()) - margin, float((middle + reach).max()) + margin
