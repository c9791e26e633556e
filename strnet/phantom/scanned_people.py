"""Virtual people with two DXA sites: lumbar and femoral-neck BMD, drawn jointly with age, sex and BMI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from strnet.config.young_adults import young_adults_of
from strnet.phantom.people import FEMALE_SHARE, MEASUREMENT_SD, Person, draw_clinical
from strnet.schema import T_SCORE, bmd_column, diagnosis_from_t_score, t_score_column

Array = np.ndarray

LUMBAR, FEMUR = "lumbar_spine", "femoral_neck"
SITES: Final = (LUMBAR, FEMUR)
"""The DXA sites, in the order of every pair of T-scores here."""
YOUNG_ADULTS: Final = tuple(young_adults_of("nhanes_us_women", site) for site in SITES)
"""Whom the T-scores are told against, as `SITES`: women for both sexes.

Source: ISCD 2019 Official Positions, Adult, for women as the reference of both sexes.
"""
RESIDUAL_COVARIANCE: Final = np.array([[1.15**2, 0.66 * 1.15 * 0.79], [0.66 * 1.15 * 0.79, 0.79**2]])
"""Of the two true T-scores about their expectation from age, sex and BMI; both together correlate at .7."""

_MEAN_T = np.array([-1.10, -1.46])
_PER_DECADE = np.array([-0.40, -0.45])
_FEMALE = np.array([-0.70, -0.45])
_PER_5_BMI = np.array([0.18, 0.18])


def expected_t_scores(age: Array | float, female: Array | float, bmi: Array | float) -> Array:
    """Expected true T-scores (N, 2), as `SITES`; `age` in years, sex 1 = female, `bmi` in kg/m2."""
    decades = (np.atleast_1d(age) - 66.0)[:, None] / 10.0
    excess = (np.atleast_1d(bmi) - 27.5)[:, None] / 5.0
    sex = np.atleast_1d(female)[:, None] - FEMALE_SHARE
    return np.asarray(_MEAN_T + _PER_DECADE * decades + _FEMALE * sex + _PER_5_BMI * excess)


@dataclass(frozen=True)
class ScannedPerson(Person):
    """A person who had both sites measured; T-scores are pairs as `SITES`, unrounded.

    `bmd` is what DXA measures, g/cm2.
    """

    true_t_scores: tuple[float, float]
    bmd: tuple[float, float]
    bmd_known: bool

    @property
    def measured_t_scores(self) -> tuple[float, float]:
        """What DXA makes of `bmd`."""
        lumbar, femur = (
            round(float(young.t_score(bmd)), 6) for bmd, young in zip(self.bmd, YOUNG_ADULTS, strict=True)
        )
        return lumbar, femur

    @property
    def labels(self) -> dict[str, Any]:
        """What the manifest says of the measurement; the diagnosis is that of the lowest site."""
        lowest = min(self.measured_t_scores)
        told = {
            **{bmd_column(site): bmd for site, bmd in zip(SITES, self.bmd, strict=True)},
            **{t_score_column(site): t for site, t in zip(SITES, self.measured_t_scores, strict=True)},
            T_SCORE: lowest,
        }
        return {
            **(told if self.bmd_known else dict.fromkeys(told)),
            "diagnosis": diagnosis_from_t_score(lowest),
            "reference_standard": "phantom",
            "reference_site": "lowest",
        }

    @property
    def truth(self) -> dict[str, float]:
        """What the truth table says of both sites, also where the manifest does not."""
        return {
            **{f"true_t_score_{site}": t for site, t in zip(SITES, self.true_t_scores, strict=True)},
            **{f"measured_{bmd_column(site)}": bmd for site, bmd in zip(SITES, self.bmd, strict=True)},
            "measured_t_score": min(self.measured_t_scores),
        }


def draw_scanned_person(seed: int, number: int, bmd_known: float, sites: int) -> ScannedPerson:
    """Person `number` of cohort `seed`; depends on nothing but the arguments."""
    generator = np.random.default_rng([seed, number])
    age, female, bmi = (float(value[0]) for value in draw_clinical(generator, 1))
    about = np.linalg.cholesky(RESIDUAL_COVARIANCE) @ generator.standard_normal(2)
    true = expected_t_scores(age, female, bmi)[0] + about
    measured = true + MEASUREMENT_SD * generator.standard_normal(2)
    bmd = [young.mean + young.sd * score for young, score in zip(YOUNG_ADULTS, measured, strict=True)]
    return ScannedPerson(
        patient_id=f"S{seed:04d}-{number:05d}",
        number=number,
        age=int(age),
        sex="F" if female else "M",
        bmi=bmi,
        site=int(generator.integers(sites)),
        days_to_reference=int(generator.integers(0, 91)),
        true_t_scores=(round(float(true[0]), 6), round(float(true[1]), 6)),
        bmd=(round(float(bmd[0]), 6), round(float(bmd[1]), 6)),
        bmd_known=bool(generator.random() < bmd_known),
    )
