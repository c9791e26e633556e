"""Order statistics of two classes, with ties counted exactly and without an argsort of all scores.

Each class is sorted by itself (`np.sort` of float64 is vectorised). The two are merged by a stable argsort of
one behind the other: on two sorted runs that is a single merge, three times faster than `np.searchsorted`.
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


def split_classes(target: Bools, values: Floats) -> tuple[Floats, Floats]:
    """The values of the positives and of the negatives, in the order of the rows."""
    # taking by index is ten times faster than masking where the classes are mixed
    return values[np.flatnonzero(target)], values[np.flatnonzero(~target)]


def sort_classes(target: Bools, score: Floats) -> SortedClasses:
    """The scores of each class, ascending."""
    positives, negatives = split_classes(target, score)
    return SortedClasses(np.sort(positives), np.sort(negatives))


def sorted_placements(classes: SortedClasses) -> Placements:
    """Placements in ascending order of the scores."""
    positives, negatives = classes.positives, classes.negatives
    # where scores are equal, the first merge puts the positive first and the second the negative
    positive_first = _taken_from_first(positives, negatives)
    negative_first = _taken_from_first(negatives, positives)
    # below plus not above: twice the count with ties at one half
    of_positives = _others_before(positive_first)
    of_positives += _others_before(~negative_first)
    of_negatives = _others_before(negative_first)
    of_negatives += _others_before(~positive_first)
    above = of_negatives / (-2.0 * positives.size)
    above += 1.0
    return Placements(of_positives / (2.0 * negatives.size), above)


def placements(target: Bools, score: Floats) -> Placements:
    """Placements in the order of the rows, the positives' and the negatives'."""
    by_class = split_classes(target, score)
    orders = [np.argsort(values) for values in by_class]
    ordered = [values[order] for values, order in zip(by_class, orders, strict=True)]
    in_order = sorted_placements(SortedClasses(*ordered))
    return Placements(_unsorted(in_order.positives, orders[0]), _unsorted(in_order.negatives, orders[1]))


def _taken_from_first(first: Floats, second: Floats) -> Bools:
    """Of which of two ascending arrays each place of their merge comes; equal values come from `first`."""
    from_first: Bools = np.argsort(np.concatenate([first, second]), kind="stable") < first.size
    return from_first


def _others_before(own: Bools) -> Ints:
    """For each place marked in `own`, how many unmarked places precede it."""
    places = np.flatnonzero(own)
    places -= np.arange(places.size)
    return places


def _unsorted(values: Floats, order: Ints) -> Floats:
    back = np.empty_like(values)
    back[order] = values
    return back
