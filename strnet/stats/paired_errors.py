"""Two models judged on the same rows by what is not ranked by an area of two classes."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import special

from strnet.stats.agreement import regression_errors
from strnet.stats.comparisons import Comparison, HypothesisTest, z_test
from strnet.stats.estimates import Estimate
from strnet.stats.inputs import checked_clusters, checked_pair
from strnet.stats.jackknife import leave_out
from strnet.stats.means import mean_estimate


def paired_absolute_errors(
    measured: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    clusters: npt.ArrayLike | None = None,
) -> Comparison:
    """Mean absolute errors of two models on the same rows (n,), their difference, and the test that it is 0.

    Student's paired t-test; with `clusters` (n,) over patients, whose unequal numbers of rows cost degrees of
    freedom.

    Raises: StatsError: unusable rows; measured values that do not vary.
    Source: Student 1908, Biometrika 6:1-25.
    """
    errors = []
    for predicted in (first, second):
        truth, guess = checked_pair(measured, predicted)
        errors.append(np.abs(guess - truth))
    one, two = (
        regression_errors(
            measured, predicted, confidence=confidence, interval="jackknife", clusters=clusters
        )["mae"]
        for predicted in (first, second)
    )
    gain = errors[0] - errors[1]
    difference = mean_estimate(gain, confidence, clusters)
    known = None if clusters is None else checked_clusters(clusters, gain.size)
    freedom = leave_out((gain - gain.mean()) / gain.size, known).freedom_of_sizes
    return Comparison(one, two, difference, student_test("paired t-test", difference, freedom))


def student_test(method: str, difference: Estimate, freedom: float) -> HypothesisTest:
    """The two-sided test that `difference` is 0, held against Student's t; p = 1 where nothing differs."""
    error = difference.standard_error
    if error is None or not error > 0 or math.isnan(error):
        return z_test(method, difference.value, math.nan if error is None else error, difference.count)
    t = difference.value / error
    p_value = 2 * float(special.stdtr(freedom, -abs(t)))
    return HypothesisTest(method, t, p_value, difference.count, freedom)
