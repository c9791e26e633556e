"""The scanners of the phantom's sites: what differs between them, none of it related to the T-score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Scanner:
    """One site's device.

    `pixel_mm` at the bone, at the usual `magnification` (detector over object); `blur_pixels` SD of the
    detector's spread; `quanta` photons per pixel behind the leg (exposure control keeps them); `scatter`
    over primary; `edge_gain` and `latitude_gain` of the vendor's filtering; `levels` where its tone curve
    puts the `ANCHORS` of the leg, in [0, 1]; `voi` how the display is described.
    """

    site: str
    model: str
    modality: str
    photometric: str
    bits_stored: int
    pixel_mm: float
    magnification: float
    blur_pixels: float
    quanta: float
    scatter: float
    kilovolts: float
    edge_gain: float
    latitude_gain: float
    levels: tuple[float, ...]
    voi: str
    marker: str


ANCHORS: Final = (2.0, 10.0, 25.0, 38.0, 50.0, 62.0, 75.0, 83.0, 90.0, 96.0, 98.5, 99.5)
"""Percentiles of the leg that a tone curve puts on its levels."""

SCANNERS: Final = (
    Scanner("site_a", "DX One", "DX", "MONOCHROME2", 12, 0.290, 1.16, 0.75, 2600.0, 0.22, 62.0, 0.35, 0.35,
            (0.13, 0.25, 0.36, 0.41, 0.46, 0.515, 0.57, 0.627, 0.68, 0.79, 0.88, 0.94), "window", "box"),
    Scanner("site_b", "CR Two", "CR", "MONOCHROME1", 10, 0.305, 1.14, 1.05, 1500.0, 0.34, 66.0, 0.25, 0.25,
            (0.16, 0.28, 0.39, 0.445, 0.50, 0.55, 0.60, 0.652, 0.70, 0.80, 0.88, 0.93), "sigmoid", "plain"),
    Scanner("site_c", "DX Three", "DX", "MONOCHROME2", 14, 0.280, 1.18, 0.65, 3600.0, 0.18, 60.0, 0.50, 0.45,
            (0.11, 0.23, 0.33, 0.385, 0.44, 0.495, 0.55, 0.612, 0.67, 0.79, 0.89, 0.95), "lut", "plain"),
    Scanner("site_d", "CR Four", "CR", "MONOCHROME2", 16, 0.315, 1.15, 0.95, 1900.0, 0.30, 64.0, 0.30, 0.30,
            (0.15, 0.27, 0.38, 0.43, 0.48, 0.535, 0.59, 0.642, 0.69, 0.79, 0.87, 0.93), "window", "box"),
)  # fmt: skip
"""One scanner per site, in order."""
