"""Predicted against measured values: errors, and Bland and Altman's limits of agreement."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

from strnet.errors import StatsError, unknown_name
from strnet.stats.estimates import Estimate
from strnet.stats.inputs import Floats, checked_fraction, checked_pair, require_varied
from strnet.stats.means import mean_estimate, student_quantile
from strnet.stats.normal import normal_quantile

LIMIT_METHODS: Final = ("bland_altman", "exact")


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
    clusters: npt.ArrayLike | None = None,
) -> dict[str, Estimate]:
    """`mae`, `rmse`, `bias` (predicted - measured) and `r2`, by name, in the unit of the values; (n,) each.

    Means have Student's interval, over patients with `clusters`; rmse is the root of that of the mean square.
    `r2` is 1 - sum of squares of the errors / of the measured values around their mean, and has no interval.

    Raises: StatsError: unusable rows; measured values that do not vary.
    """
    truth, guess = checked_pair(measured, predicted)
    require_varied(truth, purpose="regression_errors")
    error = guess - truth
    means = {"mae": np.abs(error), "mse": error**2, "bias": error}
    found = {name: mean_estimate(values, confidence, clusters) for name, values in means.items()}
    r2 = 1 - float(np.dot(error, error)) / float(np.sum((truth - truth.mean()) ** 2))
    return {
        "mae": _not_below_zero(found["mae"]),
        "rmse": _root(found["mse"]),
        "bias": found["bias"],
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
) -> BlandAltman:
    """Bias and the limits within which the share `agreement` of differences lies, with their intervals.

    The limits are bias -/+ z times the standard deviation, for independent rows (n,). `exact` intervals use
    the noncentral t distribution instead of the usual approximation.

    Raises: StatsError: unusable rows, fewer than three, an unknown method.
    Source: Bland and Altman 1999, Stat. Methods Med. Res. 8:135-160; Carkeet 2015, Optom. Vis. Sci.
        92:e71-e80 (exact).
    """
    truth, guess = checked_pair(measured, predicted)
    if truth.size < 3:
        raise StatsError(f"bland_altman: found {truth.size} rows, expected three or more.")
    if method not in LIMIT_METHODS:
        raise StatsError(unknown_name("limits method", method, LIMIT_METHODS))
    difference = guess - truth
    bias, spread = mean_estimate(difference, confidence, None), float(difference.std(ddof=1))
    above = _distance_of_limit(spread, truth.size, agreement, confidence, method)
    lower = replace(
        above, value=bias.value - above.value, low=bias.value - above.high, high=bias.value - above.low
    )
    upper = replace(
        above, value=bias.value + above.value, low=bias.value + above.low, high=bias.value + above.high
    )
    line = _slope(difference, (truth + guess) / 2, confidence)
    return BlandAltman(bias, spread, lower, upper, line)


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
    return Estimate(z * spread, low, high, confidence, method, rows, standard_error=error)


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
    return Estimate(slope, slope - half, slope + half, confidence, "student", at.size, standard_error=error)


def _root(mean_square: Estimate) -> Estimate:
    """The root mean square of a mean square; a lower limit below 0 is 0."""
    value, low, high = (
        part if math.isnan(part) else math.sqrt(max(part, 0.0))
        for part in (mean_square.value, mean_square.low, mean_square.high)
    )
    return replace(
        mean_square, value=value, low=low, high=high, method="root of student", standard_error=None
    )


def _not_below_zero(estimate: Estimate) -> Estimate:
    return replace(estimate, low=max(estimate.low, 0.0)) if estimate.has_interval else estimate
