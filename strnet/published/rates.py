"""The figures of a test as functions of prevalence, sensitivity and specificity, with their ranges over
boxes.

These three numbers, of a cohort of whatever size, decide every figure of a 2 x 2 table. A box holds a range
of each; a figure's range over a box is exact, except where it is undefined at a corner: there it is all that
it can be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import Final

import numpy as np
from scipy import special

from strnet.published.curve_areas import largest_area, largest_hull_area, smallest_area
from strnet.stats.inputs import Bools, Floats

Range = tuple[Floats, Floats]


@dataclass(frozen=True, slots=True)
class Rates:
    """Prevalence, sensitivity and specificity, each beside what it lacks to 1: near 1 the difference is
    lost.
    """

    prevalence: Floats
    negatives: Floats
    sensitivity: Floats
    missed: Floats
    specificity: Floats
    alarmed: Floats


@dataclass(frozen=True, slots=True)
class Boxes:
    """Ranges of the log-odds of prevalence, sensitivity and specificity: `low` and `high`, each (3, boxes).

    A rate of 0 or 1 has the log-odds -inf or inf, and is a box of no extent.
    """

    low: Floats
    high: Floats

    @property
    def count(self) -> int:
        """Number of boxes."""
        return int(self.low.shape[1])

    def corner(self, prevalence: bool, sensitivity: bool, specificity: bool) -> Rates:
        """The rates at one corner of each box: at the high end of those that are true."""
        ends = (
            (self.high if high else self.low)[side]
            for side, high in enumerate((prevalence, sensitivity, specificity))
        )
        return Rates(*(part for end in ends for part in (special.expit(end), special.expit(-end))))

    def kept(self, rows: Bools) -> Boxes:
        """The boxes where `rows` is true."""
        return Boxes(self.low[:, rows], self.high[:, rows])

    def middles(self) -> Boxes:
        """The points in the middle, as boxes of no extent."""
        middle = (self.low + self.high) / 2
        return Boxes(middle, middle)

    def halved(self) -> Boxes:
        """Twice as many boxes, each cut across its longest side."""
        row = np.arange(self.count)
        with np.errstate(invalid="ignore"):
            side = np.argmax(np.nan_to_num(self.high - self.low), axis=0)  # inf - inf: no extent
        low, high = self.low.copy(), self.high.copy()
        middle = (low[side, row] + high[side, row]) / 2
        low[side, row], high[side, row] = middle, middle
        return Boxes(np.hstack([self.low, low]), np.hstack([high, self.high]))


def figure_range(name: str, boxes: Boxes) -> Range:
    """Least and largest value of a figure in each box."""
    if name in _VALUES:
        return _corner_range(_VALUES[name], boxes, np.inf if name in _UNBOUNDED else 1.0)
    return _RANGES[name](boxes)


def _corner_range(value: Callable[[Rates], Floats], boxes: Boxes, largest: float) -> Range:
    """The range of a figure that rises or falls along each side of a box: its extremes are at corners."""
    with np.errstate(all="ignore"):
        corners = np.array([value(boxes.corner(*ends)) for ends in product((False, True), repeat=3)])
    return _extremes(corners, 0.0, largest)


def _extremes(values: Floats, smallest: float, largest: float) -> Range:
    """Least and largest of the values of each box, shape (values, boxes).

    Beside an undefined one it is all that there is; where all are undefined there is nothing: inf to -inf.
    """
    undefined, nowhere = np.isnan(values), np.isnan(values).all(0)
    low = np.where(undefined, smallest, values).min(0)
    high = np.where(undefined, largest, values).max(0)
    return np.where(nowhere, np.inf, low), np.where(nowhere, -np.inf, high)


def _ppv(rates: Rates) -> Floats:
    true, false = rates.prevalence * rates.sensitivity, rates.negatives * rates.alarmed
    return true / (true + false)


def _npv(rates: Rates) -> Floats:
    true, false = rates.negatives * rates.specificity, rates.prevalence * rates.missed
    return true / (true + false)


def _accuracy(rates: Rates) -> Floats:
    return rates.prevalence * rates.sensitivity + rates.negatives * rates.specificity


def _f1(rates: Rates) -> Floats:
    true = 2 * rates.prevalence * rates.sensitivity
    return true / (true + rates.prevalence * rates.missed + rates.negatives * rates.alarmed)


_VALUES: Final[Mapping[str, Callable[[Rates], Floats]]] = MappingProxyType(
    {
        "prevalence": lambda rates: rates.prevalence,
        "sensitivity": lambda rates: rates.sensitivity,
        "specificity": lambda rates: rates.specificity,
        "ppv": _ppv,
        "npv": _npv,
        "accuracy": _accuracy,
        "balanced_accuracy": lambda rates: (rates.sensitivity + rates.specificity) / 2,
        "f1": _f1,
        "lr_positive": lambda rates: rates.sensitivity / rates.alarmed,
        "lr_negative": lambda rates: rates.missed / rates.specificity,
        "dor": lambda r: r.sensitivity * r.specificity / (r.missed * r.alarmed),
    }
)
_UNBOUNDED: Final = frozenset({"lr_positive", "lr_negative", "dor"})


def _between(
    lowest: Callable[[Rates], Floats], highest: Callable[[Rates], Floats]
) -> Callable[[Boxes], Range]:
    """The range of what rises with sensitivity and specificity, whatever the prevalence."""
    return lambda boxes: (
        lowest(boxes.corner(False, False, False)),
        highest(boxes.corner(False, True, True)),
    )


def _youden(rates: Rates) -> Floats:
    return rates.sensitivity - rates.alarmed


def _agreement(kind: str) -> Callable[[Boxes], Range]:
    """The range of kappa or Matthews' coefficient, which rise with sensitivity and specificity."""
    return lambda boxes: (
        _over_prevalences(kind, boxes, False)[0],
        _over_prevalences(kind, boxes, True)[1],
    )


def _over_prevalences(kind: str, boxes: Boxes, high: bool) -> Range:
    """Least and most over the prevalences of each box, at its lowest or highest sensitivity s and specificity
    t.

    With the odds o of the prevalence, kappa = 2 (s + t - 1) / g where g = s + t + (1 - s) o + (1 - t) / o,
    and MCC = (s + t - 1) / sqrt(g) where g = st + (1 - s)(1 - t) + s (1 - s) o + t (1 - t) / o. Either g has
    one minimum.
    """
    rates = boxes.corner(False, high, high)
    s, missed, t, alarmed = rates.sensitivity, rates.missed, rates.specificity, rates.alarmed
    constant, rising, falling = s * t + missed * alarmed, s * missed, t * alarmed
    if kind == "kappa":
        constant, rising, falling = s + t, missed, alarmed
    ends = np.exp(boxes.low[0]), np.exp(boxes.high[0])
    with np.errstate(all="ignore"):
        lowest = np.nan_to_num(np.sqrt(falling / rising), nan=1.0, posinf=np.inf)
        odds = np.array([*ends, np.clip(lowest, *ends)])
        g = constant + rising * odds + falling / odds
        values = _youden(rates) * (2 / g if kind == "kappa" else 1 / np.sqrt(g))
    return _extremes(values, -1.0, 1.0)


_RANGES: Final[Mapping[str, Callable[[Boxes], Range]]] = MappingProxyType(
    {
        "youden": _between(_youden, _youden),
        "kappa": _agreement("kappa"),
        "mcc": _agreement("mcc"),
        "auc": _between(
            lambda rates: smallest_area(rates.sensitivity, rates.specificity),
            lambda rates: largest_area(rates.sensitivity, rates.specificity),
        ),
        "auc_without_dents": _between(
            lambda rates: (rates.sensitivity + rates.specificity) / 2,
            lambda rates: largest_hull_area(rates.sensitivity, rates.specificity),
        ),
    }
)
