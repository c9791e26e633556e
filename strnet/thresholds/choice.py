"""The highest threshold that a rule allows on one set of positives, by how its films hang together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from types import MappingProxyType
from typing import Final

import numpy as np

from strnet.errors import ImpossibleError, ThresholdError, unknown_name
from strnet.stats.inputs import Floats, Ints
from strnet.threshold_options import ClusterMethod
from strnet.thresholds.effective import korn_graubard, weighted
from strnet.thresholds.patient_choice import Choice, mean_miss_choice
from strnet.thresholds.patient_films import patient_films
from strnet.thresholds.reading_order import order_keys
from strnet.thresholds.rows import ClassRows
from strnet.thresholds.rules import (
    chance_of_holding,
    effective_exact_misses,
    impossible,
    misses_allowed,
    require_method,
)
from strnet.thresholds.threshold_request import Request

__all__ = ["CLUSTER_METHODS", "Choice", "choose"]

WEIGHTS_NOTE = (
    "Weights enter through an effective number of cases, which promises nothing: heavy cases that chance "
    "left out cannot be seen. Declare the largest weight that the design can give (max_weight, --max-weight)."
)
UNEVEN_NOTE = (
    "korn_graubard promises nothing here: its effective number is good enough only where every patient has "
    "equally many positive films, without weights. Use betting."
)


def choose(positives: ClassRows, request: Request) -> Choice:
    """The highest threshold that the rule allows.

    Raises:
        ThresholdError: an unknown method, or one that weights or clusters do not go with.
        ImpossibleError: no threshold meets the rule; the message says how many positives would.
    """
    require_method(request.method)
    _require_declared(positives, request)
    if positives.clusters is None:
        return _films_of_their_own(positives, request)
    if request.cluster_method not in CLUSTER_METHODS:
        raise ThresholdError(unknown_name("cluster method", request.cluster_method, CLUSTER_METHODS))
    if positives.weights is not None and request.cluster_method in ("one_per_cluster", "worst"):
        raise ThresholdError(
            f"cluster_method {request.cluster_method}: found weights, which it is not defined for. "
            "Use betting with max_weight (--max-weight), or leave the weights out."
        )
    return CLUSTER_METHODS[request.cluster_method](positives, request)


def _require_declared(positives: ClassRows, request: Request) -> None:
    """Raise unless the weights are as `max_weight` says."""
    if request.max_weight is None:
        return
    if positives.weights is None:
        raise ThresholdError("max_weight: given, but no weights. Name them too (--weight).")
    heavier = np.flatnonzero(positives.weights > request.max_weight)
    if heavier.size:
        raise ThresholdError(
            f"weights: {heavier.size} of {positives.weights.size} {request.floor.cases} weigh more than "
            f"max_weight {request.max_weight:g} (the largest {positives.weights.max():g}). It is to be the "
            "largest weight that the design can give: read it off the design, not off these rows."
        )


def _films_of_their_own(positives: ClassRows, request: Request) -> Choice:
    if positives.weights is None:
        return _independent(positives, request)
    if request.max_weight is None or request.method != "exact":
        return _effective(positives, request)
    return replace(_betting(positives, request), speaks_of="weighted films")


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
    even = positives.weights is None and _even(clusters)
    if clusters is not None and even and request.method == "exact":
        # a patient is worth one film at least, whatever its films have in common: so the design alone says
        # whether there is an answer
        misses_allowed("exact", _films_each(clusters).size, request.floor, request.delta)
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
    return Choice(
        float(score[allowed]),
        score.size,
        allowed,
        worth,
        misses,
        chance,
        standing="approximate" if even else "point only",
        speaks_of="films" if positives.weights is None else "weighted films",
        note="" if even else UNEVEN_NOTE if positives.weights is None else WEIGHTS_NOTE,
    )


def _even(clusters: Ints | None) -> bool:
    return clusters is not None and bool(np.ptp(_films_each(clusters)) == 0)


def _films_each(clusters: Ints) -> Ints:
    films = np.bincount(clusters)
    return films[films > 0]


def _worth(score: Floats, weights: Floats, clusters: Ints | None, below: Floats, request: Request) -> float:
    # read once, at the empirical threshold: the choice must not select on the noise of the design effect
    empirical = (
        int(np.searchsorted(below[:-1], float(request.floor.miss_share) * below[-1], side="right")) - 1
    )
    missed = score < score[empirical]
    if clusters is None:
        return weighted(missed, weights, float(request.delta))
    uneven = None if np.ptp(weights) == 0 else weights
    found = korn_graubard(missed, clusters, uneven, float(request.delta))
    return max(found, float(_films_each(clusters).size)) if uneven is None and _even(clusters) else found


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
    drawn = ClassRows(_drawn(positives, request))
    return replace(_independent(drawn, request), unit="patient", speaks_of="patients")


def _worst(positives: ClassRows, request: Request) -> Choice:
    lowest = ClassRows(_lowest(positives, request))
    return replace(_independent(lowest, request), unit="patient", speaks_of="patients without a missed film")


def _drawn(positives: ClassRows, request: Request) -> Floats:
    films = patient_films(positives, None)
    return films.one_each(order_keys(films.keys, 0, request.seed))


def _lowest(positives: ClassRows, request: Request) -> Floats:
    films = patient_films(positives, None)
    lowest: Floats = films.score[films.first]
    return lowest


def _betting(positives: ClassRows, request: Request) -> Choice:
    if positives.weights is not None and request.max_weight is None and request.method == "exact":
        raise ThresholdError(
            "max_weight: not given, expected the largest weight that the design can give (--max-weight): a "
            "guarantee needs it, and the largest weight of these rows is no bound. Without a guarantee: "
            "method empirical, or cluster_method korn_graubard."
        )
    bound = None if positives.weights is None else request.max_weight or float(positives.weights.max())
    return mean_miss_choice(patient_films(positives, bound), request)


ONE_SCORE: Final = MappingProxyType[ClusterMethod, Callable[[ClassRows, Request], Floats]](
    {"one_per_cluster": _drawn, "worst": _lowest}
)
"""Cluster methods that leave one score of each patient: a film drawn, or the lowest."""

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
