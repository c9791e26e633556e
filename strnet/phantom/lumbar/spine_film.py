"""One film of a spine, from the front or from the side: planned, projected, developed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

import cv2
import numpy as np

from strnet.phantom.lumbar.abdomen import Bowel, draw_bowel
from strnet.phantom.lumbar.spine_projection import region_labels, skeleton, spine_paths
from strnet.phantom.lumbar.spine_shape import SpineShape, sideways_curve
from strnet.phantom.lumbar.vertebral_planting import Planted
from strnet.phantom.physics.detector import expose
from strnet.phantom.physics.developing import Film, Recording, develop
from strnet.phantom.physics.ellipsoids import FROM_THE_FRONT, FROM_THE_SIDE, Canvas
from strnet.phantom.physics.overlay import draw_field, draw_marker
from strnet.phantom.physics.positioning import Positioning, bends, film_grid, turned
from strnet.phantom.physics.projection import Spongiosa, transmission, turn
from strnet.phantom.physics.scanners import SCANNERS, Scanner
from strnet.phantom.physics.solids import Grid
from strnet.phantom.physics.spectra import spectrum

Array = np.ndarray

_PIXEL = 0.465 / 0.290
"""Pixel at the spine relative to that at the knee: a film of 768 rows shows 36 cm."""
_CONTRAST_PER_MM = 0.072
"""Contrast of trabeculae per mm of spacing: fewer trabeculae along the beam average less out."""
_BODY_BELOW = 0.30
"""Energy behind the trunk, relative to the open beam, below which a pixel belongs to it."""
_CENTRE_MM: Final = MappingProxyType({"AP": (0.0, 17.0), "LATERAL": (10.0, 17.0)})
"""Where the middle of a film lies from the middle of L3, across and down."""

SPINE_SCANNERS: Final = MappingProxyType(
    {
        view: tuple(
            replace(
                scanner,
                pixel_mm=scanner.pixel_mm * _PIXEL,
                kilovolts=scanner.kilovolts + more,
                quanta=scanner.quanta * share,
                scatter=scanner.scatter * through,
                edge_gain=scanner.edge_gain * 1.3,
                latitude_gain=0.45 + 0.5 * scanner.latitude_gain,
            )
            for scanner in SCANNERS
        )
        for view, more, share, through in (("AP", 14.0, 1.8, 0.5), ("LATERAL", 20.0, 3.0, 0.32))
    }
)
"""The scanners of the sites as set for each view: harder beams and larger pixels than for a knee, and a grid
that lets a third (from the side) or a half of the scatter through."""


@dataclass(frozen=True)
class SpinePlan:
    """What is planted in one film, and how it is taken, drawn before anything is rendered.

    `turned_degrees` is how far the person is turned about the long axis.
    """

    view: str
    planted: Planted
    shape: SpineShape
    bowel: Bowel
    positioning: Positioning
    turned_degrees: float
    recording: Recording

    @property
    def beam(self) -> int:
        """The axis that the beam runs along."""
        return FROM_THE_FRONT if self.view == "AP" else FROM_THE_SIDE

    @property
    def spongiosa(self) -> Spongiosa:
        """The trabeculae that the view shows."""
        spacing = self.planted.spacing_mm(self.view)
        return Spongiosa(spacing, self.planted.transverse_share(self.view), _CONTRAST_PER_MM * spacing)


def plan_spine_film(
    view: str,
    built: tuple[SpineShape, Planted],
    site: int,
    size: tuple[int, int],
    generator: np.random.Generator,
) -> SpinePlan:
    """The plan of one film of the person who is `built` so, at the scanner of `site`."""
    scanner = SPINE_SCANNERS[view][site]
    marker = "L" if generator.random() < 0.5 else "R"
    return SpinePlan(
        view=view,
        planted=built[1],
        shape=built[0],
        bowel=draw_bowel(built[0], generator),
        positioning=_draw_positioning(view, scanner, generator),
        turned_degrees=float(np.clip(2.5 * generator.standard_normal(), -7.0, 7.0)),
        recording=Recording(
            scanner,
            expose(scanner, generator),
            draw_field(size, generator),
            draw_marker(marker, scanner.marker, size, generator),
        ),
    )


def _draw_positioning(view: str, scanner: Scanner, generator: np.random.Generator) -> Positioning:
    z = generator.standard_normal(5)
    across, down = _CENTRE_MM[view]
    return Positioning(
        rotation_degrees=float(np.clip(1.8 * z[0], -5.0, 5.0)),
        shift_x_mm=float(np.clip(6.0 * z[1], -14.0, 14.0) - across),
        shift_y_mm=float(np.clip(8.0 * z[2], -18.0, 18.0) - down),
        zoom=float(np.exp(np.clip(0.035 * z[3], -0.09, 0.09))),
        kilovolts=float(np.rint(np.clip(scanner.kilovolts + 2.5 * z[4], 66.0, 96.0))),
    )


def make_spine_film(plan: SpinePlan, size: tuple[int, int], generator: np.random.Generator) -> Film:
    """The film of `plan` with the labels of L1 to L4: projection, detection, vendor processing, marker."""
    grid = film_grid(size, plan.recording.scanner.pixel_mm, plan.positioning)
    canvas = Canvas(grid, plan.beam)
    looks_at = _displacement(grid, plan, generator)
    bones = skeleton(plan.shape, plan.planted, plan.turned_degrees)
    paths = spine_paths(canvas, bones, plan.planted, plan.spongiosa, (plan.shape, plan.bowel), generator)
    primary = turn(transmission(paths, spectrum(plan.positioning.kilovolts)), looks_at, False)
    labels = cv2.remap(region_labels(canvas, bones), *looks_at, cv2.INTER_NEAREST)
    display = develop(primary, plan.recording, _BODY_BELOW, generator)
    return Film(display, grid.pixel_mm, np.asarray(labels))


def _displacement(grid: Grid, plan: SpinePlan, generator: np.random.Generator) -> tuple[Array, Array]:
    """Where each pixel of the film looks on the straight spine (columns, rows), float32.

    A film from the front shows the sideways curve: rows move across and turn with it, less far from the
    spine. From the side it is not seen.
    """
    across, along = bends(grid, generator, 1.1)
    if plan.view == "AP":
        y = grid.y.astype(float)
        curve = sideways_curve(plan.shape, y)
        slope = np.gradient(curve, grid.pixel_mm)[:, None]
        beside = grid.x[None, :] * np.exp(-((grid.x[None, :] / 55.0) ** 2))
        across = across - (curve[:, None] / grid.pixel_mm).astype(np.float32)
        along = along + (slope * beside / grid.pixel_mm).astype(np.float32)
    return turned(grid, (across, along), plan.positioning.rotation_degrees)
