"""A frozen floor of the specificity or of a predictive value, or a frozen grey zone, on rows of another site.

The threshold is fixed, so that exact limits of each rate decide: certified if the lower limit keeps the
floor, alarm if the upper one breaks it, each wrong with probability delta at most. The number of rows must
not depend on what they showed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, Unpack

import numpy as np
import numpy.typing as npt

from strnet.errors import ThresholdError
from strnet.floor_options import CertifyFloorsOptions
from strnet.options import with_defaults
from strnet.stats.proportions import clopper_pearson_lower, clopper_pearson_upper
from strnet.thresholds.fixed_cutoffs import (
    CutoffCounts,
    first_times,
    limits,
    predictive,
)
from strnet.thresholds.floor import Floor, read_floor
from strnet.thresholds.floor_cut import counts_for
from strnet.thresholds.floor_point import FloorPoint
from strnet.thresholds.grey_zone import GreyZone
from strnet.thresholds.rows import RowColumns, Rows, checked_rows
from strnet.thresholds.stated_prevalence import StatedPrevalence, read_prevalence
from strnet.thresholds.threshold_request import Request, read_request

FloorVerdict = Literal["certified", "insufficient", "alarm"]
Rate = Literal["sensitivity", "specificity", "ppv", "npv"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorCertificate:
    """Whether one floor holds at a site, with probability `confidence`.

    `value` is the rate seen there, between one-sided exact limits `low` and `high`; `found` of `positives`
    and `rejected` of `negatives` are films, or patients where films hang together. `times_the_rows` is how
    many times as many rows would certify it at the rates seen (None: no number would, or it is decided).
    """

    floor_of: Rate
    floor: str
    verdict: FloorVerdict
    confidence: float
    value: float
    low: float
    high: float
    found: int
    positives: int
    rejected: int
    negatives: int
    prevalence: str | None = None
    times_the_rows: float | None = None
    score: str | None = None
    taken_for: str | None = None
    rows_without_target: int = 0


def certify_floors(
    point: FloorPoint | GreyZone,
    target: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    clusters: npt.ArrayLike | None = None,
    mixed_clusters: bool = False,
    **options: Unpack[CertifyFloorsOptions],
) -> dict[str, FloorCertificate]:
    """A verdict on each floor that `point` promises, by the rate that it is of; two share the error.

    `target` and `score` (n,) are of another site, `clusters` (n,) its patients, with `cluster_method` `worst`
    or `one_per_cluster`. `prevalence` is that of the site; the point's own if not given.

    Raises: ThresholdError: rows or options that cannot be used, or no rows of a class that a floor needs.
    """
    columns = RowColumns(
        clusters=clusters, mixed_clusters=mixed_clusters, higher_is_positive=point.operator == ">="
    )
    rows = checked_rows(target, score, columns)
    chosen = with_defaults(CertifyFloorsOptions, options)
    request = read_request(
        confidence=point.confidence if chosen["confidence"] is None else chosen["confidence"],
        cluster_method=chosen["cluster_method"] or "worst",
        seed=chosen["seed"],
    )
    asked = _floors_of(point)
    given = _prevalence(point, asked, chosen["prevalence"])
    shared = replace(request, delta=request.delta / len(asked))
    return {
        rate: replace(
            _certificate(rows, rate, read_floor(floor, of=rate), threshold, shared, given),
            confidence=request.confidence,
        )
        for rate, (floor, threshold) in asked.items()
    }


def _floors_of(point: FloorPoint | GreyZone) -> dict[Rate, tuple[str, float]]:
    """The floor and the threshold of each rate that `point` promises."""
    if isinstance(point, FloorPoint):
        return {point.floor_of: (point.floor, point.threshold)}
    return {
        "sensitivity": (point.min_sensitivity, point.rule_out),
        point.rule_in_of: (point.rule_in_floor, point.rule_in),
    }


def _prevalence(
    point: FloorPoint | GreyZone, floors: Iterable[Rate], given: str | float | None
) -> StatedPrevalence | None:
    """The prevalence `given`, or the point's own.

    Raises: ThresholdError: one is given, and none of the floors depends on it.
    """
    if given is not None and not {"ppv", "npv"} & set(floors):
        raise ThresholdError(
            f"--prevalence: found {given}, expected none: no floor of this point depends on it, only those "
            "of PPV and NPV do. Leave it out."
        )
    stated = point.prevalence if given is None else given
    return None if stated is None else read_prevalence(stated)


def _certificate(
    rows: Rows,
    rate: Rate,
    floor: Floor,
    threshold: float,
    request: Request,
    prevalence: StatedPrevalence | None,
) -> FloorCertificate:
    cutoffs = np.array([rows.sign * threshold])
    _require_cases(rows, rate)
    strict = counts_for(rows, cutoffs, request)
    generous = counts_for(rows, cutoffs, request, generous=True)
    delta, least = float(request.delta), float(floor.share)
    low = _limit(strict, rate, prevalence, delta, upper=False)
    high = _limit(generous, rate, prevalence, delta, upper=True)
    verdict: FloorVerdict = "certified" if low >= least else "alarm" if high < least else "insufficient"

    def kept(times: float) -> bool:
        stated = None if prevalence is None else prevalence.times(times)
        return _limit(strict.times(times), rate, stated, delta, upper=False) >= least

    return FloorCertificate(
        floor_of=rate,
        floor=floor.text,
        verdict=verdict,
        confidence=request.confidence,
        value=_seen(strict, rate, prevalence),
        low=low,
        high=high,
        found=round(float(strict.found[0])),
        positives=round(strict.positives),
        rejected=round(float(strict.rejected[0])),
        negatives=round(strict.negatives),
        prevalence=None if prevalence is None or rate in ("sensitivity", "specificity") else prevalence.text,
        times_the_rows=first_times(kept) if verdict == "insufficient" else None,
    )


def _limit(
    counts: CutoffCounts, rate: Rate, prevalence: StatedPrevalence | None, delta: float, *, upper: bool
) -> float:
    """A one-sided exact limit of `rate`, which is wrong with probability `delta` at most."""
    if rate in ("sensitivity", "specificity"):
        of_class = (counts.found[0], counts.positives)
        if rate == "specificity":
            of_class = (counts.rejected[0], counts.negatives)
        one_sided = clopper_pearson_upper if upper else clopper_pearson_lower
        return float(one_sided(*of_class, confidence=1 - delta))
    assert prevalence is not None
    found = limits(counts, prevalence, delta, upper=upper)
    return float(found.ppv[0] if rate == "ppv" else found.npv[0])


def _seen(counts: CutoffCounts, rate: Rate, prevalence: StatedPrevalence | None) -> float:
    found = float(counts.found[0]) / counts.positives if counts.positives else math.nan
    rejected = float(counts.rejected[0]) / counts.negatives if counts.negatives else math.nan
    if rate in ("sensitivity", "specificity"):
        return found if rate == "sensitivity" else rejected
    assert prevalence is not None
    if rate == "ppv":
        return float(predictive(found, rejected, prevalence.value))
    return float(predictive(rejected, found, 1 - prevalence.value))


def _require_cases(rows: Rows, rate: Rate) -> None:
    """Raise unless the rows hold the cases that `rate` is of.

    Raises: ThresholdError: no positive, or no negative, and it needs some.
    """
    if rate != "specificity" and not rows.positive_count:
        raise ThresholdError(f"target: found no positive, expected some: {rate} cannot be seen without.")
    if rate != "sensitivity" and not rows.negative_count:
        raise ThresholdError(f"target: found no negative, expected some: {rate} cannot be seen without.")
