"""How many independent films clustered or weighted films are worth."""

from __future__ import annotations

import math

import numpy as np

from strnet.errors import ImpossibleError
from strnet.stats.clustered import clustered_proportion, korn_graubard_size
from strnet.stats.estimates import Estimate
from strnet.stats.inputs import Bools, Floats, Ints
from strnet.stats.proportions import proportion, proportion_bounds
from strnet.thresholds.rows import ClassRows

WIDEST_TAIL = 0.25
"""The correction for few patients is a ratio of quantiles, which means nothing near the median."""


def kish(weights: Floats) -> float:
    """The number of equally weighted rows that `weights` (n,) are worth, at most n.

    Source: Kish 1965, Survey Sampling: (sum w)^2 / sum w^2.
    """
    return float(weights.sum() ** 2 / np.square(weights).sum())


def weighted(hits: Bools, weights: Floats, delta: float) -> float:
    """How many independent rows the `hits` (n,) are worth that weigh `weights` (n,), at most as Kish says.

    Kish takes weights for unrelated to hits; where hard cases weigh more, the variance itself says less.
    """
    if hits.size == 1:
        return 1.0
    each = korn_graubard(hits, np.arange(hits.size), weights, delta)
    return min(kish(weights), each * hits.size / (hits.size - 1))


def korn_graubard(hits: Bools, clusters: Ints, weights: Floats | None, delta: float) -> float:
    """How many independent rows the clustered `hits` (n,) are worth for a limit with one tail of `delta`.

    Raises: ImpossibleError: a single cluster.
    Source: as `strnet.stats.korn_graubard_size`.
    """
    if np.ptp(clusters) == 0:
        raise ImpossibleError(
            f"clusters: all {hits.size} rows are of one cluster, expected at least two: the effective number "
            "rests on the spread between patients. Add patients, or check the cluster column."
        )
    return korn_graubard_size(hits, clusters, weights=weights, confidence=1 - 2 * min(delta, WIDEST_TAIL))


def rate(rows: ClassRows, hits: Bools, confidence: float) -> Estimate:
    """The share of `hits` (n,) among `rows` with its Clopper-Pearson interval.

    Clusters and weights enter through the effective number of rows; the interval is then approximate, and
    undefined for a single cluster.
    """
    if rows.clusters is None and rows.weights is None:
        successes = int(np.count_nonzero(hits))
        return proportion(successes, hits.size, method="clopper_pearson", confidence=confidence)
    if rows.clusters is not None and np.ptp(rows.clusters) > 0:
        return clustered_proportion(hits, rows.clusters, weights=rows.weights, confidence=confidence)
    weight = np.ones(hits.size) if rows.weights is None else rows.weights
    share = float(weight[hits].sum() / weight.sum())
    if rows.clusters is not None:
        note = "no interval: one cluster"
        return Estimate(share, math.nan, math.nan, confidence, "none", hits.size, clusters=1, note=note)
    worth = weighted(hits, weight, (1 - confidence) / 2)
    low, high = proportion_bounds(share * worth, worth, method="clopper_pearson", confidence=confidence)
    return Estimate(share, float(low), float(high), confidence, "clopper_pearson, weighted", hits.size)
