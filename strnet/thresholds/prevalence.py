"""The same threshold where disease is rarer or more common: only PPV and NPV move.

This holds where p(score | disease) is unchanged; a milder spectrum of disease is another matter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from strnet.errors import ThresholdError
from strnet.stats import inputs
from strnet.stats.estimates import Estimate
from strnet.thresholds.point import OperatingPoint
from strnet.thresholds.rows import as_threshold_error


@dataclass(frozen=True, slots=True)
class ShiftedPoint:
    """The operating point at another prevalence; intervals follow from those of sensitivity and specificity.

    `point` is the one given, its thresholds moved where scores were recalibrated. PPV and NPV take the limits
    of both rates together: with each at 0.95 they cover with at least 0.90, as their confidence says.
    """

    point: OperatingPoint
    prevalence: float
    ppv: Estimate
    npv: Estimate
    test_positives_per_1000: float


def shift_prevalence(point: OperatingPoint, prevalence: float, *, logit_offset: float = 0.0) -> ShiftedPoint:
    """PPV and NPV of `point` where the share `prevalence` is diseased; nothing is tuned again.

    `logit_offset` is what a recalibration added to the scores, which must be logits: the threshold moves with
    them, and the moved point belongs to the recalibrated score only. See `prevalence_offset`.

    Raises: ThresholdError: a prevalence outside (0, 1), a point without negatives, or an offset for scores
        that are no logits.
    Source: Bayes' rule; Elkan 2001, IJCAI, for scores recalibrated to another prevalence.
    """
    with as_threshold_error():
        inputs.checked_fraction(prevalence, name="prevalence")
    if point.specificity is None:
        raise ThresholdError(
            "shift_prevalence: the point was fitted without negatives, so its specificity is unknown. "
            "Fit it on rows with negatives."
        )
    sensitivity, specificity = point.expected_sensitivity, point.specificity
    alarm_rate = prevalence * sensitivity.value + (1 - prevalence) * (1 - specificity.value)
    if logit_offset and point.score.kind in ("probability", "value"):
        raise ThresholdError(
            f"shift_prevalence: found a point on {point.score} and a logit offset, which moves logits only. "
            "Fit the point on the logit, or leave the offset out."
        )
    return ShiftedPoint(
        _moved(point, logit_offset),
        prevalence,
        _predictive(sensitivity, specificity, prevalence),
        _predictive(specificity, sensitivity, 1 - prevalence),
        1000 * alarm_rate,
    )


def prevalence_offset(old: float, new: float) -> float:
    """What a logit calibrated at prevalence `old` must gain to be calibrated at `new`.

    Raises: ThresholdError: a prevalence outside (0, 1).
    Source: the logit is the log likelihood ratio plus the log prior odds.
    """
    with as_threshold_error():
        before, after = (inputs.checked_fraction(value, name="prevalence") for value in (old, new))
    return math.log(after / (1 - after)) - math.log(before / (1 - before))


def _predictive(hit: Estimate, reject: Estimate, share: float) -> Estimate:
    """The predictive value of a result that the share `share` of cases deserves and `hit` of them get."""

    def at(found: float, rejected: float) -> float:
        right, wrong = share * found, (1 - share) * (1 - rejected)
        return right / (right + wrong) if right + wrong > 0 else math.nan

    low, high = at(hit.low, reject.low), at(hit.high, reject.high)
    note = "from the limits of sensitivity and specificity together"
    if not (hit.has_interval and reject.has_interval):
        note = "sensitivity or specificity has none"
    together = 2 * hit.confidence - 1  # Bonferroni: either rate may lie outside its interval
    return Estimate(at(hit.value, reject.value), low, high, together, "bayes", hit.count, note=note)


def _moved(point: OperatingPoint, offset: float) -> OperatingPoint:
    if offset == 0:
        return point
    groups = tuple(
        replace(row, threshold=_plus(row.threshold, offset), own_threshold=_plus(row.own_threshold, offset))
        for row in point.groups
    )
    score = replace(point.score, calibrator_sha256=None)  # a new calibrator, which only the caller knows
    return replace(point, threshold=_plus(point.threshold, offset), groups=groups, score=score)


def _plus(threshold: float | None, offset: float) -> float | None:
    return None if threshold is None else threshold + offset
