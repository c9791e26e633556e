"""One PA film of a chest: planned, projected, developed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from strnet.phantom.chest.chest_projection import chest_paths, skeleton
from strnet.phantom.chest.lungs import Breath, draw_breath
from strnet.phantom.chest.thoracic_planting import Planted
from strnet.phantom.chest.thorax_shape import ThoraxShape
from strnet.phantom.physics.detector import expose
from strnet.phantom.physics.developing import Film, Recording, develop
from strnet.phantom.physics.ellipsoids import FROM_THE_FRONT, Canvas
from strnet.phantom.physics.overlay import draw_field, draw_marker
from strnet.phantom.physics.positioning import Positioning, bends, film_grid, turned
from strnet.phantom.physics.projection import transmission, turn
from strnet.phantom.physics.scanners import SCANNERS, Scanner
from strnet.phantom.physics.solids import Grid
from strnet.phantom.physics.spectra import spectrum

Array = np.ndarray

_PIXEL: Final = 0.458 / 0.290
"""Pixel in the chest relative to that at the knee: a film of 768 rows shows 35 cm."""
_MORE_KILOVOLTS: Final = 56.0
_MAGNIFICATION: Final = 1.08
_BODY_BELOW: Final = 0.55
"""Energy behind the chest, relative to the open beam, below which a pixel belongs to the body."""
_CENTRE_MM: Final = (0.0, 3.0)
"""Where the middle of a film lies from the middle of T7, across and down."""
_LEVELS: Final = (
    (0.15, 0.26, 0.37, 0.47, 0.58, 0.69, 0.78, 0.83, 0.87, 0.91, 0.93, 0.95),
    (0.20, 0.32, 0.43, 0.54, 0.64, 0.73, 0.80, 0.84, 0.875, 0.91, 0.93, 0.94),
    (0.11, 0.20, 0.30, 0.41, 0.53, 0.65, 0.75, 0.80, 0.85, 0.90, 0.92, 0.95),
    (0.17, 0.29, 0.40, 0.50, 0.61, 0.71, 0.79, 0.83, 0.87, 0.90, 0.92, 0.94),
)
"""Grey levels of each site's tone curve for chests: lungs dark, the rest bright."""

CHEST_SCANNERS: Final = tuple(
    replace(
        scanner,
        pixel_mm=scanner.pixel_mm * _PIXEL,
        magnification=_MAGNIFICATION,
        kilovolts=scanner.kilovolts + _MORE_KILOVOLTS,
        quanta=scanner.quanta * 1.5,
        scatter=scanner.scatter * 1.3,
        edge_gain=scanner.edge_gain * 0.8,
        levels=levels,
    )
    for scanner, levels in zip(SCANNERS, _LEVELS, strict=True)
)
"""The scanners of the sites as they are set for chests: hard beams, large pixels, levels of their own."""


@dataclass(frozen=True)
class ChestPlan:
    """What is planted in one film, and how it is taken, drawn before anything is rendered.

    `turned_degrees` is how far the person is turned about the long axis; `rough` (2, 12, 2) how far each
    rib departs from the usual course.
    """

    planted: Planted
    shape: ThoraxShape
    breath: Breath
    rough: Array
    positioning: Positioning
    turned_degrees: float
    recording: Recording


def plan_chest_film(
    built: tuple[ThoraxShape, Planted], site: int, size: tuple[int, int], generator: np.random.Generator
) -> ChestPlan:
    """The plan of the film of the person who is `built` so, at the scanner of `site`."""
    scanner = CHEST_SCANNERS[site]
    marker = "L" if generator.random() < 0.5 else "R"
    return ChestPlan(
        planted=built[1],
        shape=built[0],
        breath=draw_breath(built[0], generator),
        rough=generator.standard_normal((2, 12, 2)),
        positioning=_draw_positioning(scanner, generator),
        turned_degrees=float(np.clip(1.6 * generator.standard_normal(), -4.5, 4.5)),
        recording=Recording(
            scanner,
            expose(scanner, generator),
            _wider(draw_field(size, generator), size),
            draw_marker(marker, scanner.marker, size, generator),
        ),
    )


def _wider(field: tuple[int, int, int, int], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The collimated field opened up: little is cut from a chest."""
    top, bottom, left, right = field
    shown = 0.3
    return (
        int(shown * top),
        size[0] - int(shown * (size[0] - bottom)),
        int(shown * left),
        size[1] - int(shown * (size[1] - right)),
    )


def _draw_positioning(scanner: Scanner, generator: np.random.Generator) -> Positioning:
    z = generator.standard_normal(5)
    return Positioning(
        rotation_degrees=float(np.clip(1.4 * z[0], -4.0, 4.0)),
        shift_x_mm=float(np.clip(6.0 * z[1], -15.0, 15.0) - _CENTRE_MM[0]),
        shift_y_mm=float(np.clip(9.0 * z[2], -20.0, 20.0) - _CENTRE_MM[1]),
        zoom=float(np.exp(np.clip(0.03 * z[3], -0.08, 0.08))),
        kilovolts=float(np.rint(np.clip(scanner.kilovolts + 2.5 * z[4], 108.0, 128.0))),
    )


def make_chest_film(plan: ChestPlan, size: tuple[int, int], generator: np.random.Generator) -> Film:
    """The film of `plan`: projection, detection, vendor processing, marker."""
    grid = film_grid(size, plan.recording.scanner.pixel_mm, plan.positioning)
    primary = primary_beam(grid, plan, generator)
    return Film(develop(primary, plan.recording, _BODY_BELOW, generator), grid.pixel_mm)


def primary_beam(grid: Grid, plan: ChestPlan, generator: np.random.Generator) -> Array:
    """Energy behind the planned chest as it lies on the film, relative to the open beam, float32."""
    looks_at = _displacement(grid, plan, generator)
    bones = skeleton(plan.shape, plan.planted, plan.rough, plan.turned_degrees)
    canvas = Canvas(grid, FROM_THE_FRONT)
    paths = chest_paths(canvas, bones, plan.planted, (plan.shape, plan.breath), generator)
    return turn(transmission(paths, spectrum(plan.positioning.kilovolts)), looks_at, False)


def _displacement(grid: Grid, plan: ChestPlan, generator: np.random.Generator) -> tuple[Array, Array]:
    """Where each pixel of the film looks on the straight chest (columns, rows), float32.

    The sideways curve of the spine moves the middle more than the sides.
    """
    across, along = bends(grid, generator, 1.6)
    phase = grid.y.astype(float) / 60.0 + plan.shape.spine.scoliosis_phase
    curve = plan.shape.spine.scoliosis_mm * np.sin(phase) / grid.pixel_mm
    near = np.exp(-((grid.x.astype(float) / 70.0) ** 2))
    return turned(
        grid,
        (across + np.outer(curve, near).astype(np.float32), along),
        plan.positioning.rotation_degrees,
    )
