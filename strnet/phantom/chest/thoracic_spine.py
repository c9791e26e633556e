"""The vertebrae behind a heart: C5 to L2, their bodies and what stands behind them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from strnet.phantom.chest.thoracic_planting import Planted
from strnet.phantom.chest.thorax_shape import ThoraxShape
from strnet.phantom.lumbar.pelvis_and_ribs import Tube
from strnet.phantom.lumbar.vertebral_bodies import Body
from strnet.phantom.lumbar.vertebral_processes import Piece
from strnet.phantom.physics.ellipsoids import Ellipsoid, rotation, turned_axes

Array = np.ndarray

_USUAL: Final = (
    # name, height, width, depth, disc below (mm), tilt (degrees; the front edge lower is positive)
    ("C5", 13.0, 25.0, 16.0, 4.5, 8.0), ("C6", 13.0, 26.5, 16.5, 4.5, 12.0),
    ("C7", 14.5, 28.5, 17.0, 4.5, 18.0), ("T1", 16.5, 30.0, 17.5, 4.0, 24.0),
    ("T2", 17.0, 29.5, 18.5, 4.0, 22.0), ("T3", 17.5, 28.5, 20.0, 4.0, 17.0),
    ("T4", 18.0, 28.0, 21.5, 4.0, 12.0), ("T5", 18.7, 28.2, 23.0, 4.2, 7.0),
    ("T6", 19.3, 29.0, 25.0, 4.5, 3.0), ("T7", 20.0, 30.2, 27.0, 4.8, -1.0),
    ("T8", 20.7, 31.5, 28.5, 5.2, -5.0), ("T9", 21.3, 33.0, 29.5, 5.5, -8.0),
    ("T10", 22.2, 35.0, 30.0, 6.0, -10.0), ("T11", 23.2, 37.5, 30.5, 6.5, -12.0),
    ("T12", 24.8, 40.0, 31.0, 7.5, -13.0), ("L1", 26.5, 42.0, 31.5, 8.5, -12.0),
    ("L2", 27.5, 44.0, 32.5, 10.0, -9.0),
)  # fmt: skip
_ORIGIN: Final = "T7"
_BACK_MM: Final = 52.0
"""How far the body of T7 lies behind the middle of the chest."""
_LEFT_AND_RIGHT: Final = (-1.0, 1.0)


def thoracic_stack(shape: ThoraxShape) -> list[Body]:
    """The bodies from C5 to L2, T7 at x = y = 0."""
    bodies: list[Body] = []
    place = np.zeros(3)
    for name, height, width, depth, disc, tilt in _USUAL:
        angle = float(np.deg2rad(tilt * shape.kyphosis))
        down = rotation(0, angle) @ np.array([0.0, 1.0, 0.0])
        half = shape.scale * height / 2.0
        centre = place + half * down
        across, deep = shape.scale * shape.spine.slenderness * width / 2.0, shape.scale * depth / 2.0
        bodies.append(Body(name, centre, angle, half, across, deep, 0.0, 0.0))
        place = centre + (half + shape.scale * shape.spine.disc * disc) * down
    origin = next(body.centre for body in bodies if body.name == _ORIGIN) - np.array([0.0, 0.0, _BACK_MM])
    return [Body(**{**vars(body), "centre": body.centre - origin}) for body in bodies]


def thoracic_pieces(bodies: Sequence[Body], shape: ThoraxShape, planted: Planted) -> Iterator[Piece]:
    """Pedicles, laminae and spinous processes: their walls follow the bodies'."""
    s = shape.scale
    wall, fill = 0.9 * planted.endplate_mm, min(1.6 * planted.bone_volume_fraction, 0.6)
    for body in bodies:
        h, b, a = body.half_height, body.half_depth, body.half_width
        neck = body.name.startswith("C")
        spine = turned_axes((2.2 * s, 0.55 * h, 13.0 * s), (0, -12.0 if neck else -48.0))
        tip = Ellipsoid(body.at(0.0, 0.45 * h if neck else 1.15 * h, b + 26.0 * s), spine, 2)
        yield Piece(tip, (0.6 * wall, wall, wall), 0.4, 0.8 * fill)
        for side in _LEFT_AND_RIGHT:
            ring = turned_axes((2.9 * s, 0.40 * h + 0.8 * s, 7.0 * s))
            pedicle = Ellipsoid(body.at(side * 0.60 * a, -0.32 * h, b + 3.0 * s), ring, 2)
            yield Piece(pedicle, (min(wall, 1.7), min(wall, 1.7), 0.0), 0.42, fill)
            plate = turned_axes((0.42 * a, 0.62 * h, 2.4 * s), (1, side * 28.0))
            lamina = Ellipsoid(body.at(side * 0.34 * a, 0.45 * h, b + 14.0 * s), plate)
            if neck:
                pillar = turned_axes((5.5 * s, h + 4.0 * s, 7.0 * s))
                yield Piece(
                    Ellipsoid(body.at(side * 0.95 * a, 0.0, b + 6.0 * s), pillar, 2),
                    (wall,) * 3,
                    0.26,
                    0.6 * fill,
                )
            yield Piece(lamina, (wall, wall, min(wall, 1.5)), 0.6, fill)


def transverse_processes(bodies: Sequence[Body], shape: ThoraxShape, planted: Planted) -> Iterator[Tube]:
    """The processes beside the arches, outwards, back and a little up; they bear the ribs."""
    s, wall = shape.scale, min(0.8 * planted.endplate_mm, 1.6)
    for body in bodies:
        h, b, a = body.half_height, body.half_depth, body.half_width
        reach = {"C": 3.0, "T": 17.0, "L": 19.0}[body.name[0]] * s
        reach *= 1.0 - 0.55 * (body.name in ("T11", "T12"))
        for side in _LEFT_AND_RIGHT:
            start = body.at(side * 0.62 * a, -0.10 * h, b + 8.0 * s)
            end = body.at(side * (0.62 * a + reach), -0.30 * h, b + 17.0 * s)
            points = np.array([start, 0.5 * (start + end), end])
            yield Tube(points, s * np.array([3.6, 3.3, 4.2]), wall, 0.6, 1.2 * planted.bone_volume_fraction)
