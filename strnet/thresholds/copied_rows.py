"""Whether rows were copied: in one table, or from one into another, beyond what equal scores explain.

Where no ids tell films apart, a row is its target and score. Scores repeat by chance, integers often, so that
an equal pair proves nothing by itself. Both tests hold for any distribution of scores, smooth, rounded or in
steps: the chance that they return is that of so many equal rows, or more, among independent ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from strnet.stats.inputs import Floats, Ints

STRENGTHS: Final[Floats] = np.geomspace(0.05, 64, 16)
BALANCES: Final = (0.0, 0.5, 1.0)
STANDARD_DEVIATIONS: Final = 9.0
"""How far from its mean a binomial count is still followed; the rest has a chance below 1e-16."""
MOST_COPIES: Final = 10
"""A table is looked at for having been pasted up to so many times."""


@dataclass(frozen=True, slots=True)
class Repetition:
    """So many of the `distinct` rows stand a multiple of `times` times; the chance of that, or more."""

    times: int
    repeated: int
    distinct: int
    chance: float


def repetition(counts: Ints) -> Repetition:
    """The most striking way in which rows repeat, of which k different ones stand `counts` (k,) times.

    Source: of a Poisson number that is not 0 the chance to be even is (1 - e^-m)/2, below 1/2 whatever its
        mean m, and to be a multiple of three or more is less; hence the sign test over the different values.
    """
    found = [
        Repetition(times, int(np.count_nonzero(counts % times == 0)), counts.size, 1.0)
        for times in range(2, MOST_COPIES + 1)
    ]
    most = max(found, key=lambda one: (one.repeated, one.times))
    chance = float(special.bdtrc(most.repeated - 1, most.distinct, 0.5))
    return Repetition(most.times, most.repeated, most.distinct, min(1.0, chance))


def excess_of_pairs(counts: Ints) -> float:
    """The chance of so few rows standing three times, given those that stand once and twice; `counts` (k,).

    Source: numbers of equal rows are mixed Poisson, and the moments of a mixture are log-convex
        (Cauchy-Schwarz): with N_k values that stand k times, E N_3 >= 2/3 (E N_2)^2 / E N_1. Both sides are
        read two standard deviations on the safe side.
    """
    once, twice, thrice = (int(np.count_nonzero(counts == times)) for times in (1, 2, 3))
    fewest_pairs = max(0.0, twice - 2 * math.sqrt(twice))
    most_single = once + 2 * math.sqrt(once + 1) + 1
    return float(special.pdtr(thrice, 2 / 3 * fewest_pairs**2 / most_single))


def chance_of_sharing(first: Ints, second: Ints) -> float:
    """An upper limit of the chance that two independent tables agree as much; (k,) counts of k values.

    Given how often each value stands in both together, the first table's share of it is binomial, all of them
    bound to sum to its number of rows. Copied rows make the shares too even. The limit is Chernoff's, on
    sum a b / (a + b - 1): the pairs across the tables of rare values, and chi-square of frequent ones.
    It may be conservative where the tables come from different distributions, never the other way round.
    """
    pooled = first + second
    rows, share = int(pooled.sum()), float(first.sum() / max(1, pooled.sum()))
    if not 0 < share < 1:
        return 1.0
    agreement = float(np.sum(first * second / np.maximum(pooled - 1, 1)))
    sizes, times = np.unique(pooled, return_counts=True)
    strength, balance = (part.ravel() for part in np.meshgrid(STRENGTHS, BALANCES))
    exponent = -strength * agreement
    for size, count in zip(sizes.tolist(), times.tolist(), strict=True):
        exponent += count * _log_moment(size, share, strength, balance)
    exponent -= float(_log_binomial(first.sum(), rows, share))  # the price of the sum that is bound
    return math.exp(min(0.0, float(exponent.min())))


def _log_moment(size: int, share: float, strength: Floats, balance: Floats) -> Floats:
    """The log of E exp(strength x agreement) of a value that stands `size` times in both tables together."""
    reach = STANDARD_DEVIATIONS * math.sqrt(size * share * (1 - share)) + 1
    lowest, highest = max(0, math.floor(size * share - reach)), min(size, math.ceil(size * share + reach))
    count = np.arange(lowest, highest + 1)
    agreement = count * (size - count) / max(1, size - 1)
    # the second term sums to nothing over all values; it takes out what only their numbers make vary
    tilt = agreement - balance[:, None] * (1 - 2 * share) * (count - size * share)
    chance = _log_binomial(count, size, share)
    exponents = strength[:, None] * tilt + chance
    highest_one = exponents.max(axis=1, keepdims=True)
    summed: Floats = highest_one[:, 0] + np.log(np.exp(exponents - highest_one).sum(axis=1))
    return summed


def _log_binomial(count: Ints, size: int, share: float) -> Floats:
    ways = special.gammaln(size + 1) - special.gammaln(count + 1) - special.gammaln(size - count + 1)
    logs: Floats = ways + special.xlogy(count, share) + special.xlog1py(size - count, -share)
    return logs
