"""The operating point: a threshold, what it promises, and the rows it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from strnet.errors import ThresholdError
from strnet.stats.inputs import Bools
from strnet.threshold_options import Anchor, GroupPolicy
from strnet.thresholds.deciding import reaches
from strnet.thresholds.file_types import StatedEstimate, Threshold
from strnet.thresholds.fitted_from import FittedFrom
from strnet.thresholds.rows import Labels, checked_labels
from strnet.thresholds.score_identity import ScoreIdentity
from strnet.thresholds.update_record import LocalUpdate

Status = Literal["guaranteed", "approximate", "point only"]
Promise = Literal["if_answered", "wrong_or_silent"]
SpeaksOf = Literal[
    "films",
    "weighted films",
    "patients",
    "patients without a missed film",
    "patients without a false alarm",
]
Operator = Literal[">=", "<="]


@dataclass(frozen=True, slots=True)
class Ties:
    """Positives and negatives whose score equals the threshold; they count as positive."""

    positives: int
    negatives: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """One group (site, subgroup): whether the floor is certified there, and what was seen.

    `own_threshold` is what the group alone would have allowed, `threshold` what is applied to it, which this
    group `sets_threshold` of where it is the lowest. `positives_needed` is the size from which a group can be
    certified. `column` says which way to group it is one of, where there are several.
    """

    name: str
    certified: bool
    threshold: Threshold | None
    own_threshold: Threshold | None
    positives: int
    negatives: int
    misses_allowed: int | None
    misses_made: int | None
    confidence_reached: float | None
    sensitivity: StatedEstimate | None
    specificity: StatedEstimate | None
    positives_needed: int | None
    note: str = ""
    column: str = ""
    sets_threshold: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One of several networks compared on the same rows: its threshold, and what specificity that has.

    Both are None, and `note` says why, where the rows can promise nothing of it.
    """

    name: str
    chosen: bool
    threshold: Threshold | None
    specificity: StatedEstimate | None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint(FittedFrom):
    """A threshold under a sensitivity floor; a case is positive if `score operator threshold`.

    `status`: `guaranteed` (P(true sensitivity >= floor) >= confidence, for any distribution of scores),
    `approximate` (the same through an effective number of positives), `point only` (no such promise).
    `promise` says how the guarantee is meant: `if_answered`, P(true sensitivity >= floor | a threshold was
    given) >= confidence; `wrong_or_silent`, P(a threshold was given and breaks the floor) <= 1 - confidence,
    where `chance_of_silence` is that of being given none. `speaks_of` is whose sensitivity it is about.
    `misses_allowed` is in `unit`s, of which there were `units`; `positives`, `negatives` and `misses_made`
    count films. `confidence_reached` is P(true sensitivity >= floor) for this choice; `expected_sensitivity`
    is the law of the true sensitivity, `observed_sensitivity` what these rows show. `threshold` is None
    where each group has its own. `candidates` are the networks among which this one was chosen, if it was.
    """

    status: Status
    method: str
    min_sensitivity: str
    confidence: float
    threshold: Threshold | None
    operator: Operator
    anchor: Anchor
    positives: int
    negatives: int
    unit: Literal["film", "patient"]
    units: int
    misses_allowed: int | None
    misses_made: int
    effective_positives: float
    confidence_reached: float
    expected_sensitivity: StatedEstimate
    observed_sensitivity: StatedEstimate
    specificity: StatedEstimate | None
    ties: Ties
    promise: Promise | None = None
    speaks_of: SpeaksOf = "films"
    chance_of_silence: float | None = None
    weighted: bool = False
    clusters: int | None = None
    cluster_method: str | None = None
    seed: int | None = None
    group_policy: GroupPolicy | None = None
    groups: tuple[GroupRow, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    update: LocalUpdate | None = None

    @property
    def promised(self) -> str:
        """The promise in words, with the chance that there would have been no answer."""
        if self.promise is None:
            return "none"
        if self.promise == "if_answered":
            return f"the floor holds, {self.confidence:g} of answers"
        silent = self.chance_of_silence or 0.0
        seldom = "less than 0.001" if silent < 0.001 else f"{silent:.3f}"
        return f"no answer or the floor holds, {self.confidence:g} of requests (no answer: {seldom} of them)"

    def apply(
        self,
        scores: npt.ArrayLike,
        groups: npt.ArrayLike | Labels | None = None,
        *,
        source: ScoreIdentity | None = None,
    ) -> Bools:
        """Which of `scores` (n,) are positive, shape (n,); `groups` (n,) where each group has its threshold.

        Raises:
            ThresholdError: scores that are not finite; groups missing, unknown or without a threshold.
            BundleError: `source` says that these are other scores: see `ScoreIdentity.require_same`.
        """
        if source is not None:
            self.score.require_same(source)
        if self.threshold is not None:
            return reaches(scores, self.threshold, self.operator)
        rows = np.size(scores)
        return reaches(scores, self._thresholds_of(groups, rows) if rows else np.empty(0), self.operator)

    def _thresholds_of(self, groups: npt.ArrayLike | Labels | None, rows: int) -> npt.NDArray[np.float64]:
        known = {row.name: row.threshold for row in self.groups}
        if groups is None:
            raise ThresholdError(
                "groups: none given, expected one label per score: "
                f"each of {sorted(known)} has its own threshold."
            )
        labels = checked_labels(groups, rows, "groups")
        missing = [name for name in labels.names if known.get(name) is None]
        if missing:
            raise ThresholdError(
                f"groups: no certified threshold for {missing}, only for "
                f"{sorted(name for name, value in known.items() if value is not None)}. "
                "Fit a common threshold, or collect positives of these groups."
            )
        return np.array([known[name] for name in labels.names], dtype=np.float64)[labels.codes]
