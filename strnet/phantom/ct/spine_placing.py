"""Where the bones of the lumbar films lie in a scanner: turned, shifted, bent sideways as on the films."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from strnet.phantom.lumbar.spine_shape import SpineShape, sideways_curve
from strnet.phantom.lumbar.vertebral_bodies import Body
from strnet.phantom.physics.ellipsoids import Ellipsoid, rotation

Array = np.ndarray


@dataclass(frozen=True)
class Motion:
    """A rigid motion: a point p (x, y, z; mm) goes to `turn` p + `shift_mm`."""

    turn: Array
    shift_mm: Array

    def points(self, points: Array) -> Array:
        """`points` (N, 3) moved."""
        return np.asarray(points @ self.turn.T + self.shift_mm)

    def ellipsoid(self, solid: Ellipsoid) -> Ellipsoid:
        """`solid` moved."""
        return Ellipsoid(self.turn @ solid.centre + self.shift_mm, self.turn @ solid.axes, solid.sharpness)

    def body(self, body: Body) -> Body:
        """`body` with its centre moved; its axes are `turn` @ `body.frame`."""
        return replace(body, centre=self.turn @ body.centre + self.shift_mm)


def with_the_spine(whole: Motion, body: Body, shape: SpineShape) -> Motion:
    """The motion of `body` and what hangs on it: the sideways curve, then that of the `whole` person."""
    at = float(body.centre[1])
    above, here, below = sideways_curve(shape, np.array([at - 1.0, at, at + 1.0])).tolist()
    bent = rotation(2, -float(np.arctan((below - above) / 2.0)))
    shift = body.centre - bent @ body.centre + np.array([here, 0.0, 0.0])
    return Motion(whole.turn @ bent, whole.turn @ shift + whole.shift_mm)


@dataclass(frozen=True)
class SpineLine:
    """The course of a spine in the scanner: at heights `y` (N,), rising, mm, where the bodies' middle, their
    front and the canal lie. Between and beyond them it runs on straight.
    """

    y: Array
    middle_x: Array
    front_z: Array
    canal_z: Array

    def at(self, y: Array) -> tuple[Array, Array, Array]:
        """Middle, front and canal at heights `y` (P,), mm."""
        x, front, canal = (np.interp(y, self.y, line) for line in (self.middle_x, self.front_z, self.canal_z))
        return x, front, canal


def spine_line(bodies: Sequence[Body], motions: Sequence[Motion], scale: float) -> SpineLine:
    """The course of the spine of `bodies`, from above, each moved by its motion."""
    points = np.array(
        [
            motion.points(
                np.stack(
                    [
                        b.at(0.0, 0.0, 0.0),
                        b.at(0.0, 0.0, -b.half_depth),
                        b.at(0.0, 0.0, b.half_depth + 8.0 * scale),
                    ]
                )
            )
            for b, motion in zip(bodies, motions, strict=True)
        ]
    )
    return SpineLine(points[:, 0, 1], points[:, 0, 0], points[:, 1, 2], points[:, 2, 2])
