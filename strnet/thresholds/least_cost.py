"""The threshold of least expected cost on the rows at hand: a description of them, and no promise.

Source: Metz 1978, Semin. Nucl. Med. 8:283-298; expected cost = pi c (1 - Se) + (1 - pi) (1 - Sp), in false
alarms, where a miss costs c of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Unpack

import numpy as np
import numpy.typing as npt

from strnet.errors import ThresholdError
from strnet.floor_options import CostOptions
from strnet.stats.inputs import Bools, Floats
from strnet.thresholds.deciding import reaches
from strnet.thresholds.describe import operator_of
from strnet.thresholds.file_types import StatedEstimate, Threshold
from strnet.thresholds.fitted_from import FittedFrom
from strnet.thresholds.floor_point import SET_BY_THESE
from strnet.thresholds.measure import measure
from strnet.thresholds.point import Operator, Status
from strnet.thresholds.rows import ClassRows, RowColumns, Rows, fittable_rows
from strnet.thresholds.score_identity import ScoreIdentity
from strnet.thresholds.stated_prevalence import read_prevalence

NO_PROMISE = (
    "The threshold of least cost describes these rows and promises nothing: elsewhere it will cost more, and "
    "no sensitivity is kept."
)

ALIKE = 1e-12
"""Costs this near are the same: sums in another order must not choose another threshold."""


@dataclass(frozen=True, slots=True)
class CheapestCut:
    """A threshold (higher means positive) and its expected cost per case, in false alarms."""

    threshold: float
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CostPoint(FittedFrom):
    """The threshold of least expected cost on these rows; a case is positive if `score operator threshold`.

    Costs are per case screened at `prevalence`, in false alarms; a miss costs `miss_cost` of them.
    `cost_all_positive` and `cost_none_positive` are those of calling every case positive, or none. There is
    no promise, and the intervals are of rows that set the threshold.
    """

    miss_cost: float
    prevalence: str
    cost: float
    cost_all_positive: float
    cost_none_positive: float
    threshold: Threshold
    operator: Operator
    positives: int
    negatives: int
    sensitivity: StatedEstimate
    specificity: StatedEstimate
    status: Status = "point only"
    weighted: bool = False
    notes: tuple[str, ...] = (NO_PROMISE,)

    def apply(self, scores: npt.ArrayLike, *, source: ScoreIdentity | None = None) -> Bools:
        """Which of `scores` (n,) are positive, shape (n,).

        Raises: as `OperatingPoint.apply`.
        """
        if source is not None:
            self.score.require_same(source)
        return reaches(scores, self.threshold, self.operator)


def fit_cost(
    target: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    clusters: npt.ArrayLike | None = None,
    mixed_clusters: bool = False,
    weights: npt.ArrayLike | None = None,
    higher_is_positive: bool = True,
    confidence: float = 0.95,
    **options: Unpack[CostOptions],
) -> CostPoint:
    """The threshold of least expected cost: `miss_cost` false alarms for a miss, at `prevalence`.

    Arrays as in `fit_threshold`; `confidence` is that of the intervals. Of a prevalence stated with limits or
    counts the middle is taken, since nothing is promised.

    Raises: ThresholdError: rows or options that cannot be used, or rows of one class only.
    """
    columns = RowColumns(
        weights=weights,
        clusters=clusters,
        mixed_clusters=mixed_clusters,
        higher_is_positive=higher_is_positive,
    )
    return fit_cost_rows(fittable_rows(target, score, columns), confidence, **options)


def fit_cost_rows(rows: Rows, confidence: float = 0.95, **options: Unpack[CostOptions]) -> CostPoint:
    """The point for checked rows.

    Raises: as `fit_cost`.
    """
    miss_cost, stated = options["miss_cost"], read_prevalence(options["prevalence"])
    if not (miss_cost > 0 and math.isfinite(miss_cost)):
        raise ThresholdError(
            f"miss_cost: found {miss_cost}, expected the false alarms that one miss is worth, above 0."
        )
    if not rows.negative_count:
        raise ThresholdError("target: found no negative, expected at least one.")
    positives = rows.positives()
    cut = cheapest_cut(positives, rows.negatives(), miss_cost=miss_cost, prevalence=stated.value)
    seen = measure(rows, positives, cut.threshold, confidence)
    assert seen.specificity is not None
    return CostPoint(
        miss_cost=miss_cost,
        prevalence=stated.text,
        cost=cut.cost,
        cost_all_positive=1 - stated.value,
        cost_none_positive=stated.value * miss_cost,
        threshold=rows.sign * cut.threshold,
        operator=operator_of(rows),
        positives=rows.positive_count,
        negatives=rows.negative_count,
        sensitivity=replace(seen.sensitivity, note=SET_BY_THESE),
        specificity=replace(seen.specificity, note=SET_BY_THESE),
        weighted=rows.weights is not None,
    )


def cheapest_cut(
    positives: ClassRows, negatives: ClassRows, *, miss_cost: float, prevalence: float
) -> CheapestCut:
    """The threshold whose expected cost on these rows is least; the lowest of several.

    A miss costs `miss_cost` false alarms. Candidates are all scores, and the next number above the highest.
    """
    scores = np.unique(np.concatenate([positives.score, negatives.score]))
    cuts = np.append(scores, np.nextafter(scores[-1], np.inf))
    of_misses = prevalence * miss_cost * _share_below(positives, cuts)
    cost = of_misses + (1 - prevalence) * (1 - _share_below(negatives, cuts))
    best = int(np.flatnonzero(cost <= cost.min() + ALIKE)[0])
    return CheapestCut(float(cuts[best]), float(cost[best]))


def _share_below(rows: ClassRows, cuts: Floats) -> Floats:
    order = np.argsort(rows.score)
    weights = np.ones(order.size) if rows.weights is None else rows.weights[order]
    below = np.concatenate([[0.0], np.cumsum(weights)])
    share: Floats = below[np.searchsorted(rows.score[order], cuts, side="left")] / below[-1]
    return share
