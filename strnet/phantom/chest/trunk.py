"""The soft tissue about a rib cage: trunk, neck, arms, breasts, muscles, and gas under the diaphragm."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from strnet.phantom.chest.lungs import Breath
from strnet.phantom.chest.thorax_shape import ThoraxShape
from strnet.phantom.physics.ellipsoids import Canvas, Ellipsoid, chord, shadow, turned_axes
from strnet.phantom.physics.solids import Box, profile

Array = np.ndarray

_COARSE: Final = 4
"""Soft tissue changes slowly: it is drawn on every fourth row and column."""
_GLANDULAR: Final = 0.45
"""Share of a breast that is no fat."""
_HALF_WIDTH: Final = ((-210, 54), (-185, 57), (-168, 68), (-154, 100), (-142, 145), (-131, 180), (-112, 194),
                      (-70, 190), (-20, 176), (40, 170), (110, 170), (200, 168))  # fmt: skip
"""Half width of neck, shoulders and trunk without arms, mm, at heights from the middle of T7."""
_DEPTH: Final = (
    (-210, 112),
    (-175, 118),
    (-150, 130),
    (-120, 158),
    (-80, 190),
    (-30, 212),
    (60, 222),
    (200, 228),
)
"""Depth of the same, mm."""


def soft_tissue(canvas: Canvas, shape: ThoraxShape, generator: np.random.Generator) -> tuple[Array, Array]:
    """Path in muscle and organs, and in fat, mm, float32 (H, W), bones and air not yet taken out."""
    rows, columns = canvas.grid.shape
    y, x = canvas.grid.y[::_COARSE].astype(float), canvas.grid.x[None, ::_COARSE].astype(float)
    body, lean = _trunk(x, y, shape)
    body, lean = _with_arms(body, lean, (x, y[:, None]), shape)
    pectoral = _pectoral(x, y[:, None], shape)
    body, lean = body + pectoral, lean + pectoral
    mottle = cv2.resize(
        generator.standard_normal((8, 8), dtype=np.float32), body.shape[::-1], interpolation=cv2.INTER_CUBIC
    )
    muscle = lean * np.clip(1.0 - shape.spine.visceral * (0.6 + 0.15 * mottle), 0.3, 1.0)
    muscle, fat = (_fine(path, (rows, columns)) for path in (muscle, body - muscle))
    for side in (-1.0, 1.0) if shape.breast_mm else ():
        box, breast = _breast(canvas, shape, side)
        muscle[box.slices] += np.float32(_GLANDULAR) * breast
        fat[box.slices] += np.float32(1.0 - _GLANDULAR) * breast
    return muscle, fat


def _trunk(x: Array, y: Array, shape: ThoraxShape) -> tuple[Array, Array]:
    """Path through trunk and neck, whole and inside the layer of fat, mm, on a coarse grid."""
    s, fat = shape.scale, shape.spine.fat_mm
    excess = shape.spine.width_mm / 320.0
    below = np.clip((y / s + 150.0) / 60.0, 0.0, 1.0)
    half = shape.width * profile(y / s, _HALF_WIDTH) * (1.0 + below * 0.75 * (excess - 1.0)) + 0.3 * fat
    deep = s * profile(y / s, _DEPTH) * (0.25 + 0.75 * shape.spine.depth_mm / 215.0)
    half, deep = half[:, None], deep[:, None]
    whole = deep * _oval(x / half)
    return whole, np.minimum(np.maximum(deep - 1.6 * fat, 0.5 * deep) * _oval(x / (half - 0.8 * fat)), whole)


def _oval(across: Array) -> Array:
    return np.asarray(np.maximum(1.0 - np.abs(across) ** 2.6, 0.0) ** (1.0 / 2.2))


def _with_arms(body: Array, lean: Array, at: tuple[Array, Array], shape: ThoraxShape) -> tuple[Array, Array]:
    """The trunk with the upper arms, which hang outwards from the shoulders."""
    x, y = at
    s = shape.scale
    radius = 44.0 * s + 0.7 * shape.spine.fat_mm
    start, end = np.array([178.0 * shape.width, -88.0 * s]), np.array([226.0 * shape.width, 100.0 * s])
    axis = end - start
    along = np.clip(((np.abs(x) - start[0]) * axis[0] + (y - start[1]) * axis[1]) / (axis @ axis), 0.0, 1.0)
    gap = (np.abs(x) - start[0] - along * axis[0]) ** 2 + (y - start[1] - along * axis[1]) ** 2
    whole = 2.0 * np.sqrt(np.maximum(radius**2 - gap, 0.0))
    inside = 2.0 * np.sqrt(np.maximum((radius - 0.5 * shape.spine.fat_mm - 2.0) ** 2 - gap, 0.0))
    return _joined(body, whole), _joined(lean, inside)


def _joined(one: Array, two: Array) -> Array:
    """The greater of two paths, rounded where they meet."""
    return np.asarray((one**6 + two**6) ** (1.0 / 6.0))


def _fine(path: Array, size: tuple[int, int]) -> Array:
    large = cv2.resize(path.astype(np.float32), size[::-1], interpolation=cv2.INTER_LINEAR)
    return np.maximum(large, np.float32(0.0))


def _pectoral(x: Array, y: Array, shape: ThoraxShape) -> Array:
    """Thickness of the muscle on each side of the chest, towards the shoulder, mm, on a coarse grid."""
    across = (np.abs(x) / shape.width - 92.0) / 46.0
    down = (y / shape.scale + 48.0 - 16.0 * across) / 36.0
    return np.asarray(shape.pectoral_mm * np.exp(-0.5 * (across**2 + down**2)))


def _breast(canvas: Canvas, shape: ThoraxShape, side: float) -> tuple[Box, Array]:
    """The pixels of one breast and its thickness, mm: it rises slowly from above and ends below at once."""
    s, breast = shape.scale, shape.breast_mm
    wide, high = (42.0 + 0.5 * breast) * s, (46.0 + 0.75 * breast) * s
    at = np.array([side * 88.0 * shape.width, (36.0 + 0.65 * breast) * s, 0.0])
    solid = Ellipsoid(at, turned_axes((wide, high, 1.05 * breast), (2, side * -16.0)))
    box = shadow(solid, canvas)
    across, down = canvas.offsets(box, float(at[0]), float(at[1]))
    ramp = np.clip(
        (down + np.float32(0.35 * side) * across) / np.float32(1.5 * high) + np.float32(0.55), 0.0, 1.0
    )
    return box, chord(solid, canvas, box) * ramp * ramp


def abdominal_gas(
    canvas: Canvas, shape: ThoraxShape, breath: Breath, generator: np.random.Generator
) -> Array:
    """Path in gas, mm, float32 (H, W): the stomach's bubble on its fluid, and some loops of the colon."""
    gas = np.zeros(canvas.grid.shape, np.float32)
    dome = breath.domes_mm[1]
    wide, high = generator.uniform(16.0, 36.0), generator.uniform(9.0, 20.0)
    at = np.array(
        [shape.width * generator.uniform(50.0, 78.0), dome + high + generator.uniform(5.0, 9.0), 0.0]
    )
    bubble = Ellipsoid(at, turned_axes((wide, high, 26.0), (2, generator.uniform(-8.0, 8.0))))
    _add(gas, bubble, canvas, float(at[1] + high * generator.uniform(-0.2, 0.9)))
    place = np.array([generator.uniform(85.0, 118.0), dome + generator.uniform(30.0, 60.0), 0.0])
    for _ in range(int(generator.integers(0, 4))):
        # Loops at the splenic flexure, one beside the other.
        at = place + np.array([*generator.normal(0.0, 14.0, 2), 0.0])
        size = generator.uniform((11.0, 7.0, 8.0), (24.0, 14.0, 18.0))
        _add(
            gas,
            Ellipsoid(at, turned_axes(size.tolist(), (2, generator.uniform(-40.0, 40.0)))),
            canvas,
            np.inf,
        )
    return gas


def _add(gas: Array, bubble: Ellipsoid, canvas: Canvas, floor: float) -> None:
    """Draw `bubble` into `gas` down to the level `floor`, mm."""
    box = shadow(bubble, canvas)
    rows, _ = box.slices
    above = np.clip((floor - canvas.grid.y[rows]) / canvas.grid.pixel_mm + 0.5, 0.0, 1.0).astype(np.float32)
    np.maximum(gas[box.slices], chord(bubble, canvas, box) * above[:, None], out=gas[box.slices])
