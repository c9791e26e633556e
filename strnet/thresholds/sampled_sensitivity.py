"""The sensitivity of a flag where the flagged positives are counted and the unflagged ones only sampled.

The promise is about the population that the people come from, so that two things are left to chance: which of
its positives came (and were flagged), and which of the unflagged were drawn. Sharing the confidence between
them, a bound of the missed ones inside a bound of the share, is valid and wasteful: 62 found, and none among
60 of 200 unflagged, would prove a sensitivity of 0.759; the exact test of both together proves 0.871.

The test. D people are positive, and N negative ones are not flagged; both are unknown, but for their sum: the
found and the unflagged. The found are Binomial(D, sensitivity), and the positives of the sample, given
them, hypergeometric among the unflagged. Outcomes are ordered by a bound in closed form; the chance of one as
extreme as that seen, the largest over D, is the p-value. It rises with the sensitivity, as the found do and
as the missed fall. D runs over an interval that fails with a thousandth of delta, which is added.
Source: Buehler 1957, JASA 52:482-493 (bounds from an ordering); Berger and Boos 1994, JASA 89:1012-1016 (the
    interval for D); the ordering: if each unflagged person is drawn with probability r by himself, the found
    are Binomial(found + positives drawn, q) given their sum, with q / (1 - q) = odds(sensitivity) / r.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from strnet.stats.inputs import Bools, Floats, Ints
from strnet.thresholds.hypergeometric import chance_of_at_most, least_positives, most_positives

Side = Literal["lower", "upper"]

NUISANCE_SHARE = 1e-3
"""The part of delta with which the interval for the number of positives may fail."""
TAIL = 9.0
"""Standard deviations beyond which numbers of found positives are left out; `EDGE` stands for them."""
EDGE = 1e-15
"""What is added for the tails, and how near to 0 and 1 a sensitivity is tried."""
STEPS = 22
"""Halvings of the interval in which a bound lies; it is given on its cautious side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """Found positives, and the unflagged: how many, how many of them drawn, how many positives among these.

    `positives` has two ends where some of the drawn were not examined: all of them negative, or positive.
    """

    found: int
    unflagged: int
    drawn: int
    positives: tuple[int, int]

    @property
    def share(self) -> float:
        """The share of the unflagged that was drawn; 1 where nobody is unflagged."""
        return self.drawn / self.unflagged if self.unflagged else 1.0


def lower_bound(seen: Sampled, delta: float) -> float:
    """The sensitivity that the population reaches, right with probability 1 - delta."""
    return _bound(seen, delta, "lower")


def upper_bound(seen: Sampled, delta: float) -> float:
    """The sensitivity that the population does not exceed, right with probability 1 - delta."""
    return _bound(seen, delta, "upper")


def proves(seen: Sampled, floor: float, delta: float) -> bool:
    """Whether `lower_bound` reaches the floor, in a fraction of its time."""
    extreme = seen.positives[1]
    start = closed_form(seen.found, extreme, seen.share, delta, "lower")
    if start == 0.0 or floor >= 1:
        return False
    region = _region(seen, extreme, delta, "lower", (start, abs(floor - start)))
    return region.chance(floor) <= delta * (1 - NUISANCE_SHARE)


def closed_form(found: int, positives: int, share: float, delta: float, side: Side) -> float:
    """The bound if each unflagged person had been drawn with probability `share`, one by one; exact then."""
    if side == "lower":
        q = float(special.betaincinv(found, positives + 1, delta)) if found else 0.0
    else:
        q = float(special.betaincinv(found + 1, positives, 1 - delta)) if positives else 1.0
    return q * share / (q * share + (1 - q))


def _bound(seen: Sampled, delta: float, side: Side) -> float:
    extreme = seen.positives[1] if side == "lower" else seen.positives[0]
    start = closed_form(seen.found, extreme, seen.share, delta, side)
    if start in (0.0, 1.0):
        return start
    observed = seen.found * seen.share / (seen.found * seen.share + extreme)
    near = abs(observed - start) / 2
    for reach in (near, 1.0):
        bound = _within(_region(seen, extreme, delta, side, (start, reach)), delta, (start, reach), side)
        if bound is not None:
            return bound
    return 0.0 if side == "lower" else 1.0


def _within(region: _Region, delta: float, around: tuple[float, float], side: Side) -> float | None:
    """The bound, if it lies within reach of the start; None if not."""
    start, reach = around if side == "lower" else (around[0], -around[1])
    kept, tried = (float(np.clip(start + way * reach, 0.0, 1.0)) for way in (-1, 1))
    if not region.chance(kept) <= delta * (1 - NUISANCE_SHARE):
        return None
    for _ in range(STEPS):
        middle = (kept + tried) / 2
        proven = region.chance(middle) <= delta * (1 - NUISANCE_SHARE)
        kept, tried = (middle, tried) if proven else (kept, middle)
    return kept


@dataclass(frozen=True, slots=True)
class _Region:
    """Outcomes as extreme as that seen, (D, K): K found of D positives, the others missed.

    `log_weight` holds the ways of finding just K, times the chance that the sample is then extreme enough.
    """

    found: Floats
    missed: Floats
    log_weight: Floats

    def chance(self, sensitivity: float) -> float:
        """The largest chance of such an outcome over the numbers of positives."""
        s = min(max(sensitivity, EDGE), 1 - EDGE)
        log = self.log_weight + self.found * math.log(s) + self.missed * math.log1p(-s)
        return float(np.exp(log).sum(axis=1).max()) + EDGE


def _region(seen: Sampled, extreme: int, delta: float, side: Side, around: tuple[float, float]) -> _Region:
    start, reach = around
    tail = delta * NUISANCE_SHARE / 2
    least = least_positives(seen.positives[0], seen.drawn, seen.unflagged, tail)
    most = most_positives(seen.positives[1], seen.drawn, seen.unflagged, tail)
    total = seen.found + np.arange(least, most + 1)
    found = _likely(int(total[0]), int(total[-1]), max(start - reach, 0.0), min(start + reach, 1.0))
    unflagged = seen.unflagged + seen.found - found
    drawn = np.minimum(seen.drawn, unflagged)
    share = np.where(unflagged > 0, drawn / np.maximum(unflagged, 1), 1.0)
    edge = _edge(found, start / (start + (1 - start) * share), seen.drawn, delta, side)
    edge[found == seen.found] = extreme  # which it is but for rounding
    missed = total[:, None] - found
    possible = np.maximum(missed, 0)
    at_most = chance_of_at_most(edge if side == "lower" else edge - 1, unflagged, possible, drawn)
    ways = special.gammaln(total + 1)[:, None] - special.gammaln(found + 1) - special.gammaln(possible + 1)
    with np.errstate(divide="ignore"):
        log_chance = np.log(at_most if side == "lower" else 1 - at_most)
    log_weight = np.where(missed >= 0, ways + log_chance, -np.inf)
    return _Region(found.astype(np.float64), possible.astype(np.float64), log_weight)


def _likely(least: int, most: int, low: float, high: float) -> Ints:
    """Numbers found of `least` to `most` positives, but for the tails, for sensitivities in low..high."""
    variance = max(s * (1 - s) for s in (low, high, min(max(0.5, low), high)))
    tails = TAIL * (math.sqrt(most * variance) + 1)
    return np.arange(max(math.floor(least * low - tails), 0), min(math.ceil(most * high + tails), most) + 1)


def _edge(found: Ints, q: Floats, drawn: int, delta: float, side: Side) -> Ints:
    """The most (`lower`) or fewest (`upper`) positives of the sample that are as extreme, for each found."""

    def extreme(positives: Ints) -> Bools:
        if side == "lower":
            chance = special.betainc(np.maximum(found, 1), positives + 1.0, q)
            return np.where(found > 0, chance, 1.0) <= delta
        chance = special.betainc(np.maximum(positives, 1), found + 1.0, 1 - q)
        return np.where(positives > 0, chance, 1.0) <= delta

    low, high = np.full(found.size, -1), np.full(found.size, drawn + 1)
    while np.any(high - low > 1):
        middle = (low + high) // 2
        inside = extreme(middle) == (side == "lower")
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return low if side == "lower" else high
