"""What an operating point decides on some rows: counts, and shares with patients as the unit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy.typing as npt

from strnet import stats
from strnet.errors import StatsError
from strnet.report.evaluation import Confusion, Decisions
from strnet.report.measures import Measure, absent, measured
from strnet.report.rows import Bools

_RATES = ("sensitivity", "specificity", "ppv", "npv", "accuracy")


def decide(
    split: str, positive: Bools, called: Bools, clusters: npt.NDArray[Any] | None, confidence: float
) -> Decisions:
    """Counts and rates of `called` (n,) against `positive` (n,); `clusters` (n,) are patients."""
    table = stats.confusion(positive, called)
    figures = stats.binary_metrics(positive, called, confidence=confidence, clusters=clusters)
    rates = {name: measured(figures[name], share=True) for name in _RATES}
    return Decisions(
        split=split,
        confusion=Confusion(
            table.true_positives, table.false_positives, table.true_negatives, table.false_negatives
        ),
        f1=_f1(positive, called, clusters, confidence),
        **rates,
    )


def _f1(positive: Bools, called: Bools, clusters: npt.NDArray[Any] | None, confidence: float) -> Measure:
    """F1 = 2 F* / (1 + F*), where F* = TP / (TP + FP + FN) is a share of rows, so that patients can be units.

    Source: Hand, Christen, Kirielle 2021, Mach. Learn. 110:451-456.
    """
    union = positive | called
    if clusters is None or not union.any():
        return measured(stats.binary_metrics(positive, called, confidence=confidence)["f1"])
    try:
        share = stats.clustered_proportion((positive & called)[union], clusters[union], confidence=confidence)
    except StatsError as error:
        return absent(str(error))
    value, low, high = (2 * part / (1 + part) for part in (share.value, share.low, share.high))
    return measured(replace(share, value=value, low=low, high=high, method=f"{share.method} of F*"))
