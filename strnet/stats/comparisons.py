"""What a test returns, McNemar's test with and without patients, and Holm's correction.

statsmodels has McNemar and Holm too, but is a heavy dependency for a few lines, and knows no patients.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from strnet.stats.estimates import Estimate, width_noted
from strnet.stats.inputs import (
    Floats,
    checked_probability,
    checked_target,
    require_same_length,
)
from strnet.stats.means import patient_mean
from strnet.stats.normal import normal_quantile, two_sided_p
from strnet.stats.scales import DIFFERENCE


@dataclass(frozen=True, slots=True)
class HypothesisTest:
    """A test: its statistic, two-sided p-value, degrees of freedom where it has any, and number of rows.

    `statistic` and `p_value` are NaN where the test is undefined; `note` then says why.
    """

    method: str
    statistic: float
    p_value: float
    count: int
    degrees_of_freedom: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two estimates, the difference first minus second with its interval, and the test that it is 0."""

    first: Estimate
    second: Estimate
    difference: Estimate
    test: HypothesisTest


@dataclass(frozen=True, slots=True)
class PairedCounts:
    """Rows that only the first reading has right, and rows that only the second has right, and the test."""

    only_first: int
    only_second: int
    difference: Estimate
    test: HypothesisTest


def z_test(method: str, difference: float, error: float, count: int) -> HypothesisTest:
    """The two-sided test that `difference` is 0; p = 1 for two readings that never differ."""
    if difference == 0 and error == 0:
        return HypothesisTest(method, 0.0, 1.0, count, note="no row tells the two apart")
    if not error > 0:
        return HypothesisTest(method, math.nan, math.nan, count, note="the difference has no variance")
    return HypothesisTest(method, difference / error, two_sided_p(difference / error), count)


def mcnemar(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    exact: bool = True,
    clusters: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> PairedCounts:
    """Two readings of the same rows, 1 where right: discordant counts, difference of shares, and the test.

    `first`, `second` (n,) of 0 and 1. For sensitivities give the rows of the positives only. `exact` is the
    binomial test, otherwise chi-squared with continuity correction; with `clusters` (n,) it is the z-test of
    the difference whose variance sums over patients, and `exact` plays no part.

    Raises: StatsError: values other than 0 and 1, other lengths.
    Source: McNemar 1947, Psychometrika 12:153-157; Edwards 1948 (correction); Obuchowski 1998, Stat. Med.
        17:1495-1507 (patients).
    """
    one, two = checked_target(first, name="first"), checked_target(second, name="second")
    require_same_length(one.size, second=two)
    gained = one.astype(np.float64) - two
    mean = patient_mean(gained, clusters)
    error, patients = mean.standard_error, None if clusters is None else mean.units
    low, high = DIFFERENCE.limits(mean.value, normal_quantile(confidence) * error)
    only_first, only_second = int(np.count_nonzero(gained > 0)), int(np.count_nonzero(gained < 0))
    difference = width_noted(
        Estimate(
            value=mean.value,
            low=low,
            high=high,
            confidence=confidence,
            method="difference of paired shares",
            count=one.size,
            clusters=patients,
            standard_error=error,
            note="one row or patient has no variance" if math.isnan(error) else "",
        )
    )
    if patients is not None:
        test = z_test("McNemar, patients", difference.value, error, one.size)
    else:
        test = _discordant_test(only_first, only_second, one.size, exact=exact)
    return PairedCounts(only_first, only_second, difference, test)


def holm(p_values: npt.ArrayLike) -> Floats:
    """P-values adjusted for their number, shape (n,): each may be held against the same level.

    Raises: StatsError: values outside [0, 1] or not finite.
    Source: Holm 1979, Scand. J. Statist. 6:65-70.
    """
    values = checked_probability(p_values, name="p_values")
    order = np.argsort(values, kind="stable")
    steps = np.maximum.accumulate(values[order] * np.arange(values.size, 0, -1))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted


def _discordant_test(only_first: int, only_second: int, count: int, *, exact: bool) -> HypothesisTest:
    discordant = only_first + only_second
    if discordant == 0:
        return HypothesisTest("McNemar", 0.0, 1.0, count, note="no row tells the two apart")
    if exact:
        fewer = min(only_first, only_second)
        p_value = min(1.0, 2 * float(special.bdtr(fewer, discordant, 0.5)))
        return HypothesisTest("McNemar, exact", float(fewer), p_value, count)
    statistic = max(abs(only_first - only_second) - 1, 0) ** 2 / discordant
    p_value = float(special.chdtrc(1, statistic))
    return HypothesisTest("McNemar, continuity corrected", statistic, p_value, count, 1.0)
