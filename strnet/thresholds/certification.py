"""A frozen operating point at another site: certified, alarm, or not enough positives to say."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from strnet.errors import ThresholdError
from strnet.stats.estimates import Estimate
from strnet.stats.inputs import Bools
from strnet.threshold_options import ClusterMethod, Proportion
from strnet.thresholds.effective import korn_graubard, rate, weighted
from strnet.thresholds.floor import Floor, read_confidence, read_floor
from strnet.thresholds.measure import specificity_of
from strnet.thresholds.point import OperatingPoint
from strnet.thresholds.rows import ClassRows, Labels, RowColumns, Rows, checked_rows
from strnet.thresholds.rules import (
    binomial_cdf,
    chance_of_holding,
    effective_exact_misses,
    exact_misses,
    first_true,
    positives_allowing,
)
from strnet.thresholds.score_identity import ScoreIdentity
from strnet.thresholds.threshold_request import Request

Verdict = Literal["certified", "insufficient", "alarm"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Certification:
    """Whether the floor holds at a site.

    `certified`: it does, with probability `confidence`; `alarm`: it does not, with that probability;
    `insufficient`: neither is shown. `misses_allowed` (None: too few positives for any) and `alarm_from` are
    in units, of which there were `units`, effective ones where films hang together; `approximate` where those
    rest on a design effect. `more_if_none_missed` positives would certify the site if none of them were
    missed, `more_at_this_rate` if misses went on as they did (None: then it never is). `chance_if_floor` is
    that of so many misses if the sensitivity were just the floor. `rows_without_target` were left out of a
    table, counted for the whole of it. `score` is the column that was read, `taken_for` the one of the
    operating point where the user said that both hold the same score.
    """

    verdict: Verdict
    approximate: bool
    min_sensitivity: str
    confidence: float
    positives: int
    negatives: int
    misses: int
    units: float
    unit_misses: float
    misses_allowed: int | None
    alarm_from: int
    chance_if_floor: float
    sensitivity: Estimate | None
    specificity: Estimate | None
    more_if_none_missed: int | None
    more_at_this_rate: int | None
    rows_without_target: int = 0
    score: str | None = None
    taken_for: str | None = None


@dataclass(frozen=True, slots=True)
class UnitMisses:
    """Misses among independent units; effective numbers where `exact` is False.

    `for_alarm` is a count that the sensitivity being too low, and nothing else, makes large.
    """

    units: float
    missed: float
    for_alarm: float
    exact: bool = True


def certify(  # noqa: PLR0913 - a public entry: every ability is one keyword
    point: OperatingPoint,
    target: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    confidence: Proportion | None = None,
    clusters: npt.ArrayLike | None = None,
    cluster_method: ClusterMethod = "korn_graubard",
    mixed_clusters: bool = False,
    groups: npt.ArrayLike | Labels | None = None,
    weights: npt.ArrayLike | None = None,
    source: ScoreIdentity | None = None,
    seed: int = 0,
) -> Certification:
    """Whether the frozen `point` keeps its floor at the site that `target` and `score` (n,) come from.

    The rows must be new: not those that the threshold was chosen from. Asking again after every few cases
    spends the confidence: plan the number of positives first. `confidence` is the point's own if not given;
    `groups` (n,) are for a point with one threshold per group.

    Raises:
        ThresholdError: rows or options that cannot be used.
        BundleError: `source` says that the scores are of another model.
    Source: certified if misses <= c(m) of the exact rule; alarm if misses exceed the (1 - delta) quantile of
        Binomial(m, 1 - floor).
    """
    columns = RowColumns(
        weights=weights,
        clusters=clusters,
        groups=groups,
        mixed_clusters=mixed_clusters,
        higher_is_positive=point.operator == ">=",
    )
    rows = checked_rows(target, score, columns)
    labels = rows.groups[0] if rows.groups else None
    found = point.apply(rows.score, labels, source=source)
    request = Request(
        floor=read_floor(point.min_sensitivity),
        delta=1 - read_confidence(point.confidence if confidence is None else confidence),
        cluster_method=cluster_method,
        seed=seed,
    )
    return _certification(rows, found, request)


def _certification(rows: Rows, found: Bools, request: Request) -> Certification:
    positives, negatives = rows.positives(), rows.negatives()
    missed = ~found[rows.target]
    confidence = float(1 - request.delta)
    seen = _unit_misses(positives, missed, request) if missed.size else UnitMisses(0.0, 0.0, 0.0)
    allowed = _allowed(seen, request)
    chance = _chance_of_so_many(seen.for_alarm, seen.units, request.floor)
    verdict: Verdict = "insufficient"
    if allowed >= 0 and seen.missed <= allowed:
        verdict = "certified"
    elif chance <= request.delta:
        verdict = "alarm"
    films = missed.size / seen.units if seen.units else 1.0
    return Certification(
        verdict=verdict,
        approximate=not seen.exact,
        min_sensitivity=request.floor.text,
        confidence=confidence,
        positives=missed.size,
        negatives=rows.negative_count,
        misses=int(np.count_nonzero(missed)),
        units=seen.units,
        unit_misses=seen.missed,
        misses_allowed=math.floor(allowed) if allowed >= 0 else None,
        alarm_from=_alarm_from(seen.units, request),
        chance_if_floor=chance,
        sensitivity=rate(positives, ~missed, confidence) if missed.size else None,
        specificity=specificity_of(negatives, ~found[~rows.target], confidence),
        more_if_none_missed=_more(seen, request, films) if verdict == "insufficient" else None,
        more_at_this_rate=_more_at_this_rate(seen, request, films) if verdict == "insufficient" else None,
    )


def _unit_misses(positives: ClassRows, missed: Bools, request: Request) -> UnitMisses:
    if positives.clusters is None and positives.weights is None:
        count = float(np.count_nonzero(missed))
        return UnitMisses(float(missed.size), count, count)
    if positives.clusters is None or request.cluster_method == "korn_graubard":
        return _effective_misses(positives, missed, float(request.delta))
    if positives.weights is not None or request.cluster_method not in ("one_per_cluster", "worst"):
        raise ThresholdError(
            f"cluster_method {request.cluster_method}: not defined here with these columns. Use korn_graubard"
            + ("." if positives.weights is not None else ", one_per_cluster or worst.")
        )
    return _patient_misses(positives, missed, request)


def _effective_misses(positives: ClassRows, missed: Bools, delta: float) -> UnitMisses:
    share = 1 - rate(positives, ~missed, 0.95).value
    if positives.clusters is None:
        worth = weighted(missed, np.asarray(positives.weights), delta)
    elif np.ptp(positives.clusters) == 0:
        worth = 1.0  # no spread between patients to read an effective number from
    else:
        worth = korn_graubard(missed, positives.clusters, positives.weights, delta)
    return UnitMisses(worth, share * worth, share * worth, exact=False)


def _patient_misses(positives: ClassRows, missed: Bools, request: Request) -> UnitMisses:
    patients = np.asarray(positives.clusters)
    order = np.lexsort((positives.score, patients))
    ordered, clusters = missed[order], patients[order]
    first = np.flatnonzero(np.diff(clusters, prepend=-1))
    films = np.diff(first, append=clusters.size)
    if request.cluster_method == "one_per_cluster":
        drawn = ordered[first + np.random.default_rng(request.seed).integers(films)]
        count = float(np.count_nonzero(drawn))
        return UnitMisses(float(first.size), count, count)
    lost = np.add.reduceat(ordered.astype(np.int64), first)
    any_missed, all_missed = np.count_nonzero(lost > 0), np.count_nonzero(lost == films)
    return UnitMisses(float(first.size), float(any_missed), float(all_missed))


def _allowed(seen: UnitMisses, request: Request) -> float:
    if seen.units == 0:
        return -1.0
    if seen.exact:
        return float(exact_misses(round(seen.units), request.floor, request.delta))
    return effective_exact_misses(seen.units, request.floor, float(request.delta))


def _chance_of_so_many(misses: float, units: float, floor: Floor) -> float:
    """P(X >= misses) if the sensitivity were just the floor; 1 if none is missed."""
    return chance_of_holding(misses - 1, units, floor) if misses > 0 else 1.0


def _alarm_from(units: float, request: Request) -> int:
    most = math.floor(units) + 1
    return first_true(lambda k: _chance_of_so_many(k, units, request.floor) <= request.delta, 1, most)


def _more(seen: UnitMisses, request: Request, films: float) -> int | None:
    if request.floor.share == 1:
        return None
    units = positives_allowing(math.ceil(seen.missed), "exact", request.floor, request.delta)
    return max(1, math.ceil((units - seen.units) * films))


def _more_at_this_rate(seen: UnitMisses, request: Request, films: float) -> int | None:
    rate_missed = seen.missed / seen.units if seen.units else 0.0
    if rate_missed >= request.floor.miss_share:
        return None

    def certified(units: int) -> bool:
        return binomial_cdf(rate_missed * units, units, request.floor) <= request.delta

    most = max(1, math.ceil(seen.units))
    while not certified(most):
        most *= 2
    return max(1, math.ceil((first_true(certified, 1, most) - seen.units) * films))
