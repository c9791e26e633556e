"""Normal-theory limits shared by the estimates: on the plain scale and on the logit scale."""

from __future__ import annotations

import math

from scipy import special

from strnet.stats.inputs import checked_fraction

Limits = tuple[float, float]
UNDEFINED: Limits = (math.nan, math.nan)


def normal_quantile(confidence: float) -> float:
    """The two-sided standard normal quantile of `confidence`, such as 1.96 for 0.95.

    Raises: StatsError: confidence outside (0, 1).
    """
    return float(-special.ndtri((1 - checked_fraction(confidence, name="confidence")) / 2))


def student_quantile(freedom: float, confidence: float) -> float:
    """The two-sided quantile of Student's t.

    Raises: StatsError: confidence outside (0, 1).
    """
    return -float(special.stdtrit(freedom, (1 - checked_fraction(confidence, name="confidence")) / 2))


def around(value: float, limits: Limits) -> Limits:
    """The limits, widened to hold the value itself where they were made around another; NaN stays NaN."""
    low, high = limits
    if math.isnan(low) or math.isnan(high):
        return UNDEFINED
    return min(low, value), max(high, value)


def plain_limits(value: float, error: float, confidence: float) -> Limits:
    """`value` -/+ z * `error`."""
    half = normal_quantile(confidence) * error
    return value - half, value + half


def unit_limits(value: float, error: float, confidence: float) -> Limits:
    """`plain_limits` cut at 0 and 1, for a value in [0, 1]; NaN for an undefined error."""
    low, high = plain_limits(value, error, confidence)
    if math.isnan(error):
        return UNDEFINED
    return max(low, 0.0), min(high, 1.0)


def logit_limits(value: float, error: float, confidence: float) -> Limits:
    """Limits made on the logit scale by the delta method, so inside (0, 1); NaN for a value of 0 or 1.

    Also NaN for an undefined error.

    Source: Pepe 2003, The Statistical Evaluation of Medical Tests, 5.2.
    """
    half = normal_quantile(confidence) * error
    if not 0 < value < 1:
        return UNDEFINED
    centre, half = float(special.logit(value)), half / (value * (1 - value))
    return float(special.expit(centre - half)), float(special.expit(centre + half))


def two_sided_p(z: float) -> float:
    """The two-sided p-value of a standard normal statistic."""
    return float(2 * special.ndtr(-abs(z)))
