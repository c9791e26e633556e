"""What stands behind and beside the bodies: pedicles, processes, facets, laminae, and the wear of age."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from strnet.phantom.lumbar.spine_shape import SpineShape
from strnet.phantom.lumbar.vertebral_bodies import Body
from strnet.phantom.physics.ellipsoids import Ellipsoid, turned_axes

Array = np.ndarray

_LEFT_AND_RIGHT = (-1.0, 1.0)


@dataclass(frozen=True)
class Piece:
    """A piece of bone: its surface, the thickness of its wall along each semi-axis, mm, and what fills it.

    `wall_fill` and `core_fill` are bone per volume; a negative `core_fill` with no wall is a gap in the bone
    behind or before it.
    """

    outer: Ellipsoid
    walls: tuple[float, float, float]
    wall_fill: float
    core_fill: float


@dataclass(frozen=True)
class Quality:
    """What the T-score plants in the pieces: thickness of their walls, mm, and bone per volume inside.

    `rim_mm` is the wall of a pedicle beside and towards the midline: only a film from the front shows it.
    """

    wall_mm: float
    core_fill: float
    rim_mm: float


@dataclass(frozen=True)
class _Mould:
    """Places pieces in the axes of one vertebra; lengths are multiplied by `scale`."""

    body: Body
    scale: float
    quality: Quality

    def piece(
        self,
        at: tuple[float, float, float],
        size: tuple[float, float, float],
        *turns: tuple[int, float],
        sharpness: int = 1,
        filled: float = 1.0,
    ) -> Piece:
        half = tuple(self.scale * length for length in size)
        axes = self.body.frame @ turned_axes(half, *turns)
        wall = min(self.quality.wall_mm, 0.45 * min(half))
        solid = Ellipsoid(self.body.at(*at), axes, sharpness)
        return Piece(solid, (wall, wall, wall), 0.55, filled * self.quality.core_fill)

    def pedicle(self, at: tuple[float, float, float], size: tuple[float, float, float]) -> Piece:
        half = tuple(self.scale * length for length in size)
        solid = Ellipsoid(self.body.at(*at), self.body.frame @ turned_axes(half), 2)
        return Piece(
            solid, (min(self.quality.rim_mm, 0.45 * half[0]), 1.4, 0.0), 0.6, 1.3 * self.quality.core_fill
        )

    def dense(self, at: tuple[float, float, float], size: tuple[float, float, float], fill: float) -> Piece:
        half = tuple(self.scale * length for length in size)
        axes = self.body.frame @ turned_axes(half)
        return Piece(Ellipsoid(self.body.at(*at), axes), (0.0, 0.0, 0.0), fill, fill)


def vertebral_pieces(body: Body, shape: SpineShape, quality: Quality) -> Iterator[Piece]:
    """Pedicles, laminae, facets and processes of one vertebra above the sacrum."""
    mould = _Mould(body, shape.scale, quality)
    lumbar = body.name.startswith("L")
    number = int(body.name[1:]) if lumbar else 0
    yield from _spinous_process(mould, lumbar)
    for side in _LEFT_AND_RIGHT:
        yield from _arch(mould, side, number, 1.0 + 0.35 * shape.arthrosis)
        if lumbar or body.name == "T12":
            yield _transverse_process(mould, side, number)


def _spinous_process(mould: _Mould, lumbar: bool) -> Iterator[Piece]:
    b, h, s = mould.body.half_depth, mould.body.half_height, mould.scale
    long, high = (16.5, 10.5) if lumbar else (17.0, 7.0)
    lean = 14.0 if lumbar else 38.0
    yield mould.piece((0.0, 0.72 * h, b + 33.0 * s), (3.3, high, long), (0, -lean), sharpness=2, filled=0.85)
    yield mould.piece((0.0, 0.72 * h + 7.5 * s, b + 37.0 * s), (4.0, 5.0, 8.5), (0, -lean))


def _arch(mould: _Mould, side: float, number: int, swollen: float) -> Iterator[Piece]:
    body, s = mould.body, mould.scale
    a, b, h = body.half_width, body.half_depth, body.half_height
    # Pedicles and facets stand farther apart and grow wider from L1 to L5.
    x = side * (0.62 + 0.012 * number) * a
    wide = 3.6 + 0.65 * number
    yield mould.pedicle((x, -0.36 * h, b + 3.5 * s), (wide, 7.4, 8.5))
    yield mould.piece((0.45 * x, 0.42 * h, b + 18.5 * s), (8.5, 9.5, 3.0), (1, side * 32.0), filled=1.4)
    yield mould.piece((0.95 * x, 0.25 * h, b + 15.5 * s), (4.2, 9.0, 3.8), filled=1.4)
    upper = (4.4 * swollen, 8.5, 4.0 * swollen)
    yield mould.piece((x + side * 3.5 * s, -1.02 * h, b + 13.0 * s), upper, (2, side * 6.0), filled=1.4)
    lower = (4.2 * swollen, 9.5, 4.2 * swollen)
    yield mould.piece((0.88 * x, 1.02 * h, b + 18.0 * s), lower, (2, side * 6.0), filled=1.4)


def _transverse_process(mould: _Mould, side: float, number: int) -> Piece:
    b, h, s = mould.body.half_depth, mould.body.half_height, mould.scale
    long, high, lift = {
        0: (7.0, 4.5, 10.0), 1: (13.0, 4.2, 6.0), 2: (16.0, 4.5, 3.0), 3: (18.5, 4.6, -2.0),
        4: (15.5, 4.8, -12.0), 5: (15.0, 7.5, -16.0),
    }[number]  # fmt: skip
    x = side * (0.80 * mould.body.half_width + 0.92 * long * s)
    down = -0.16 * h + 0.4 * s * lift * 0.5
    turn = (2, side * lift)
    return mould.piece((x, down, b + 5.0 * s), (long, high, 3.0), turn, sharpness=2, filled=0.45)


def worn_pieces(body: Body, shape: SpineShape) -> Iterator[Piece]:
    """Spurs at the edges of the endplates, and sclerosis under them; dense whatever the T-score.

    They lie in the beam and on the rim, so they raise the density that a film shows, not that of the bone.
    """
    mould = _Mould(body, 1.0, Quality(0.0, 0.0, 0.0))
    a, b, h, s = body.half_width, body.half_depth, body.half_height, shape.scale
    for end, worn in ((-1.0, body.worn_above), (1.0, body.worn_below)):
        if worn < 0.25:
            continue
        spur = s * 6.5 * (worn - 0.15)
        edge = end * (h - 1.2 * s)
        yield mould.dense((0.0, edge, -b + 2.0), (0.60 * a, 1.5 * s, 2.0 * s + spur), 0.26)
        for side in _LEFT_AND_RIGHT:
            yield mould.dense((side * (a - 2.0), edge, 0.0), (2.0 * s + spur, 1.6 * s, 0.5 * b), 0.26)
        if worn > 0.45:
            yield mould.dense((0.0, end * (h - 2.4 * s), 0.0), (0.85 * a, 2.2 * s, 0.85 * b), 0.09 * worn)


def facet_sclerosis(body: Body, shape: SpineShape) -> Iterator[Piece]:
    """Dense bone about the facet joints below a vertebra: none without arthrosis."""
    mould = _Mould(body, shape.scale, Quality(0.0, 0.0, 0.0))
    if shape.arthrosis < 0.2:
        return
    for side in _LEFT_AND_RIGHT:
        x = side * 0.66 * body.half_width
        at = (x, 1.05 * body.half_height, body.half_depth + 16.0 * shape.scale)
        yield mould.dense(at, (4.5, 8.0, 5.0), 0.40 * shape.arthrosis)
