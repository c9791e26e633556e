"""The vertebral bodies from T10 to the sacrum: where each stands, and its thickness along a beam."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from strnet.phantom.lumbar.spine_shape import SpineShape
from strnet.phantom.physics.ellipsoids import FROM_THE_FRONT, Canvas, rotation
from strnet.phantom.physics.solids import Box

Array = np.ndarray

_USUAL: Final = (
    # name, height, width, depth, disc below (mm), tilt (degrees; the front edge lower is positive)
    ("T10", 21.5, 35.0, 28.0, 5.0, -9.0),
    ("T11", 22.0, 37.0, 28.5, 5.5, -11.0),
    ("T12", 24.0, 39.5, 29.5, 7.0, -13.0),
    ("L1", 26.5, 42.0, 31.0, 8.5, -13.0),
    ("L2", 27.5, 44.0, 32.5, 10.0, -10.0),
    ("L3", 28.0, 46.5, 34.0, 11.0, -3.0),
    ("L4", 28.0, 49.5, 35.0, 12.0, 7.0),
    ("L5", 27.5, 53.5, 35.5, 11.0, 21.0),
    ("S1", 30.0, 50.0, 33.0, 1.5, 39.0),
    ("S2", 26.0, 42.0, 23.0, 1.0, 35.0),
    ("S3", 22.0, 35.0, 17.0, 1.0, 25.0),
    ("S4", 18.0, 28.0, 13.0, 1.0, 8.0),
)
REGIONS: Final = ("L1", "L2", "L3", "L4")
"""The vertebrae that DXA measures, and that boxes and masks are given of."""
_ORIGIN: Final = "L3"
_SMALLEST_SINE = 0.02
"""A level endplate is drawn as if tilted by 1 degree: its edge crosses a pixel instead of ending in it."""
EXPONENT: Final = 2.5
"""Of the superelliptic cross-section."""
WAIST: Final = 0.10
HOLLOW: Final = 0.07
"""How much narrower a body is in its middle, and how much lower its endplates are there, as shares."""


@dataclass(frozen=True)
class Body:
    """One vertebral body: `centre` (3,) mm, `tilt` in radians, half its height, width and depth, mm.

    `worn_above`, `worn_below` (0 to 1) are the discs beside it. A shell is what lies between a body and the
    same body `shrunk`.
    """

    name: str
    centre: Array
    tilt: float
    half_height: float
    half_width: float
    half_depth: float
    worn_above: float
    worn_below: float

    @property
    def frame(self) -> Array:
        """The matrix (3, 3) from the vertebra's own axes (left, down, back) to those of the room."""
        return rotation(0, self.tilt)

    @property
    def sacral(self) -> bool:
        """Whether it is a part of the sacrum."""
        return self.name.startswith("S")

    def at(self, x: float, down: float, back: float) -> Array:
        """The point (3,) in the room at these coordinates of the vertebra."""
        return np.asarray(self.centre + self.frame @ np.array([x, down, back]))

    def shrunk(self, endplate: float, side_wall: float, front_wall: float) -> Body:
        """The space inside walls of these thicknesses, mm."""
        return Body(
            self.name,
            self.centre,
            self.tilt,
            self.half_height - endplate,
            self.half_width - side_wall,
            self.half_depth - front_wall,
            self.worn_above,
            self.worn_below,
        )


def stack(shape: SpineShape) -> list[Body]:
    """The bodies from T10 to S4, L3 at the origin; worn discs are lower."""
    bodies: list[Body] = []
    worn = (*shape.worn, *(0.0,) * 4)
    place, above = np.zeros(3), 0.0
    for (name, height, width, depth, disc, tilt), below in zip(_USUAL, worn, strict=True):
        angle = float(np.deg2rad(tilt * (shape.lordosis if not name.startswith("S") else 1.0)))
        if name == "S1":
            angle = float(np.deg2rad(tilt * (0.5 + 0.5 * shape.lordosis)))
        down = rotation(0, angle) @ np.array([0.0, 1.0, 0.0])
        half = shape.scale * height / 2.0
        centre = place + half * down
        bodies.append(
            Body(
                name,
                centre,
                angle,
                half,
                shape.scale * shape.slenderness * width / 2.0,
                shape.scale * depth / 2.0,
                above,
                below,
            )
        )
        place = centre + (half + shape.scale * shape.disc * disc * (1.0 - 0.5 * below)) * down
        above = below
    origin = next(body.centre for body in bodies if body.name == _ORIGIN)
    return [Body(**{**vars(body), "centre": body.centre - origin}) for body in bodies]


def body_chord(body: Body, canvas: Canvas) -> tuple[Box, Array]:
    """The pixels that `body` covers and the beam's length inside it, mm, float32, shape `box.shape`."""
    cos, sin = abs(np.cos(body.tilt)), abs(np.sin(body.tilt))
    height, depth = body.half_height, body.half_depth
    from_front = canvas.beam == FROM_THE_FRONT
    wide = body.half_width if from_front else height * sin + depth * cos
    place = body.centre.tolist()
    reach = (float(wide) + 1.0, float(height * cos + depth * sin) + 1.0)
    box = canvas.box(place[canvas.across], place[1], reach)
    across, below = canvas.offsets(box, place[canvas.across], place[1])
    return box, _front(body, across, below) if from_front else _side(body, across, below, canvas)


def _waist(along: Array) -> Array:
    return np.asarray(1.0 - WAIST * (1.0 - np.minimum(along**2, 1.0)))


def _superellipse(across: Array) -> Array:
    inside = np.maximum(1.0 - np.abs(across) ** np.float32(EXPONENT), np.float32(0.0))
    return np.asarray(inside ** np.float32(1.0 / EXPONENT))


def _front(body: Body, x: Array, y: Array) -> Array:
    """The chord along z: the body's cross-section, cut by the two endplates as the beam meets them.

    The waist is that at the axis of the body.
    """
    cos = np.float32(np.cos(body.tilt))
    sin = np.sin(body.tilt)
    sin = np.float32(sin if abs(sin) > _SMALLEST_SINE else np.copysign(_SMALLEST_SINE, sin))
    height = np.float32(body.half_height)
    narrow = _waist(np.clip(y / cos / height, -1.0, 1.0)).astype(np.float32)
    half = np.float32(body.half_depth) * narrow / cos * _superellipse(x / (body.half_width * narrow))
    middle = y * (sin / cos)
    hollow = height * (1.0 - np.float32(HOLLOW) * np.maximum(1.0 - (x / body.half_width) ** 2, 0.0))
    ends = (-hollow - y * cos) / sin, (hollow - y * cos) / sin
    near = np.maximum(middle - half, np.minimum(*ends))
    far = np.minimum(middle + half, np.maximum(*ends))
    return np.maximum(far - near, np.float32(0.0)).astype(np.float32)


def _side(body: Body, z: Array, y: Array, canvas: Canvas) -> Array:
    """The chord along x, in the vertebra's own axes; its edges at the endplates cross a pixel."""
    cos, sin = np.float32(np.cos(body.tilt)), np.float32(np.sin(body.tilt))
    down, back = y * cos + z * sin, z * cos - y * sin
    height = np.float32(body.half_height)
    narrow = _waist(down / height).astype(np.float32)
    inward = back / (body.half_depth * narrow)
    hollow = height * (1.0 - np.float32(HOLLOW) * np.maximum(1.0 - inward**2, 0.0))
    covered = np.clip((hollow - np.abs(down)) / np.float32(canvas.grid.pixel_mm) + 0.5, 0.0, 1.0)
    return (covered * (2.0 * body.half_width * narrow) * _superellipse(inward)).astype(np.float32)
