"""Operating points under a sensitivity floor. Needs numpy and scipy.special; never torch."""

from __future__ import annotations

from strnet.thresholds.fit import fit_threshold
from strnet.thresholds.point import GroupRow, OperatingPoint, ScoreIdentity

__all__ = ["GroupRow", "OperatingPoint", "ScoreIdentity", "fit_threshold"]
