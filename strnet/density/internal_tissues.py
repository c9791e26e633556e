"""Density conversion by tissues of the patient: air, fat, muscle and blood place water and mineral."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from strnet.density.conversion import DensityConversion, Mineral, require_plausible
from strnet.density.tissue_attenuation import (
    TISSUE_DENSITY,
    effective_energy,
    hu_per_density,
    tissue_hu,
)
from strnet.errors import DensityError, unknown_name
from strnet.stats.normal import student_quantile

NO_CONTRAST: Final = "none"
"""The word of the manifest's `contrast` for a scan without."""
USUAL_HU: Final[Mapping[str, tuple[float, float]]] = {
    "air": (-1060.0, -850.0),
    "fat": (-140.0, -60.0),
    "muscle": (15.0, 80.0),
    "blood": (20.0, 75.0),
    "cortical_bone": (700.0, 2000.0),
}
"""Mean HU that a tissue has without contrast at 70 to 150 kVp, on a scanner that is off by some HU."""
LARGEST_RESIDUAL_HU = 25.0
_GAIN = (0.9, 1.1)
_LARGEST_OFFSET_HU = 30.0
_CONFIDENCE = 0.95
_FEWEST = 3


@dataclass(frozen=True, slots=True)
class TissueSample:
    """What a tissue of the patient has in the scan: mean and SD, HU, over so many voxels."""

    tissue: str
    mean_hu: float
    sd_hu: float
    voxels: int


def require_samples(samples: Sequence[TissueSample], contrast: str, source: str) -> None:
    """Raise unless the tissues are known, stand once, have usual HU and hold no contrast medium.

    Raises: DensityError: the tissue, what was found and what to do.
    """
    names = [sample.tissue for sample in samples]
    if len(set(names)) < len(names):
        raise DensityError(f"{source}: a tissue stands twice in {', '.join(names)}. Give each once.")
    for sample in samples:
        if sample.tissue not in USUAL_HU:
            raise DensityError(f"{source}: {unknown_name('tissue', sample.tissue, USUAL_HU)}")
        if sample.tissue == "blood" and contrast != NO_CONTRAST:
            raise DensityError(
                f"{source}: blood of a scan whose contrast is '{contrast}': iodine brightens it. "
                "Leave blood out, or say contrast none if there was none."
            )
        low, high = USUAL_HU[sample.tissue]
        name = sample.tissue.replace("_", " ")
        if not low <= sample.mean_hu <= high:
            raise DensityError(
                f"{source}: {name} has HU {sample.mean_hu:.0f}, expected {low:.0f} "
                f"to {high:.0f}. Is it another tissue, is there contrast, or are the values not HU?"
            )


def conversion_from_tissues(
    samples: Sequence[TissueSample],
    *,
    kvp: float,
    contrast: str,
    source: str,
    mineral: Mineral = "K2HPO4",
    scanner: str | None = None,
) -> DensityConversion:
    """The conversion of a scan by its own tissues: a water-and-mineral fit.

    The HU of air, fat, muscle and blood at the effective energy of `kvp` give, by least squares, what the
    scanner made of the HU scale. On the corrected scale water is 0, and mineral in water adds its HU per
    mg/cm3. `slope_interval` and `residual_sd` are of that fit; that real beams are some keV harder or softer
    comes on top (2% of the slope for each keV).

    Raises: DensityError: fewer than three tissues or no air, contrast in the blood, unusual HU, an HU scale
        that no scanner has.
    Source: Mueller and others 2011, Eur. J. Radiol. 79:375 and Lee and others 2017, Bone 103:325
        (air and soft tissue as references); Hubbell and Seltzer, NISTIR 5632.
    """
    require_samples(samples, contrast, source)
    used = [sample for sample in samples if sample.tissue in TISSUE_DENSITY]
    names = tuple(sample.tissue for sample in used)
    if len(used) < _FEWEST or "air" not in names:
        raise DensityError(
            f"{source}: found {', '.join(names) or 'no tissue'}; expected air and two or more of "
            "fat, muscle, blood. Convert with rods, or with a table of scanners."
        )
    energy = effective_energy(kvp)
    scale = _hu_scale(used, energy, source)
    rise = hu_per_density(mineral, energy) * scale.gain
    reach = scale.gain_reach / scale.gain
    return require_plausible(
        DensityConversion(
            method="tissues",
            source=source,
            mineral=mineral,
            slope=1 / rise,
            intercept=-scale.offset / rise,
            range_hu=(min(s.mean_hu for s in used), max(s.mean_hu for s in used)),
            slope_interval=(1 / (rise * (1 + reach)), 1 / (rise * (1 - reach))) if reach < 1 else None,
            residual_sd=scale.residual_sd / rise,
            materials=names,
            kvp=kvp,
            scanner=scanner,
        )
    )


@dataclass(frozen=True, slots=True)
class _HuScale:
    """Measured HU = `offset` + `gain` times the HU that tissues should have."""

    offset: float
    gain: float
    gain_reach: float
    residual_sd: float


def _hu_scale(samples: Sequence[TissueSample], energy_kev: float, source: str) -> _HuScale:
    expected = np.array([tissue_hu(sample.tissue, energy_kev) for sample in samples])
    measured = np.array([sample.mean_hu for sample in samples])
    spread = float(np.sum((expected - expected.mean()) ** 2))
    gain = float(np.dot(expected - expected.mean(), measured) / spread)
    offset = float(measured.mean() - gain * expected.mean())
    freedom = measured.size - 2
    residual = math.sqrt(float(np.sum((measured - offset - gain * expected) ** 2)) / freedom)
    reach = student_quantile(freedom, _CONFIDENCE) * residual / math.sqrt(spread)
    listed = ", ".join(f"{s.tissue} {s.mean_hu:.0f}" for s in samples)
    if not (_GAIN[0] <= gain <= _GAIN[1] and abs(offset) <= _LARGEST_OFFSET_HU):
        raise DensityError(
            f"{source}: by {listed} the HU scale has gain {gain:.2f} and water at {offset:+.0f}; expected "
            f"{_GAIN[0]} to {_GAIN[1]} and at most {_LARGEST_OFFSET_HU:.0f} either way. Are the values HU, "
            "and is the tube voltage right?"
        )
    if residual > LARGEST_RESIDUAL_HU:
        raise DensityError(
            f"{source}: {listed} scatter by HU {residual:.0f} around one HU scale, expected at most "
            f"{LARGEST_RESIDUAL_HU:.0f}. One is not what it is taken for: look where it was found."
        )
    return _HuScale(offset, gain, reach, residual)
