"""Whether the figures of a published table can be true: the counts behind them, or why there are none."""

from __future__ import annotations

from strnet.published.check import Finding, PublishedCheck, check_published
from strnet.published.figures import FIGURES, PublishedTable

__all__ = ["FIGURES", "Finding", "PublishedCheck", "PublishedTable", "check_published"]
