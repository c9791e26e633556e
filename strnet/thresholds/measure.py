"""What a threshold does on the rows: misses, specificity, ties."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from strnet.stats.estimates import Estimate
from strnet.stats.inputs import Bools
from strnet.stats.proportions import proportion
from strnet.thresholds.effective import rate
from strnet.thresholds.point import Ties
from strnet.thresholds.rows import ClassRows, Rows

SEEN_BY_THE_RULE = "these rows also set the threshold; expected_sensitivity is what it promises elsewhere"


@dataclass(frozen=True, slots=True)
class Measured:
    """Counts and rates of one threshold on one set of rows; `specificity` is None without negatives."""

    misses: int
    sensitivity: Estimate
    specificity: Estimate | None
    ties: Ties


def measure(rows: Rows, positives: ClassRows, threshold: float, confidence: float) -> Measured:
    """What `threshold` (higher means positive) does; `positives` are those of `rows`, in any order.

    The specificity interval is exact for independent rows, because only positives chose the threshold.
    """
    found = positives.score >= threshold
    misses = int(found.size - np.count_nonzero(found))
    at = int(np.count_nonzero(positives.score == threshold))
    all_below, all_at = rows.count_below(threshold)
    sensitivity = replace(rate(positives, found, confidence), note=SEEN_BY_THE_RULE)
    if rows.weights is None and rows.clusters is None:
        specificity = _counted_specificity(all_below - misses, rows.negative_count, confidence)
    else:
        negatives = rows.negatives()
        specificity = specificity_of(negatives, negatives.score < threshold, confidence)
    return Measured(misses, sensitivity, specificity, Ties(at, all_at - at))


def specificity_of(negatives: ClassRows, rejected: Bools, confidence: float) -> Estimate | None:
    """The share of `negatives` that is `rejected` (n,); None without negatives."""
    return rate(negatives, rejected, confidence) if rejected.size else None


def _counted_specificity(rejected: int, negatives: int, confidence: float) -> Estimate | None:
    if negatives == 0:
        return None
    return proportion(rejected, negatives, method="clopper_pearson", confidence=confidence)
