"""Density conversion from reference rods in view: known densities, and the HU that they have in the scan."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strnet.density.conversion import DensityConversion, Mineral, require_plausible
from strnet.errors import DensityError
from strnet.schema import VBMD_UNIT
from strnet.stats.normal import student_quantile

FEWEST_RODS = 3
"""Of different density: through two, every line fits, also one through a rod that was missed."""
LARGEST_RESIDUAL = 10.0
"""SD around the line, mg/cm3, above which a rod was missed or swapped; 2 to 5 are usual."""
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class ReferenceRod:
    """One rod: the density that its maker states, mg/cm3, and its mean HU in the scan."""

    density: float
    mean_hu: float


def conversion_from_rods(
    rods: Sequence[ReferenceRod],
    *,
    source: str,
    mineral: Mineral,
    kvp: float | None = None,
    scanner: str | None = None,
) -> DensityConversion:
    """The conversion of a scan with `rods` in view, by least squares of HU on the densities, turned round.

    The densities are known and the HU are measured, so the HU carry the error. For rods in a base of
    water-equivalent plastic; rods whose base has another density need their maker's formula.

    Raises: DensityError: too few rods, HU that do not rise with the density, or rods far from one line.
    Source: Kalender and others 1987, Radiology 164:419 (rods in view); Draper and Smith,
        Applied Regression Analysis, 1.4 and 3.2 (interval of a slope, inverse regression).
    """
    density = np.array([rod.density for rod in rods], dtype=np.float64)
    hu = np.array([rod.mean_hu for rod in rods], dtype=np.float64)
    _require_usable(density, hu, source)
    spread = float(np.sum((density - density.mean()) ** 2))
    rise = float(np.dot(density - density.mean(), hu) / spread)
    start = float(hu.mean() - rise * density.mean())
    freedom = hu.size - 2
    error_hu = math.sqrt(float(np.sum((hu - start - rise * density) ** 2)) / freedom)
    reach = student_quantile(freedom, _CONFIDENCE) * error_hu / math.sqrt(spread)
    if error_hu / rise > LARGEST_RESIDUAL:
        raise DensityError(
            f"{source}: the rods scatter by {error_hu / rise:.1f} {VBMD_UNIT} (SD) around their line, "
            f"expected at most {LARGEST_RESIDUAL:.0f}. Is one missed, or are two swapped?"
        )
    return require_plausible(
        DensityConversion(
            method="rods",
            source=source,
            mineral=mineral,
            slope=1 / rise,
            intercept=-start / rise,
            range_hu=(float(hu.min()), float(hu.max())),
            # A rise that may be 0 leaves the slope without an upper limit, and so without an interval.
            slope_interval=(1 / (rise + reach), 1 / (rise - reach)) if reach < rise else None,
            residual_sd=error_hu / rise,
            materials=tuple(f"{rod:g}" for rod in sorted(density)),
            kvp=kvp,
            scanner=scanner,
        )
    )


def _require_usable(density: np.ndarray, hu: np.ndarray, source: str) -> None:
    if not (np.isfinite(density).all() and np.isfinite(hu).all()):
        raise DensityError(f"{source}: a rod has no density or no HU. Leave it out, or measure it.")
    different = np.unique(density)
    if different.size < FEWEST_RODS:
        raise DensityError(
            f"{source}: {different.size} rods of different density, expected {FEWEST_RODS} or more. A line "
            "through fewer cannot show that one was missed."
        )
    order = np.argsort(density, kind="stable")
    falls = np.nonzero((np.diff(hu[order]) <= 0) & (np.diff(density[order]) > 0))[0]
    if falls.size:
        low, high = order[falls[0]], order[falls[0] + 1]
        raise DensityError(
            f"{source}: the rod of {density[high]:g} {VBMD_UNIT} has HU {hu[high]:.0f}, not more than "
            f"{hu[low]:.0f} of the rod of {density[low]:g}. Are rods swapped, or is one outside its insert?"
        )
