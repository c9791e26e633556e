"""Counts and shares of some rows, with patients as the unit: among others what an operating point decides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from strnet import stats
from strnet.errors import StatsError
from strnet.report.measures import Measure, absent, attempt, measured
from strnet.report.settings import EvaluationSettings
from strnet.report.task_results import Confusion, Decisions
from strnet.report.task_rows import Bools, Ints, clusters_of

_RATES = ("sensitivity", "specificity", "ppv", "npv", "accuracy")


def decide(split: str, positive: Bools, called: Bools, clusters: Ints | None, confidence: float) -> Decisions:
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


def share_of(hits: Bools, among: Bools, patients: Ints, settings: EvaluationSettings) -> Measure:
    """The share of `hits` (n,) in the rows `among` (n,); `patients` are the unit where one has two films."""
    if not among.any():
        return absent("no rows to take a share of")
    clusters = clusters_of(patients[among])
    if clusters is None:
        count = int(np.count_nonzero(hits & among))
        return measured(stats.proportion(count, int(among.sum()), confidence=settings.confidence), share=True)
    return attempt(
        lambda: stats.clustered_proportion(hits[among], clusters, confidence=settings.confidence), share=True
    )


def _f1(positive: Bools, called: Bools, clusters: Ints | None, confidence: float) -> Measure:
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
