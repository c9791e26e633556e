"""How closely two readings follow each other: Pearson's r and Lin's concordance, for rows and for patients.

scipy has Pearson's r with Fisher's interval for independent rows; nothing of the rest.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

from strnet.errors import StatsError, unknown_name
from strnet.stats.estimates import Estimate
from strnet.stats.inputs import Floats, checked_clusters, checked_pair, require_varied
from strnet.stats.jackknife import jackknife_estimate
from strnet.stats.normal import normal_quantile
from strnet.stats.scales import FISHER

CORRELATION_INTERVALS: Final = ("classical", "jackknife")
STILL: Final = 1e-3
"""Readings whose SD is below this share of the others' have a concordance below twice that, come what may."""


def pearson(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    interval: str = "classical",
    clusters: npt.ArrayLike | None = None,
) -> Estimate:
    """Pearson's r of two arrays (n,) with its interval on Fisher's scale.

    `classical` has Fisher's variance 1 / (n - 3), for independent rows of a normal distribution; `jackknife`
    asks for neither, and is taken with `clusters` (n,) whatever is asked for.

    Raises: StatsError: unusable rows, values that do not vary, an unknown interval.
    Source: Fisher 1921, Metron 1:3-32; Efron and Tibshirani 1993, ch. 22 (influence of a row on r).
    """
    one, two = checked_pair(first, second)
    for values in (one, two):
        require_varied(values, purpose="pearson")
    standard = [(values - values.mean()) / values.std() for values in (one, two)]
    r = float(np.clip(np.mean(standard[0] * standard[1]), -1, 1))
    if _leaves_out(interval, clusters):
        influence = standard[0] * standard[1] - r * (standard[0] ** 2 + standard[1] ** 2) / 2
        return _left_out(r, influence, clusters, confidence)
    if one.size < 4:
        note = "Fisher's variance needs four rows"
        return Estimate(r, math.nan, math.nan, confidence, "fisher", one.size, note=note)
    return _fisher(r, 1 / math.sqrt(one.size - 3), confidence, "fisher", one.size)


def pearson_p_value(r: Estimate) -> float:
    """The two-sided p-value that the correlation of `pearson` is 0, by Student's t."""
    freedom = r.count - 2
    if freedom < 1 or abs(r.value) == 1:
        return 0.0 if freedom >= 1 else math.nan
    t = r.value * math.sqrt(freedom / (1 - r.value**2))
    return 2 * float(special.stdtr(freedom, -abs(t)))


def concordance(
    measured: npt.ArrayLike,
    predicted: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    interval: str = "classical",
    clusters: npt.ArrayLike | None = None,
) -> Estimate:
    """Lin's concordance correlation of arrays (n,): how close the points lie to the line of equality.

    `classical` has Lin's variance; `interval` and `clusters` (n,) are as in `pearson`. Where one of both
    hardly varies there is no interval: it would have no width, whatever the rows say.

    Raises: StatsError: unusable rows, fewer than three, values that do not vary, an unknown interval.
    Source: Lin 1989, Biometrics 45:255-268, with the corrections of 2000, Biometrics 56:324-325.
    """
    truth, guess = checked_pair(measured, predicted)
    for values in (truth, guess):
        require_varied(values, purpose="concordance")
    if truth.size < 3:
        raise StatsError(f"concordance: found {truth.size} rows, expected three or more.")
    around, near = truth - truth.mean(), guess - guess.mean()
    shift = float(truth.mean() - guess.mean())
    spread = float(truth.var() + guess.var()) + shift**2
    ccc = 2 * float(np.mean(around * near)) / spread
    if min(truth.std(), guess.std()) < STILL * max(truth.std(), guess.std()):
        note = "one of both hardly varies beside the other: it is near 0 whatever they say"
        return Estimate(ccc, math.nan, math.nan, confidence, "lin", truth.size, note=note)
    if _leaves_out(interval, clusters):
        of_spread = around**2 + near**2 + shift**2 + 2 * shift * (around - near)
        return _left_out(ccc, (2 * around * near - ccc * of_spread) / spread, clusters, confidence)
    r = float(np.mean(around * near) / (truth.std() * guess.std()))
    if abs(r) > 1 - 1e-15 or r == 0:
        note = "the variance is degenerate where the correlation is 0, 1 or -1"
        return Estimate(ccc, math.nan, math.nan, confidence, "lin", truth.size, note=note)
    error = math.sqrt(_lin_variance(ccc, r, shift**2 / float(truth.std() * guess.std()), truth.size))
    return _fisher(ccc, error / (1 - ccc**2), confidence, "lin, z-transform", truth.size)


def _leaves_out(interval: str, clusters: npt.ArrayLike | None) -> bool:
    if interval not in CORRELATION_INTERVALS:
        raise StatsError(unknown_name("interval of a correlation", interval, CORRELATION_INTERVALS))
    return interval == "jackknife" or clusters is not None


def _left_out(value: float, influence: Floats, clusters: npt.ArrayLike | None, confidence: float) -> Estimate:
    """A correlation and its interval on Fisher's scale, by what each row adds to it."""
    known = None if clusters is None else checked_clusters(clusters, influence.size)
    return jackknife_estimate(
        value, influence / influence.size, FISHER, confidence=confidence, clusters=known
    )


def _lin_variance(ccc: float, r: float, squared_shift: float, rows: int) -> float:
    of_scatter = (1 - r**2) * ccc**2 * (1 - ccc**2) / r**2
    of_shift = 2 * ccc**3 * (1 - ccc) * squared_shift / r - ccc**4 * squared_shift**2 / (2 * r**2)
    return (of_scatter + of_shift) / (rows - 2)


def _fisher(r: float, error: float, confidence: float, method: str, count: int) -> Estimate:
    if abs(r) == 1:
        return Estimate(r, r, r, confidence, method, count, note="no width: the points lie on a line")
    half = normal_quantile(confidence) * error
    low, high = math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)
    return Estimate(r, low, high, confidence, method, count)
