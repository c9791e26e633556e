"""Photon spectra and attenuation: what a beam of some kV loses in soft tissue, fat, bone and metal.

Source: mass attenuation coefficients: Hubbell and Seltzer, Tables of X-Ray Mass Attenuation Coefficients,
NISTIR 5632 (NIST Standard Reference Database 126); compositions and densities: ICRU Report 44.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

Array = np.ndarray

ENERGIES_KEV: Final = np.array([20.0, 30.0, 40.0, 50.0, 60.0, 80.0, 100.0, 150.0])
"""Photon energies of `MASS_ATTENUATION`, keV."""
MASS_ATTENUATION: Final = {
    "soft": np.array([0.8230, 0.3790, 0.2688, 0.2264, 0.2048, 0.1823, 0.1693, 0.1492]),
    "adipose": np.array([0.5677, 0.3063, 0.2396, 0.2123, 0.1974, 0.1800, 0.1688, 0.1500]),
    "bone": np.array([4.001, 1.331, 0.6655, 0.4242, 0.3148, 0.2229, 0.1855, 0.1480]),
    "aluminium": np.array([3.441, 1.128, 0.5685, 0.3681, 0.2778, 0.2018, 0.1704, 0.1378]),
    "titanium": np.array([15.85, 4.972, 2.214, 1.213, 0.7661, 0.4052, 0.2721, 0.1649]),
}
"""Mass attenuation coefficient per material at `ENERGIES_KEV`, cm2/g."""
DENSITY: Final = {"soft": 1.06, "adipose": 0.95, "bone": 1.92, "aluminium": 2.699, "titanium": 4.54}
"""Mass density per material, g/cm3: soft tissue, adipose tissue and cortical bone of ICRU-44."""
TISSUES: Final = ("soft", "adipose", "bone", "titanium")
"""Materials along a beam, in the order of `Spectrum.attenuation`."""

_FILTRATION_MM = 3.0
_LOWEST_KEV = 25.0


def linear_attenuation(material: str, energy_kev: Array) -> Array:
    """Linear attenuation coefficient of `material` at `energy_kev` (20 to 150 keV), 1/mm.

    Interpolated linearly in log energy and log coefficient.

    Source: Hubbell and Seltzer, NISTIR 5632, Table 4 and 3 (no absorption edge lies between 20 and 150 keV).
    """
    mass = np.interp(np.log(energy_kev), np.log(ENERGIES_KEV), np.log(MASS_ATTENUATION[material]))
    return np.asarray(np.exp(mass) * DENSITY[material] / 10.0)


@dataclass(frozen=True)
class Spectrum:
    """Detector-weighted photon energies of one beam.

    `weight` (E,) sums to 1; `attenuation` (E, 4) in 1/mm, materials as in `TISSUES`.
    """

    energy_kev: Array
    weight: Array
    attenuation: Array


def spectrum(kilovolts: float, energies: int = 5) -> Spectrum:
    """The beam of a tungsten tube at `kilovolts` behind 3 mm of aluminium, in `energies` bins.

    Weights are photons times energy: the detector integrates energy.

    Source: Kramers 1923, Phil. Mag. 46:836: photons per energy proportional to (kV - E) / E.
    """
    edges = np.linspace(_LOWEST_KEV, kilovolts, energies + 1)
    energy = (edges[:-1] + edges[1:]) / 2.0
    filtered = np.exp(-linear_attenuation("aluminium", energy) * _FILTRATION_MM)
    weight = (kilovolts - energy) * filtered
    attenuation = np.stack([linear_attenuation(tissue, energy) for tissue in TISSUES], axis=1)
    return Spectrum(energy, weight / weight.sum(), attenuation)
