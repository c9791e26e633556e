"""Internal calibration as Michalski and others published it: HU to mass attenuation and to mass density."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from strnet.density.conversion import DensityConversion, Mineral
from strnet.density.internal_tissues import TissueSample, require_samples
from strnet.density.tissue_attenuation import ENERGIES_KEV, MASS_ATTENUATION
from strnet.errors import DensityError

Floats = NDArray[np.float64]

_ENERGIES: Final = np.arange(ENERGIES_KEV[0], ENERGIES_KEV[-1] + 0.25, 0.5)
_LEAST_R2 = 0.95
_NEEDED: Final = ("air", "fat", "muscle", "cortical_bone")


@dataclass(frozen=True)
class MassAttenuationFit:
    """Effective energy and both lines of one scan; `r2` is that of HU against mass attenuation.

    Mass attenuation = `attenuation_slope` HU + `attenuation_intercept`, cm2/g; mass density =
    `mass_slope` HU + `mass_intercept`, g/cm3.
    """

    energy_kev: float
    r2: float
    attenuation_slope: float
    attenuation_intercept: float
    mass_slope: float
    mass_intercept: float
    samples: tuple[TissueSample, ...]

    def conversion(
        self,
        *,
        source: str,
        mineral: Mineral = "K2HPO4",
        kvp: float | None = None,
        scanner: str | None = None,
    ) -> DensityConversion:
        """The density of `mineral` in a mixture with triglyceride, a parabola in HU.

        Marrow is taken for fat, not water, so HU 0 is some 25 mg/cm3 and not 0.
        """
        fat, bone = (_attenuation(name, self.energy_kev) for name in ("triglyceride", mineral))
        part = 1000 / (bone - fat)  # mg of mineral per g of the mixture, for each cm2/g above fat
        excess = self.attenuation_intercept - fat
        hu = [sample.mean_hu for sample in self.samples]
        return DensityConversion(
            method="mass_attenuation",
            source=source,
            mineral=mineral,
            slope=part * (self.mass_slope * excess + self.mass_intercept * self.attenuation_slope),
            intercept=part * self.mass_intercept * excess,
            curvature=part * self.mass_slope * self.attenuation_slope,
            range_hu=(min(hu), max(hu)),
            materials=tuple(sample.tissue for sample in self.samples),
            kvp=kvp,
            scanner=scanner,
        )


def fit_mass_attenuation(
    samples: Sequence[TissueSample], *, contrast: str, source: str
) -> MassAttenuationFit:
    """The fit of a scan by air, fat, muscle, cortical bone and, without contrast, blood.

    The effective energy, in steps of 0.5 keV, is that at which the HU and the tissues' mass attenuation
    (interpolated linearly, as published) lie closest to a line.

    Raises: DensityError: a missing tissue, contrast in the blood, unusual HU, or no line that fits.
    Source: Michalski and others 2020, Med. Eng. Phys. 78:55.
    """
    require_samples(samples, contrast, source)
    missing = set(_NEEDED) - {sample.tissue for sample in samples}
    if missing:
        raise DensityError(
            f"{source}: no {', '.join(sorted(missing))}. Without them the effective energy cannot be found: "
            "use the water-and-mineral fit, which takes it from the tube voltage."
        )
    hu = np.array([sample.mean_hu for sample in samples])
    table = np.array([_attenuations(sample.tissue, _ENERGIES) for sample in samples])
    r2 = np.array([np.corrcoef(hu, column)[0, 1] ** 2 for column in table.T])
    best = int(np.argmax(r2))
    if r2[best] < _LEAST_R2:
        raise DensityError(
            f"{source}: no energy makes a line of HU and mass attenuation (best R2 {r2[best]:.3f}, expected "
            f"{_LEAST_R2} or more). One tissue is not what it is taken for."
        )
    energy = float(_ENERGIES[best])
    attenuation = table[:, best]
    mass = (hu / 1000 + 1) * _attenuation("water", energy) / attenuation
    lines = (np.polyfit(hu, values, 1) for values in (attenuation, mass))
    (slope, intercept), (mass_slope, mass_intercept) = (line.tolist() for line in lines)
    return MassAttenuationFit(
        energy, float(r2[best]), slope, intercept, mass_slope, mass_intercept, tuple(samples)
    )


def _attenuations(material: str, energies: Floats) -> Floats:
    return np.interp(energies, ENERGIES_KEV, MASS_ATTENUATION[material])


def _attenuation(material: str, energy_kev: float) -> float:
    return float(np.interp(energy_kev, ENERGIES_KEV, MASS_ATTENUATION[material]))
