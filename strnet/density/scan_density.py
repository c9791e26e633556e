"""From the cores of a scan's vertebrae to its density: conversion, contrast, mean and category."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strnet.density.contrast_correction import ContrastCorrection
from strnet.density.conversion import DensityConversion
from strnet.density.internal_tissues import NO_CONTRAST
from strnet.density.vertebra_readings import VertebraReading
from strnet.errors import DensityError
from strnet.schema import diagnosis_from_vbmd

FEWEST_VERTEBRAE = 2
"""A patient's density is the mean of at least so many, if more than one was asked for. Source: ACR 2018."""


@dataclass(frozen=True, slots=True)
class ScanContrast:
    """What is known of contrast medium: none, iv or unknown; the phase; the voltage it was seen with."""

    contrast: str
    phase: str | None
    kvp: float | None


@dataclass(frozen=True, slots=True)
class VertebraDensity:
    """The density of one vertebra, mg/cm3, and whether the conversion was extrapolated for it."""

    vertebra: str
    density: float
    category: str
    extrapolated: bool


@dataclass(frozen=True, slots=True)
class ScanDensity:
    """The mean over the vertebrae that could be read, and theirs."""

    vbmd: float
    diagnosis: str
    vertebrae: tuple[VertebraDensity, ...]


def mean_hu(readings: Sequence[VertebraReading]) -> float:
    """The mean over the vertebrae's mean HU, each with the same weight.

    Raises: DensityError: fewer than two could be read, where more than one was asked for.
    """
    found = [reading.core.mean_hu for reading in readings if reading.core is not None]
    needed = min(FEWEST_VERTEBRAE, len(readings))
    if len(found) < needed:
        lost = "; ".join(f"{one.vertebra}: {one.reason}" for one in readings if one.reason)
        raise DensityError(f"{len(found)} of {len(readings)} vertebrae, expected {needed} or more. {lost}")
    return float(np.mean(found))


def scan_density(
    readings: Sequence[VertebraReading],
    conversion: DensityConversion,
    known: ScanContrast,
    correction: ContrastCorrection | None,
) -> ScanDensity:
    """The density of a scan; of a scan with contrast only if `correction` holds for it.

    Raises: DensityError: too few vertebrae, contrast that nothing corrects, HU far outside the conversion.
    """
    mean_hu(readings)
    corrects = known.contrast != NO_CONTRAST
    if corrects and correction is None:
        raise DensityError(
            f"contrast is '{known.contrast}': iodine in the marrow adds 5 to 20 mg/cm3. Say contrast none if "
            "there was none, or name a contrast correction for its phase."
        )
    if corrects and known.contrast == "unknown":
        raise DensityError(
            "whether there is contrast is unknown, so that no correction can be right. Fill the column "
            "`contrast`."
        )
    made = []
    for reading in readings:
        if reading.core is None:
            continue
        hu = reading.core.mean_hu
        density = conversion.density(hu)
        if corrects and correction is not None:
            density = correction.corrected(density, phase=known.phase, kvp=known.kvp)
        made.append(
            VertebraDensity(
                reading.vertebra, density, diagnosis_from_vbmd(density), conversion.extrapolates(hu)
            )
        )
    vbmd = float(np.mean([one.density for one in made]))
    return ScanDensity(vbmd, diagnosis_from_vbmd(vbmd), tuple(made))
