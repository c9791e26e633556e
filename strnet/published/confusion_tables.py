"""All 2 x 2 tables that print a set of rounded figures, by exact whole-number windows.

With n and the positives p fixed, each figure bounds the true negatives of a given number of true positives.
All p and tp are done at once; the windows are exact, so counting enumerates nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from strnet.errors import StatsError
from strnet.published.printed import CountedShare, Rounded
from strnet.published.windows import Bounds, Pairs, figure_window, fraction_window, whole_bounds
from strnet.stats.inputs import Ints

MAX_PAIRS: Final = 30_000_000
LARGEST: Final = np.iinfo(np.int64).max
NO_FRACTIONS: Final[Mapping[str, CountedShare]] = {}


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


def fitting_tables(
    n: int,
    positives: int | None,
    figures: Mapping[str, Rounded],
    fractions: Mapping[str, CountedShare] = NO_FRACTIONS,
) -> FittingTables:
    """Every table of `n` cases, of both classes, whose figures are printed as `figures`.

    `fractions` are those of them that are printed as counts, `173/198`.

    Raises: StatsError: more than `MAX_PAIRS` possibilities, since neither positives nor sensitivity is known;
        more digits than can be counted with in so large a cohort.
    """
    bounds = {name: whole_bounds(figure) for name, figure in figures.items()}
    largest = max((max(b.scale, abs(b.low), abs(b.high)) for b in bounds.values()), default=0)
    if 4 * largest * n**2 > LARGEST:
        raise StatsError(
            f"figures: found too many digits for {n} cases. Give each with four decimals at most."
        )
    pairs = _pairs(n, positives, bounds)
    low, high = np.zeros_like(pairs.true), pairs.negatives
    for name in sorted(figures, key=lambda name: name != "prevalence"):  # which leaves fewest to go on with
        if name in fractions:
            window = fraction_window(name, pairs, fractions[name])
        else:
            window = figure_window(name, pairs, figures[name])
        low, high = np.maximum(low, window[0]), np.minimum(high, window[1])
        kept = low <= high
        pairs, low, high = Pairs(n, pairs.positives[kept], pairs.true[kept]), low[kept], high[kept]
    return FittingTables(n, pairs.positives, pairs.true, low, high)


def _pairs(n: int, positives: int | None, bounds: Mapping[str, Bounds]) -> Pairs:
    """All positives with all true positives that the sensitivity, and either count of positives, allow."""
    tried = np.arange(1, n) if positives is None else np.array([positives])
    first, last = np.zeros_like(tried), tried.copy()
    if (bound := bounds.get("sensitivity")) is not None:
        first = np.maximum(first, -(-bound.low * tried // bound.scale))
        last = np.minimum(last, bound.high * tried // bound.scale)
    if (bound := bounds.get("tp")) is not None:
        first, last = np.maximum(first, bound.low), np.minimum(last, bound.high)
    if (bound := bounds.get("fn")) is not None:
        first, last = np.maximum(first, tried - bound.high), np.minimum(last, tried - bound.low)
    sizes = np.maximum(last - first + 1, 0)
    if sizes.sum() > MAX_PAIRS:
        raise StatsError(
            f"figures: {sizes.sum()} combinations of positives and true positives in {n} cases, expected at "
            f"most {MAX_PAIRS}. Give the number of positives, or the sensitivity with more digits."
        )
    row = np.repeat(np.arange(tried.size), sizes)
    place = np.arange(row.size) - (np.cumsum(sizes) - sizes)[row]
    return Pairs(n, tried[row], first[row] + place)
