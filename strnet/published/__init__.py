"""Whether the figures of a published table can be true: the counts behind them, or why there are none."""

from __future__ import annotations

from strnet.published.check import check_published
from strnet.published.figures import PublishedTable
from strnet.published.names import FIGURES
from strnet.published.papers import CheckedPapers, check_papers
from strnet.published.verdicts import Finding, PublishedCheck

__all__ = [
    "FIGURES",
    "CheckedPapers",
    "Finding",
    "PublishedCheck",
    "PublishedTable",
    "check_papers",
    "check_published",
]
