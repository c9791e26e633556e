"""Two thresholds with a grey zone between: rule out under a sensitivity floor, rule in under another floor.

Below the first threshold a case is ruled out, at or above the second it is ruled in; what lies between is
left to another examination. The first comes from the positives and the second from the negatives (or, under a
PPV floor, from cut-offs fixed beforehand), each at delta / 2, so that both promises hold together with
probability 1 - delta. Where the first is not below the second, the second alone keeps both: it rules in as
promised, and being no higher than the first it misses no more. Nothing is then left between.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Unpack

import numpy as np
import numpy.typing as npt

from strnet.errors import ThresholdError
from strnet.floor_options import GreyOptions
from strnet.stats.estimates import Estimate
from strnet.stats.inputs import Bools
from strnet.thresholds.choice import choose
from strnet.thresholds.deciding import reaches
from strnet.thresholds.describe import Stated, operator_of, origin, stated
from strnet.thresholds.effective import rate
from strnet.thresholds.file_types import StatedEstimate, Threshold
from strnet.thresholds.fitted_from import FittedFrom
from strnet.thresholds.floor_cut import FloorCut, floor_cut
from strnet.thresholds.floor_point import SET_BY_THESE
from strnet.thresholds.floor_request import GreyRequest, read_grey_request
from strnet.thresholds.patient_choice import Choice
from strnet.thresholds.point import Operator, Promise, SpeaksOf, Status
from strnet.thresholds.rows import ClassRows, RowColumns, Rows, fittable_rows
from strnet.thresholds.score_identity import ScoreIdentity

COLLAPSED = (
    "Both floors leave no zone between them: one threshold keeps both, the one that rules in, and every case "
    "is decided."
)


@dataclass(frozen=True, slots=True)
class ZoneShares:
    """Of the cases of one class, or of all rows: how many are ruled out, left in the zone, and ruled in."""

    ruled_out: StatedEstimate
    grey: StatedEstimate
    ruled_in: StatedEstimate


@dataclass(frozen=True, slots=True, kw_only=True)
class GreyZone(FittedFrom):
    """Two thresholds: ruled in if `score operator rule_in`, ruled out unless `score operator rule_out`.

    With probability `confidence` both hold: of the diseased, at least `min_sensitivity` are not ruled out;
    and the floor `rule_in_floor` of the specificity (of the healthy, that many are not ruled in) or of the
    PPV (of those ruled in, that many are diseased, at `prevalence`). `collapsed`: both thresholds are one.
    `promise` and `speaks_of` as in `FloorPoint`. The shares are of these rows, which also set the thresholds.
    """

    status: Status
    promise: Promise | None
    speaks_of: SpeaksOf
    confidence: float
    min_sensitivity: str
    rule_in_of: Literal["specificity", "ppv"]
    rule_in_floor: str
    rule_out: Threshold
    rule_in: Threshold
    operator: Operator
    collapsed: bool
    positives: int
    negatives: int
    of_positives: ZoneShares
    of_negatives: ZoneShares
    of_rows: ZoneShares
    ppv_bound: float | None = None
    prevalence: str | None = None
    cutoffs_tried: int | None = None
    chance_of_silence: float | None = None
    clusters: int | None = None
    cluster_method: str | None = None
    seed: int | None = None
    weighted: bool = False

    def apply(self, scores: npt.ArrayLike, *, source: ScoreIdentity | None = None) -> npt.NDArray[np.int8]:
        """0 (ruled out), 1 (grey zone) or 2 (ruled in) for each of `scores` (n,), shape (n,).

        Raises: as `OperatingPoint.apply`.
        """
        if source is not None:
            self.score.require_same(source)
        passed = [reaches(scores, threshold, self.operator) for threshold in (self.rule_out, self.rule_in)]
        return passed[0].astype(np.int8) + passed[1].astype(np.int8)


def fit_grey(
    target: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    score_kind: str | None = None,
    clusters: npt.ArrayLike | None = None,
    mixed_clusters: bool = False,
    weights: npt.ArrayLike | None = None,
    higher_is_positive: bool = True,
    **options: Unpack[GreyOptions],
) -> GreyZone:
    """The narrowest grey zone whose two promises hold together with probability `confidence`.

    Arrays and options as in `fit_floor`; `min_sensitivity` is the floor of those not ruled out, and one of
    `min_specificity` and `min_ppv` that of ruling in.

    Raises: as `fit_floor`.
    """
    columns = RowColumns(
        weights=weights,
        clusters=clusters,
        mixed_clusters=mixed_clusters,
        higher_is_positive=higher_is_positive,
    )
    return fit_grey_rows(fittable_rows(target, score, columns), read_grey_request(**options), score_kind)


def fit_grey_rows(rows: Rows, asked: GreyRequest, kind: str | None = None) -> GreyZone:
    """The grey zone for checked rows whose scores are of `kind` (None: unknown).

    Raises: as `fit_grey`.
    """
    if not rows.negative_count:
        raise ThresholdError("target: found no negative, expected at least one. Ruling in needs negatives.")
    out, into = choose(rows.positives(), asked.rule_out), floor_cut(rows, asked.rule_in, kind)
    collapsed = out.threshold >= into.threshold
    low = into.threshold if collapsed else out.threshold
    return _described(rows, asked, (low, into.threshold), out, into)


def _described(
    rows: Rows, asked: GreyRequest, edges: tuple[float, float], out: Choice, into: FloorCut
) -> GreyZone:
    collapsed = edges[0] == edges[1]
    rule_in = asked.rule_in
    assert rule_in.floor_of != "npv"
    of_positives, of_negatives, of_rows = _shares(rows, edges, asked.confidence)
    return GreyZone(
        **_stated(asked, out, into),
        confidence=asked.confidence,
        min_sensitivity=asked.rule_out.floor.text,
        rule_in_of=rule_in.floor_of,
        rule_in_floor=rule_in.request.floor.text,
        rule_out=rows.sign * edges[0],
        rule_in=rows.sign * edges[1],
        operator=operator_of(rows),
        collapsed=collapsed,
        positives=rows.positive_count,
        negatives=rows.negative_count,
        of_positives=of_positives,
        of_negatives=of_negatives,
        of_rows=of_rows,
        ppv_bound=into.lower_bound,
        prevalence=None if rule_in.prevalence is None else rule_in.prevalence.text,
        cutoffs_tried=None if into.counts is None else into.counts.cutoffs.size,
        notes=(COLLAPSED,) if collapsed else (),
        **origin(rows, asked.rule_out),
    )


def _stated(asked: GreyRequest, out: Choice, into: FloorCut) -> Stated:
    """What may be said of both thresholds together."""
    if into.choice is not None:
        return stated(asked.rule_out, out, into.choice)
    said = stated(asked.rule_out, out)
    if said["promise"] is None:
        return said
    return {**said, "promise": "wrong_or_silent", "chance_of_silence": None}


def _shares(
    rows: Rows, edges: tuple[float, float], confidence: float
) -> tuple[ZoneShares, ZoneShares, ZoneShares]:
    """Shares of the positives, of the negatives and of all rows."""
    classes = rows.positives(), rows.negatives(), rows.everyone()
    first, second, third = (_shares_of(of_class, edges, confidence) for of_class in classes)
    return first, second, third


def _shares_of(rows: ClassRows, edges: tuple[float, float], confidence: float) -> ZoneShares:
    below, reached = rows.score < edges[0], rows.score >= edges[1]

    def share(chosen: Bools) -> Estimate:
        return replace(rate(rows, chosen, confidence), note=SET_BY_THESE)

    return ZoneShares(share(below), share(~below & ~reached), share(reached))
