"""Which series of a study is used, and why: what suits bone density best by what its headers say."""

from __future__ import annotations

from dataclasses import dataclass

from strnet.imaging.kernels import SHARPNESS_ORDER, sharpness_of
from strnet.imaging.scan_acquisition import ScanAcquisition

CONTRAST_ORDER = ("none", "unknown", "iv")
"""Contrast medium raises the HU of marrow and vessels by as much as some mg/cm3 of mineral."""
PLANE_ORDER = ("axial", "sagittal", "coronal", "oblique")
_NO_THICKNESS = 1e3


@dataclass(frozen=True, slots=True)
class Preference:
    """One question that series are ranked by, the first that tells two apart decides."""

    name: str
    rank: float
    words: str


def preferences(source: ScanAcquisition) -> tuple[Preference, ...]:
    """What speaks for a series, the weightiest first: axial, no contrast, soft kernel, thin slices, long."""
    sharpness = sharpness_of(source.kernel)
    thickness = source.slice_thickness_mm or source.slice_spacing_mm or _NO_THICKNESS
    length = source.slices * source.slice_spacing_mm
    return (
        Preference("plane", PLANE_ORDER.index(source.plane), source.plane),
        Preference("contrast", CONTRAST_ORDER.index(source.contrast), f"contrast {source.contrast}"),
        Preference("kernel", SHARPNESS_ORDER.index(sharpness), f"kernel {source.kernel} ({sharpness})"),
        Preference("slices", thickness, f"slices of {thickness:g} mm"),
        Preference("length", -length, f"{length:.0f} mm long"),
    )


def rank_of(source: ScanAcquisition) -> tuple[float, ...]:
    """What sorts the series of a study, the best one first."""
    return tuple(preference.rank for preference in preferences(source))


def why_before(chosen: ScanAcquisition, other: ScanAcquisition) -> str:
    """Why `chosen` is used and not `other`, in words."""
    for ours, theirs in zip(preferences(chosen), preferences(other), strict=True):
        if ours.rank != theirs.rank:
            return f"{ours.words} before {theirs.words}"
    return "alike in all that is compared; the first by name is used"
