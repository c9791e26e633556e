"""Virtual patients: age, sex and BMI, and a T-score drawn jointly with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

Array = np.ndarray

MEASUREMENT_SD: Final = 0.12
"""Error of the reference standard, T-score units (DXA-like: about 1% of BMD)."""
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
class Person:
    """What every anatomy knows of a virtual patient; `sex` is F or M, `site` the number of its scanner."""

    patient_id: str
    number: int
    age: int
    sex: str
    bmi: float
    site: int
    days_to_reference: int


@dataclass(frozen=True)
class Patient(Person):
    """A patient with one T-score, unrounded; `lateralities` are the knees that were filmed."""

    true_t_score: float
    measured_t_score: float
    t_score_known: bool
    lateralities: tuple[str, ...]


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
