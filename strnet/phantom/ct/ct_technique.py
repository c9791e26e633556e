"""How one CT scan is taken: tube voltage, kernel, slices, field, contrast, drift, and how the person lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from strnet.phantom.ct.ct_scanners import (
    DAILY_GAIN_SD,
    DAILY_OFFSET_SD_HU,
    CtScanner,
    Kernel,
)
from strnet.phantom.physics.ellipsoids import rotation

Array = np.ndarray

ENHANCEMENT_MG: Final = 0.55
ENHANCEMENT_SD_MG: Final = 0.18
"""Iodine in marrow after contrast, mg/ml, mean and SD among people."""
_AHEAD: Final = np.array([0.0, 0.0, -6.0])
"""The middle of the field lies a little before that of the bodies, mm."""
_PHASES: Final = (("portal", 0.6), ("arterial", 0.2), ("delayed", 0.2))
_ORAL_SHARE: Final = 0.6
_METAL_SHARE: Final = 0.03
_SHORT_SHARE: Final = 0.2
"""Scans that end inside the lumbar spine, above or below."""


@dataclass(frozen=True)
class Technique:
    """The settings of one scan, and what varies with it but not with the bone.

    `gain` and `offset_hu` are the scanner's on that day; `phase` is portal, arterial, delayed or None
    without contrast, `marrow_iodine` in mg/ml; `oral` whether the bowel holds contrast. `top_mm` and
    `bottom_mm` are how far the scan reaches beyond the upper edge of T11 and the lower edge of L5
    (negative: it ends before); `turn` (3, 3) and `shift_mm` (x, y, z) place the person in the field.
    `metal` is the upper of two screwed vertebrae, or None.
    """

    scanner: CtScanner
    kilovolts: float
    kernel: Kernel
    thickness_mm: float
    spacing_mm: float
    field_mm: float
    noise_hu: float
    gain: float
    offset_hu: float
    phase: str | None
    marrow_iodine: float
    oral: bool
    top_mm: float
    bottom_mm: float
    turn: Array
    shift_mm: Array
    metal: str | None
    isocentre_mm: Array

    @property
    def contrast(self) -> str:
        """What the hospital tells of contrast: none, iv or unknown."""
        if not self.scanner.contrast_told:
            return "unknown"
        return "none" if self.phase is None else "iv"


def draw_technique(scanner: CtScanner, generator: np.random.Generator) -> Technique:
    """How a scan at `scanner` is taken; nothing here depends on the person."""
    z = generator.standard_normal(12)
    chosen = scanner.slices[_drawn([odds for *_, odds in scanner.slices], generator)]
    phase = _phase(scanner, generator)
    short = generator.random() < _SHORT_SHARE
    turns = np.deg2rad(np.clip(z[3:6] * (1.5, 2.5, 1.2), -6.0, 6.0))
    return Technique(
        scanner=scanner,
        kilovolts=scanner.kilovolts[_drawn([odds for _, odds in scanner.kilovolts], generator)][0],
        kernel=scanner.kernels[_drawn([odds for _, odds in scanner.kernels], generator)][0],
        thickness_mm=chosen[0],
        spacing_mm=chosen[1],
        field_mm=round(scanner.field_mm * float(np.exp(np.clip(0.14 * z[0], -0.28, 0.28))), 1),
        noise_hu=scanner.noise_hu * float(np.exp(0.18 * z[1])),
        gain=scanner.gain + DAILY_GAIN_SD * float(z[2]),
        offset_hu=scanner.offset_hu + DAILY_OFFSET_SD_HU * float(z[6]),
        phase=phase,
        marrow_iodine=0.0 if phase is None else float(max(ENHANCEMENT_MG + ENHANCEMENT_SD_MG * z[7], 0.05)),
        oral=bool(generator.random() < _ORAL_SHARE),
        top_mm=float(-18.0 + 4.0 * z[8] if short else 12.0 + 5.0 * abs(z[8])),
        bottom_mm=float(-32.0 + 6.0 * z[9] if short and z[10] > 0 else 14.0 + 6.0 * abs(z[9])),
        turn=rotation(0, turns[0]) @ rotation(1, turns[1]) @ rotation(2, turns[2]),
        shift_mm=np.clip(generator.standard_normal(3) * np.array([6.0, 0.0, 6.0]), -15.0, 15.0) + _AHEAD,
        metal="L4" if generator.random() < _METAL_SHARE else None,
        isocentre_mm=np.round(generator.uniform((-20.0, -180.0, -900.0), (20.0, -120.0, -300.0)), 1),
    )


def _phase(scanner: CtScanner, generator: np.random.Generator) -> str | None:
    given, which = (
        generator.random() < scanner.contrast_share,
        _drawn([odds for _, odds in _PHASES], generator),
    )
    return _PHASES[which][0] if given else None


def _drawn(odds: Sequence[float], generator: np.random.Generator) -> int:
    return int(np.searchsorted(np.cumsum(odds), generator.random() * sum(odds), side="right"))
