"""What CT shows of a person's bone: the mineral of the vertebral bodies, and the fat of their marrow.

The person, the shape and the features are those of the lumbar films; the volumetric density follows the bone
volume that the films show, and age more than they do: QCT sees no spurs and no calcium.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from strnet.phantom.lumbar.spine_projection import SHELL_FILL
from strnet.phantom.lumbar.vertebral_planting import FEATURE_SD, Planted, joint_posterior
from strnet.phantom.lumbar.vertebral_processes import Quality
from strnet.phantom.people import Person
from strnet.phantom.scanned_people import expected_t_scores

Array = np.ndarray

REFERENCE_SD: Final = 3.0
"""Error of QCT, mg/cm3."""
MEASURED: Final = ("L1", "L2", "L3")
"""The vertebrae whose mean QCT gives."""
SITE_OF_QCT: Final = "lumbar_spine"

_MIDDLE_MG, _PER_SCORE, _PER_YEAR, _SCATTER = 110.0, 0.16, -0.0125, 0.10
"""Density at a score of -1.1 and 66 years, and what its logarithm gains with score, age and chance."""
_LEVELS: Final = {"T11": 1.06, "T12": 1.05, "L1": 1.02, "L2": 1.00, "L3": 0.98, "L4": 0.99, "L5": 1.03}
_LEVEL_SD = 0.03
_SHELL_SD = 0.28
_PROCESS_FILL, _PROCESS_WALL_MM = 0.30, 1.05
"""Bone per volume inside the processes, and thickness of their walls: the trabecular loss of the bodies tells
little of either, nor (`_SHELL_SD`, of its logarithm) of the bone in the bodies' walls."""
MARROW_FAT_SD: Final = 0.035
"""SD of the share of fat in marrow about its expectation from age and sex."""


@dataclass(frozen=True)
class Mineral:
    """A person's spine: mg/cm3 of hydroxyapatite per vertebral body, the share of fat in marrow, the bone per
    volume of the bodies' walls, and what the processes, ribs and pelvis are made of.
    """

    per_level: dict[str, float]
    marrow_fat: float
    shell_fill: float
    quality: Quality

    @property
    def vbmd(self) -> float:
        """Mean of `MEASURED`, mg/cm3."""
        return float(np.mean([self.per_level[name] for name in MEASURED]))


def draw_mineral(person: Person, planted: Planted, generator: np.random.Generator) -> Mineral:
    """The mineral of a person whose bone is `planted`; the levels scatter about their mean."""
    log_vbmd = _expected_log(planted.bone_volume, person.age) + _SCATTER * generator.standard_normal()
    levels = {
        name: usual * (1.0 + _LEVEL_SD * generator.standard_normal()) for name, usual in _LEVELS.items()
    }
    middle = float(np.mean([levels[name] for name in MEASURED]))
    vbmd = float(np.exp(log_vbmd))
    fat = float(
        np.clip(expected_marrow_fat(person) + MARROW_FAT_SD * generator.standard_normal(), 0.15, 0.85)
    )
    per_level = {name: round(vbmd * value / middle, 6) for name, value in levels.items()}
    porous = float(np.clip(SHELL_FILL * np.exp(_SHELL_SD * generator.standard_normal()), 0.3, 0.95))
    return Mineral(per_level, round(fat, 6), porous, _draw_quality(planted, generator))


def _draw_quality(planted: Planted, generator: np.random.Generator) -> Quality:
    above, z = planted.bone_volume + 1.1, generator.standard_normal(2)
    fill = float(np.clip(_PROCESS_FILL * np.exp(0.08 * above + 0.25 * z[0]), 0.05, 0.6))
    return Quality(float(_PROCESS_WALL_MM * np.exp(0.04 * above + 0.15 * z[1])), fill, planted.side_wall_mm)


def _expected_log(bone_volume: float, age: float) -> float:
    return float(np.log(_MIDDLE_MG) + _PER_SCORE * (bone_volume + 1.1) + _PER_YEAR * (age - 66.0))


def expected_marrow_fat(person: Person) -> float:
    """Expected share of fat in a person's marrow: it grows with age, in women faster after the menopause."""
    return 0.47 + 0.0055 * (person.age - 66.0) + (0.02 if person.sex == "F" else -0.02)


def believed_log_vbmd(person: Person, planted: Planted) -> tuple[float, float]:
    """Mean and SD of the logarithm of the density, given the person and every planted wall and link.

    Source: conditional of a joint normal, as `joint_posterior`.
    """
    seen = tuple(name for name in FEATURE_SD if name != "bone_volume")
    expected = expected_t_scores(person.age, float(person.sex == "F"), person.bmi)[0]
    belief = joint_posterior(expected, planted, seen)
    variance = float(belief.covariance[0, 0]) + FEATURE_SD["bone_volume"] ** 2
    return (
        _expected_log(float(belief.mean[0]), person.age),
        float(np.hypot(_PER_SCORE * np.sqrt(variance), _SCATTER)),
    )
