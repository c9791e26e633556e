"""The best of K networks on the rows that also set their thresholds, at a price that keeps the promise.

Each network's threshold keeps the floor with probability 1 - delta / K, so that all of them do with 1 -
delta, and with them the one whose specificity is highest, however it was chosen. Its specificity was the
highest of K too: the interval of each is at 1 - delta / K, and all hold together. Uncorrected, the network
whose threshold came out too high by chance looks the most specific, and is the one that is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Unpack

import numpy as np
import numpy.typing as npt

from strnet.errors import ImpossibleError, ThresholdError
from strnet.stats.estimates import Estimate
from strnet.threshold_options import FitOptions
from strnet.thresholds.fitting import fit_rows
from strnet.thresholds.point import Candidate, OperatingPoint, Promise
from strnet.thresholds.rows import Groups, RowColumns, Rows, fittable_rows
from strnet.thresholds.threshold_request import Request, read_request

SELECTED = "chosen as the best of {count}: what it shows is higher, and the interval of each is wider for it"


def fit_best(
    target: npt.ArrayLike,
    scores: Mapping[str, npt.ArrayLike],
    *,
    clusters: npt.ArrayLike | None = None,
    mixed_clusters: bool = False,
    groups: Groups | None = None,
    weights: npt.ArrayLike | None = None,
    higher_is_positive: bool = True,
    **options: Unpack[FitOptions],
) -> tuple[str, OperatingPoint]:
    """Which of `scores` (each (n,), by the name of its network) is most specific, and its operating point.

    The other arrays and the options are those of `fit_threshold`. `candidates` of the point says what each
    network would have got.

    Raises: as `fit_threshold`; ThresholdError: fewer than two networks, or no negatives to compare them on.
    """
    columns = RowColumns(
        weights=weights,
        clusters=clusters,
        groups=groups,
        mixed_clusters=mixed_clusters,
        higher_is_positive=higher_is_positive,
    )
    rows = {name: fittable_rows(target, score, columns) for name, score in scores.items()}
    return fit_best_rows(rows, read_request(**options))


def fit_best_rows(networks: Mapping[str, Rows], request: Request) -> tuple[str, OperatingPoint]:
    """The name and the point of the best of `networks`: checked rows of the same cases, by name.

    Raises: as `fit_best`.
    """
    _require_comparable(networks)
    shared = replace(request, delta=request.delta / len(networks))
    points, refusals = _points(networks, shared)
    if not points:
        raise ImpossibleError(
            f"best of {len(networks)}: confidence {request.confidence:g} is shared among them. "
            + next(iter(refusals.values()))
        )
    best = max(points, key=lambda name: _specificity(points[name]).value)  # the first named of several
    candidates = tuple(
        _candidate(name, points.get(name), refusals.get(name, ""), chosen=name == best) for name in networks
    )
    chosen = points[best]
    note = SELECTED.format(count=len(networks))
    return best, replace(
        chosen,
        # a network that is silent because of what it showed takes itself out of the comparison
        promise=_weakest(points, refused=bool(refusals)),
        confidence=request.confidence,
        confidence_reached=1 - sum(1 - point.confidence_reached for point in points.values()),
        expected_sensitivity=replace(chosen.expected_sensitivity, note=note),
        specificity=replace(_specificity(chosen), note=note),
        candidates=candidates,
    )


def _points(
    networks: Mapping[str, Rows], request: Request
) -> tuple[dict[str, OperatingPoint], dict[str, str]]:
    points, refusals = {}, {}
    for name, rows in networks.items():
        try:
            points[name] = fit_rows(rows, request)
        except ImpossibleError as error:
            refusals[name] = str(error)
    return points, refusals


def _weakest(points: Mapping[str, OperatingPoint], *, refused: bool) -> Promise | None:
    promises = {point.promise for point in points.values()}
    if None in promises:
        return None
    return "wrong_or_silent" if refused or "wrong_or_silent" in promises else "if_answered"


def _specificity(point: OperatingPoint) -> Estimate:
    assert point.specificity is not None
    return point.specificity


def _candidate(name: str, point: OperatingPoint | None, note: str, *, chosen: bool) -> Candidate:
    if point is None:
        return Candidate(name=name, chosen=False, threshold=None, specificity=None, note=note)
    return Candidate(
        name=name, chosen=chosen, threshold=point.threshold, specificity=_specificity(point), note=note
    )


def _require_comparable(networks: Mapping[str, Rows]) -> None:
    if len(networks) < 2:
        raise ThresholdError(
            f"best: found {len(networks)} score, expected at least two. Use threshold fit for one."
        )
    first, *others = networks.values()
    if first.negative_count == 0:
        raise ThresholdError("best: found no negative, expected some: the networks differ in specificity.")
    for other in others:
        if not np.array_equal(first.target, other.target):
            raise ThresholdError("best: the networks were given different targets, expected the same cases.")
