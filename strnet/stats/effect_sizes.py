"""How far groups of patients lie apart, beside the p-value that only says whether they do."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy import special

from strnet.errors import StatsError
from strnet.stats.estimates import Estimate
from strnet.stats.inputs import Floats, Ints, checked_finite, checked_fraction

_FEW = 5
"""Below this expected count a chi-squared interval does not hold."""


def hedges_g(first: npt.ArrayLike, second: npt.ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """The standardised difference of two means, first minus second, in pooled SDs without small-sample bias.

    `first` (n,) and `second` (m,). The interval inverts the noncentral t distribution: exact for normal
    values of one variance.

    Raises: StatsError: unusable values, or fewer than two in a group.
    Source: Hedges 1981, J. Educ. Statist. 6:107-128; Cumming and Finch 2001 (interval).
    """
    one, two = checked_finite(first, name="first"), checked_finite(second, name="second")
    checked_fraction(confidence, name="confidence")
    _require_two([one, two], "hedges_g")
    freedom = one.size + two.size - 2
    pooled = math.sqrt((_squares(one) + _squares(two)) / freedom)
    count, method = one.size + two.size, "Hedges' g, noncentral t"
    if pooled == 0:
        note = "neither group varies"
        return Estimate(math.nan, math.nan, math.nan, confidence, method, count, note=note)
    d = float(one.mean() - two.mean()) / pooled
    unbiased = math.exp(math.lgamma(freedom / 2) - math.lgamma((freedom - 1) / 2)) / math.sqrt(freedom / 2)
    root = math.sqrt(one.size * two.size / count)
    low, high = _limits(lambda shift: float(special.nctdtr(freedom, shift, d * root)), d * root, confidence)
    scale = unbiased / root
    note = "the groups lie too far apart" if math.isnan(low) else ""
    return Estimate(d * unbiased, low * scale, high * scale, confidence, method, count, note=note)


def eta_squared(groups: Sequence[npt.ArrayLike]) -> Estimate:
    """The share in [0, 1] of the variance of values that lies between groups, each (n,); without interval.

    Raises: StatsError: unusable values, fewer than two groups, or fewer than two values in one.
    """
    values = [checked_finite(group, name="group") for group in groups]
    _require_two(values, "eta_squared")
    everything = np.concatenate(values)
    total = _squares(everything)
    note = "no group varies" if total == 0 else "none is known where variances differ"
    share = math.nan if total == 0 else 1 - sum(map(_squares, values)) / total
    return Estimate(share, math.nan, math.nan, 0.95, "eta squared", everything.size, note=note)


def cramers_v(table: npt.ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """How closely groups (rows) and categories (columns) go together, in [0, 1]: `table` of counts.

    Rows and columns of zeros are left out. The interval inverts the noncentral chi-squared distribution; it
    is not given where an expected count is below 5, or where the value, which is biased upwards in a table of
    many cells, lies outside it.

    Raises: StatsError: a negative or broken count, or fewer than two groups or categories with counts.
    Source: Cramer 1946, 21.9; Smithson 2003, Confidence Intervals, 39-41 (interval).
    """
    counts = counted_table(table, "cramers_v")
    checked_fraction(confidence, name="confidence")
    expected = np.outer(counts.sum(1), counts.sum(0)) / counts.sum()
    statistic = float(((counts - expected) ** 2 / expected).sum())
    freedom = (counts.shape[0] - 1) * (counts.shape[1] - 1)
    count = int(counts.sum())
    scale = count * (min(counts.shape) - 1)
    value = math.sqrt(statistic / scale)
    limits = _limits(lambda shift: float(special.chndtr(statistic, freedom, shift)), statistic, confidence, 0)
    low, high = (math.sqrt(limit / scale) for limit in limits)
    note = "an expected count is below 5" if (expected < _FEW).any() else ""
    if not note and not low <= value <= high:
        note = "too many cells for so few patients"
    if note:
        low = high = math.nan
    return Estimate(
        value, low, min(high, 1.0), confidence, "Cramer's V, noncentral chi-squared", count, note=note
    )


def counted_table(table: npt.ArrayLike, where: str) -> Ints:
    """The rows and columns of `table` that hold counts, (groups, categories), both two or more.

    Raises: StatsError: no table of whole counts, or one row or column with counts.
    """
    counts = np.asarray(table)
    if counts.ndim != 2 or counts.dtype.kind not in "iuf" or (counts < 0).any() or (counts % 1 != 0).any():
        raise StatsError(f"{where}: found shape {counts.shape} of {counts.dtype}, expected whole counts.")
    kept: Ints = counts[counts.sum(1) > 0][:, counts.sum(0) > 0].astype(np.int64)
    if min(kept.shape) < 2:
        raise StatsError(
            f"{where}: found {kept.shape[0]} groups and {kept.shape[1]} categories with counts, "
            "expected two or more of each."
        )
    return kept


def _limits(
    share_below: Callable[[float], float], found: float, confidence: float, lowest: float = -math.inf
) -> tuple[float, float]:
    """The shifts at which what was found is the highest and the lowest that still belongs to them."""
    from scipy.optimize import brentq

    tail = (1 - confidence) / 2
    limits = []
    for share in (1 - tail, tail):

        def beyond(shift: float, share: float = share) -> float:
            return share_below(shift) - share

        step = 1.0 + abs(found)
        low, high = max(found - step, lowest), found + step
        while beyond(low) < 0 and low > lowest:
            step *= 2
            low = max(found - step, lowest)
        while beyond(high) > 0:
            step *= 2
            high = found + step
        if not math.isfinite(beyond(low) + beyond(high)):
            return math.nan, math.nan  # groups so far apart that the distribution cannot be computed
        limits.append(lowest if beyond(low) <= 0 else float(brentq(beyond, low, high, xtol=1e-10)))
    return limits[0], limits[1]


def _squares(values: Floats) -> float:
    return float(((values - values.mean()) ** 2).sum())


def _require_two(groups: Sequence[Floats], where: str) -> None:
    sizes = [group.size for group in groups]
    if len(sizes) < 2 or min(sizes) < 2:
        raise StatsError(
            f"{where}: found groups of {sizes} rows, expected two groups or more of two or more."
        )
