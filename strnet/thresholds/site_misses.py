"""From the missed films of a site to the misses of its patients, the units that certify."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

import numpy as np

from strnet.errors import ThresholdError, unknown_name
from strnet.stats.inputs import Bools, Floats, Ints
from strnet.threshold_options import SiteMethod
from strnet.thresholds.confidence_sequence import PatientMisses
from strnet.thresholds.reading_order import Keys
from strnet.thresholds.rows import ClassRows

Films = tuple[Floats, Floats, Ints, Keys]
"""Missed (n,), weights (n,) of films in the order of patients; first film (k,), key (k,) of each patient."""


def patient_misses(
    positives: ClassRows,
    missed: Bools,
    *,
    method: SiteMethod,
    max_weight: float | None,
) -> PatientMisses:
    """What each patient's films say: the share missed, or whether one was, by `method`.

    `missed` (n,) is for the positive films. Without patients each film is one. A patient weighs as much as
    its films on average.

    Raises: ThresholdError: weights without `max_weight` or above it; an unknown method.
    """
    if method not in SITE_METHODS:
        raise ThresholdError(unknown_name("cluster method", method, SITE_METHODS))
    _require_declared(positives.weights, max_weight)
    if positives.clusters is None:
        return PatientMisses(missed.astype(np.float64), positives.weights, _declared(positives, max_weight))
    assert positives.cluster_keys is not None
    order = np.lexsort((positives.score, positives.clusters))  # the order of rows must not change a draw
    clusters = positives.clusters[order]
    first = np.flatnonzero(np.diff(clusters, prepend=-1))
    weights = np.ones(missed.size) if positives.weights is None else positives.weights[order]
    keys = positives.cluster_keys[clusters[first]]
    share = SITE_METHODS[method]((missed[order].astype(np.float64), weights, first, keys))
    if positives.weights is None:
        return PatientMisses(share)
    mean_weight = _mean(weights, first)
    return PatientMisses(share, mean_weight, max_weight)


def _declared(positives: ClassRows, max_weight: float | None) -> float | None:
    return None if positives.weights is None else max_weight


def _require_declared(weights: Floats | None, max_weight: float | None) -> None:
    if weights is None:
        return
    if max_weight is None:
        raise ThresholdError(
            "weights: found weights, and no largest one declared. Say with max_weight (--max-weight) the "
            "most that a film can weigh by the design: the largest of these rows is no bound for the others."
        )
    if not max_weight > 0 or weights.max(initial=0.0) > max_weight:
        raise ThresholdError(
            f"weights: found {weights.max(initial=0.0):g}, expected at most the {max_weight:g} declared as "
            "max_weight (--max-weight). Declare the largest weight of the design."
        )


def _mean(values: Floats, first: Ints) -> Floats:
    means: Floats = np.add.reduceat(values, first) / np.diff(first, append=values.size)
    return means


def _share(films: Films) -> Floats:
    missed, weights, first, _ = films
    shares: Floats = np.add.reduceat(missed * weights, first) / np.add.reduceat(weights, first)
    return np.clip(shares, 0.0, 1.0)


def _one(films: Films) -> Floats:
    missed, _, first, hashes = films
    of_each = np.diff(first, append=missed.size)
    return missed[first + (hashes % of_each.astype(np.uint64)).astype(np.int64)]


def _any(films: Films) -> Floats:
    missed, _, first, _ = films
    return np.maximum.reduceat(missed, first)


SITE_METHODS: Final = MappingProxyType[SiteMethod, Callable[[Films], Floats]](
    {"betting": _share, "one_per_cluster": _one, "worst": _any}
)
"""The share of a patient's positive films that is missed; one film, named by the patient's hash; any film."""
