"""The CT scanners of five hospitals: two whose scans train, three outside with four scanners between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Kernel:
    """A reconstruction kernel: `sharpness` below 0 blurs, above 0 enhances edges.

    `noise` is its noise against a usual one's, `grain_mm` the size of that noise's grain.
    """

    name: str
    sharpness: float
    noise: float
    grain_mm: float


@dataclass(frozen=True)
class CtScanner:
    """One scanner and how its hospital uses it.

    `share` of the patients of all hospitals; each of `kilovolts`, `kernels` and `slices` (thickness,
    distance; mm) goes with its odds. `field_mm` is the usual width of the reconstruction; `noise_hu` the SD
    at 2 mm with a kernel of noise 1. `gain` and `offset_hu` are what its HU are off by on average: HU become
    gain HU + offset. `contrast_share` of the scans, told in the header where `contrast_told`; `round_field`
    blanks the corners; `signed` and `bits_stored` say how values are stored.
    """

    site: str
    manufacturer: str
    model: str
    share: float
    kilovolts: tuple[tuple[float, float], ...]
    kernels: tuple[tuple[Kernel, float], ...]
    slices: tuple[tuple[float, float, float], ...]
    field_mm: float
    noise_hu: float
    gain: float
    offset_hu: float
    contrast_share: float
    contrast_told: bool = True
    round_field: bool = False
    signed: bool = True
    bits_stored: int = 16

    modality: str = "CT"
    photometric: str = "MONOCHROME2"


_SOFT_A, _BONE_A = Kernel("B30f", -0.25, 0.8, 1.5), Kernel("B60f", 0.55, 1.8, 0.8)
_SOFT_B, _MIDDLE_B = Kernel("STANDARD", -0.10, 1.0, 1.3), Kernel("DETAIL", 0.25, 1.3, 1.0)
_SOFT_C, _BONE_C = Kernel("FC13", 0.0, 1.1, 1.2), Kernel("FC30", 0.80, 2.0, 0.7)
_SOFT_D, _SOFT_E = Kernel("Br38f", -0.15, 0.9, 1.4), Kernel("B", -0.35, 0.75, 1.8)

CT_SCANNERS: Final = (
    CtScanner("site_a", "PHANTOM S", "CT Alpha", 0.40, ((120.0, 0.75), (100.0, 0.25)),
              ((_SOFT_A, 0.7), (_BONE_A, 0.3)),
              ((1.0, 1.0, 0.2), (2.0, 2.0, 0.5), (3.0, 3.0, 0.3)), 200.0, 22.0, 1.000, 0.0, 0.45),
    CtScanner("site_b", "PHANTOM G", "CT Beta", 0.32, ((120.0, 0.8), (140.0, 0.2)),
              ((_SOFT_B, 0.7), (_MIDDLE_B, 0.3)),
              ((1.25, 1.25, 0.3), (2.5, 2.5, 0.4), (5.0, 5.0, 0.3)), 220.0, 25.0, 1.012, -2.0, 0.40,
              round_field=True),
    CtScanner("site_c", "PHANTOM T", "CT Gamma", 0.07, ((120.0, 0.9), (100.0, 0.1)),
              ((_SOFT_C, 0.6), (_BONE_C, 0.4)),
              ((1.0, 0.8, 0.3), (3.0, 3.0, 0.7)), 185.0, 30.0, 0.965, 4.0, 0.35),
    CtScanner("site_c", "PHANTOM S", "CT Delta", 0.05, ((100.0, 0.4), (80.0, 0.2), (120.0, 0.4)),
              ((_SOFT_D, 1.0),),
              ((2.0, 1.5, 0.6), (4.0, 4.0, 0.4)), 210.0, 20.0, 1.030, 2.0, 0.70,
              bits_stored=12, signed=False),
    CtScanner("site_d", "PHANTOM P", "CT Epsilon", 0.09, ((120.0, 1.0),),
              ((_SOFT_E, 1.0),),
              ((2.0, 2.0, 0.4), (3.0, 2.5, 0.4), (5.0, 5.0, 0.2)), 240.0, 24.0, 0.975, -5.0, 0.55,
              round_field=True, bits_stored=12, signed=False),
    CtScanner("site_e", "PHANTOM G", "CT Zeta", 0.07, ((120.0, 0.5), (140.0, 0.5)),
              ((_SOFT_B, 0.5), (_MIDDLE_B, 0.5)),
              ((1.25, 1.25, 0.5), (5.0, 5.0, 0.5)), 255.0, 28.0, 1.040, -1.0, 0.50, contrast_told=False),
)  # fmt: skip
"""By hospital; the first two are those that train, the other four scanners stand in hospitals outside."""
CT_SITES: Final = tuple(dict.fromkeys(scanner.site for scanner in CT_SCANNERS))
"""The hospitals, in order."""
GAIN_SD: Final = 0.030
OFFSET_SD_HU: Final = 4.0
"""SD of gain and offset among the scanners of a country, as an observer who knows none of them believes."""
DAILY_GAIN_SD: Final = 0.006
DAILY_OFFSET_SD_HU: Final = 1.2
"""SD of gain and offset of one scanner from day to day."""


def scanners_of(sites: int) -> tuple[CtScanner, ...]:
    """The scanners of the first `sites` hospitals."""
    return tuple(scanner for scanner in CT_SCANNERS if scanner.site in CT_SITES[:sites])
