"""The soft part of a CT volume: trunk, muscles, organs, vessels, bowel, lungs, air and table, in HU."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from strnet.phantom.ct.solid_coverage import (
    Column,
    Lattice,
    column_coverage,
    ellipsoid_coverage,
    ellipsoid_window,
    filled,
)
from strnet.phantom.ct.spine_placing import Motion, SpineLine
from strnet.phantom.ct.trunk_build import Surroundings
from strnet.phantom.lumbar.spine_shape import SpineShape
from strnet.phantom.physics.ellipsoids import Ellipsoid

Array = np.ndarray

AIR_HU = -1000.0
_LUNG_HU = -840.0
_SKIN_HU, _SKIN_MM = 5.0, 2.2
_SQUARE = 0.55
"""How much the trunk's section is squared: 0 is an ellipse."""
_WALL_MM = 13.0
"""Of the abdomen: its muscles."""
_CRUS_Y = 25.0
_BIFURCATION_Y = 48.0


@dataclass(frozen=True)
class Trunk:
    """One person's trunk in the scanner: its shape, what is in it, how it lies, the course of the spine."""

    shape: SpineShape
    inside: Surroundings
    motion: Motion
    line: SpineLine


def soft_volume(trunk: Trunk, lattice: Lattice, generator: np.random.Generator) -> Array:
    """HU of everything but bone at the points of `lattice`, (P, R, C) float32."""
    tissues = trunk.inside.tissues
    mottle = _mottle(lattice, generator)
    hu = np.full(lattice.shape, np.float32(AIR_HU))
    _paint_table(hu, trunk, lattice)
    cavity = _paint_trunk(hu, trunk, lattice, mottle)
    for solid, value in _organs(trunk):
        _paint_inside(hu, trunk.motion.ellipsoid(solid), value, (cavity, lattice))
    for loop in trunk.inside.bowel:
        moved = trunk.motion.ellipsoid(loop.solid)
        _paint_inside(hu, moved, tissues.muscle, (cavity, lattice))
        content = moved.shrunk((2.5, 2.5, 2.5))
        if content is not None:
            _paint_inside(hu, content, loop.hu, (cavity, lattice))
    for column, value, streaks in _columns(trunk, lattice):
        window, share = column_coverage(column, lattice)
        if share.size:
            part = hu[window.slices]
            filling = np.float32(value) - np.float32(streaks) * np.maximum(
                mottle[window.slices], np.float32(0.0)
            )
            part += share * (filling - part)
    return hu


def _mottle(lattice: Lattice, generator: np.random.Generator) -> Array:
    """Smooth noise of unit variance, its grains about 6 mm wide and twice as high, (P, R, C) float32."""
    planes, rows, columns = lattice.shape
    coarse = (max(planes * lattice.plane_mm / 9.0, 3.0), max(rows * lattice.pixel_mm / 4.5, 3.0))
    size = (int(coarse[0]) + 1, int(coarse[1]) + 1, int(coarse[1] * columns / rows) + 1)
    noise = generator.standard_normal(size, dtype=np.float32)
    flat = np.stack([cv2.resize(plane, (columns, rows), interpolation=cv2.INTER_CUBIC) for plane in noise])
    tall = cv2.resize(flat.reshape(size[0], -1), (rows * columns, planes), interpolation=cv2.INTER_LINEAR)
    return np.asarray(tall.reshape(lattice.shape))


def _paint_inside(hu: Array, solid: Ellipsoid, value: float, where: tuple[Array, Lattice]) -> None:
    """Paint `solid` into `hu` as far as it lies in the cavity, whose share of the voxels is given."""
    cavity, lattice = where
    window = ellipsoid_window(solid, lattice)
    if not window.empty:
        (share,) = ellipsoid_coverage([solid], window.lattice)
        share *= cavity[window.slices]
        part = hu[window.slices]
        part += share * (np.float32(value) - part)


def _back_mm(shape: SpineShape) -> float:
    """Where the skin of the back lies behind the middle of L3, as in the films."""
    return 68.0 * shape.scale + 0.7 * shape.fat_mm + 4.0


def _section(trunk: Trunk, lattice: Lattice) -> tuple[Array, Array, Array]:
    """Across and behind (R, C) in the axes of the trunk, mm, and its waist (P,) as a factor."""
    turn, shape = trunk.motion.turn, trunk.shape
    # Of the turn only that about the long axis: the trunk is no cylinder to the millimetre.
    x = lattice.x[None, :] - np.float32(trunk.motion.shift_mm[0])
    z = lattice.z[:, None] - np.float32(trunk.motion.shift_mm[2])
    across = np.float32(turn[0, 0]) * x + np.float32(turn[2, 0]) * z
    behind = np.float32(turn[0, 2]) * x + np.float32(turn[2, 2]) * z
    middle = np.float32(_back_mm(shape) - shape.depth_mm / 2.0)
    waist = 1.0 + 0.03 * np.clip(np.abs(lattice.y + 10.0) / 150.0, 0.0, 1.2) ** 2
    return across, behind - middle, waist.astype(np.float32)


def _paint_trunk(hu: Array, trunk: Trunk, lattice: Lattice, mottle: Array) -> Array:
    """The share of the voxels in the cavity, after painting skin, fat, muscles and the fat inside."""
    shape, tissues = trunk.shape, trunk.inside.tissues
    across, behind, waist = _section(trunk, lattice)
    half = np.array([shape.width_mm, shape.depth_mm]) / 2.0
    # The furrow of the back, and a back that is flatter than the belly.
    furrow = np.float32(7.0) * np.exp(-((across / np.float32(20.0)) ** 2)) * (behind > 0)
    deep = behind + furrow
    radius = np.sqrt(across**2 + deep**2)
    fat, wall = shape.fat_mm, _WALL_MM
    layers = (
        (0.0, _SKIN_HU, 0.0),
        (_SKIN_MM, tissues.fat, 5.0),
        (_SKIN_MM + fat, tissues.muscle, 6.0),
        (_SKIN_MM + fat + wall, tissues.fat + 6.0, 14.0),
    )
    for inset, value, mottled in layers:
        u, w = across / np.float32(half[0] - inset), deep / np.float32(half[1] - inset)
        square = u * u + w * w - np.float32(_SQUARE) * (u * w) ** 2
        size = np.sqrt(np.maximum(square, np.float32(1e-4)))
        outside = radius[None] * (np.float32(1.0) - waist[:, None, None] / size[None])
        share = filled(outside, lattice.pixel_mm)
        hu += share * (np.float32(value) + np.float32(mottled) * mottle - hu)
    return share


def _paint_table(hu: Array, trunk: Trunk, lattice: Lattice) -> None:
    """The table's two thin skins and the foam between them, a shallow trough under the back."""
    x = lattice.x[None, :] / np.float32(420.0)
    depth: Array = lattice.z[:, None] - np.float32(_back_mm(trunk.shape) + trunk.motion.shift_mm[2] + 7.0)
    depth = depth + np.float32(210.0) * x * x
    for start, thick, value in ((0.0, 1.6, 60.0), (1.6, 26.0, -930.0), (27.6, 1.6, 60.0)):
        share = filled(
            np.abs(depth - np.float32(start + thick / 2.0)) - np.float32(thick / 2.0), lattice.pixel_mm
        )
        hu += share[None] * (np.float32(value) - hu)


def _organs(trunk: Trunk) -> Iterator[tuple[Ellipsoid, float]]:
    inside, tissues = trunk.inside, trunk.inside.tissues
    yield inside.liver, tissues.liver
    yield inside.spleen, tissues.spleen
    for kidney in inside.kidneys:
        yield kidney, tissues.kidney
    for sinus in inside.sinuses:
        yield sinus, tissues.renal_pelvis
    for lung in inside.lungs:
        yield lung, _LUNG_HU


def _columns(trunk: Trunk, lattice: Lattice) -> Iterator[tuple[Column, float, float]]:
    """Muscles beside and behind the spine, the great vessels, the canal; HU, and how streaky each is."""
    yield from _muscles(trunk, lattice)
    yield from _vessels(trunk, lattice)
    s, tissues = trunk.shape.scale, trunk.inside.tissues
    x, _, canal = trunk.line.at(lattice.y.astype(float))
    flat = np.ones_like(x)
    yield Column(x, canal + 1.0 * s, 10.5 * s * flat, 9.0 * s * flat), tissues.fat + 30.0, 0.0
    yield Column(x, canal, 8.3 * s * flat, 6.6 * s * flat), tissues.cord, 0.0


def _muscles(trunk: Trunk, lattice: Lattice) -> Iterator[tuple[Column, float, float]]:
    s, inside, tissues = trunk.shape.scale, trunk.inside, trunk.inside.tissues
    x, front, canal = trunk.line.at(lattice.y.astype(float))
    y = lattice.y.astype(float) / s
    flat = np.ones_like(y)
    streaks = 95.0 * tissues.streaky
    ageing = inside.back_muscle * s
    for side in (-1.0, 1.0):
        # Fat between the muscles first, then the muscles.
        yield (
            Column(x + side * 33.0 * s, canal + 21.0 * s, 37.0 * ageing * flat, 24.0 * ageing * flat),
            tissues.fat,
            0.0,
        )
        yield (
            Column(
                x + side * 37.0 * s, canal + 22.0 * s, 29.0 * ageing * flat, 20.5 * ageing * flat, side * 0.12
            ),
            tissues.muscle,
            streaks,
        )
        yield (
            Column(
                x + side * 13.0 * s, canal + 26.0 * s, 11.5 * ageing * flat, 17.0 * ageing * flat, side * -0.2
            ),
            tissues.muscle,
            1.4 * streaks,
        )
        wide = np.interp(y, (-75.0, -45.0, 0.0, 45.0, 100.0), (0.0, 7.0, 15.0, 21.0, 22.0)) * inside.psoas * s
        lean = np.interp(y, (-75.0, 0.0, 110.0), (26.0, 37.0, 56.0)) * s
        middle = 0.45 * front + 0.55 * (canal - 24.0 * s)
        yield (
            Column(x + side * lean, middle + 4.0 * s, wide, 1.12 * wide, side * -0.35),
            tissues.muscle,
            0.3 * streaks,
        )
        strap = np.interp(y, (-60.0, -30.0, 70.0, 100.0), (0.0, 20.0, 21.0, 0.0)) * s
        yield (
            Column(x + side * 66.0 * s, canal + 2.0 * s, strap, 0.38 * strap, side * 0.5),
            tissues.muscle,
            0.5 * streaks,
        )


def aorta_course(trunk: Trunk, y: Array) -> tuple[Array, Array]:
    """Where the middle of the aorta lies (x, z; mm) in the scanner at heights `y`: before the spine."""
    x, front, _ = trunk.line.at(y)
    return x + 9.0 * trunk.shape.scale, front - trunk.inside.aorta_mm - 3.0


def _vessels(trunk: Trunk, lattice: Lattice) -> Iterator[tuple[Column, float, float]]:
    s, inside, tissues = trunk.shape.scale, trunk.inside, trunk.inside.tissues
    y = lattice.y.astype(float)
    x, front, _ = trunk.line.at(y)
    flat = np.ones_like(y)
    for side in (-1.0, 1.0):
        crus = np.where(y < -_CRUS_Y * s, 1.0, 0.0)
        yield (
            Column(x + side * 13.0 * s, front - 5.0, 7.5 * s * crus, 6.0 * s * crus, side * 0.6),
            tissues.muscle,
            0.0,
        )
    at, depth = aorta_course(trunk, y)
    whole = np.where(y < _BIFURCATION_Y * s, 1.0, 0.0)
    yield Column(at, depth, inside.aorta_mm * whole, inside.aorta_mm * whole), tissues.blood_aorta, 0.0
    vein = inside.aorta_mm * 1.15 * whole
    yield Column(x - 15.0 * s, depth + 1.0, 1.1 * vein, 0.85 * vein), tissues.blood_vein, 0.0
    below = np.where(whole > 0, 0.0, 1.0)
    apart = np.clip(y / s - _BIFURCATION_Y, 0.0, None) * 0.55
    for side, value in ((1.0, tissues.blood_aorta), (-1.0, tissues.blood_aorta)):
        yield (
            Column(
                x + side * (8.0 + apart) * s, front - 9.0 + 0.15 * apart, 6.0 * s * below, 6.0 * s * below
            ),
            value,
            0.0,
        )
        yield (
            Column(
                x + side * (12.0 + apart) * s - 6.0,
                front - 2.0 + 0.4 * apart,
                7.0 * s * below,
                6.0 * s * below * flat,
            ),
            tissues.blood_vein,
            0.0,
        )
