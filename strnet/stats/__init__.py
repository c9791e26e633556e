"""Statistics of screening tests: arrays in, numbers with intervals and counts out. Needs no torch."""

from __future__ import annotations

from strnet.stats.estimates import Estimate
from strnet.stats.proportions import proportion

__all__ = ["Estimate", "proportion"]
