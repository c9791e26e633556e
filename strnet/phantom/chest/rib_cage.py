"""The ribs, from their vertebrae back, out and down to the sides, then forwards and down to their ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from strnet.phantom.chest.thoracic_planting import Planted
from strnet.phantom.chest.thorax_shape import ThoraxShape
from strnet.phantom.lumbar.pelvis_and_ribs import Tube
from strnet.phantom.lumbar.vertebral_bodies import Body

Array = np.ndarray

_USUAL: Final = (
    # half width at the side, fall to the side, x of the front end, fall to the front end (mm), thickness
    (65.0, 20.0, 36.0, 44.0, 2.9), (97.0, 34.0, 47.0, 70.0, 3.2), (119.0, 49.0, 57.0, 96.0, 3.2),
    (131.5, 63.0, 66.0, 118.0, 3.2), (138.5, 74.0, 76.0, 134.0, 3.3), (142.5, 83.0, 87.0, 146.0, 3.4),
    (144.5, 89.0, 101.0, 151.0, 3.4), (146.0, 92.0, 114.0, 148.0, 3.4), (146.0, 92.0, 124.0, 136.0, 3.3),
    (143.0, 88.0, 132.0, 118.0, 3.2), (130.0, 76.0, 124.0, 88.0, 2.9), (90.0, 52.0, 88.0, 56.0, 2.5),
)  # fmt: skip
FLATNESS: Final = 0.52
"""Thickness of a rib over its height: a rib is drawn round where the height is multiplied by it."""
_DEPTH_MM: Final = 88.0
"""How far the ribs lie behind and before the middle of the chest, at most."""
_WAIST_STEPS: Final = 9


@dataclass(frozen=True)
class RibCourse:
    """The midline of one rib: `back` from the spine to the side and `front` from there, (N, 3) mm."""

    number: int
    back: Array
    front: Array
    thickness: float


def rib_courses(bodies: Sequence[Body], shape: ThoraxShape, rough: Array) -> Iterator[RibCourse]:
    """The courses of both sides' ribs; `rough` (2, 12, 2) scatters fall and width, mm per SD."""
    by_name = {body.name: body for body in bodies}
    for number, usual in enumerate(_USUAL, start=1):
        body = by_name[f"T{number}"]
        for index, side in enumerate((-1.0, 1.0)):
            yield _course(number, body, shape, (side, rough[index, number - 1]), usual)


def _course(
    number: int,
    body: Body,
    shape: ThoraxShape,
    which: tuple[float, Array],
    usual: tuple[float, float, float, float, float],
) -> RibCourse:
    side, rough = which
    wide, fall, end_x, end_fall, thick = usual
    s = shape.scale
    wide, end_x = shape.width * wide + 1.2 * rough[0], shape.width * end_x
    fall, end_fall = s * shape.slope * fall + 1.5 * rough[1], s * shape.slope * end_fall + 1.5 * rough[1]
    start = body.half_width + 1.0
    first, last = np.arcsin(start / wide), np.pi - np.arcsin(min(end_x / wide, 0.995))
    deep = s * _DEPTH_MM * min(1.0, 0.45 + 0.6 * wide / (140.0 * s))
    top = body.centre[1] - 0.55 * body.half_height
    back = np.linspace(0.0, 1.0, _WAIST_STEPS + 3)
    turn = first + (np.pi / 2.0 - first) * back
    # Up to the tubercle first, then out and down, steeper towards the side.
    falls = fall * (0.15 * back + 0.85 * back**2.6) - 3.0 * s * np.sin(np.pi * np.minimum(back / 0.36, 1.0))
    behind = np.column_stack([side * wide * np.sin(turn), top + falls, deep * np.cos(turn)])
    front = np.linspace(0.0, 1.0, _WAIST_STEPS)
    turn = np.pi / 2.0 + (last - np.pi / 2.0) * front
    slope = fall * (0.15 + 0.85 * 2.6) / (np.pi / 2.0 - first) * (last - np.pi / 2.0)
    rest = end_fall - fall
    slope = min(slope, 1.9 * rest)
    falls = fall + slope * front + (rest - slope) * front**1.7
    before = np.column_stack([side * wide * np.sin(turn), top + falls, 0.95 * deep * np.cos(turn)])
    return RibCourse(number, behind, before, s * thick)


def rib_tubes(courses: Sequence[RibCourse], planted: Planted) -> Iterator[Tube]:
    """Both halves of every rib, to be drawn with their height squeezed by `FLATNESS`."""
    core = float(0.27 * np.exp(0.2 * planted.rib_cortex))
    for course in courses:
        wall = min(planted.rib_wall_mm, 0.55 * course.thickness)
        for points, thick in ((course.back, (0.85, 1.0, 1.0)), (course.front, (1.0, 0.95, 1.0))):
            radii = course.thickness * np.interp(np.linspace(0, 1, len(points)), (0.0, 0.25, 1.0), thick)
            yield Tube(points * np.array([1.0, FLATNESS, 1.0]), radii, wall, 0.80, core)


def clavicles(shape: ThoraxShape, planted: Planted) -> Iterator[Tube]:
    """Both clavicles, an S from the manubrium to the acromion."""
    s, w = shape.scale, shape.width
    x = np.array([13.0, 22.0, 38.0, 58.0, 80.0, 102.0, 122.0, 140.0, 152.0])
    y = np.array([-78.0, -83.0, -93.0, -106.0, -116.5, -122.5, -125.0, -126.0, -126.0])
    z = np.array([-78.0, -80.0, -80.0, -72.0, -56.0, -38.0, -24.0, -16.0, -12.0])
    radii = s * np.array([8.4, 7.8, 6.2, 5.4, 5.0, 5.0, 5.4, 6.2, 5.2])
    y = y - shape.clavicle_mm * (x - 13.0) / 140.0
    core = float(0.13 * np.exp(0.2 * planted.clavicle_cortex))
    wall = min(planted.clavicle_wall_mm, 4.6 * s)
    for side in (-1.0, 1.0):
        points = np.column_stack([side * w * x, s * y, z])
        # Compact in the middle, thin shells at both ends.
        yield Tube(points[1:8], radii[1:8], wall, 0.80, core)
        for end in (slice(0, 3), slice(6, 9)):
            yield Tube(points[end], radii[end] * 0.98, 0.35 * wall, 0.5, 0.4 * core)
