"""Logistic recalibration of predicted probabilities: slope, intercept, calibration in the large."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

from strnet.errors import StatsError, unknown_name
from strnet.stats.bootstrap import own_clusters
from strnet.stats.estimates import Estimate, width_noted
from strnet.stats.inputs import (
    Bools,
    Clusters,
    Floats,
    checked_clusters,
    checked_predictions,
    require_both_classes,
    require_varied,
)
from strnet.stats.jackknife import LeftOut, student_estimate
from strnet.stats.logistic import coefficients_left_out, fit_logistic
from strnet.stats.normal import plain_limits
from strnet.stats.scales import PLAIN

LINE_INTERVALS: Final = ("wald", "jackknife")


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
    interval: str = "wald",
    clusters: npt.ArrayLike | None = None,
) -> CalibrationLine:
    """Slope and intercepts of a logistic regression of `target` (n,) on the logit of `prob` (n,).

    Intervals are Wald's; with `clusters` (n,) from the sandwich variance over patients. `jackknife` leaves
    out each patient or row, one Newton step from the fit, and has Student's quantile.

    Raises: StatsError: as `brier`; one class; probabilities of exactly 0 or 1, which have no logit; classes
        that the probabilities separate, for which there is no slope; an unknown interval.
    Source: Cox 1958, Biometrika 45:562-565; Van Calster et al. 2016, J. Clin. Epidemiol. 74:167-176 (names).
    """
    positive, predicted = checked_predictions(target, prob)
    require_both_classes(positive, purpose="calibration_slope_intercept")
    logit = _logit(predicted)
    require_varied(logit, purpose="calibration_slope_intercept")
    _require_overlap(positive, logit)
    if interval not in LINE_INTERVALS:
        raise StatsError(unknown_name("interval of the calibration line", interval, LINE_INTERVALS))
    known = None if clusters is None else checked_clusters(clusters, positive.size)
    ones, nothing = np.ones((positive.size, 1)), np.zeros(positive.size)
    made = _left_out if interval == "jackknife" else _wald
    both = _Regression(np.column_stack([ones, logit]), positive, nothing, known)
    slope, weak = (made(both, index, confidence) for index in (1, 0))
    return CalibrationLine(slope, weak, made(_Regression(ones, positive, logit, known), 0, confidence))


class _Regression:
    """A logistic regression of rows, fitted."""

    def __init__(self, design: Floats, target: Bools, offset: Floats, clusters: Clusters | None) -> None:
        self.rows = design, target, offset
        self.clusters = clusters
        self.fit = fit_logistic(design, target, offset, clusters)


def _wald(of: _Regression, index: int, confidence: float) -> Estimate:
    value, error = float(of.fit.coefficients[index]), of.fit.standard_error(index)
    known, target = of.clusters, of.rows[1]
    return width_noted(
        Estimate(
            value,
            *plain_limits(value, error, confidence),
            confidence,
            "Wald" if known is None else "Wald, sandwich",
            target.size,
            events=int(target.sum()),
            clusters=known.count if known else None,
            standard_error=error,
        )
    )


def _left_out(of: _Regression, index: int, confidence: float) -> Estimate:
    design, target, offset = of.rows
    patients = of.clusters or own_clusters(target.size, None)
    changes = coefficients_left_out(of.fit, design, target, offset, patients)[:, index]
    shares = np.bincount(patients.codes, minlength=patients.count) / target.size
    found = LeftOut(changes * math.sqrt((patients.count - 1) / patients.count), shares).jackknife
    made = student_estimate(
        float(of.fit.coefficients[index]), found, PLAIN, confidence=confidence, count=target.size
    )
    clusters = patients.count if of.clusters else None
    return replace(made, events=int(target.sum()), clusters=clusters)


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
