"""Confusion matrices of several classes that print a set of rounded figures, where the cases of each are
known.

Each class has true positives and false positives. Those of a matrix exist together if and only if as many are
falsely called as are missed, and no class is falsely called more often than the others are missed (a
transport problem whose diagonal is forbidden; Gale's condition).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from strnet.errors import StatsError
from strnet.published.printed import Rounded
from strnet.stats.inputs import Bools, Floats, Ints

MOST_HITS: Final = 20_000_000
MOST_FALSE: Final = 1_000_000
EDGE: Final = 1e-9
OF_HITS: Final = ("accuracy", "macro_sensitivity")
"""Figures that the true positives decide."""
OF_CLASS: Final = ("sensitivity", "specificity", "ppv", "npv", "f1")


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """The cases of each class, the figures over all classes, and those of single classes by its place."""

    cases: Ints
    overall: Mapping[str, Rounded]
    per_class: Mapping[int, Mapping[str, Rounded]] = field(default_factory=dict)

    def without(self, name: str, place: int | None = None) -> ClassFigures:
        """The same without one figure, overall or of the class at a place."""
        if place is None:
            kept = {other: figure for other, figure in self.overall.items() if other != name}
            return ClassFigures(self.cases, kept, self.per_class)
        fewer = {other: figure for other, figure in self.per_class[place].items() if other != name}
        return ClassFigures(self.cases, self.overall, {**self.per_class, place: fewer})


@dataclass(frozen=True, slots=True)
class ClassCounts:
    """True and false positives of each class of one matrix, shapes (classes,)."""

    hits: Ints
    false: Ints


def fitting_matrix(figures: ClassFigures) -> ClassCounts | None:
    """The counts of some matrix that prints the figures; None if there is none.

    Raises: StatsError: more matrices than can be tried.
    """
    needs_false = any(name not in OF_HITS for name in figures.overall) or any(
        name != "sensitivity" for own in figures.per_class.values() for name in own
    )
    for hits in _fitting_hits(figures):
        if not needs_false:
            return ClassCounts(hits, _false_positives(figures.cases - hits)[0])
        false = _false_positives(figures.cases - hits)
        fits = _fits(figures, hits, false)
        if fits.any():
            return ClassCounts(hits, false[fits.argmax()])
    return None


def _fitting_hits(figures: ClassFigures) -> Ints:
    """All true positives (matrices, classes) that accuracy and sensitivities allow."""
    ranges = [_own_hits(figures, place) for place in range(figures.cases.size)]
    size = int(np.prod([len(own) for own in ranges], dtype=np.float64))
    if size > MOST_HITS:
        raise StatsError(
            f"classes: found {size} combinations of true positives, expected at most {MOST_HITS}. Give the "
            "sensitivities of single classes, or fewer classes."
        )
    hits = np.array(np.meshgrid(*ranges, indexing="ij"), dtype=np.int64).reshape(len(ranges), -1).T
    if "accuracy" in figures.overall:
        hits = hits[_within(figures.overall["accuracy"], hits.sum(1) / figures.cases.sum())]
    if "macro_sensitivity" in figures.overall:
        hits = hits[_within(figures.overall["macro_sensitivity"], (hits / figures.cases).mean(1))]
    return hits


def _own_hits(figures: ClassFigures, place: int) -> Ints:
    cases = int(figures.cases[place])
    hits = np.arange(cases + 1)
    printed = figures.per_class.get(place, {}).get("sensitivity")
    return hits if printed is None else hits[_within(printed, hits / cases)]


def _false_positives(missed: Ints) -> Ints:
    """All false positives (matrices, classes) beside the missed of each class.

    Raises: StatsError: more than can be tried.
    """
    wrong = int(missed.sum())
    most = wrong - missed
    size = int(np.prod(most[:-1] + 1, dtype=np.float64))
    if size > MOST_FALSE:
        raise StatsError(
            f"classes: found {size} combinations of false positives for {wrong} wrong answers, expected at "
            f"most {MOST_FALSE}. Fewer classes, or more accurate figures, can be checked."
        )
    free = np.meshgrid(*(np.arange(count + 1) for count in most[:-1]), indexing="ij")
    false = np.array(free, dtype=np.int64).reshape(missed.size - 1, -1).T
    last = wrong - false.sum(1)
    possible = (last >= 0) & (last <= most[-1])
    all_classes: Ints = np.column_stack([false, last])[possible]
    return all_classes


def _fits(figures: ClassFigures, hits: Ints, false: Ints) -> Bools:
    """Which of the false positives (matrices, classes) print the figures beside `hits`."""
    own = class_values(figures.cases, hits, false)
    fits = np.ones(len(false), dtype=np.bool_)
    for place, printed in figures.per_class.items():
        for name, figure in printed.items():
            fits &= _within(figure, own[name][:, place])
    for name, figure in figures.overall.items():
        if name not in OF_HITS:
            fits &= _fits_mean(name, figure, own)
    return fits


def _fits_mean(name: str, figure: Rounded, own: Mapping[str, Floats]) -> Bools:
    fits = _within(figure, own[name.removeprefix("macro_")].mean(1))
    if name == "macro_f1":  # some take the F1 of the mean precision and the mean recall
        ppv, sensitivity = own["ppv"].mean(1), own["sensitivity"].mean(1)
        with np.errstate(invalid="ignore", divide="ignore"):
            fits |= _within(figure, 2 * ppv * sensitivity / (ppv + sensitivity))
    return fits


def class_values(cases: Ints, hits: Ints, false: Ints) -> dict[str, Floats]:
    """The figures of each class against the rest, each (matrices, classes); a class never called has PPV 0.

    That is scikit-learn's convention; of a negative predictive value it cannot arise unless nothing else is
    called.
    """
    total, missed = cases.sum(), cases - hits
    clear = total - cases - false
    called = hits + false
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "sensitivity": np.broadcast_to(hits / cases, false.shape),
            "specificity": clear / (total - cases),
            "ppv": np.where(called > 0, hits / called, 0.0),
            "npv": clear / (clear + missed),
            "f1": 2 * hits / (cases + called),
        }


def _within(figure: Rounded, values: Floats) -> Bools:
    inside: Bools = (values >= float(figure.low) - EDGE) & (values <= float(figure.high) + EDGE)
    return inside
