"""What surrounds one person's spine on CT, drawn before anything is painted: tissues, organs, bowel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strnet.phantom.ct.ct_technique import Technique
from strnet.phantom.lumbar.spine_shape import SpineShape
from strnet.phantom.people import Person
from strnet.phantom.physics.ellipsoids import Ellipsoid, turned_axes
from strnet.phantom.physics.tissue_hounsfield import Hounsfield

Array = np.ndarray

_ENHANCED_MG = {
    "portal": {"aorta": 5.6, "vein": 5.0, "liver": 2.3, "spleen": 2.8, "kidney": 5.8, "muscle": 0.45},
    "arterial": {"aorta": 11.5, "vein": 2.2, "liver": 0.7, "spleen": 4.2, "kidney": 5.0, "muscle": 0.25},
    "delayed": {
        "aorta": 3.2,
        "vein": 3.2,
        "liver": 1.6,
        "spleen": 1.8,
        "kidney": 4.6,
        "muscle": 0.5,
        "urine": 24.0,
    },
}
"""Iodine after contrast, mg/ml, by phase."""

_SWALLOWED_HU = 380.0
"""Of bowel after contrast was drunk."""


@dataclass(frozen=True)
class Tissues:
    """HU of the soft tissues of one scan, before the scanner's drift.

    `streaky` (0 to 1) is how much fat lies between the fibres of the back muscles.
    """

    fat: float
    muscle: float
    blood_aorta: float
    blood_vein: float
    liver: float
    spleen: float
    kidney: float
    renal_pelvis: float
    cord: float
    streaky: float


@dataclass(frozen=True)
class Loop:
    """A loop of bowel: its wall is muscle, its content of `hu`."""

    solid: Ellipsoid
    hu: float


@dataclass(frozen=True)
class Surroundings:
    """Organs of one person as they lay during one scan; ellipsoids in the axes of the body."""

    tissues: Tissues
    liver: Ellipsoid
    spleen: Ellipsoid
    kidneys: tuple[Ellipsoid, ...]
    sinuses: tuple[Ellipsoid, ...]
    lungs: tuple[Ellipsoid, ...]
    bowel: tuple[Loop, ...]
    aorta_mm: float
    psoas: float
    back_muscle: float


def draw_tissues(
    person: Person, technique: Technique, hu: Hounsfield, generator: np.random.Generator
) -> Tissues:
    """HU of a person's tissues: their own, and what contrast adds."""
    z = generator.standard_normal(8)
    enhanced = _ENHANCED_MG.get(technique.phase or "", {})
    how_much = float(np.exp(0.16 * z[7])) * hu.per_mg_iodine

    def with_iodine(own: float, organ: str) -> float:
        return own + how_much * enhanced.get(organ, 0.0)

    ageing = (person.age - 65.0) / 10.0
    return Tissues(
        fat=hu.fat - 12.0 + 4.0 * z[0],
        muscle=with_iodine(52.0 - 2.0 * ageing + 4.0 * z[1], "muscle"),
        blood_aorta=with_iodine(42.0 + 4.0 * z[2], "aorta"),
        blood_vein=with_iodine(42.0 + 4.0 * z[2], "vein"),
        liver=with_iodine(56.0 - 0.8 * (person.bmi - 27.0) + 7.0 * z[3], "liver"),
        spleen=with_iodine(48.0 + 4.0 * z[4], "spleen"),
        kidney=with_iodine(32.0 + 3.0 * z[5], "kidney"),
        renal_pelvis=with_iodine(hu.fat + 13.0, "urine"),
        cord=24.0 + 4.0 * z[6],
        streaky=float(np.clip(0.25 + 0.12 * ageing + 0.10 * z[6], 0.0, 0.9)),
    )


def draw_surroundings(
    person: Person, shape: SpineShape, technique: Technique, hu: Hounsfield, generator: np.random.Generator
) -> Surroundings:
    """The organs of a person; sizes follow the frame and the fat, nothing follows the bone."""
    tissues = draw_tissues(person, technique, hu, generator)
    s, z = shape.scale, generator.standard_normal(16)
    out = (shape.width_mm - 320.0) / 2.0
    kidneys = [
        Ellipsoid(
            np.array([side * (61.0 + 0.25 * out) * s, (-62.0 + low + 9.0 * z[k]) * s, 8.0 + 3.0 * z[k + 2]]),
            turned_axes(
                s * np.array([27.0, 54.0, 24.0]) * np.exp(0.06 * z[k + 4]), (2, side * -9.0), (1, side * 30.0)
            ),
        )
        for k, (side, low) in enumerate(((-1.0, 8.0), (1.0, -6.0)))
    ]
    return Surroundings(
        tissues=tissues,
        liver=Ellipsoid(
            np.array([-82.0 - 0.5 * out, -112.0 + 8.0 * z[6], -28.0]) * s,
            turned_axes(s * np.array([74.0 + 0.3 * out, 82.0, 76.0]) * np.exp(0.05 * z[7]), (2, -14.0)),
        ),
        spleen=Ellipsoid(
            np.array([98.0 + 0.6 * out, -122.0 + 8.0 * z[8], 22.0]) * s,
            turned_axes(s * np.array([24.0, 50.0, 38.0]) * np.exp(0.10 * z[9]), (2, 12.0), (1, -24.0)),
        ),
        kidneys=tuple(kidneys),
        sinuses=tuple(_sinus(kidney, side) for kidney, side in zip(kidneys, (1.0, -1.0), strict=True)),
        lungs=tuple(
            Ellipsoid(
                np.array([side * (78.0 + 0.5 * out), -224.0 + 6.0 * z[10] + drop, 26.0]) * s,
                turned_axes(s * np.array([58.0 + 0.4 * out, 92.0, 62.0])),
            )
            for side, drop in ((-1.0, 0.0), (1.0, 5.0))
        ),
        bowel=_draw_bowel(shape, technique, generator),
        aorta_mm=float((9.3 if person.sex == "M" else 8.3) * s + 0.05 * (person.age - 65.0) + 0.6 * z[11]),
        psoas=float(
            (1.06 if person.sex == "M" else 0.92) * np.exp(0.09 * z[12] - 0.004 * (person.age - 65.0))
        ),
        back_muscle=float((1.04 if person.sex == "M" else 0.95) * np.exp(0.07 * z[13])),
    )


def _sinus(kidney: Ellipsoid, towards: float) -> Ellipsoid:
    centre = kidney.centre + np.array([towards * 11.0, 0.0, -5.0])
    return Ellipsoid(centre, kidney.axes * np.array([0.55, 0.45, 0.45]))


def _draw_bowel(shape: SpineShape, technique: Technique, generator: np.random.Generator) -> tuple[Loop, ...]:
    """Loops before the spine and at both sides: fluid, stool or gas, and contrast that was drunk."""
    loops = []
    how_dense = float(np.exp(0.65 * generator.standard_normal()))
    how_full = float(generator.uniform(0.3, 0.95))
    wide = 0.40 * shape.width_mm
    for _ in range(int(generator.integers(55, 85))):
        aside = generator.random() < 0.35
        x = generator.uniform(0.72, 1.0) * wide * (-1.0 if generator.random() < 0.5 else 1.0)
        at = np.array([x if aside else generator.uniform(-0.8, 0.8) * wide, 0.0, 0.0])
        at[1] = generator.uniform(-70.0, 160.0)
        at[2] = generator.uniform(-62.0, 12.0) if aside else generator.uniform(-125.0, -46.0)
        size = generator.uniform(11.0, 21.0) * np.array([1.0, generator.uniform(1.0, 2.4), 0.85])
        turn = (2, float(generator.uniform(-70.0, 70.0)))
        kind = generator.random()
        hu = 22.0 + 12.0 * float(generator.standard_normal())
        if kind < (0.30 if at[2] < -60.0 else 0.12):
            hu = -960.0
        elif technique.oral and kind < how_full:
            hu = float(_SWALLOWED_HU * how_dense * np.exp(0.25 * generator.standard_normal()))
        loops.append(Loop(Ellipsoid(at * shape.scale, turned_axes(shape.scale * size, turn)), hu))
    return tuple(loops)
