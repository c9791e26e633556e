"""Two thresholds in a row, bone loss and then osteoporosis among those with bone loss, promised end to end.

t1 comes from the osteopenia cases alone, t2 from all osteoporosis cases, each at delta / 2. The two sets of
cases are disjoint, so t1 is fixed as far as t2 is concerned, and no rows need to be split off. Osteoporosis
cases that pass both pass the first; with an osteoporosis floor no lower than that of bone loss, the floor of
bone loss holds for every mixture of both.

Where the first step alone loses too many osteoporosis cases, both thresholds are lowered together, along a
line that the osteopenia cases fix: so there is an answer whatever the osteoporosis cases look like. A case is
found at the level u of that line and at every lower one, and u takes the place of a score.
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
from strnet.thresholds.describe import describe, stated
from strnet.thresholds.file_types import STRICT
from strnet.thresholds.floor import read_floor
from strnet.thresholds.patient_choice import Choice
from strnet.thresholds.point import OperatingPoint, Promise, Status
from strnet.thresholds.rows import ClassRows, RowColumns, Rows, as_threshold_error, fittable_rows
from strnet.thresholds.score_identity import ScoreIdentity
from strnet.thresholds.threshold_request import Request, read_request

NO_BONE_LOSS, BONE_LOSS, OSTEOPOROSIS = 0, 1, 2

FIRST_NOTE = (
    "The law is that of osteopenia cases, which alone chose the threshold; the counts are of all bone loss."
)
LOWERED_NOTE = (
    "Lowered below what osteopenia cases need, together with the second threshold: too many osteoporosis "
    "cases would be lost here."
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
    promise: Promise | None = None

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
        ImpossibleError: too few osteopenia or osteoporosis cases.
    """
    mixed = options.get("mixed_clusters", False)
    rows = fittable_rows(bone_loss, bone_loss_score, RowColumns(clusters=clusters, mixed_clusters=mixed))
    return fit_cascade_rows(rows, osteoporosis, osteoporosis_score, **options)


def fit_cascade_rows(
    rows: Rows,
    osteoporosis: npt.ArrayLike,
    osteoporosis_score: npt.ArrayLike,
    **options: Unpack[CascadeOptions],
) -> CascadePoint:
    """As `fit_cascade`, for checked rows of bone loss and its score.

    Raises: as `fit_cascade`.
    """
    asked = with_defaults(CascadeOptions, options)
    del asked["mixed_clusters"]
    severe_floor = asked.pop("min_sensitivity_osteoporosis")
    request = read_request(**asked)
    second = request if severe_floor is None else _with_floor(request, severe_floor)
    return _fit(rows, *_checked_second(rows, osteoporosis, osteoporosis_score), request, second)


def _fit(rows: Rows, severe: Bools, score: Floats, request: Request, second: Request) -> CascadePoint:
    mild = rows.target & ~severe
    first_score = rows.score.astype(np.float64)
    exact = request.method == "exact"
    if exact:
        _require_apart(rows, severe)
    first_choice = choose(_first_rows(rows, mild, exact), _halved(request))
    line = _line(rows, score, mild if mild.any() else rows.target, first_choice.threshold)
    levels = line.levels(first_score, score)
    graded = Rows(severe, levels, clusters=rows.clusters, cluster_keys=rows.cluster_keys)
    second_choice = choose(graded.positives(), _halved(second))
    found = severe & (levels >= second_choice.threshold)
    first = line.first_at(second_choice.threshold, first_score[found])
    points = (
        _first_point(rows, replace(first_choice, threshold=first), first < first_choice.threshold, request),
        _second_point(rows, severe, np.where(first_score >= first, score, -np.inf), second_choice, second),
    )
    joint = stated(request, first_choice, second_choice)
    return CascadePoint(
        status=joint["status"],
        confidence=request.confidence,
        confidence_reached=max(sum(point.confidence_reached for point in points) - 1, 0.0),
        bone_loss=points[0],
        osteoporosis=points[1],
        promise=joint["promise"],
    )


@dataclass(frozen=True, slots=True)
class Line:
    """Pairs of thresholds, one inside the other: a level u is the second of a pair.

    The first is `first` down to the level `turn`, and then falls by `slope` for each unit of the second.
    """

    first: float
    turn: float
    slope: float

    def levels(self, first_score: Floats, second_score: Floats) -> Floats:
        """The highest level (n,) at which each case passes both thresholds."""
        lowered = self.turn + (first_score - self.first) / self.slope
        return np.where(first_score >= self.first, second_score, np.minimum(second_score, lowered))

    def first_at(self, level: float, found: Floats) -> float:
        """The first threshold at `level`, below or at the scores `found` (m,) whatever was rounded."""
        lowered = self.first + self.slope * min(level - self.turn, 0.0)
        return min(lowered, float(found.min())) if found.size else lowered


def _line(rows: Rows, score: Floats, fixing: Bools, first: float) -> Line:
    """The line that the cases `fixing` (n,) give: it turns at their median, by how both scores spread."""
    spreads = float(np.std(rows.score[fixing])), float(np.std(score[fixing]))
    slope = spreads[0] / spreads[1] if min(spreads) > 0 else 1.0
    return Line(first, float(np.median(score[fixing])), slope)


def _first_rows(rows: Rows, mild: Bools, exact: bool) -> ClassRows:
    if not exact:
        return rows.positives()
    if not mild.any():
        raise ImpossibleError(
            "cascade: found no case with bone loss but without osteoporosis, from which the first threshold "
            "is chosen. Add osteopenia cases, or fit the two thresholds one by one."
        )
    return rows.subset(mild).positives()


def _require_apart(rows: Rows, severe: Bools) -> None:
    """Raise if patients have films of both diagnoses: neither set of cases is then fixed for the other."""
    if rows.clusters is None:
        return
    both = np.intersect1d(rows.clusters[rows.target & ~severe], rows.clusters[severe])
    if both.size:
        raise ThresholdError(
            f"cascade: {both.size} patients have films with osteoporosis and films with bone loss alone, "
            "expected one diagnosis per patient. Give each patient the worse of its diagnoses, or name the "
            "side in the cluster."
        )


def _first_point(rows: Rows, choice: Choice, lowered: bool, request: Request) -> OperatingPoint:
    point = describe(rows, rows.positives(), choice, request)
    exact = request.method == "exact"
    notes = (*((FIRST_NOTE,) if exact else ()), *((LOWERED_NOTE,) if lowered else ()))
    return replace(point, notes=(*point.notes, *notes))


def _second_point(
    rows: Rows, severe: Bools, end_to_end: Floats, choice: Choice, request: Request
) -> OperatingPoint:
    cases = Rows(severe, end_to_end, clusters=rows.clusters, cluster_keys=rows.cluster_keys)
    point = describe(cases, cases.positives(), choice, request)
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
