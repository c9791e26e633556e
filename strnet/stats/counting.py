"""Figures of resampled patients from scores that were sorted once: callables for `bootstrap_counts`.

Each takes how often each patient was drawn and is NaN where a class was not. Counts are whole numbers: areas
are exact before the one division.
"""

from __future__ import annotations

import math

import numpy as np

from strnet.stats.inputs import Bools, Clusters, Floats, Ints
from strnet.stats.ranks import split_classes


class SortedPatients:
    """The patients of the positives and of the negatives, each in ascending order of their scores."""

    def __init__(self, target: Bools, score: Floats, clusters: Clusters) -> None:
        positives, negatives = split_classes(target, score)
        orders = np.argsort(positives, kind="stable"), np.argsort(negatives, kind="stable")
        self.positive_scores, self.negative_scores = positives[orders[0]], negatives[orders[1]]
        self.positives = clusters.codes[np.flatnonzero(target)][orders[0]]
        self.negatives = clusters.codes[np.flatnonzero(~target)][orders[1]]
        self.below = np.searchsorted(self.negative_scores, self.positive_scores, side="left")
        self.not_above = np.searchsorted(self.negative_scores, self.positive_scores, side="right")
        self.has_ties = bool((self.below != self.not_above).any())

    def area(self, drawn_positives: Ints, negatives_up_to: Ints) -> float:
        """The AUROC of drawn rows; `negatives_up_to` counts those before each place, from 0 to all."""
        pairs = int(drawn_positives.sum()) * int(negatives_up_to[-1])
        if pairs == 0:
            return math.nan
        won = int(np.dot(drawn_positives, negatives_up_to[self.below]))
        if not self.has_ties:
            return won / pairs
        return (won + int(np.dot(drawn_positives, negatives_up_to[self.not_above]))) / (2 * pairs)


def auroc_of_counts(rows: SortedPatients, counts: Ints) -> float:
    """The AUROC."""
    return rows.area(counts[rows.positives], running_total(counts[rows.negatives]))


def average_precision_of_counts(rows: SortedPatients, counts: Ints) -> float:
    """The average precision: for each drawn positive the precision at its own score, averaged."""
    drawn, up_to = counts[rows.positives], running_total(counts[rows.negatives])
    positives_up_to = running_total(drawn)
    if positives_up_to[-1] == 0 or up_to[-1] == 0:
        return math.nan
    first_equal = np.searchsorted(rows.positive_scores, rows.positive_scores, side="left")
    kept = drawn > 0
    true = (positives_up_to[-1] - positives_up_to[first_equal])[kept]
    false = (up_to[-1] - up_to[rows.below])[kept]
    return float(np.dot(drawn[kept], true / (true + false))) / int(positives_up_to[-1])


class OperatingPointOfCounts:
    """AUROC, sensitivity and specificity, where a score of `threshold` or more is positive."""

    def __init__(self, rows: SortedPatients, threshold: float) -> None:
        self._rows = rows
        self._missed = int(np.searchsorted(rows.positive_scores, threshold, side="left"))
        self._cleared = int(np.searchsorted(rows.negative_scores, threshold, side="left"))

    def __call__(self, counts: Ints) -> tuple[float, float, float]:
        """The three figures."""
        drawn = counts[self._rows.positives]
        up_to = running_total(counts[self._rows.negatives])
        positives, negatives = int(drawn.sum()), int(up_to[-1])
        if positives == 0 or negatives == 0:
            return math.nan, math.nan, math.nan
        found = int(drawn[self._missed :].sum())
        return self._rows.area(drawn, up_to), found / positives, int(up_to[self._cleared]) / negatives


def running_total(counts: Ints) -> Ints:
    """How many come before each place, from 0 to all, shape (n + 1,)."""
    total = np.zeros(counts.size + 1, dtype=np.int64)
    np.cumsum(counts, out=total[1:])
    return total
