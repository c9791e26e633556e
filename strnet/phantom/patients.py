"""Virtual patients: T-score, age, sex and BMI drawn jointly, and what the T-score plants in each knee."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

Array = np.ndarray

MEASUREMENT_SD: Final = 0.12
"""Error of the reference standard, T-score units (DXA-like: about 1% of BMD)."""
KNEE_SD: Final = 0.15
"""Deviation of one knee from the patient, T-score units."""
FEATURE_SD: Final = {"bone_volume": 0.72, "cortical": 0.70, "connectivity": 0.95}
"""Biological scatter of each planted feature about the knee's T-score, T-score units."""
RESIDUAL_SD: Final = 1.10
"""Scatter of the true T-score about its expectation from age, sex and BMI."""
FEMALE_SHARE: Final = 0.7
BOTH_KNEES_SHARE: Final = 0.4

_MEAN_T, _PER_DECADE, _FEMALE, _PER_5_BMI = -1.37, -0.86, -0.95, 0.15


def expected_t_score(age: Array | float, female: Array | float, bmi: Array | float) -> Array:
    """Expected true T-score of people with this `age` (years), sex (1 = female) and `bmi` (kg/m2)."""
    return np.asarray(
        _MEAN_T
        + _PER_DECADE * (np.asarray(age) - 66.0) / 10.0
        + _FEMALE * (np.asarray(female) - FEMALE_SHARE)
        + _PER_5_BMI * (np.asarray(bmi) - 27.5) / 5.0
    )


@dataclass(frozen=True)
class Patient:
    """One virtual patient; T-scores are unrounded, `sex` is F or M, `lateralities` one entry per film."""

    patient_id: str
    number: int
    age: int
    sex: str
    bmi: float
    true_t_score: float
    measured_t_score: float
    t_score_known: bool
    site: int
    lateralities: tuple[str, ...]
    days_to_reference: int


@dataclass(frozen=True)
class Knee:
    """What one knee carries of the T-score: `scores` are T-score units, one per planted feature."""

    knee_t_score: float
    bone_volume_score: float
    cortical_score: float
    connectivity_score: float

    @property
    def scores(self) -> Array:
        """The planted feature scores, shape (3,), in the order of `FEATURE_SD`."""
        return np.array([self.bone_volume_score, self.cortical_score, self.connectivity_score])

    @property
    def bone_volume_fraction(self) -> float:
        """Trabecular bone volume per tissue volume in the femoral condyles."""
        return float(0.135 * np.exp(0.33 * self.bone_volume_score))

    @property
    def cortical_index(self) -> float:
        """Cortical thickness of the femoral shaft as a fraction of its half width."""
        return float(0.335 * np.exp(0.25 * self.cortical_score))

    @property
    def trabecular_spacing_mm(self) -> float:
        """Distance between neighbouring trabeculae, mm."""
        return float(1.60 * np.exp(-0.15 * self.connectivity_score))

    @property
    def transverse_share(self) -> float:
        """Strength of transverse trabeculae relative to those along the load, 0 to 1: lost first."""
        return float(1.0 / (1.0 + np.exp(-(self.connectivity_score + 1.2) * 0.8)))


def draw_clinical(generator: np.random.Generator, count: int) -> tuple[Array, Array, Array]:
    """Age (years, whole), sex (1 = female) and BMI (kg/m2, one decimal) of `count` people, each (count,)."""
    age = np.rint(45.0 + 47.0 * generator.beta(2.3, 2.8, count))
    female = (generator.random(count) < FEMALE_SHARE).astype(float)
    bmi = np.round(np.clip(18.0 + generator.gamma(5.0, 1.9, count), 17.0, 48.0), 1)
    return age, female, bmi


def draw_patient(seed: int, number: int, t_score_known: float, sites: int) -> Patient:
    """Patient `number` of cohort `seed`; depends on nothing but the arguments."""
    generator = np.random.default_rng([seed, number])
    age, female, bmi = (float(value[0]) for value in draw_clinical(generator, 1))
    true = float(expected_t_score(age, female, bmi)) + RESIDUAL_SD * generator.standard_normal()
    measured = true + MEASUREMENT_SD * generator.standard_normal()
    both = generator.random() < BOTH_KNEES_SHARE
    first = "L" if generator.random() < 0.5 else "R"
    return Patient(
        patient_id=f"P{seed:04d}-{number:05d}",
        number=number,
        age=int(age),
        sex="F" if female else "M",
        bmi=bmi,
        true_t_score=round(true, 6),
        measured_t_score=round(measured, 6),
        t_score_known=bool(generator.random() < t_score_known),
        site=int(generator.integers(sites)),
        lateralities=("L", "R") if both else (first,),
        days_to_reference=int(generator.integers(0, 91)),
    )


def draw_knee(true_t_score: float, generator: np.random.Generator) -> Knee:
    """A knee of a patient with `true_t_score`: knee deviation, then scatter of each feature."""
    knee = true_t_score + KNEE_SD * generator.standard_normal()
    scatter = np.array(list(FEATURE_SD.values())) * generator.standard_normal(len(FEATURE_SD))
    return Knee(float(knee), *(float(value) for value in knee + scatter))
