"""Which rows an epoch draws so that the classes of a task come equally often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class BalancedRows:
    """How often rows are drawn in an epoch of as many draws as there are rows."""

    shares: NDArray[np.float64]
    """(N,): draws of each row, on average."""
    kinds: NDArray[np.int64]
    """(N,): each row's class, -1 where it is unknown."""

    def draw(self, generator: np.random.Generator) -> NDArray[np.int64]:
        """N rows (N,) in random order; each row, and each class, as often as its share, rounded up or down.

        Source: Madow 1949, On the theory of systematic sampling II; class by class, in random order within.
        """
        order = generator.permutation(self.shares.size)
        order = order[np.argsort(self.kinds[order], kind="stable")]
        ends = np.cumsum(self.shares[order])
        ticks = (np.arange(order.size) + generator.random()) * (ends[-1] / order.size)
        drawn = order[np.minimum(np.searchsorted(ends, ticks, side="right"), order.size - 1)]
        return generator.permutation(drawn)


def balanced_rows(target: NDArray[np.float64], patients: Sequence[str] | None = None) -> BalancedRows:
    """Draws in which the classes of `target` (N,), class numbers or NaN where unknown, come equally often.

    The rows whose target is unknown are drawn once each, as without balance; the classes share the other
    draws equally. Within a class every row has the same share, or, with `patients` (N,), every patient,
    whose rows of that class share it.
    """
    known = ~np.isnan(target)
    kinds = np.where(known, target, -1).astype(np.int64)
    shares = np.ones(target.size)
    classes = np.unique(kinds[known])
    for value in classes:
        rows = np.flatnonzero(kinds == value)
        of_class = known.sum() / classes.size
        if patients is None:
            shares[rows] = of_class / rows.size
            continue
        names = np.asarray(patients, dtype=str)[rows]
        _, person, films = np.unique(names, return_inverse=True, return_counts=True)
        shares[rows] = of_class / films.size / films[person]
    return BalancedRows(shares, kinds)


def repeats(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """How often each entry of `rows` (N,) stands before it, (N,): 0 the first time, then 1, ..."""
    seen: dict[int, int] = {}
    counts = np.zeros(rows.size, dtype=np.int64)
    for place, row in enumerate(rows.tolist()):
        counts[place] = seen.get(row, 0)
        seen[row] = seen.get(row, 0) + 1
    return counts
