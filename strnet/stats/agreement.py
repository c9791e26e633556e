"""Predicted against measured values: errors, and Bland and Altman's limits of agreement."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

from strnet.errors import StatsError, unknown_name
from strnet.stats.estimates import Estimate, width_noted
from strnet.stats.inputs import Floats, checked_clusters, checked_fraction, checked_pair, require_varied
from strnet.stats.jackknife import jackknife_estimate
from strnet.stats.means import mean_estimate
from strnet.stats.normal import normal_quantile, student_quantile
from strnet.stats.scales import LOG

LIMIT_METHODS: Final = ("bland_altman", "exact", "jackknife")
ERROR_INTERVALS: Final = ("student", "jackknife")


@dataclass(frozen=True, slots=True)
class BlandAltman:
    """Differences predicted - measured: their mean, spread and limits of agreement, each with its interval.

    `slope` is the change of the difference per unit of the mean of both: not 0 where the error grows with it.
    """

    bias: Estimate
    standard_deviation: float
    lower_limit: Estimate
    upper_limit: Estimate
    slope: Estimate


def regression_errors(
    measured: npt.ArrayLike,
    predicted: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    interval: str = "student",
    clusters: npt.ArrayLike | None = None,
) -> dict[str, Estimate]:
    """`mae`, `rmse`, `bias` (predicted - measured) and `r2`, by name, in the unit of the values; (n,) each.

    Means have Student's interval, over patients with `clusters`; rmse is the root of that of the mean square.
    With `jackknife` those of mae and rmse are made on the logarithmic scale, and a few rows that make the
    mean square cost degrees of freedom. `r2` is 1 - sum of squares of the errors / of the measured values
    around their mean, and has no interval.

    Raises: StatsError: unusable rows; measured values that do not vary; an unknown interval.
    """
    truth, guess = checked_pair(measured, predicted)
    require_varied(truth, purpose="regression_errors")
    if interval not in ERROR_INTERVALS:
        raise StatsError(unknown_name("interval of errors", interval, ERROR_INTERVALS))
    error = guess - truth
    if interval == "jackknife":
        mae = mean_estimate(np.abs(error), confidence, clusters, LOG)
        rmse = _root(_mean_square(error, confidence, clusters))
    else:
        mae = _not_below_zero(mean_estimate(np.abs(error), confidence, clusters))
        rmse = _root(mean_estimate(error**2, confidence, clusters))
    r2 = 1 - float(np.dot(error, error)) / float(np.sum((truth - truth.mean()) ** 2))
    return {
        "mae": mae,
        "rmse": rmse,
        "bias": mean_estimate(error, confidence, clusters),
        "r2": Estimate(
            r2,
            math.nan,
            math.nan,
            confidence,
            "r2",
            truth.size,
            note="see pearson and concordance for intervals",
        ),
    }


def bland_altman(
    measured: npt.ArrayLike,
    predicted: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    agreement: float = 0.95,
    method: str = "bland_altman",
    clusters: npt.ArrayLike | None = None,
) -> BlandAltman:
    """Bias and the limits within which the share `agreement` of differences lies, with their intervals.

    The limits are bias -/+ z times the standard deviation of rows (n,). `exact` intervals use the noncentral
    t distribution instead of the usual approximation; both are for independent rows of a normal
    distribution. `jackknife` asks for neither: it joins the limits of the bias and of the standard
    deviation, and is taken with `clusters` (n,) whatever is asked for.

    Raises: StatsError: unusable rows, fewer than three, an unknown method.
    Source: Bland and Altman 1999, Stat. Methods Med. Res. 8:135-160; Carkeet 2015, Optom. Vis. Sci.
        92:e71-e80 (exact); Zou 2013, Stat. Methods Med. Res. 22:630-642 (limits joined).
    """
    truth, guess = checked_pair(measured, predicted)
    if truth.size < 3:
        raise StatsError(f"bland_altman: found {truth.size} rows, expected three or more.")
    if method not in LIMIT_METHODS:
        raise StatsError(unknown_name("limits method", method, LIMIT_METHODS))
    difference = guess - truth
    bias, spread = mean_estimate(difference, confidence, clusters), float(difference.std(ddof=1))
    line = _slope(difference, (truth + guess) / 2, confidence)
    if method == "jackknife" or clusters is not None:
        return BlandAltman(
            bias, spread, *_joined_limits(difference, bias, agreement, confidence, clusters), line
        )
    above = _distance_of_limit(spread, truth.size, agreement, confidence, method)
    lower = replace(
        above, value=bias.value - above.value, low=bias.value - above.high, high=bias.value - above.low
    )
    upper = replace(
        above, value=bias.value + above.value, low=bias.value + above.low, high=bias.value + above.high
    )
    return BlandAltman(bias, spread, lower, upper, line)


def _joined_limits(
    difference: Floats, bias: Estimate, agreement: float, confidence: float, clusters: npt.ArrayLike | None
) -> tuple[Estimate, Estimate]:
    """Both limits of agreement, each by the distances to the limits of the bias and of the deviation."""
    known = None if clusters is None else checked_clusters(clusters, difference.size)
    around = difference - difference.mean()
    variance = float(difference.var(ddof=1))
    found = jackknife_estimate(
        variance, (around**2 - variance) / difference.size, LOG, confidence=confidence, clusters=known
    )
    z = normal_quantile(agreement)
    near, middle, far = (z * math.sqrt(part) for part in (found.low, variance, found.high))
    inwards = math.hypot(bias.high - bias.value, middle - near)
    outwards = math.hypot(bias.high - bias.value, far - middle)
    made = replace(found, method="jackknife, joined limits", standard_error=None)
    lower, upper = bias.value - middle, bias.value + middle
    return (
        replace(made, value=lower, low=lower - outwards, high=lower + inwards),
        replace(made, value=upper, low=upper - inwards, high=upper + outwards),
    )


def _distance_of_limit(
    spread: float, rows: int, agreement: float, confidence: float, method: str
) -> Estimate:
    """How far the limits of agreement lie from the bias, with the interval of one around the same bias."""
    z = normal_quantile(agreement)
    error = spread * math.sqrt(1 / rows + z**2 / (2 * (rows - 1)))
    if method == "bland_altman":
        half = student_quantile(rows - 1, confidence) * error
        low, high = z * spread - half, z * spread + half
    else:
        tail = (1 - checked_fraction(confidence, name="confidence")) / 2
        quantiles = special.nctdtrit(rows - 1, z * math.sqrt(rows), [tail, 1 - tail])
        low, high = (float(quantile) * spread / math.sqrt(rows) for quantile in quantiles)
    return width_noted(Estimate(z * spread, low, high, confidence, method, rows, standard_error=error))


def _slope(values: Floats, at: Floats, confidence: float) -> Estimate:
    """The slope of a least squares line of `values` over `at`, with Student's interval."""
    centred = at - at.mean()
    width = float(np.dot(centred, centred))
    if width == 0:
        nan = math.nan
        return Estimate(nan, nan, nan, confidence, "student", at.size, note="the means do not vary")
    slope = float(np.dot(centred, values)) / width
    residual = values - values.mean() - slope * centred
    error = math.sqrt(float(np.dot(residual, residual)) / (at.size - 2) / width)
    half = student_quantile(at.size - 2, confidence) * error
    made = Estimate(slope, slope - half, slope + half, confidence, "student", at.size, standard_error=error)
    return width_noted(made)


def _root(mean_square: Estimate) -> Estimate:
    """The root mean square of a mean square; a lower limit below 0 is 0."""
    value, low, high = (
        part if math.isnan(part) else math.sqrt(max(part, 0.0))
        for part in (mean_square.value, mean_square.low, mean_square.high)
    )
    return replace(
        mean_square,
        value=value,
        low=low,
        high=high,
        method=f"root of {mean_square.method}",
        standard_error=None,
    )


def _mean_square(error: Floats, confidence: float, clusters: npt.ArrayLike | None) -> Estimate:
    known = None if clusters is None else checked_clusters(clusters, error.size)
    squares = error**2
    mean = float(squares.mean())
    return jackknife_estimate(mean, (squares - mean) / error.size, LOG, confidence=confidence, clusters=known)


def _not_below_zero(estimate: Estimate) -> Estimate:
    return replace(estimate, low=max(estimate.low, 0.0)) if estimate.has_interval else estimate
