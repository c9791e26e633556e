"""How one person's spine is built: what varies between people and does not follow the T-scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strnet.phantom.people import Person

Array = np.ndarray

DISCS = 8
"""Discs from T10/T11 to L5/S1."""


@dataclass(frozen=True)
class SpineShape:
    """Shape of one spine, pelvis and trunk.

    `scale` multiplies every bone; `slenderness` the width of the vertebrae; `lordosis` the tilts of the
    vertebrae; `disc` the heights of the discs; `scoliosis_mm` and `scoliosis_phase` the sideways curve;
    `crest_mm` raises the iliac crests, `flare` widens the pelvis; `depth_mm` and `width_mm` of the trunk,
    `fat_mm` under the skin, `visceral` share of fat inside. From 0 to 1: `worn` grade of each disc
    (`DISCS`, from above), `arthrosis` of the facet joints; `calcium` of the aorta.
    """

    scale: float
    slenderness: float
    lordosis: float
    disc: float
    scoliosis_mm: float
    scoliosis_phase: float
    crest_mm: float
    flare: float
    depth_mm: float
    width_mm: float
    fat_mm: float
    visceral: float
    worn: tuple[float, ...]
    arthrosis: float
    calcium: float


def draw_spine_shape(person: Person, generator: np.random.Generator) -> SpineShape:
    """The shape of one person: size by sex, trunk by BMI, wear and calcium by age, nothing by T-score."""
    z = generator.standard_normal(12)
    female = person.sex == "F"
    excess = person.bmi - 27.0
    age = (person.age - 45.0) / 45.0
    # Discs low down wear first.
    site = np.linspace(-0.12, 0.16, DISCS)
    worn = np.clip(0.08 + 0.42 * age + 0.14 * z[8] + site + 0.20 * generator.standard_normal(DISCS), 0.0, 1.0)
    return SpineShape(
        scale=float((0.95 if female else 1.05) * (1.0 + 0.035 * z[0])),
        slenderness=float(1.0 + 0.035 * z[1]),
        lordosis=float(np.clip(1.0 + 0.20 * z[2], 0.45, 1.5)),
        disc=float(np.clip(1.0 + 0.10 * z[3], 0.75, 1.3)),
        scoliosis_mm=float(np.clip(3.5 * z[4], -10.0, 10.0)),
        scoliosis_phase=float(generator.uniform(-1.2, 1.2)),
        crest_mm=float(np.clip(5.0 * z[5], -10.0, 11.0)),
        flare=float((1.03 if female else 0.98) * (1.0 + 0.03 * z[6])),
        depth_mm=float(np.clip(205.0 + 6.0 * excess + 12.0 * z[7], 150.0, 330.0)),
        width_mm=float(np.clip(320.0 + 7.0 * excess + 14.0 * z[9], 250.0, 460.0)),
        fat_mm=float(np.clip((17.0 if female else 12.0) + 1.3 * excess + 4.0 * z[10], 4.0, 55.0)),
        visceral=float(np.clip(0.22 + 0.012 * excess + 0.04 * z[11], 0.08, 0.45)),
        worn=tuple(float(grade) for grade in worn),
        arthrosis=float(np.clip(0.10 + 0.45 * age + 0.20 * generator.standard_normal(), 0.0, 1.0)),
        calcium=float(np.clip(-0.25 + 0.85 * age + 0.30 * generator.standard_normal(), 0.0, 1.0)),
    )


def sideways_curve(shape: SpineShape, y: Array) -> Array:
    """How far the spine stands to the left at heights `y` (mm below L3), mm; not at all below L5."""
    free = 1.0 / (1.0 + np.exp((y - 70.0) / 12.0))
    phase = y / 42.0 + shape.scoliosis_phase
    return np.asarray(shape.scoliosis_mm * (np.sin(phase) - np.sin(shape.scoliosis_phase)) * free)
