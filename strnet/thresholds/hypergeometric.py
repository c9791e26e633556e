"""How many of a finite group are positive, where a random sample of it was examined."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

from strnet.stats.inputs import Floats
from strnet.thresholds.rules import NEAR

TINY = 1e-17
"""Share of a sum below which its next term is left out."""
AT_ONCE = 34
"""Numbers of positives that a search tries together."""


def chance_of_at_most(
    found: npt.ArrayLike, group: npt.ArrayLike, positives: npt.ArrayLike, sample: npt.ArrayLike
) -> Floats:
    """P(X <= found), X the positives in a random `sample` of a `group` that holds `positives`; broadcasts.

    Source: P(X = x) by the gamma function, and from there by the ratio of neighbours away from the mean, so
        that each sum is of falling terms; scipy.stats, which takes half a second to import, does as well.
    """
    x, n, m, u = np.broadcast_arrays(
        *(np.asarray(a, dtype=np.float64) for a in (found, group, positives, sample))
    )
    least, most = np.maximum(0, m + u - n), np.minimum(m, u)
    below = x <= m * u / np.maximum(n, 1)
    inside = np.clip(np.where(below, x, x + 1), least, most)
    sums = _fall(np.where(below, inside, u - inside), n, np.where(below, m, n - m), u)
    chance = np.where(below, sums, 1 - sums)
    return np.where(x < least, 0.0, np.where(x >= most, 1.0, np.clip(chance, 0.0, 1.0)))


def _fall(x: Floats, n: Floats, m: Floats, u: Floats) -> Floats:
    """P(X <= x) for x at or below the mean, or a step beyond it."""
    term = np.exp(_log_ways(m, x) + _log_ways(n - m, u - x) - _log_ways(n, u))
    total, x = term.copy(), x.copy()
    while np.any(term > TINY * total):
        # P(X = x - 1) / P(X = x); 0 where x - 1 is impossible
        term = term * x * (n - m - u + x) / ((m - x + 1) * (u - x + 1))
        total += term
        x -= 1
    return total


def _log_ways(n: Floats, k: Floats) -> Floats:
    ways: Floats = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    return ways


def most_positives(found: int, sample: int, group: int, delta: float) -> int:
    """The upper bound of the positives in the group, right with probability 1 - delta whatever they are.

    Source: the largest M with P(Hypergeometric(group, M, sample) <= found) > delta, which is Clopper-Pearson
        for a finite group. A chance within 1e-9 of delta counts as larger.
    """
    low, high = found, group - sample + found + 1  # not excluded, excluded
    while high - low > 1:
        tried = np.unique(np.linspace(low, high, AT_ONCE).astype(np.int64))
        tried = tried[(tried > low) & (tried < high)]
        excluded = chance_of_at_most(found, group, tried, sample) <= delta * (1 - NEAR)
        low = int(tried[~excluded].max(initial=low))
        high = int(tried[excluded].min(initial=high))
    return low


def least_positives(found: int, sample: int, group: int, delta: float) -> int:
    """The lower bound of the positives in the group, right with probability 1 - delta whatever they are."""
    return group - most_positives(sample - found, sample, group, delta)
