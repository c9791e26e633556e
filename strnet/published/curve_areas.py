"""What area an ROC curve through one point can have."""

from __future__ import annotations

import numpy as np

from strnet.stats.inputs import Floats


def smallest_area(sensitivity: Floats, specificity: Floats) -> Floats:
    """The area below the lowest curve through a point: one step."""
    return sensitivity * specificity


def largest_area(sensitivity: Floats, specificity: Floats) -> Floats:
    """The area below the highest curve through a point: two steps."""
    return 1 - (1 - sensitivity) * (1 - specificity)


def smallest_hull_area(sensitivity: Floats, specificity: Floats) -> Floats:
    """The area below the lowest curve through a point that has no dent (is concave): two straight lines."""
    return (sensitivity + specificity) / 2


def largest_hull_area(sensitivity: Floats, specificity: Floats) -> Floats:
    """The area below the highest curve through a point that has no dent (is concave).

    Such a curve stays below one straight line through the point (1 - specificity, sensitivity) = (x, s). The
    line of slope m leaves a triangle of area (1 - s + m x)^2 / 2m above it: least at m = (1 - s) / x, where a
    slope between (1 - s) / (1 - x) and s / x, with which the curve reaches both corners, allows it. A point
    below the diagonal is on no such curve; what comes back for it has no meaning.
    """
    missed, x = 1 - sensitivity, 1 - specificity
    with np.errstate(all="ignore"):
        slope = np.clip(missed / x, missed / (1 - x), sensitivity / x)
        triangle = (missed + slope * x) ** 2 / (2 * slope)
    touching = (missed <= 0) | (x <= 0)  # the curve can hug the side that the point lies on
    return np.where(touching, 1.0, 1 - np.where(np.isfinite(triangle), triangle, 0.0))
