"""All 2 x 2 tables that print a set of rounded figures, by exact whole-number windows.

With n and the positives p fixed, each figure bounds the true negatives tn of a given number of true positives
tp by two divisions. All p and tp are done at once; the windows are exact, so counting enumerates nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from strnet.errors import StatsError
from strnet.published.figures import Rounded
from strnet.stats.inputs import Ints

MAX_PAIRS: Final = 30_000_000
FAR: Final = np.int64(1) << 40
LARGEST: Final = np.iinfo(np.int64).max

Window = tuple[Ints, Ints]


@dataclass(frozen=True, slots=True)
class Bounds:
    """A rounded figure as whole numbers: its value v satisfies low <= v * scale <= high."""

    low: int
    high: int
    scale: int


@dataclass(frozen=True, slots=True)
class Pairs:
    """Numbers of positives and true positives that are tried together, in a cohort of `n`."""

    n: int
    positives: Ints
    true: Ints

    @property
    def missed(self) -> Ints:
        """False negatives."""
        return self.positives - self.true

    @property
    def negatives(self) -> Ints:
        """Cases without the condition."""
        return self.n - self.positives


@dataclass(frozen=True, slots=True)
class FittingTables:
    """The tables of `n` cases that fit: with each positives and true positives a range of true negatives."""

    n: int
    positives: Ints
    true: Ints
    lowest: Ints
    highest: Ints

    @property
    def count(self) -> int:
        """Number of tables."""
        return int((self.highest - self.lowest + 1).sum())

    def cells(self, limit: int) -> Ints:
        """The first `limit` tables, shape (tables, 4): tp, fn, fp, tn."""
        sizes = self.highest - self.lowest + 1
        keep = int(np.searchsorted(np.cumsum(sizes), limit)) + 1
        sizes = sizes[:keep]
        row = np.repeat(np.arange(sizes.size), sizes)[:limit]
        place = np.arange(row.size) - np.concatenate([[0], np.cumsum(sizes)[:-1]])[row]
        tp, tn = self.true[row], self.lowest[row] + place
        positives = self.positives[row]
        return np.column_stack([tp, positives - tp, self.n - positives - tn, tn])


def fitting_tables(n: int, positives: int | None, figures: Mapping[str, Rounded]) -> FittingTables:
    """Every table of `n` cases, of both classes, whose figures are printed as `figures`.

    Raises: StatsError: more than `MAX_PAIRS` possibilities, since neither positives nor sensitivity is known;
        more digits than can be counted with in so large a cohort.
    """
    bounds = {name: _bounds(figure) for name, figure in figures.items()}
    if max((bound.scale for bound in bounds.values()), default=0) * n**2 > LARGEST:
        raise StatsError(
            f"figures: found too many digits for {n} cases. Give each with four decimals at most."
        )
    pairs = _pairs(n, positives, bounds.get("sensitivity"))
    low, high = np.zeros_like(pairs.true), pairs.negatives.copy()
    for name, bound in bounds.items():
        if name != "sensitivity":
            window = _WINDOWS[name](pairs, bound)
            low, high = np.maximum(low, window[0]), np.minimum(high, window[1])
    kept = low <= high
    return FittingTables(n, pairs.positives[kept], pairs.true[kept], low[kept], high[kept])


def _bounds(figure: Rounded) -> Bounds:
    scale = int(np.lcm(figure.low.denominator, figure.high.denominator))
    return Bounds(int(figure.low * scale), int(figure.high * scale), scale)


def _pairs(n: int, positives: int | None, sensitivity: Bounds | None) -> Pairs:
    """All positives with all true positives that the sensitivity allows."""
    tried = np.arange(1, n) if positives is None else np.array([positives])
    first, last = np.zeros_like(tried), tried.copy()
    if sensitivity is not None:
        first = np.maximum(first, _up(sensitivity.low * tried, sensitivity.scale))
        last = np.minimum(last, sensitivity.high * tried // sensitivity.scale)
    sizes = np.maximum(last - first + 1, 0)
    if sizes.sum() > MAX_PAIRS:
        raise StatsError(
            f"figures: {sizes.sum()} combinations of positives and true positives in {n} cases, expected at "
            f"most {MAX_PAIRS}. Give the number of positives, or the sensitivity with more digits."
        )
    row = np.repeat(np.arange(tried.size), sizes)
    place = np.arange(row.size) - (np.cumsum(sizes) - sizes)[row]
    return Pairs(n, tried[row], first[row] + place)


def _specificity(pairs: Pairs, bound: Bounds) -> Window:
    return _up(bound.low * pairs.negatives, bound.scale), bound.high * pairs.negatives // bound.scale


def _accuracy(pairs: Pairs, bound: Bounds) -> Window:
    low, high = -(-bound.low * pairs.n // bound.scale), bound.high * pairs.n // bound.scale
    return low - pairs.true, high - pairs.true


def _balanced_accuracy(pairs: Pairs, bound: Bounds) -> Window:
    # tn / negatives = 2 v - tp / positives
    scale = bound.scale * pairs.positives
    ends = (2 * end * pairs.positives - bound.scale * pairs.true for end in (bound.low, bound.high))
    low, high = (end * pairs.negatives for end in ends)
    return _up(low, scale), high // scale


def _ppv(pairs: Pairs, bound: Bounds) -> Window:
    called = _total(pairs.true, bound)
    return pairs.negatives - (called[1] - pairs.true), pairs.negatives - (called[0] - pairs.true)


def _f1(pairs: Pairs, bound: Bounds) -> Window:
    # F1 = 2 tp / (2 tp + fp + fn)
    total = _total(2 * pairs.true, bound)
    false = (end - 2 * pairs.true - pairs.missed for end in total)
    low, high = false
    return pairs.negatives - high, pairs.negatives - low


def _npv(pairs: Pairs, bound: Bounds) -> Window:
    # tn / (tn + fn) = v, so tn (scale - v) = v fn
    low = _up(bound.low * pairs.missed, bound.scale - bound.low)
    low = np.maximum(low, np.where(pairs.missed == 0, 1, 0))  # nobody cleared: undefined
    if bound.high >= bound.scale:
        return low, np.full_like(low, FAR)
    high = bound.high * pairs.missed // (bound.scale - bound.high)
    return low, high


def _total(part: Ints, bound: Bounds) -> Window:
    """The totals of which `part` is a share within `bound`; at least 1."""
    low = np.maximum(_up(part * bound.scale, bound.high), 1)
    if bound.low <= 0:
        return low, np.full_like(low, FAR)
    return low, part * bound.scale // bound.low


def _up(numerator: Ints, denominator: int | Ints) -> Ints:
    """The quotient rounded up."""
    quotient: Ints = -(-numerator // denominator)
    return quotient


_WINDOWS: Final[Mapping[str, Callable[[Pairs, Bounds], Window]]] = MappingProxyType(
    {
        "specificity": _specificity,
        "accuracy": _accuracy,
        "balanced_accuracy": _balanced_accuracy,
        "ppv": _ppv,
        "npv": _npv,
        "f1": _f1,
    }
)
