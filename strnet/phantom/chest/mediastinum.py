"""What lies between the lungs: heart, great vessels, hila, and the air of trachea and main bronchi."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from strnet.phantom.chest.lungs import Breath
from strnet.phantom.chest.thorax_shape import ThoraxShape
from strnet.phantom.physics.ellipsoids import Canvas, Ellipsoid, chord, shadow, tube, turned_axes
from strnet.phantom.physics.solids import profile

Array = np.ndarray

_LEFT: Final = ((-160, 15), (-120, 16), (-95, 18), (-82, 20), (-44, 22), (-30, 28), (-14, 32), (2, 38),
                (20, 50), (40, 65), (60, 76), (76, 82), (88, 83), (100, 79),
                (116, 66), (130, 40))  # fmt: skip
"""Where the left border lies from the midline, mm, at heights from the middle of T7; without the arch."""
_RIGHT: Final = ((-160, 15), (-120, 18), (-95, 21), (-60, 23), (-30, 26), (-10, 27), (6, 30), (24, 36),
                 (44, 41), (62, 41), (80, 36), (96, 29), (112, 22), (130, 12))  # fmt: skip
_DEPTH: Final = ((-160, 46), (-80, 72), (-40, 92), (0, 110), (50, 126), (100, 130))
"""Depth from front to back, mm."""
_HEART_BEGINS_MM: Final = -10.0


def mediastinal_path(canvas: Canvas, shape: ThoraxShape, breath: Breath) -> Array:
    """Path in heart, great vessels and hila, mm, float32 (H, W): of two that overlap, the longer."""
    path = _silhouette(canvas, shape, breath)
    for organ in _vessels(shape):
        box = shadow(organ, canvas)
        np.maximum(path[box.slices], chord(organ, canvas, box), out=path[box.slices])
    return path


def _silhouette(canvas: Canvas, shape: ThoraxShape, breath: Breath) -> Array:
    """The heart and what rises from it, between a left and a right border, mm, float32 (H, W)."""
    s, u = shape.scale, shape.unfolded
    y = canvas.grid.y.astype(float) / s
    # The heart lies on the diaphragm: it goes down with it and is drawn out.
    sunk = 0.8 * (breath.domes_mm[1] / s - 102.0)
    stretch = np.interp(y, (_HEART_BEGINS_MM, 100.0), (0.0, 1.0))
    y = y - sunk * stretch
    heart = 1.0 + (shape.heart * shape.width / s - 1.0) * np.clip((y - _HEART_BEGINS_MM) / 40.0, 0.0, 1.0)
    slender = 1.0 - 0.012 * shape.upright * stretch
    knob = (7.5 + 0.6 * (shape.aorta_mm - 11.0) + 4.0 * u) * np.exp(-(np.abs((y + 63.0) / 14.0) ** 2.4))
    ascending = 6.0 * u * np.exp(-(((y + 20.0) / 34.0) ** 2))
    left = s * (profile(y, _LEFT) * heart * slender + knob)
    right = s * (profile(y, _RIGHT) * heart + ascending)
    box = canvas.box(float((left - right).mean() / 2.0), 0.0, (0.5 * float((left + right).max()) + 30.0, 1e4))
    middle, half = ((left - right) / 2.0).astype(np.float32), ((left + right) / 2.0).astype(np.float32)
    across = (canvas.grid.x[None, box.left : box.right] - middle[:, None]) / half[:, None]
    np.multiply(across, across, out=across)
    np.multiply(across, across, out=across)
    path = np.zeros(canvas.grid.shape, np.float32)
    deep = (s * profile(y, _DEPTH)).astype(np.float32)[:, None]
    path[:, box.left : box.right] = deep * np.sqrt(np.maximum(np.float32(1.0) - across, np.float32(0.0)))
    return path


def _vessels(shape: ThoraxShape) -> Iterator[Ellipsoid]:
    s, r, u = shape.scale, shape.aorta_mm, shape.unfolded
    descending = turned_axes((0.86 * r, 98.0 * s, 0.86 * r), (2, 2.5))
    yield Ellipsoid(np.array([11.0 + 8.0 * u, 22.0 * s, 0.0]), descending, 2)
    for at, size, turn in (
        ((-30.0, -6.0), (10.0, 26.0, 14.0), 14.0),
        ((-34.0, -14.0), (11.0, 13.0, 7.0), 0.0),
        ((31.0, -22.0), (9.0, 17.0, 11.0), -14.0),
    ):
        yield Ellipsoid(np.array([s * at[0], s * at[1], 0.0]), turned_axes(size, (2, turn)))


def airway_path(canvas: Canvas, shape: ThoraxShape) -> Array:
    """Path in the air of trachea and main bronchi, mm, float32 (H, W)."""
    s = shape.scale
    courses = (
        ((0, -230, 9.0), (0, -150, 8.8), (-1, -110, 8.6), (-3, -75, 8.6), (-2, -50, 8.2)),
        ((-3, -54, 7.0), (-14, -42, 6.8), (-27, -28, 5.8), (-33, -12, 4.6)),
        ((-1, -52, 6.2), (14, -40, 6.0), (29, -29, 5.2), (38, -20, 4.2)),
    )
    air = np.zeros(canvas.grid.shape, np.float32)
    for course in courses:
        at = s * np.array(course, dtype=float)
        points = np.column_stack([at[:, :2], np.zeros(len(at))])
        box, path, _ = tube(points, at[:, 2], 0.0, canvas)
        np.maximum(air[box.slices], path, out=air[box.slices])
    return air
