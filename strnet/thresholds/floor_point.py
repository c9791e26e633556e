"""The operating point under a floor of the specificity, or of a predictive value at a stated prevalence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy.typing as npt

from strnet.stats.inputs import Bools
from strnet.thresholds.deciding import reaches
from strnet.thresholds.file_types import StatedEstimate, Threshold
from strnet.thresholds.fitted_from import FittedFrom
from strnet.thresholds.point import Operator, Promise, SpeaksOf, Status
from strnet.thresholds.score_identity import ScoreIdentity

SET_BY_THESE = "these rows also set the threshold"
"""Note of a rate whose interval knows nothing of that."""
FloorOf = Literal["specificity", "ppv", "npv"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorPoint(FittedFrom):
    """A threshold under a floor other than that of the sensitivity; positive if `score operator threshold`.

    A specificity floor is kept by a threshold that the negatives alone chose: `false_alarms_allowed` of their
    `units` may lie at or above it, `confidence_reached` is P(true specificity >= floor), and
    `expected_specificity` the law of it. A predictive value is that at `prevalence`, as it was stated; its
    threshold is one of `cutoffs_tried`, `lower_bound` is what they prove of it with probability `confidence`,
    and all intervals hold whichever of them it is. What belongs to the other kind of floor is None.
    `promise`: `if_answered`, P(floor kept | there is a threshold) >= `confidence`; `wrong_or_silent`, P(there
    is a threshold and the floor fails) <= 1 - `confidence`, where `chance_of_silence` is that of being given
    none; None of a predictive value, for which nobody knows it. `speaks_of`: whose rates are meant.
    """

    floor_of: FloorOf
    floor: str
    confidence: float
    threshold: Threshold
    operator: Operator
    positives: int
    negatives: int
    status: Status = "point only"
    promise: Promise | None = None
    speaks_of: SpeaksOf = "films"
    chance_of_silence: float | None = None
    sensitivity: StatedEstimate | None = None
    specificity: StatedEstimate | None = None
    units: int | None = None
    false_alarms_allowed: int | None = None
    confidence_reached: float | None = None
    expected_specificity: StatedEstimate | None = None
    lower_bound: float | None = None
    ppv: StatedEstimate | None = None
    npv: StatedEstimate | None = None
    prevalence: str | None = None
    cutoffs_tried: int | None = None
    clusters: int | None = None
    cluster_method: str | None = None
    seed: int | None = None
    weighted: bool = False

    def apply(self, scores: npt.ArrayLike, *, source: ScoreIdentity | None = None) -> Bools:
        """Which of `scores` (n,) are positive, shape (n,).

        Raises: as `OperatingPoint.apply`.
        """
        if source is not None:
            self.score.require_same(source)
        return reaches(scores, self.threshold, self.operator)
