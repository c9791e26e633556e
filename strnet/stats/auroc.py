"""The area under the ROC curve with its interval, for independent rows, patients and weighted rows.

scikit-learn has the value; it has no variance, and no patients.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from strnet.errors import StatsError, unknown_name
from strnet.stats.area_limits import area_estimate, newcombe_limits
from strnet.stats.estimates import Estimate
from strnet.stats.influence import AurocInfluence, auroc_influence, unordered_influence
from strnet.stats.inputs import (
    Bools,
    Floats,
    checked_clusters,
    checked_finite,
    checked_target,
    checked_weights,
    require_both_classes,
    require_same_length,
)
from strnet.stats.normal import Limits, logit_limits, unit_limits

AUROC_INTERVALS: Final = ("delong", "logit", "newcombe", "jackknife")


def auroc(
    target: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    interval: str = "delong",
    clusters: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
) -> Estimate:
    """P(a positive scores above a negative), ties counting one half, with its interval.

    `target` (n,) of 0 and 1, `score` (n,) any finite numbers, `clusters` (n,) patients, `weights` (n,) >= 0.
    Intervals: `delong` is plain, cut at 0 and 1, and has no width at an area of 0 or 1; `logit` lies inside
    (0, 1); `newcombe` needs only the area and the counts, and is defined even there and at one positive.
    `jackknife` is the one that covers with few patients and near 1 (`area_limits`), and is always defined.

    Raises: StatsError: unusable rows, one class, an unknown interval, `newcombe` with patients or weights.
    Source: DeLong 1988 (variance); Obuchowski 1997, Biometrics 53:567-578 (patients); Newcombe 2006, Stat.
        Med. 25:559-573, method 5.
    """
    positive, scores = checked_target(target), checked_finite(score)
    require_same_length(positive.size, score=scores)
    positives, negatives = require_both_classes(positive, purpose="auroc")
    counts_only = clusters is None and weights is None
    _require_interval(interval, counts_only=counts_only)
    if counts_only:
        influence = unordered_influence(positive, scores)
    else:
        influence = influence_of(positive, scores, clusters, weights)
    if interval == "jackknife":
        return area_estimate(influence, confidence)
    value, error = influence.value, influence.standard_error
    patients = influence.patients.count if influence.patients else None
    if interval == "newcombe":
        low, high = newcombe_limits(value, positives, negatives, confidence)
    else:
        low, high = _limits(value, error, interval, confidence)
    return Estimate(
        value=value,
        low=low,
        high=high,
        confidence=confidence,
        method=interval if patients is None else f"{interval}, Obuchowski variance",
        count=positive.size,
        events=positives,
        clusters=patients,
        standard_error=error,
        note=_note(low, high, error, counts_only=counts_only),
    )


def influence_of(
    target: Bools, score: Floats, clusters: npt.ArrayLike | None, weights: npt.ArrayLike | None
) -> AurocInfluence:
    """What each row adds to the AUROC, of checked target and score and unchecked clusters and weights.

    Raises: StatsError: unusable clusters or weights, or a class whose weights are all 0.
    """
    known_clusters = None if clusters is None else checked_clusters(clusters, target.size)
    if weights is None:
        return auroc_influence(target, score, known_clusters, None)
    known_weights = checked_weights(weights, target.size)
    counted = np.flatnonzero(known_weights)  # a row of weight 0 is no row, also when rows are counted
    if known_clusters is not None:
        known_clusters = checked_clusters(known_clusters.codes[counted], counted.size)
    return auroc_influence(target[counted], score[counted], known_clusters, known_weights[counted])


def _require_interval(interval: str, *, counts_only: bool) -> None:
    """Raise unless the interval is known and fits what there is.

    Raises: StatsError: an unknown interval, or one that knows counts only where there is more.
    """
    if interval not in AUROC_INTERVALS:
        raise StatsError(unknown_name("AUROC interval", interval, AUROC_INTERVALS))
    if interval == "newcombe" and not counts_only:
        raise StatsError(
            "auroc: interval 'newcombe' with clusters or weights; it uses only the counts of rows. "
            "Use 'jackknife', 'delong' or 'logit', which know patients and weights."
        )


def _limits(value: float, error: float, interval: str, confidence: float) -> Limits:
    limits = unit_limits if interval == "delong" else logit_limits
    return limits(value, error, confidence)


def _note(low: float, high: float, error: float, *, counts_only: bool) -> str:
    if math.isnan(error):
        reason = "the variance needs two rows or patients of each class"
    elif math.isnan(low):
        reason = "0 and 1 have no logit"
    elif low == high:
        reason = "no width: within a class all rows are placed alike"
    else:
        return ""
    return f"{reason}; interval='newcombe' is defined here" if counts_only else reason
