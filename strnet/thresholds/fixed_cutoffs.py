"""Floors of a predictive value over cut-offs fixed beforehand, at a stated prevalence.

PPV and NPV need not move one way as the cut-off rises, so that neither positives alone nor a sequence of
tests can choose a threshold. At each of m cut-offs that no row had a say in, exact lower limits of
sensitivity and specificity give one of the predictive value; every limit bears delta / (parts m), and that of
a counted prevalence, which is the same for all cut-offs, delta / parts: three parts with it, two without. All
limits hold together with probability 1 - delta, whichever cut-off is then taken.

Source: Clopper and Pearson 1934 for the limits, Bonferroni over them; Bayes' rule rises with both rates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from strnet.errors import ThresholdError
from strnet.stats.inputs import Floats
from strnet.stats.proportions import clopper_pearson_lower, clopper_pearson_upper
from strnet.thresholds.stated_prevalence import StatedPrevalence

PredictiveValue = Literal["ppv", "npv"]

MOST_TIMES = 2.0**20
"""Rows beyond which nobody would be asked to go."""
GRID = np.arange(1, 100) / 100
"""The cut-offs of a probability where none are named; a logit is cut at their log odds."""


@dataclass(frozen=True, slots=True)
class CutoffCounts:
    """What was seen at each of m cut-offs: `found` (m,) of `positives`, `rejected` (m,) of `negatives`.

    Cut-offs rise, oriented so that a case is positive at or above them. Counts of rows that are only thought
    of need not be whole.
    """

    cutoffs: Floats
    found: Floats
    positives: float
    rejected: Floats
    negatives: float

    def times(self, factor: float) -> CutoffCounts:
        """The counts of `factor` times the rows, at the same rates."""
        return CutoffCounts(
            self.cutoffs,
            self.found * factor,
            self.positives * factor,
            self.rejected * factor,
            self.negatives * factor,
        )


@dataclass(frozen=True, slots=True)
class CutoffLimits:
    """Limits of PPV and NPV at each cut-off, arrays (m,)."""

    ppv: Floats
    npv: Floats


def default_cutoffs(kind: str | None) -> Floats:
    """The cut-offs for scores of `kind` where none are named: 0.01 to 0.99, or the logits of these.

    Raises: ThresholdError: a kind without a scale of its own.
    """
    if kind == "probability":
        return GRID
    if kind == "logit":
        return np.log(GRID) - np.log1p(-GRID)
    raise ThresholdError(
        f"cutoffs: none given, and {'a value' if kind == 'value' else 'a score of unknown kind'} has no "
        "cut-offs that could be fixed beforehand. Name some that these rows had no say in "
        "(--cutoffs 1,2,3), or say that it is a probability or a logit (--score-kind)."
    )


def checked_cutoffs(given: npt.ArrayLike) -> Floats:
    """The cut-offs (m,), rising.

    Raises: ThresholdError: none, the same one twice, or one that is no finite number.
    """
    cutoffs = np.atleast_1d(np.asarray(given, dtype=np.float64))
    if cutoffs.ndim != 1 or not cutoffs.size or not np.isfinite(cutoffs).all():
        raise ThresholdError(f"cutoffs: found {given!r}, expected finite numbers such as 0.2,0.4,0.6.")
    rising: Floats = np.unique(cutoffs)
    if rising.size < cutoffs.size:
        raise ThresholdError("cutoffs: the same one stands twice. Every cut-off costs a share of the error.")
    return rising


def count_at(cutoffs: Floats, positives: Floats, negatives: Floats) -> CutoffCounts:
    """The counts at `cutoffs` (m,), rising, for scores of each class in any order."""
    below = [np.searchsorted(np.sort(score), cutoffs, side="left") for score in (positives, negatives)]
    return CutoffCounts(
        cutoffs,
        (positives.size - below[0]).astype(np.float64),
        positives.size,
        below[1].astype(np.float64),
        negatives.size,
    )


def limits(
    counts: CutoffCounts, prevalence: StatedPrevalence, delta: float, *, upper: bool = False
) -> CutoffLimits:
    """Lower limits, or upper ones; those of either predictive value hold together, at 1 - `delta`."""
    tail, of_prevalence = shared_error(counts.cutoffs.size, prevalence, delta)
    one_sided = clopper_pearson_upper if upper else clopper_pearson_lower
    sensitivity = one_sided(counts.found, counts.positives, confidence=1 - tail)
    specificity = one_sided(counts.rejected, counts.negatives, confidence=1 - tail)
    rare, common = prevalence.bounds(of_prevalence)
    return CutoffLimits(
        ppv=predictive(sensitivity, specificity, common if upper else rare),
        npv=predictive(specificity, sensitivity, 1 - (rare if upper else common)),
    )


def shared_error(cutoffs: int, prevalence: StatedPrevalence, delta: float) -> tuple[float, float]:
    """The error of each limit of a rate, and of a limit of the prevalence (0 where it is not counted)."""
    parts = 3 if prevalence.counted else 2
    return delta / (parts * cutoffs), delta / parts if prevalence.counted else 0.0


def predictive(hit: npt.ArrayLike, reject: npt.ArrayLike, share: float) -> Floats:
    """The predictive value of a result that the share `share` of cases deserves and `hit` of them get.

    `reject` is the rate at which the others do not get it; 0 where nobody gets the result. Arrays (m,).
    Source: Bayes' rule.
    """
    right = share * np.asarray(hit, dtype=np.float64)
    wrong = (1 - share) * (1 - np.asarray(reject, dtype=np.float64))
    return np.divide(right, right + wrong, out=np.zeros_like(right + wrong), where=right + wrong > 0)


def most_useful(proven: CutoffLimits, of: PredictiveValue, floor: float) -> int | None:
    """The cut-off to take of those that keep the floor: the most sensitive (PPV) or most specific (NPV)."""
    kept = np.flatnonzero((proven.ppv if of == "ppv" else proven.npv) >= floor)
    if not kept.size:
        return None
    return int(kept[0] if of == "ppv" else kept[-1])


def times_needed(
    counts: CutoffCounts, prevalence: StatedPrevalence, delta: float, of: PredictiveValue, floor: float
) -> float | None:
    """How many times the rows would keep the floor at the rates seen; None where no number of them would.

    A counted prevalence is taken to be counted among as many times the people.
    """

    def kept(times: float) -> bool:
        proven = limits(counts.times(times), prevalence.times(times), delta)
        return most_useful(proven, of, floor) is not None

    return first_times(kept)


def first_times(kept: Callable[[float], bool]) -> float | None:
    """The least factor, to a percent, for which `kept` is true; None where it is not by `MOST_TIMES`."""
    high = 1.0
    while not kept(high):
        high *= 2
        if high > MOST_TIMES:
            return None
    low = high / 2
    while high > 1.01 * low:
        middle = (low * high) ** 0.5
        low, high = (low, middle) if kept(middle) else (middle, high)
    return high
