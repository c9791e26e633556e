"""Two thresholds in a row, bone loss and then osteoporosis among those with bone loss, promised end to end.

t1 comes from the osteopenia cases alone, t2 from u = (the second score, or -inf where the first is below t1)
of all osteoporosis cases, each at delta / 2. The two sets of cases are disjoint, so t1 is fixed as far as t2
is concerned, and no rows need to be split off. Osteoporosis cases that pass both pass the first; with an
osteoporosis floor no lower than that of bone loss, the floor of bone loss holds for every mixture of both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Unpack

import numpy as np
import numpy.typing as npt

from strnet.errors import ImpossibleError, ThresholdError
from strnet.options import with_defaults
from strnet.stats import inputs
from strnet.stats.inputs import Bools, Floats
from strnet.threshold_options import CascadeOptions, Proportion
from strnet.thresholds.choice import choose
from strnet.thresholds.describe import describe
from strnet.thresholds.file_types import STRICT
from strnet.thresholds.floor import read_floor
from strnet.thresholds.point import OperatingPoint, Status
from strnet.thresholds.rows import ClassRows, RowColumns, Rows, as_threshold_error, fittable_rows
from strnet.thresholds.score_identity import ScoreIdentity
from strnet.thresholds.threshold_request import Request, read_request

NO_BONE_LOSS, BONE_LOSS, OSTEOPOROSIS = 0, 1, 2

FIRST_NOTE = (
    "The law is that of osteopenia cases, which alone chose the threshold; the counts are of all bone loss."
)
SECOND_NOTE = "Counted end to end; applies only to cases whose bone-loss score reaches the first threshold."


@dataclass(frozen=True, slots=True)
class CascadePoint:
    """Both operating points: osteoporosis if both thresholds are reached, bone loss if only the first is.

    The promise is joint: both floors hold together with probability `confidence`. The counts and rates of
    `osteoporosis` are end to end, over all cases with and all without osteoporosis.
    """

    __pydantic_config__: ClassVar = STRICT

    status: Status
    confidence: float
    confidence_reached: float
    bone_loss: OperatingPoint
    osteoporosis: OperatingPoint

    def apply(
        self,
        bone_loss_score: npt.ArrayLike,
        osteoporosis_score: npt.ArrayLike,
        *,
        sources: tuple[ScoreIdentity | None, ScoreIdentity | None] = (None, None),
    ) -> npt.NDArray[np.int8]:
        """0 (no bone loss), 1 (bone loss, no osteoporosis) or 2 (osteoporosis) for each case, shape (n,).

        Raises: as `OperatingPoint.apply`.
        """
        first = self.bone_loss.apply(bone_loss_score, source=sources[0])
        second = self.osteoporosis.apply(osteoporosis_score, source=sources[1])
        return np.where(first, np.where(second, OSTEOPOROSIS, BONE_LOSS), NO_BONE_LOSS).astype(np.int8)


def fit_cascade(
    bone_loss: npt.ArrayLike,
    osteoporosis: npt.ArrayLike,
    bone_loss_score: npt.ArrayLike,
    osteoporosis_score: npt.ArrayLike,
    *,
    clusters: npt.ArrayLike | None = None,
    **options: Unpack[CascadeOptions],
) -> CascadePoint:
    """The two thresholds that keep both floors together with probability `confidence`.

    All arrays are (n,), higher scores mean more disease. `osteoporosis` is 0 or 1 where `bone_loss` is 1, and
    0 or NaN elsewhere. `options` are those of `CascadeOptions`; `method` `empirical` keeps both floors on
    these rows only.

    Raises:
        ThresholdError: rows or options that cannot be used; an osteoporosis floor below that of bone loss.
        ImpossibleError: too few osteopenia or osteoporosis cases, or too many lost at the first step.
    """
    asked = with_defaults(CascadeOptions, options)
    severe_floor, mixed = asked.pop("min_sensitivity_osteoporosis"), asked.pop("mixed_clusters")
    request = read_request(**asked)
    second = request if severe_floor is None else _with_floor(request, severe_floor)
    columns = RowColumns(clusters=clusters, mixed_clusters=mixed)
    rows = fittable_rows(bone_loss, bone_loss_score, columns)
    return _fit(rows, *_checked_second(rows, osteoporosis, osteoporosis_score), request, second)


def _fit(rows: Rows, severe: Bools, score: Floats, request: Request, second: Request) -> CascadePoint:
    first_point = _first(rows, severe, request)
    passed = rows.score >= np.float64(first_point.threshold or 0.0)
    end_to_end = Rows(severe, np.where(passed, score, -np.inf), clusters=rows.clusters)
    second_point = _second(end_to_end, second)
    exact = request.method == "exact"
    reached = first_point.confidence_reached + second_point.confidence_reached - 1
    approximate = "approximate" in (first_point.status, second_point.status)
    return CascadePoint(
        status=("approximate" if approximate else "guaranteed") if exact else "point only",
        confidence=request.confidence,
        confidence_reached=max(reached, 0.0),
        bone_loss=first_point,
        osteoporosis=second_point,
    )


def _first(rows: Rows, severe: Bools, request: Request) -> OperatingPoint:
    mild = rows.positives() if request.method == "empirical" else _osteopenia(rows, severe)
    choice = choose(mild, _halved(request))
    point = describe(rows, rows.positives(), choice, request)
    return replace(point, notes=(*point.notes, FIRST_NOTE)) if request.method == "exact" else point


def _osteopenia(rows: Rows, severe: Bools) -> ClassRows:
    mild = rows.subset(~severe)
    if mild.positive_count == 0:
        raise ImpossibleError(
            "cascade: found no case with bone loss but without osteoporosis, from which the first threshold "
            "is chosen. Add osteopenia cases, or fit the two thresholds one by one."
        )
    return mild.positives()


def _second(end_to_end: Rows, request: Request) -> OperatingPoint:
    positives = end_to_end.positives()
    lost = int(np.count_nonzero(np.isneginf(positives.score)))
    choice = choose(positives, _halved(request))
    if np.isneginf(choice.threshold):
        raise ImpossibleError(
            f"cascade: {lost} of {positives.score.size} osteoporosis cases fall below the first threshold, "
            f"but only {choice.allowed} may be missed end to end. Raise the floor of bone loss, which lowers "
            "its threshold, or lower that of osteoporosis."
        )
    point = describe(end_to_end, positives, choice, request)
    return replace(point, notes=(*point.notes, SECOND_NOTE))


def _halved(request: Request) -> Request:
    return replace(request, delta=request.delta / 2)


def _with_floor(request: Request, floor: Proportion) -> Request:
    second = read_floor(floor)
    if second.share < request.floor.share:
        raise ThresholdError(
            f"cascade: the floor of osteoporosis is {second.text}, expected at least that of bone loss, "
            f"{request.floor.text}: cases lost at the first step are lost for both. "
            "Raise the second, or lower the first."
        )
    return replace(request, floor=second)


def _checked_second(rows: Rows, osteoporosis: npt.ArrayLike, score: npt.ArrayLike) -> tuple[Bools, Floats]:
    """Severity (n,) and the second score (n,), checked against the first."""
    values = np.asarray(osteoporosis, dtype=np.float64)
    with as_threshold_error():
        inputs.require_same_length(rows.target.size, osteoporosis=values)
    known = np.where(rows.target, values, np.nan_to_num(values, nan=0.0))
    severe = fittable_rows(known, score, RowColumns())
    contradictory = np.flatnonzero(severe.target & ~rows.target)
    if contradictory.size:
        raise ThresholdError(
            f"osteoporosis: {contradictory.size} cases have osteoporosis but no bone loss (first rows "
            f"{contradictory[:5].tolist()}), expected bone loss in each, as T <= -2.5 is below -1. "
            "Correct the targets."
        )
    return severe.target, severe.score.astype(np.float64)
