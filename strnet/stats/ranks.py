"""Order statistics of two classes, with ties counted exactly and without an argsort of all scores.

Each class is sorted by itself (`np.sort` of float64 is vectorised, `np.argsort` is four times slower) and the
two are merged by `np.searchsorted`, whose sorted keys keep it in the cache.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strnet.stats.inputs import Bools, Floats, Ints


@dataclass(frozen=True, slots=True)
class SortedClasses:
    """Scores of the positives and of the negatives, each ascending."""

    positives: Floats
    negatives: Floats


@dataclass(frozen=True, slots=True)
class Placements:
    """For each positive the share of negatives below it, and for each negative of positives above it.

    Ties count one half. Both in [0, 1], in the order of the scores they were made from. Their means are the
    AUROC.
    Source: DeLong, DeLong, Clarke-Pearson 1988, Biometrics 44:837-845 (components V10 and V01).
    """

    positives: Floats
    negatives: Floats


def sort_classes(target: Bools, score: Floats) -> SortedClasses:
    """The scores of each class, ascending."""
    return SortedClasses(np.sort(score[target]), np.sort(score[~target]))


def sorted_placements(classes: SortedClasses) -> Placements:
    """Placements in ascending order of the scores."""
    positives, negatives = classes.positives, classes.negatives
    below = np.searchsorted(negatives, positives, side="left")
    not_above = np.searchsorted(negatives, positives, side="right")
    # positive i is at most negative j exactly if fewer than j + 1 negatives lie below it: two counts
    # replace two more searches
    positives_up_to = np.cumsum(np.bincount(below, minlength=negatives.size + 1))[: negatives.size]
    positives_below = np.cumsum(np.bincount(not_above, minlength=negatives.size + 1))[: negatives.size]
    return Placements(
        (below + not_above) / (2.0 * negatives.size),
        1.0 - (positives_up_to + positives_below) / (2.0 * positives.size),
    )


def placements(target: Bools, score: Floats) -> Placements:
    """Placements in the order of the rows: positives of `target` first to last, likewise negatives."""
    by_class = score[target], score[~target]
    orders = [np.argsort(values) for values in by_class]
    in_order = sorted_placements(
        SortedClasses(*(values[order] for values, order in zip(by_class, orders, strict=True)))
    )
    return Placements(_unsorted(in_order.positives, orders[0]), _unsorted(in_order.negatives, orders[1]))


def midranks(values: Floats) -> Floats:
    """Ranks from 1, ties sharing their mean rank, shape (n,)."""
    ordered = np.sort(values)
    first = np.searchsorted(ordered, values, side="left")
    last = np.searchsorted(ordered, values, side="right")
    return (first + last + 1) / 2.0


def _unsorted(values: Floats, order: Ints) -> Floats:
    back = np.empty_like(values)
    back[order] = values
    return back
