"""How many independent films clustered or weighted films are worth."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from strnet.errors import ImpossibleError
from strnet.stats.estimates import Estimate
from strnet.stats.inputs import Bools, Floats, Ints
from strnet.stats.proportions import proportion, proportion_bounds
from strnet.thresholds.rows import ClassRows


def kish(weights: Floats) -> float:
    """The number of equally weighted rows that `weights` (n,) are worth, at most n.

    Source: Kish 1965, Survey Sampling: (sum w)^2 / sum w^2.
    """
    return float(weights.sum() ** 2 / np.square(weights).sum())


def korn_graubard(hits: Bools, clusters: Ints, weights: Floats | None, delta: float) -> float:
    """How many independent rows the clustered `hits` (n,) are worth for a one-sided limit, at most n.

    p (1 - p) / v with v the variance of the proportion between clusters, times the squared ratio of the
    Student quantiles with n - 1 and clusters - 1 degrees of freedom. Without both hits and misses v says
    nothing: then each cluster counts once, the most cautious reading.

    Raises: ImpossibleError: a single cluster.
    Source: Korn and Graubard 1998, Survey Methodology 24:193-201; the variance is the linearised one of a
        ratio with clusters drawn with replacement (Cochran 1977, 11.12).
    """
    count = int(np.unique(clusters).size)
    if count < 2:
        raise ImpossibleError(
            f"clusters: all {hits.size} rows are of one cluster, expected at least two: the effective number "
            "rests on the spread between patients. Add patients, or check the cluster column."
        )
    weight = np.ones(hits.size) if weights is None else weights
    share = float(weight[hits].sum() / weight.sum())
    variance = _between_clusters(hits, clusters, weight, share)
    student = special.stdtrit(hits.size - 1, 1 - delta) / special.stdtrit(count - 1, 1 - delta)
    worth = share * (1 - share) / variance if variance > 0 and 0 < share < 1 else float(count)
    return min(float(hits.size), float(worth * student**2))


def rate(rows: ClassRows, hits: Bools, confidence: float, *, delta: float | None = None) -> Estimate:
    """The share of `hits` (n,) among `rows` with its Clopper-Pearson interval.

    Clusters and weights enter through the effective number of rows; the interval is then approximate.
    """
    if rows.clusters is None and rows.weights is None:
        successes = int(np.count_nonzero(hits))
        return proportion(successes, hits.size, method="clopper_pearson", confidence=confidence)
    weight = np.ones(hits.size) if rows.weights is None else rows.weights
    share = float(weight[hits].sum() / weight.sum())
    if rows.clusters is not None and np.ptp(rows.clusters) == 0:
        note = "no interval: one cluster"
        return Estimate(share, math.nan, math.nan, confidence, "none", hits.size, clusters=1, note=note)
    if rows.clusters is None:
        worth, method = kish(weight), "clopper_pearson, Kish effective n"
    else:
        tail = (1 - confidence) / 2 if delta is None else delta
        worth = korn_graubard(hits, rows.clusters, rows.weights, tail)
        method = "clopper_pearson, Korn-Graubard effective n"
    low, high = proportion_bounds(share * worth, worth, method="clopper_pearson", confidence=confidence)
    count = None if rows.clusters is None else int(np.unique(rows.clusters).size)
    events = int(np.count_nonzero(hits)) if rows.weights is None else None
    return Estimate(
        share, float(low), float(high), confidence, method, hits.size, events=events, clusters=count
    )


def _between_clusters(hits: Bools, clusters: Ints, weight: Floats, share: float) -> float:
    totals = np.bincount(clusters, weights=weight * (hits - share))
    count = np.unique(clusters).size
    scale = count / (count - 1) / math.fsum(weight) ** 2
    return float(scale * np.square(totals).sum())
