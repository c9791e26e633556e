"""HU of materials behind a body, by tube voltage: what CT makes of mineral, marrow, tissue, iodine and metal.

Source: mass attenuation coefficients of the elements and of water: Hubbell and Seltzer, NISTIR 5632, Table 3
(NIST Standard Reference Database 126).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from strnet.phantom.physics.spectra import DENSITY, ENERGIES_KEV, linear_attenuation

Array = np.ndarray

WATER: Final = np.array([0.8096, 0.3756, 0.2683, 0.2269, 0.2059, 0.1837, 0.1707, 0.1505])
"""Mass attenuation of water at `ENERGIES_KEV`, cm2/g."""
_ELEMENTS: Final = {
    "Ca": np.array([13.06, 4.080, 1.830, 1.019, 0.6578, 0.3656, 0.2571, 0.1674]),
    "P": np.array([5.352, 1.700, 0.8096, 0.4916, 0.3494, 0.2324, 0.1865, 0.1432]),
    "O": np.array([0.8651, 0.3779, 0.2585, 0.2132, 0.1907, 0.1678, 0.1551, 0.1361]),
    "H": np.array([0.3695, 0.3570, 0.3458, 0.3355, 0.3260, 0.3091, 0.2944, 0.2651]),
}
_HYDROXYAPATITE: Final = {"Ca": 0.3989, "P": 0.1850, "O": 0.4141, "H": 0.0020}
"""Shares of mass in Ca10(PO4)6(OH)2."""
_HYDROXYAPATITE_DENSITY: Final = 3.16
_IODINE_KEV: Final = np.array([20.0, 33.16, 33.18, 40.0, 50.0, 60.0, 80.0, 100.0, 150.0])
_IODINE: Final = np.array([25.43, 6.55, 35.82, 22.10, 12.32, 7.579, 3.510, 1.942, 0.6978])
_FILTER_MM: Final = 9.0
"""Aluminium before a CT tube, with its bow tie."""
_BINS: Final = 24
_LOWEST_KEV: Final = 30.0


@dataclass(frozen=True)
class Hounsfield:
    """What CT of one tube voltage makes of each material inside a body.

    `fat`, `soft` (muscle and red marrow), `compact` (cortical bone without a pore) and `metal` in HU; what
    1 mg/cm3 of hydroxyapatite adds, `per_mg`, and what 1 mg/ml of iodine adds, `per_mg_iodine`, in HU.
    """

    fat: float
    soft: float
    compact: float
    metal: float
    per_mg: float
    per_mg_iodine: float


@cache
def hounsfield(kilovolts: float, body_mm: float) -> Hounsfield:
    """HU at `kilovolts` in the middle of a body that the beam crosses over `body_mm` of soft tissue.

    Source: the beam is Kramers' behind 9 mm of aluminium and the body, weighted by energy; attenuation
    coefficients are its means, and HU are 1000 (mu / mu_water - 1).
    """
    energy, weight = _beam(kilovolts, body_mm)
    water = float(weight @ _water(energy))
    mineral = float(weight @ _hydroxyapatite(energy))
    iodine = float(weight @ np.exp(np.interp(np.log(energy), np.log(_IODINE_KEV), np.log(_IODINE))))
    tissues = {
        name: 1000.0 * (float(weight @ linear_attenuation(name, energy)) * 10.0 / water - 1.0)
        for name in ("adipose", "soft", "bone", "titanium")
    }
    return Hounsfield(
        fat=tissues["adipose"],
        soft=tissues["soft"],
        compact=tissues["bone"],
        metal=tissues["titanium"],
        # Mineral takes the place of its own volume of water.
        per_mg=mineral / water - 1.0 / _HYDROXYAPATITE_DENSITY,
        per_mg_iodine=iodine / water,
    )


def _beam(kilovolts: float, body_mm: float) -> tuple[Array, Array]:
    edges = np.linspace(_LOWEST_KEV, kilovolts, _BINS + 1)
    energy = (edges[:-1] + edges[1:]) / 2.0
    lost = linear_attenuation("aluminium", energy) * _FILTER_MM
    lost = lost + linear_attenuation("soft", energy) / DENSITY["soft"] * body_mm
    weight = (kilovolts - energy) * np.exp(-lost)
    return energy, weight / weight.sum()


def _water(energy: Array) -> Array:
    return np.asarray(np.exp(np.interp(np.log(energy), np.log(ENERGIES_KEV), np.log(WATER))))


def _hydroxyapatite(energy: Array) -> Array:
    """Mass attenuation of hydroxyapatite at `energy`, cm2/g, each element interpolated on its own."""
    parts = [
        share * np.exp(np.interp(np.log(energy), np.log(ENERGIES_KEV), np.log(_ELEMENTS[name])))
        for name, share in _HYDROXYAPATITE.items()
    ]
    return np.asarray(np.sum(parts, axis=0))
