"""Logistic recalibration of predicted probabilities: slope, intercept, calibration in the large."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from strnet.errors import StatsError
from strnet.stats.estimates import Estimate
from strnet.stats.inputs import (
    Bools,
    Floats,
    checked_clusters,
    checked_predictions,
    require_both_classes,
    require_varied,
)
from strnet.stats.logistic import LogisticFit, fit_logistic
from strnet.stats.normal import plain_limits


@dataclass(frozen=True, slots=True)
class CalibrationLine:
    """Logistic recalibration: 1 and 0 are perfect.

    `slope` below 1 means predictions too extreme. `weak_intercept` belongs to that slope; `in_the_large` is
    the intercept with the slope held at 1: above 0, predictions are too low on the whole.
    """

    slope: Estimate
    weak_intercept: Estimate
    in_the_large: Estimate


def calibration_slope_intercept(
    target: npt.ArrayLike,
    prob: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    clusters: npt.ArrayLike | None = None,
) -> CalibrationLine:
    """Slope and intercepts of a logistic regression of `target` (n,) on the logit of `prob` (n,).

    Intervals are Wald's; with `clusters` (n,) from the sandwich variance over patients.

    Raises: StatsError: as `brier`; one class; probabilities of exactly 0 or 1, which have no logit; classes
        that the probabilities separate, for which there is no slope.
    Source: Cox 1958, Biometrika 45:562-565; Van Calster et al. 2016, J. Clin. Epidemiol. 74:167-176 (names).
    """
    positive, predicted = checked_predictions(target, prob)
    require_both_classes(positive, purpose="calibration_slope_intercept")
    logit = _logit(predicted)
    require_varied(logit, purpose="calibration_slope_intercept")
    _require_overlap(positive, logit)
    known = None if clusters is None else checked_clusters(clusters, positive.size)
    ones, nothing = np.ones((positive.size, 1)), np.zeros(positive.size)
    both = fit_logistic(np.column_stack([ones, logit]), positive, nothing, known)
    offset = fit_logistic(ones, positive, logit, known)

    def coefficient(fit: LogisticFit, index: int) -> Estimate:
        value, error = float(fit.coefficients[index]), fit.standard_error(index)
        return Estimate(
            value,
            *plain_limits(value, error, confidence),
            confidence,
            "Wald" if known is None else "Wald, sandwich",
            positive.size,
            events=int(positive.sum()),
            clusters=known.count if known else None,
            standard_error=error,
        )

    return CalibrationLine(coefficient(both, 1), coefficient(both, 0), coefficient(offset, 0))


def _logit(prob: Floats) -> Floats:
    certain = int(np.count_nonzero((prob == 0) | (prob == 1)))
    if certain:
        raise StatsError(
            f"prob: found {certain} of {prob.size} values of exactly 0 or 1, expected them in between: they "
            "have no logit. Calibrate with a method that keeps a distance, such as those of fit_calibrator."
        )
    logit: Floats = special.logit(prob)
    return logit


def _require_overlap(target: Bools, logit: Floats) -> None:
    positives, negatives = logit[target], logit[~target]
    if positives.min() >= negatives.max() or positives.max() <= negatives.min():
        raise StatsError(
            "calibration_slope_intercept: the probabilities separate the classes, so the slope is infinite. "
            "Report the AUROC and the Brier score for these rows."
        )
