"""Is one AUROC larger than another: on the same rows (paired), or on two cohorts (unpaired)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy.typing as npt
from scipy import special

from strnet.errors import StatsError, unknown_name
from strnet.stats.area_limits import approximate, area_estimate
from strnet.stats.auroc import influence_of
from strnet.stats.comparisons import Comparison, HypothesisTest, z_test
from strnet.stats.estimates import Estimate, width_noted
from strnet.stats.influence import AurocInfluence, ClassesLeftOut
from strnet.stats.inputs import (
    checked_finite,
    checked_fraction,
    checked_target,
    require_both_classes,
    require_same_length,
)
from strnet.stats.jackknife import jackknife_method, student_estimate
from strnet.stats.normal import normal_quantile, unit_limits
from strnet.stats.scales import DIFFERENCE, LOGIT

DIFFERENCE_INTERVALS: Final = ("delong", "jackknife")
_STUDENT: Final = "paired DeLong, logit scale, Student's t"


def paired_delong(
    target: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    interval: str = "delong",
    clusters: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
) -> Comparison:
    """Two models scored on the same rows: the difference of their AUROCs and the test that it is 0.

    `target`, `first`, `second` are (n,); with `clusters` (n,) the variance is Obuchowski's. `delong` holds
    the statistic against a normal distribution; `jackknife` leaves out patients and holds it against
    Student's t.

    Raises: StatsError: as `auroc`; an unknown interval.
    Source: DeLong 1988, Biometrics 44:837-845; with patients Obuchowski 1997, Biometrics 53:567-578.
    """
    positive = checked_target(target)
    one, two = checked_finite(first, name="first"), checked_finite(second, name="second")
    require_same_length(positive.size, first=one, second=two)
    require_both_classes(positive, purpose="paired_delong")
    areas = [influence_of(positive, score, clusters, weights) for score in (one, two)]
    if interval not in DIFFERENCE_INTERVALS:
        raise StatsError(unknown_name("interval of a difference", interval, DIFFERENCE_INTERVALS))
    gain = areas[0].minus(areas[1])
    if interval == "jackknife":
        return _left_out(areas, gain, confidence)
    error = gain.standard_error
    return Comparison(
        first=_area(areas[0], confidence),
        second=_area(areas[1], confidence),
        difference=width_noted(
            Estimate(
                gain.value,
                *DIFFERENCE.limits(gain.value, normal_quantile(confidence) * error),
                confidence,
                "delong",
                count=positive.size,
                clusters=gain.patients.count if gain.patients else None,
                standard_error=error,
                note=_undefined(error),
            )
        ),
        test=z_test("paired DeLong", gain.value, error, positive.size),
    )


def unpaired_delong(first: Estimate, second: Estimate) -> Comparison:
    """Two AUROCs of different patients, such as two sites: their difference and the test that it is 0.

    Takes what `auroc` returned, with or without patients and weights. The statistic is held against Student's
    t with Welch's degrees of freedom, from the number of patients or rows; the interval as well.

    Raises: StatsError: an estimate without a standard error, or two of different confidence.
    Source: DeLong 1988; degrees of freedom as in pROC 1.18, roc.test(paired = FALSE).
    """
    variances = [_variance(estimate) for estimate in (first, second)]
    if first.confidence != second.confidence:
        raise StatsError(
            f"unpaired_delong: found confidence {first.confidence} and {second.confidence}, expected one."
        )
    difference, error = first.value - second.value, math.sqrt(sum(variances))
    units = [estimate.clusters or estimate.count for estimate in (first, second)]
    count = first.count + second.count
    if error == 0:
        test = z_test("unpaired DeLong", difference, error, count)
        low, high = difference, difference
    else:
        freedom = sum(variances) ** 2 / sum(v**2 / (n - 1) for v, n in zip(variances, units, strict=True))
        p_value = 2 * float(special.stdtr(freedom, -abs(difference / error)))
        test = HypothesisTest("unpaired DeLong", difference / error, p_value, count, freedom)
        tail = (1 - checked_fraction(first.confidence, name="confidence")) / 2
        half = -float(special.stdtrit(freedom, tail)) * error
        low, high = DIFFERENCE.limits(difference, half)
    gain = Estimate(difference, low, high, first.confidence, "delong", count, standard_error=error)
    return Comparison(first, second, width_noted(gain), test)


def _left_out(areas: list[AurocInfluence], gain: AurocInfluence, confidence: float) -> Comparison:
    """The comparison on the logit scale, where a large difference does not bring a large error with it.

    Its limits are carried back at the mean of both logits, so that 0 lies outside them where p is small.
    """
    rows = gain.positives.size + gain.negatives.size
    left = gain.left_out()
    found = left.jackknife()
    difference = student_estimate(gain.value, found, DIFFERENCE, confidence=confidence, count=rows)
    test = z_test(_STUDENT, gain.value, found.standard_error, rows)
    if difference.has_interval and all(0 < area.value < 1 for area in areas):
        one, two = (area.scaled(LOGIT.slope(area.value)) for area in areas)
        scaled, logits = one.minus(two).left_out().jackknife(), [LOGIT.there(area.value) for area in areas]
        apart, half = logits[0] - logits[1], scaled.half_width(confidence)
        low, high = (_carried_back(sum(logits) / 2, apart + side * half) for side in (-1, 1))
        difference = replace(difference, low=low, high=high, method=jackknife_method(LOGIT))
        p_value = scaled.p_value(apart)
        statistic = apart / scaled.standard_error
        test = HypothesisTest(_STUDENT, statistic, p_value, rows, scaled.freedom)
    first, second = (area_estimate(area, confidence) for area in areas)
    patients = gain.patients.count if gain.patients else None
    few = next(filter(None, (approximate(area.value, left) for area in areas)), "")
    note = difference.note or few or _unequal(left)
    return Comparison(first, second, replace(difference, clusters=patients, note=note), test)


def _carried_back(middle: float, apart: float) -> float:
    """The difference of two areas whose logits have that mean and difference."""
    return LOGIT.back(middle + apart / 2) - LOGIT.back(middle - apart / 2)


def _unequal(left: ClassesLeftOut) -> str:
    """A warning where fewer than half of the patients, with equally many films, would say as much."""
    worth = min((part.freedom_of_sizes + 1) / part.units for part in left.parts)
    return "" if worth >= 0.5 else "approximate: some patients bring many more films than others"


def _variance(estimate: Estimate) -> float:
    error = estimate.standard_error
    if error is None or math.isnan(error):
        raise StatsError(
            f"unpaired_delong: found an estimate without a standard error ({estimate}), expected one "
            "of `auroc` with at least two rows or patients of each class."
        )
    return error**2


def _area(influence: AurocInfluence, confidence: float) -> Estimate:
    error = influence.standard_error
    return width_noted(
        Estimate(
            influence.value,
            *unit_limits(influence.value, error, confidence),
            confidence,
            "delong",
            count=influence.positives.size + influence.negatives.size,
            events=influence.positives.size,
            clusters=influence.patients.count if influence.patients else None,
            standard_error=error,
            note=_undefined(error),
        )
    )


def _undefined(error: float) -> str:
    return "the variance needs two rows or patients of each class" if math.isnan(error) else ""
