"""One film: the knee of one patient on one scanner, from the planted truth to display values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strnet.phantom.knee.knee_bones import KneeShape, Quality, joint_lift
from strnet.phantom.knee.knee_projection import project_knee
from strnet.phantom.knee.metal import METAL_SHARE, draw_metal
from strnet.phantom.knee.planting import Knee, draw_knee
from strnet.phantom.people import Patient
from strnet.phantom.physics.detector import Exposure, expose
from strnet.phantom.physics.developing import Film, Recording, develop
from strnet.phantom.physics.overlay import Marker, draw_field, draw_marker
from strnet.phantom.physics.positioning import Positioning, bends, film_grid, turned
from strnet.phantom.physics.projection import Spongiosa, transmission, turn
from strnet.phantom.physics.scanners import Scanner
from strnet.phantom.physics.solids import Grid
from strnet.phantom.physics.spectra import spectrum

Array = np.ndarray

_CONTRAST_PER_MM = 0.11
"""Contrast of trabeculae per mm of spacing: fewer trabeculae along the beam average less out."""
_LEG_BELOW = 0.75
"""Energy behind the leg, relative to the open beam: about 13 mm of soft tissue."""


def draw_shape(patient: Patient, generator: np.random.Generator) -> KneeShape:
    """The shape of one leg: size by sex, girth and fat by BMI, nothing by T-score."""
    z = generator.standard_normal(8)
    female = patient.sex == "F"
    excess = patient.bmi - 27.0
    return KneeShape(
        scale=float((0.94 if female else 1.05) * (1.0 + 0.035 * z[0])),
        slenderness=float(1.0 + 0.05 * z[1]),
        joint_space_mm=float(np.clip(4.4 + 0.7 * z[2], 2.5, 6.5)),
        patella_x_mm=float(2.2 * z[3]),
        patella_y_mm=float(4.0 * z[4]),
        varus=float(0.018 * z[5] + 0.01),
        girth_mm=float(np.clip(60.0 + 0.7 * excess + 6.5 * z[6], 44.0, 86.0)),
        fat_mm=float(np.clip((8.5 if female else 6.0) + 0.45 * excess + 2.0 * z[7], 2.5, 24.0)),
    )


def draw_positioning(scanner: Scanner, generator: np.random.Generator) -> Positioning:
    """How one film was taken."""
    z = generator.standard_normal(5)
    return Positioning(
        rotation_degrees=float(np.clip(2.5 * z[0], -7.0, 7.0)),
        shift_x_mm=float(5.0 * z[1]),
        shift_y_mm=float(11.0 * z[2]),
        zoom=float(np.exp(np.clip(0.04 * z[3], -0.11, 0.11))),
        kilovolts=float(np.rint(np.clip(scanner.kilovolts + 2.0 * z[4], 55.0, 70.0))),
    )


@dataclass(frozen=True)
class FilmPlan:
    """What is planted in a film, drawn before anything is rendered."""

    knee: Knee
    shape: KneeShape
    metal: bool
    laterality: str
    scanner: Scanner
    positioning: Positioning
    exposure: Exposure
    field: tuple[int, int, int, int]
    marker: Marker

    @property
    def quality(self) -> Quality:
        """What the bones are made of."""
        return Quality(self.knee.cortical_index, self.knee.bone_volume_fraction)

    @property
    def recording(self) -> Recording:
        """What happens behind the patient."""
        return Recording(self.scanner, self.exposure, self.field, self.marker)


def plan_film(
    patient: Patient,
    laterality: str,
    scanner: Scanner,
    size: tuple[int, int],
    generator: np.random.Generator,
) -> FilmPlan:
    """The plan of the film of one knee at `scanner`; `size` in rows and columns."""
    return FilmPlan(
        knee=draw_knee(patient.true_t_score, generator),
        shape=draw_shape(patient, generator),
        metal=bool(generator.random() < METAL_SHARE),
        laterality=laterality,
        scanner=scanner,
        positioning=draw_positioning(scanner, generator),
        exposure=expose(scanner, generator),
        field=draw_field(size, generator),
        marker=draw_marker(laterality, scanner.marker, size, generator),
    )


def make_film(plan: FilmPlan, size: tuple[int, int], generator: np.random.Generator) -> Film:
    """The film of `plan`: projection, detection, vendor processing, marker."""
    grid = film_grid(size, plan.scanner.pixel_mm, plan.positioning)
    primary = primary_beam(grid, plan, generator)
    return Film(develop(primary, plan.recording, _LEG_BELOW, generator), grid.pixel_mm)


def primary_beam(grid: Grid, plan: FilmPlan, generator: np.random.Generator) -> Array:
    """Energy behind the planned knee as it lies on the film, relative to the open beam, float32."""
    spacing = plan.knee.trabecular_spacing_mm
    spongiosa = Spongiosa(spacing, plan.knee.transverse_share, _CONTRAST_PER_MM * spacing)
    paths = project_knee(grid, plan.shape, plan.quality, spongiosa, generator)
    metal = draw_metal(grid, plan.shape.scale, generator) if plan.metal else None
    primary = transmission(paths, spectrum(plan.positioning.kilovolts), metal)
    looks_at = displacement(grid, plan.shape, plan.positioning.rotation_degrees, generator)
    return turn(primary, looks_at, plan.laterality == "R")


def displacement(
    grid: Grid, shape: KneeShape, rotation_degrees: float, generator: np.random.Generator
) -> tuple[Array, Array]:
    """Where each pixel looks on the drawn knee (columns, rows), float32: rotation, bends, joint."""
    across, along = bends(grid, generator)
    near = np.flatnonzero(np.abs(grid.y) < 45.0)
    along[near] += joint_lift(grid.x, grid.y[near], shape) / np.float32(grid.pixel_mm)
    return turned(grid, (across, along), rotation_degrees)
