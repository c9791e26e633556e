"""Sacrum, iliac wings and the lowest ribs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from strnet.phantom.lumbar.spine_shape import SpineShape
from strnet.phantom.lumbar.vertebral_bodies import Body
from strnet.phantom.lumbar.vertebral_processes import Piece, Quality
from strnet.phantom.physics.ellipsoids import Ellipsoid, turned_axes

Array = np.ndarray

_LEFT_AND_RIGHT = (-1.0, 1.0)


@dataclass(frozen=True)
class Tube:
    """A round bone through `points` (N, 3) of `radii` (N,), mm, with a wall; fills are bone per volume."""

    points: Array
    radii: Array
    wall_mm: float
    wall_fill: float
    core_fill: float


def sacral_pieces(bodies: Sequence[Body], shape: SpineShape, quality: Quality) -> Iterator[Piece]:
    """Wings, crest and back of the sacrum, and the gaps in it: foramina and sacroiliac joints."""
    s = shape.scale
    wings = {"S1": (34.0, 23.0, 17.0, 13.0), "S2": (29.0, 19.0, 15.0, 10.0), "S3": (23.0, 14.0, 13.0, 8.0)}
    for body in bodies:
        if body.name not in wings:
            continue
        x, *size = (s * value for value in wings[body.name])
        h, b = body.half_height, body.half_depth
        wall = 0.8 * quality.wall_mm
        crest = Ellipsoid(body.at(0.0, 0.0, b + 13.0 * s), body.frame @ turned_axes((3.0, 0.9 * h, 6.0)), 2)
        yield Piece(crest, (wall, wall, wall), 0.45, 0.7 * quality.core_fill)
        back = Ellipsoid(body.at(0.0, 0.0, b + 9.0 * s), body.frame @ turned_axes((16.0 * s, h, 2.6)))
        yield Piece(back, (0.4, 0.4, wall), 0.4, 0.5 * quality.core_fill)
        for side in _LEFT_AND_RIGHT:
            axes = body.frame @ turned_axes(size, (2, side * 14.0))
            wing = Ellipsoid(body.at(side * x, -0.05 * h, 2.0 * s), 1.15 * axes)
            yield Piece(wing, (0.3, 0.3, wall), 0.45, 0.62 * quality.core_fill)
            axes = body.frame @ turned_axes((4.6 * s, 5.2 * s, 24.0 * s))
            hole = Ellipsoid(body.at(side * (x - 0.35 * size[0] - 3.0 * s), h, 6.0 * s), axes, 2)
            yield Piece(hole, (0.0, 0.0, 0.0), 0.0, -0.075)


def iliac_pieces(sacrum: Body, shape: SpineShape, quality: Quality) -> Iterator[Piece | Tube]:
    """Both iliac wings: a thin plate from the sacroiliac joint to the front, and its crest."""
    s, wide = shape.scale, shape.scale * shape.flare
    _, y, z = sacrum.centre
    y = y - shape.crest_mm
    wall = 0.8 * quality.wall_mm
    for side in _LEFT_AND_RIGHT:
        centre = np.array([side * 84.0 * wide, y + 35.0 * s, z - 6.0])
        along = np.array([side * 0.64, 0.0, -0.768])
        down = np.array([side * -0.22, 0.975, 0.0])
        down -= along * (along @ down)
        down /= np.linalg.norm(down)
        normal = np.cross(along, down)
        plate = np.column_stack([64.0 * s * along, 79.0 * s * down, 4.4 * s * normal])
        yield Piece(Ellipsoid(centre, plate), (0.0, 0.0, wall), 0.6, 0.5 * quality.core_fill)
        turn = np.deg2rad(np.linspace(14.0, 164.0, 11))[:, None]
        rim = centre + 59.0 * s * np.cos(turn) * along - 74.0 * s * np.sin(turn) * down
        yield Tube(
            rim,
            s * np.interp(turn[:, 0], [0.2, 0.7, 2.9], [3.4, 5.6, 5.0]),
            wall,
            0.7,
            0.9 * quality.core_fill,
        )
        near = np.array([side * 50.0 * wide, y + 22.0 * s, z + 26.0])
        thick = np.column_stack([17.0 * s * along, 34.0 * s * down, 8.5 * s * normal])
        yield Piece(Ellipsoid(near, thick), (0.0, 0.0, wall), 0.6, 0.9 * quality.core_fill)
        joint = np.array([side * 47.0 * wide, y + 20.0 * s, z + 14.0])
        cleft = turned_axes((1.5, 33.0 * s, 20.0 * s), (2, side * 13.0))
        yield Piece(Ellipsoid(joint, cleft, 2), (0.0, 0.0, 0.0), 0.0, -0.16)


def ribs(bodies: Sequence[Body], shape: SpineShape, quality: Quality) -> Iterator[Tube]:
    """The ribs of T10, T11 and T12 on both sides, downwards and forwards; the twelfth is the shortest."""
    s = shape.scale
    reach = {"T10": (128.0, 88.0, 95.0), "T11": (112.0, 84.0, 66.0), "T12": (72.0, 62.0, 18.0)}
    for body in bodies:
        if body.name not in reach:
            continue
        wide, down, forward = reach[body.name]
        t = np.linspace(0.0, 1.0, 10)
        for side in _LEFT_AND_RIGHT:
            across = side * (body.half_width + s * (4.0 + wide * np.sin(t * 1.45)))
            falls = body.centre[1] - 7.0 * s + s * down * t**1.35
            behind = body.centre[2] + body.half_depth + s * (6.0 + 26.0 * np.sin(np.pi * t) - forward * t**2)
            radii = s * np.interp(t, [0.0, 0.1, 0.85, 1.0], [4.2, 4.8, 4.6, 2.6])
            points = np.column_stack([across, falls, behind])
            yield Tube(points, radii, min(1.1, 0.8 * quality.wall_mm), 0.75, 0.5 * quality.core_fill)
