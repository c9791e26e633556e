"""The ideal observer of a CT scan: the exact posterior of the density from what its voxels can hold.

It knows age, sex, BMI, the mask, the beam, whether contrast was given, every planted wall, and the mean HU
of the trabecular bone of L1 to L3 free of noise. It does not know the fat and iodine in the marrow, nor,
unless it is told, what the scanner's HU are off by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from strnet.phantom.ct.ct_scan import CtPlan
from strnet.phantom.ct.ct_scanners import DAILY_GAIN_SD, DAILY_OFFSET_SD_HU, GAIN_SD, OFFSET_SD_HU
from strnet.phantom.ct.ct_technique import ENHANCEMENT_MG, ENHANCEMENT_SD_MG
from strnet.phantom.ct.mineral_planting import (
    MARROW_FAT_SD,
    REFERENCE_SD,
    believed_log_vbmd,
    expected_marrow_fat,
)
from strnet.schema import (
    BONE_LOSS,
    DIAGNOSES,
    NORMAL_ABOVE_VBMD,
    OSTEOPOROSIS,
    OSTEOPOROSIS_BELOW_VBMD,
    OSTEOPOROSIS_GIVEN_LOSS,
    VBMD,
)

Array = np.ndarray

_DENSITIES: Final = np.arange(2.0, 500.0, 0.5)
_LEAST = 1e-15
_ROUNDING_HU = 0.5
"""What is left in a mean over thousands of voxels: HU are whole numbers."""


@dataclass(frozen=True)
class Drift:
    """What an observer believes of a scanner: HU become about `gain` HU + `offset_hu`, with their SD."""

    gain: float = 1.0
    offset_hu: float = 0.0
    gain_sd: float = float(np.hypot(GAIN_SD, DAILY_GAIN_SD))
    offset_sd_hu: float = float(np.hypot(OFFSET_SD_HU, DAILY_OFFSET_SD_HU))


def known_drift(plan: CtPlan) -> Drift:
    """The scanner's drift on the day of the scan, known exactly: what rods in the field would tell."""
    return Drift(plan.technique.gain, plan.technique.offset_hu, 0.0, 0.0)


def observed_hu(plan: CtPlan) -> float:
    """Mean HU of the trabecular bone of L1 to L3 as this scanner gives it, free of noise and neighbours."""
    own = plan.hu.per_mg * plan.mineral.vbmd + plan.marrow_hu
    return plan.technique.gain * own + plan.technique.offset_hu


def posterior_density(plan: CtPlan, drift: Drift) -> tuple[Array, Array]:
    """Densities (N,), mg/cm3, and their probabilities (N,) given what the observer knows.

    Source: Bayes' rule on a lattice: log-normal prior; the mean HU is normal about its expectation at each
    density, with the variances of marrow fat, iodine, gain and offset (products of two of them left out).
    """
    hu, given = plan.hu, plan.technique.phase is not None
    fat = expected_marrow_fat(plan.person)
    marrow = fat * hu.fat + (1.0 - fat) * hu.soft + given * ENHANCEMENT_MG * hu.per_mg_iodine
    spread = (MARROW_FAT_SD * (hu.soft - hu.fat)) ** 2 + (given * ENHANCEMENT_SD_MG * hu.per_mg_iodine) ** 2
    own = hu.per_mg * _DENSITIES + marrow
    variance = drift.gain**2 * spread + (drift.gain_sd * own) ** 2 + drift.offset_sd_hu**2 + _ROUNDING_HU**2
    away = observed_hu(plan) - drift.gain * own - drift.offset_hu
    middle, sd = believed_log_vbmd(plan.person, plan.planted)
    prior = -np.log(_DENSITIES) - ((np.log(_DENSITIES) - middle) / sd) ** 2 / 2.0
    log = prior - away**2 / variance / 2.0 - np.log(variance) / 2.0
    weight = np.exp(log - log.max())
    return _DENSITIES, weight / weight.sum()


def believed(plan: CtPlan, drift: Drift, prefix: str) -> dict[str, float]:
    """Columns `<prefix>.<task>` of the truth table: logits, log-probabilities of the classes, the density."""
    from scipy.special import ndtr

    density, weight = posterior_density(plan, drift)
    low = _inside(float(weight @ ndtr((OSTEOPOROSIS_BELOW_VBMD - density) / REFERENCE_SD)))
    high = _inside(float(weight @ ndtr((density - NORMAL_ABOVE_VBMD) / REFERENCE_SD)))
    middle = _inside(1.0 - low - high)
    return {
        f"{prefix}.{BONE_LOSS}": float(np.log1p(-high) - np.log(high)),
        f"{prefix}.{OSTEOPOROSIS}": float(np.log(low) - np.log1p(-low)),
        f"{prefix}.{OSTEOPOROSIS_GIVEN_LOSS}": float(np.log(low) - np.log(middle)),
        **{
            f"{prefix}.diagnosis.{name}": float(np.log(share))
            for name, share in zip(DIAGNOSES, (high, middle, low), strict=True)
        },
        f"{prefix}.{VBMD}": float(weight @ density),
    }


def _inside(share: float) -> float:
    return float(np.clip(share, _LEAST, 1.0 - _LEAST))
