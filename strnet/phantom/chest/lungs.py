"""The lungs: how much of the beam lies in them, and the vessels that branch through them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from strnet.phantom.chest.thorax_shape import ThoraxShape
from strnet.phantom.physics.solids import Grid, profile

Array = np.ndarray

_SIDE: Final = ((-150, 61), (-130, 70), (-96, 94), (-58, 115), (-19, 127.5), (20, 134.5), (53, 138.5),
                (83, 140.5), (112, 142), (137, 142), (160, 138), (200, 130))  # fmt: skip
"""Half width of the chest inside the ribs, mm, at heights from the middle of T7."""
_MIDDLE: Final = ((-150, 30), (-138, 24), (-118, 17), (-80, 15), (-20, 12), (60, 7), (200, 7))
"""Half width of what lies between the lungs where no organ makes it wider, mm."""
_DEPTH: Final = ((-150, 62), (-110, 95), (-60, 138), (0, 160), (80, 172), (200, 165))
"""Depth of a lung from front to back, mm."""
_APEX_MM: Final = -138.0
_GREATEST_PATH_MM: Final = 12.0
"""Path in a vessel that its canvas can hold."""
_GENERATIONS: Final = 7
_FULLNESS: Final = 3.3
"""Mean path in a vessel over its radius: pi / 2, and what lies along it, its sheath and its bronchus."""


@dataclass(frozen=True)
class Breath:
    """How one film found the lungs.

    `domes_mm` the height of the right and the left dome of the diaphragm, `density` of the lung relative to
    soft tissue.
    """

    domes_mm: tuple[float, float]
    density: float


def draw_breath(shape: ThoraxShape, generator: np.random.Generator) -> Breath:
    """How deep the breath was: deeper ones lower the domes and thin the lung; the right dome is higher."""
    depth = generator.standard_normal()
    obese = 0.35 * max(shape.spine.fat_mm - 20.0, 0.0)
    right = shape.scale * 92.0 + float(np.clip(8.0 * depth, -20.0, 16.0)) - min(obese, 14.0)
    left = right + float(np.clip(11.0 + 5.0 * generator.standard_normal(), 2.0, 22.0))
    density = float(np.clip(0.28 - 0.02 * depth + 0.02 * generator.standard_normal(), 0.2, 0.36))
    return Breath((right, left), density)


def diaphragm(x: Array, shape: ThoraxShape, breath: Breath) -> Array:
    """Height of the diaphragm at `x` mm (W,): two domes, steep to the ribs, shallow to the middle."""
    w = shape.width
    height = np.zeros(x.size)
    for side, dome, centre in ((-1.0, breath.domes_mm[0], 68.0), (1.0, breath.domes_mm[1], 76.0)):
        across = (side * x / w - centre) / 66.0
        outer = 33.0 * np.maximum(across, 0.0) ** 2.6
        inner = 12.0 * np.minimum(np.maximum(-across, 0.0), 1.2) ** 2.0
        height = np.where(side * x > 0, dome + outer + inner, height)
    return height


def lung_path(grid: Grid, shape: ThoraxShape, breath: Breath) -> Array:
    """Path through the chest's inside above the diaphragm and behind it, mm, float32 (H, W)."""
    s, w = shape.scale, shape.width
    y = grid.y.astype(float) / s
    outer, inner = w * profile(y, _SIDE), profile(y, _MIDDLE)
    above = np.clip((y - _APEX_MM) / 19.0, 0.0, 1.0)
    cap = np.sqrt(1.0 - (1.0 - above) ** 2)
    centre, half = (outer + inner) / 2.0, (outer - inner) / 2.0 * cap
    centre = centre + (1.0 - cap) * 6.0
    deep = s * profile(y, _DEPTH) * cap * (0.5 + 0.5 * shape.spine.depth_mm / 215.0)
    away = np.abs(grid.x)[None, :] - centre[:, None].astype(np.float32)
    away *= (1.0 / np.maximum(half, 1e-3)).astype(np.float32)[:, None]
    towards_side = away > 0
    np.multiply(away, away, out=away)
    # To the side the chest wall curves round; to the middle the lung ends blunt.
    steep = away * away
    np.copyto(steep, away, where=towards_side)
    path = np.sqrt(np.maximum(np.float32(1.0) - steep, np.float32(0.0)))
    path *= deep.astype(np.float32)[:, None]
    path *= _above_diaphragm(grid, diaphragm(grid.x.astype(float), shape, breath))
    return np.asarray(path)


def _above_diaphragm(grid: Grid, dome: Array) -> Array:
    """Share of the lung's depth that is left: all above the domes, a little behind them."""
    over = dome.astype(np.float32)[None, :] - grid.y[:, None]
    behind = np.float32(0.20) * np.clip(np.float32(1.0) + over / np.float32(42.0), 0.0, 1.0)
    return np.clip(over / np.float32(1.6) + np.float32(0.5), behind, np.float32(1.0))


def lung_vessels(grid: Grid, shape: ThoraxShape, generator: np.random.Generator) -> Array:
    """Path in the vessels of both lungs, mm, float32 (H, W): they branch and thin from the hila outwards."""
    canvas = np.zeros(grid.shape, np.uint8)
    drawn: list[tuple[tuple[Array, Array, Array], Array]] = []
    for side in (-1.0, 1.0):
        hilum = np.array([side * (33.0 if side < 0 else 36.0), -12.0 if side < 0 else -20.0]) * shape.scale
        start, heading, radius = _stems(side, hilum, generator)
        for generation in range(_GENERATIONS):
            end, middle, heading = _grown(start, heading, generation, generator)
            drawn.append(((start, middle, end), radius))
            start, heading, radius = _branched(end, heading, radius, generator)
    for courses, radii in sorted(drawn, key=lambda vessel: float(vessel[1].mean())):
        # Thick ones last: where a vessel branches, the branch begins inside it.
        _draw(canvas, grid, courses, radii)
    soft = cv2.GaussianBlur(canvas.astype(np.float32), (0, 0), max(0.28 / grid.pixel_mm, 0.3))
    return np.asarray(soft * np.float32(_GREATEST_PATH_MM / 255.0))


def _stems(side: float, hilum: Array, generator: np.random.Generator) -> tuple[Array, Array, Array]:
    """Start (N, 2), heading (N,) in radians from outwards to down, and radius (N,) mm of the stems."""
    degrees = np.array([-68.0, -45.0, -20.0, 8.0, 30.0, 52.0, 68.0, 84.0])
    degrees = degrees + 7.0 * generator.standard_normal(degrees.size)
    radius = np.array([2.9, 2.5, 2.1, 2.6, 2.9, 3.5, 3.8, 2.9]) * np.exp(0.12 * generator.standard_normal(8))
    start = hilum + generator.normal(0.0, 2.0, (8, 2)) + np.array([0.0, 0.10]) * degrees[:, None]
    heading = np.deg2rad(degrees)
    return start, np.where(side > 0, heading, np.pi - heading), radius


def _grown(
    start: Array, heading: Array, generation: int, generator: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Ends and middles (N, 2) of vessels that bend on the way, and the headings that they end with."""
    length = 24.0 * 0.82**generation * np.exp(0.25 * generator.standard_normal(heading.size))
    bend = 0.16 * generator.standard_normal(heading.size)
    middle = start + 0.5 * length[:, None] * np.column_stack([np.cos(heading), np.sin(heading)])
    heading = heading + bend
    end = middle + 0.5 * length[:, None] * np.column_stack([np.cos(heading), np.sin(heading)])
    return end, middle, heading


def _branched(
    end: Array, heading: Array, radius: Array, generator: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Two branches of each vessel: one goes on, one leaves at a wider angle and is thinner.

    Source: Murray 1926, Proc. Natl. Acad. Sci. 12:207: the cubes of the radii add up.
    """
    share = generator.uniform(0.25, 0.5, radius.size)
    turn = generator.choice([-1.0, 1.0], radius.size) * generator.uniform(0.15, 0.45, radius.size)
    headings = np.concatenate([heading - 0.6 * turn, heading + 1.4 * turn])
    radii = np.concatenate([radius * (1.0 - share) ** (1 / 3), radius * share ** (1 / 3)])
    return np.concatenate([end, end]), headings, radii


def _draw(canvas: Array, grid: Grid, courses: tuple[Array, Array, Array], radius: Array) -> None:
    """Draw each course into `canvas` (uint8): as wide as the vessel, as bright as it is deep."""
    sixteenths = 16.0 / grid.pixel_mm
    first = np.array([float(grid.x[0]), float(grid.y[0])])
    points = np.rint((np.stack(courses, axis=1) - first) * sixteenths).astype(np.int32)
    wide = np.maximum(np.rint(1.8 * radius / grid.pixel_mm), 1.0)
    # A line is a pixel wide at least: a finer vessel is drawn fainter instead.
    deep = _FULLNESS * radius * np.minimum(2.0 * radius / (wide * grid.pixel_mm), 1.0)
    value = np.clip(deep * 255.0 / _GREATEST_PATH_MM, 1.0, 255.0)
    for number in range(radius.size):
        cv2.polylines(
            canvas,
            points[number : number + 1],
            False,
            float(value[number]),
            int(wide[number]),
            cv2.LINE_AA,
            4,
        )


def lung_mottle(shape: tuple[int, int], generator: np.random.Generator) -> Array:
    """Relative density of lung (H, W), float32, about 1: what is too fine to be drawn as vessels."""
    mottle = np.ones(shape, np.float32)
    for cells, strength in ((12, 0.05), (50, 0.022), (140, 0.014)):
        coarse = np.float32(strength) * generator.standard_normal((cells, cells), dtype=np.float32)
        mottle += cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return mottle
