"""The highest threshold that a rule allows on one set of positives, by how its films hang together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from types import MappingProxyType
from typing import Final, Literal

import numpy as np

from strnet.errors import ImpossibleError, ThresholdError, unknown_name
from strnet.stats.inputs import Bools, Floats, Ints
from strnet.threshold_options import ClusterMethod
from strnet.thresholds import betting
from strnet.thresholds.effective import korn_graubard, weighted
from strnet.thresholds.rows import ClassRows
from strnet.thresholds.rules import (
    chance_of_holding,
    effective_exact_misses,
    impossible,
    misses_allowed,
    require_method,
)
from strnet.thresholds.threshold_request import Request


@dataclass(frozen=True, slots=True)
class Choice:
    """A threshold (higher means positive) and what it rests on.

    `allowed` of `units` (films, or patients) may lie below it. The law of its sensitivity is that of
    `law_misses` among `law_units`, which are effective numbers where films are weighted or clustered.
    """

    threshold: float
    units: int
    allowed: int
    law_units: float
    law_misses: float
    chance: float
    unit: Literal["film", "patient"] = "film"
    proven: bool = True


def choose(positives: ClassRows, request: Request) -> Choice:
    """The highest threshold that the rule allows.

    Raises:
        ThresholdError: an unknown method, or one that weights or clusters do not go with.
        ImpossibleError: no threshold meets the rule; the message says how many positives would.
    """
    require_method(request.method)
    if positives.clusters is None:
        return (
            _independent(positives, request) if positives.weights is None else _effective(positives, request)
        )
    if request.cluster_method not in CLUSTER_METHODS:
        raise ThresholdError(unknown_name("cluster method", request.cluster_method, CLUSTER_METHODS))
    if positives.weights is not None and request.cluster_method != "korn_graubard":
        raise ThresholdError(
            f"cluster_method {request.cluster_method}: found weights, which it is not defined for. "
            "Use korn_graubard, or leave the weights out."
        )
    return CLUSTER_METHODS[request.cluster_method](positives, request)


def _independent(positives: ClassRows, request: Request) -> Choice:
    count = positives.score.size
    allowed = misses_allowed(request.method, count, request.floor, request.delta)
    # in place, the rows are a copy already: a second one of 1e7 scores would cost more than the selection
    positives.score.partition(allowed)
    chance = chance_of_holding(allowed, count, request.floor)
    return Choice(float(positives.score[allowed]), count, allowed, float(count), float(allowed), chance)


def _effective(positives: ClassRows, request: Request) -> Choice:
    order = np.argsort(positives.score, kind="stable")
    score = positives.score[order]
    weights = np.ones(score.size) if positives.weights is None else positives.weights[order]
    clusters = None if positives.clusters is None else positives.clusters[order]
    below = np.concatenate([[0.0], np.cumsum(weights)])
    worth = _worth(score, weights, clusters, below, request)
    scale = worth / float(below[-1])
    limit = _weight_allowed(float(below[-1]), worth, request)
    if limit < 0:
        raise ImpossibleError(
            impossible(request.method, worth, request.floor, request.delta, "effective positives")
            + f" ({score.size} positive films are worth {worth:.4g} independent ones here.)"
        )
    allowed = int(np.searchsorted(below[:-1], limit, side="right")) - 1
    misses = float(below[allowed]) * scale
    chance = chance_of_holding(misses, worth, request.floor)
    return Choice(float(score[allowed]), score.size, allowed, worth, misses, chance, proven=False)


def _worth(score: Floats, weights: Floats, clusters: Ints | None, below: Floats, request: Request) -> float:
    # read once, at the empirical threshold: the choice must not select on the noise of the design effect
    empirical = (
        int(np.searchsorted(below[:-1], float(request.floor.miss_share) * below[-1], side="right")) - 1
    )
    missed = score < score[empirical]
    if clusters is not None:
        uneven = None if np.ptp(weights) == 0 else weights
        return korn_graubard(missed, clusters, uneven, float(request.delta))
    return weighted(missed, weights, float(request.delta))


def _weight_allowed(total: float, worth: float, request: Request) -> float:
    """The weight that may lie below the threshold, of `total`; negative where even 0 is too much."""
    if request.method == "empirical":
        return float(request.floor.miss_share * Fraction(total))
    if request.method == "crc":
        misses = float(request.floor.miss_share) * (worth + 1) - 1
    else:
        misses = effective_exact_misses(worth, request.floor, float(request.delta))
    return misses * total / worth


def _one_per_cluster(positives: ClassRows, request: Request) -> Choice:
    score, clusters = _by_patient(positives)
    first = np.flatnonzero(np.diff(clusters, prepend=-1))
    films = np.diff(first, append=score.size)
    drawn = first + np.random.default_rng(request.seed).integers(films)
    return replace(_independent(ClassRows(score[drawn]), request), unit="patient")


def _worst(positives: ClassRows, request: Request) -> Choice:
    score, clusters = _by_patient(positives)
    lowest = score[np.flatnonzero(np.diff(clusters, prepend=-1))]
    return replace(_independent(ClassRows(lowest), request), unit="patient")


def _betting(positives: ClassRows, request: Request) -> Choice:
    if request.method != "exact":
        raise ThresholdError(
            f"cluster_method betting: found method {request.method}, expected exact: it gives a guarantee."
            " Use korn_graubard, one_per_cluster or worst with this method."
        )
    score, clusters = _by_patient(positives)
    share, delta = float(request.floor.miss_share), float(request.delta)
    patients = int(np.unique(clusters).size)
    allowed = betting.safe_misses(score, clusters, share, delta, np.random.default_rng(request.seed))
    if allowed < 0:
        raise ImpossibleError(
            impossible(request.method, patients, request.floor, request.delta, "positive patients")
        )
    threshold = float(np.partition(score, allowed)[allowed])
    worth, misses = _patient_means(score < threshold, clusters)
    return Choice(threshold, score.size, allowed, worth, misses, float(1 - request.delta))


def _patient_means(missed: Bools, clusters: Ints) -> tuple[float, float]:
    """What the patients' mean misses are worth in independent films, and how many of those are missed."""
    first = np.flatnonzero(np.diff(clusters, prepend=-1))
    films = np.diff(first, append=clusters.size)
    means = np.add.reduceat(missed.astype(np.float64), first) / films
    share = float(means.mean())
    variance = float(means.var(ddof=1)) / means.size if means.size > 1 else 0.0
    worth = share * (1 - share) / variance if variance > 0 else float(means.size)
    return worth, share * worth


def _by_patient(positives: ClassRows) -> tuple[Floats, Ints]:
    """Scores and clusters ordered by patient, then by score: the order of rows must not change a draw."""
    assert positives.clusters is not None
    order = np.lexsort((positives.score, positives.clusters))
    return positives.score[order], positives.clusters[order]


CLUSTER_METHODS: Final = MappingProxyType[ClusterMethod, Callable[[ClassRows, Request], Choice]](
    {
        "korn_graubard": _effective,
        "one_per_cluster": _one_per_cluster,
        "betting": _betting,
        "worst": _worst,
    }
)
"""Ways to treat several films of one patient. All but the first are guarantees.

`korn_graubard` speaks of the sensitivity over films, `one_per_cluster` and `betting` of the sensitivity
averaged over patients, `worst` of the share of patients none of whose positive films is missed.
"""
