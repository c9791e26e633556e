"""What surrounds the spine: trunk, fat, lungs, psoas, bowel gas and the calcified aorta."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from strnet.phantom.lumbar.pelvis_and_ribs import Tube
from strnet.phantom.lumbar.spine_shape import SpineShape
from strnet.phantom.physics.ellipsoids import (
    FROM_THE_FRONT,
    Canvas,
    Ellipsoid,
    chord,
    rotation,
    shadow,
    turned_axes,
)

Array = np.ndarray

_COARSE = 6
"""Soft tissue changes slowly: it is drawn on every sixth row and column."""
_LUNG_SHARE = 0.5
"""Share of the beam's path at the height of the lungs that lies in them."""
_FLAT = np.array([1.15, 1.0, 0.55])
"""A loop of bowel is pressed flat from front to back."""
_WIDEST_BEHIND = 0.35
"""How far behind its middle the trunk is widest: at the spine, not at the belly."""
_LEAST_TISSUE = 0.35
"""Share of soft tissue that gas leaves at least."""


@dataclass(frozen=True)
class Bowel:
    """Gas in the bowel, as it lay when one film was taken."""

    gas: tuple[Ellipsoid, ...]


def draw_bowel(shape: SpineShape, generator: np.random.Generator) -> Bowel:
    """Some loops of gas in front of the spine, each a chain of bubbles."""
    bubbles: list[Ellipsoid] = []
    for _ in range(int(generator.integers(3, 8))):
        at = np.array(
            [
                generator.uniform(-105.0, 105.0),
                generator.uniform(-115.0, 140.0),
                generator.uniform(-95.0, -48.0),
            ]
        )
        heading, size = generator.uniform(-np.pi, np.pi), generator.uniform(6.0, 13.0)
        for _ in range(int(generator.integers(3, 9))):
            radii = size * np.exp(0.22 * generator.standard_normal(3))
            turn = (2, float(np.rad2deg(heading)))
            bubbles.append(Ellipsoid(at.copy(), turned_axes(radii * shape.scale * _FLAT, turn)))
            heading += 0.45 * generator.standard_normal()
            at += (
                1.25 * size * np.array([np.cos(heading), np.sin(heading), 0.3 * generator.standard_normal()])
            )
    return Bowel(tuple(bubbles))


def soft_tissue(
    canvas: Canvas, shape: SpineShape, bowel: Bowel, generator: np.random.Generator
) -> tuple[Array, Array]:
    """Path in muscle and organs, and in fat, mm, float32 (H, W), bones not yet taken out."""
    rows, columns = canvas.grid.shape
    y, x = canvas.grid.y[::_COARSE, None], canvas.grid.x[None, ::_COARSE]
    planes = generator.standard_normal((2, 7, 6), dtype=np.float32)
    body, lean = _trunk(canvas.beam, shape, (x, y))
    mottle = [cv2.resize(plane, lean.shape[::-1], interpolation=cv2.INTER_CUBIC) for plane in planes]
    muscle = lean * np.clip(1.0 - shape.visceral * (1.0 + 0.28 * mottle[0]), 0.3, 1.0)
    air = _lungs(canvas.beam, shape, (x, y))
    muscle, fat = muscle * (1.0 - air), (body - muscle) * (1.0 - 0.6 * air)
    muscle, fat = (_fine(path, (rows, columns)) for path in (muscle, fat))
    for psoas in _psoas(shape):
        box = shadow(psoas, canvas)
        length = chord(psoas, canvas, box)
        moved = np.minimum(np.float32(0.5) * length, fat[box.slices])
        muscle[box.slices] += moved
        fat[box.slices] -= moved
    return _without_gas(muscle, canvas, bowel), fat


def _fine(path: Array, size: tuple[int, int]) -> Array:
    large = cv2.resize(path.astype(np.float32), size[::-1], interpolation=cv2.INTER_LINEAR)
    return np.maximum(large, np.float32(0.0))


def _trunk(beam: int, shape: SpineShape, at: tuple[Array, Array]) -> tuple[Array, Array]:
    """Path through the whole trunk and through what lies inside its layer of fat, mm, on a coarse grid."""
    x, y = at
    waist = 1.0 + 0.03 * np.clip(np.abs(y + 10.0) / 150.0, 0.0, 1.2) ** 2
    half = np.array([shape.width_mm, shape.depth_mm]) / 2.0
    if beam == FROM_THE_FRONT:
        across, reach, length = x, half[0], half[1]
    else:
        back = 68.0 * shape.scale + 0.7 * shape.fat_mm + 4.0
        across, reach, length = x - (back - half[1]), half[1], half[0]
    skew = 0.0 if beam == FROM_THE_FRONT else _WIDEST_BEHIND
    whole = _oval(across / (reach * waist), skew) * 2.0 * length * waist
    inside = (reach - 0.8 * shape.fat_mm) * waist
    lean = _oval(across / inside, skew) * 2.0 * (length - shape.fat_mm) * waist
    return whole, np.minimum(lean, whole)


def _oval(across: Array, skew: float) -> Array:
    at = across - skew * np.maximum(1.0 - across**2, 0.0)
    return np.maximum(1.0 - np.abs(at) ** 2.4, 0.0) ** (1.0 / 2.4)


def _lungs(beam: int, shape: SpineShape, at: tuple[Array, Array]) -> Array:
    """Share of the path that lies in air of the lungs, on a coarse grid."""
    x, y = at
    if beam == FROM_THE_FRONT:
        dome = -126.0 * shape.scale - 34.0 * np.exp(-(((np.abs(x) - 70.0) / 38.0) ** 2)) - 8.0 * (x < 0)
        beside = _below((np.abs(x) - 36.0) / 2.5)
        return _LUNG_SHARE * beside * _below(dome + 26.0 - y)
    dome = (-112.0 - 0.28 * (45.0 - x) - 0.0016 * (45.0 - x) ** 2) * shape.scale
    return _LUNG_SHARE * np.ones_like(x) * _below(dome - y)


def _below(distance: Array) -> Array:
    return np.asarray(0.5 + 0.5 * np.tanh(distance / 5.0))


def _psoas(shape: SpineShape) -> list[Ellipsoid]:
    """Both psoas muscles, from the twelfth rib to the pelvis."""
    s = shape.scale
    return [
        Ellipsoid(
            np.array([side * 45.0 * s, 42.0 * s, -2.0]),
            rotation(2, np.deg2rad(-side * 14.0)) @ np.diag([19.0 * s, 108.0 * s, 25.0 * s]),
        )
        for side in (-1.0, 1.0)
    ]


def _without_gas(muscle: Array, canvas: Canvas, bowel: Bowel) -> Array:
    gas = np.zeros_like(muscle)
    for bubble in bowel.gas:
        box = shadow(bubble, canvas)
        np.maximum(gas[box.slices], chord(bubble, canvas, box), out=gas[box.slices])
    return np.asarray(np.maximum(muscle - gas, np.float32(_LEAST_TISSUE) * muscle))


def aortic_calcium(shape: SpineShape, generator: np.random.Generator) -> list[Tube]:
    """Plaques in the wall of the abdominal aorta, thin lines before L1 to L4; none in a young one."""
    s = shape.scale
    plaques = []
    for _ in range(int(generator.poisson(22.0 * shape.calcium**1.5))):
        start, length = generator.uniform(-75.0, 45.0), generator.uniform(5.0, 22.0)
        around, twist = generator.uniform(0.0, 2.0 * np.pi), generator.uniform(-0.6, 0.6)
        t = np.linspace(0.0, 1.0, 4)
        angle = around + twist * t
        points = np.column_stack([8.0 + 9.0 * np.cos(angle), start + length * t, -31.0 + 9.0 * np.sin(angle)])
        points[:, 2] += 8.0 * np.clip(-points[:, 1] / 80.0, 0.0, 1.0)
        plaques.append(Tube(s * points, np.full(4, generator.uniform(0.6, 1.3)), 0.0, 0.0, 0.45))
    return plaques
