"""What tissues and minerals take from X-rays of an energy, and the effective energy of a tube voltage."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from strnet.errors import DensityError, unknown_name

Floats = NDArray[np.float64]

ENERGIES_KEV: Final = (40.0, 50.0, 60.0, 80.0, 100.0, 150.0)
MASS_ATTENUATION: Final[Mapping[str, tuple[float, ...]]] = MappingProxyType(
    {
        "water": (0.2683, 0.2269, 0.2059, 0.1837, 0.1707, 0.1505),
        "air": (0.2485, 0.2080, 0.1875, 0.1662, 0.1541, 0.1356),
        "fat": (0.2396, 0.2123, 0.1974, 0.1800, 0.1688, 0.1500),
        "muscle": (0.2685, 0.2263, 0.2048, 0.1823, 0.1693, 0.1492),
        "blood": (0.2715, 0.2278, 0.2057, 0.1827, 0.1695, 0.1492),
        "cortical_bone": (0.6655, 0.4242, 0.3148, 0.2229, 0.1855, 0.1480),
        "triglyceride": (0.2295, 0.2075, 0.1948, 0.1793, 0.1687, 0.1503),
        "K2HPO4": (0.9326, 0.5574, 0.3890, 0.2508, 0.1971, 0.1480),
        "CHA": (0.9876, 0.5867, 0.4067, 0.2589, 0.2019, 0.1501),
        "aluminium": (0.5685, 0.3681, 0.2778, 0.2018, 0.1704, 0.1378),
    }
)
"""Mass attenuation coefficients at `ENERGIES_KEV`, cm2/g.

Source: Hubbell and Seltzer, NISTIR 5632: compounds of Table 4, others as the mixture of the elements of
Table 3 (K2HPO4, Ca10(PO4)6(OH)2, triolein); tissues after ICRU Report 44.
"""
TISSUE_DENSITY: Final[Mapping[str, float]] = MappingProxyType(
    {"air": 0.0012, "fat": 0.93, "muscle": 1.05, "blood": 1.06}
)
"""g/cm3. Source: ICRU Report 44; fat under the skin: adipose tissue 3 of Woodard and White 1986, Br. J.
Radiol. 59:1209."""
WATER_DISPLACED: Final[Mapping[str, float]] = MappingProxyType({"K2HPO4": 0.2174, "CHA": 1 / 3.16})
"""Water that a gram of mineral takes the place of, cm3: dissolved K2HPO4, and CHA of 3.16 g/cm3.

Source: Mindways Model 3 reference (K2HPO4 in water); density of hydroxyapatite.
"""
TUBE_VOLTAGES: Final = (70.0, 150.0)
"""kV between which an effective energy is told."""
_ALUMINIUM_CM = 0.7
_WATER_CM = 30.0
_LOWEST_KEV = 40


def mass_attenuation(material: str, energy_kev: float | Floats) -> Floats:
    """Mass attenuation coefficient at `energy_kev`, cm2/g; linear in log energy and log coefficient.

    Raises: DensityError: an unknown material, or an energy outside 40 to 150 keV.
    """
    if material not in MASS_ATTENUATION:
        raise DensityError(unknown_name("material", material, MASS_ATTENUATION))
    energy = np.asarray(energy_kev, dtype=np.float64)
    if energy.min() < ENERGIES_KEV[0] or energy.max() > ENERGIES_KEV[-1]:
        raise DensityError(
            f"energy {energy_kev} keV, expected {ENERGIES_KEV[0]:.0f} to {ENERGIES_KEV[-1]:.0f}."
        )
    log = np.interp(np.log(energy), np.log(ENERGIES_KEV), np.log(MASS_ATTENUATION[material]))
    return np.asarray(np.exp(log))


def tissue_hu(tissue: str, energy_kev: float) -> float:
    """HU that a tissue has in a beam of `energy_kev`: 1000 (mu / mu of water - 1).

    Raises: DensityError: as `mass_attenuation`.
    """
    ratio = mass_attenuation(tissue, energy_kev) / mass_attenuation("water", energy_kev)
    return float(1000 * (TISSUE_DENSITY[tissue] * ratio - 1))


def hu_per_density(mineral: str, energy_kev: float) -> float:
    """HU that 1 mg/cm3 of `mineral` adds to water, which gives way to it.

    Raises: DensityError: as `mass_attenuation`.
    """
    ratio = mass_attenuation(mineral, energy_kev) / mass_attenuation("water", energy_kev)
    return float(ratio - WATER_DISPLACED[mineral])


def effective_energy(kvp: float) -> float:
    """The one energy, keV, at which mineral attenuates as it does in a trunk under a tube of `kvp`.

    A tungsten tube behind 7 mm of aluminium and, for the trunk, 30 cm of water. Real beams differ by some
    keV, and the slope of a conversion with them by 2% for each.

    Raises: DensityError: a voltage outside 70 to 150 kV.
    Source: Kramers 1923, Phil. Mag. 46:836 (photons per energy proportional to (kV - E) / E; the detector
        weighs them by E).
    """
    low, high = TUBE_VOLTAGES
    if not (math.isfinite(kvp) and low <= kvp <= high):
        raise DensityError(f"a tube voltage of {kvp:g} kV, expected {low:.0f} to {high:.0f}.")
    energy = np.arange(_LOWEST_KEV + 0.5, kvp)
    lost = mass_attenuation("aluminium", energy) * 2.699 * _ALUMINIUM_CM
    lost = lost + mass_attenuation("water", energy) * _WATER_CM
    weight = (kvp - energy) * np.exp(-lost)
    water = mass_attenuation("water", energy)
    ratio = float(np.dot(weight, mass_attenuation("K2HPO4", energy)) / np.dot(weight, water))
    grid = np.arange(float(_LOWEST_KEV), kvp, 0.1)
    falling = mass_attenuation("K2HPO4", grid) / mass_attenuation("water", grid)
    return float(np.interp(-ratio, -falling, grid))
