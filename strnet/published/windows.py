"""Which true negatives a rounded figure allows beside given positives and true positives, as whole numbers.

With these given, nearly every figure of a 2 x 2 table is a ratio of two linear functions of the true
negatives tn, (a + b tn) / (c + d tn). A rounding is then two linear inequalities, and a third says where the
figure is defined.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from strnet.published.names import PROPORTIONS
from strnet.published.printed import CountedShare, Rounded
from strnet.stats.inputs import Floats, Ints

Window = tuple[Ints, Ints]
Linear = tuple[Ints | int, Ints | int]
"""Constant and slope."""
EDGE: Final = 1e-12
"""A figure with a square root or a product may miss the end of a rounding by an ulp; no table is lost for
that."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """A rounded figure as whole numbers: its value v satisfies low <= v * scale <= high."""

    low: int
    high: int
    scale: int


def whole_bounds(figure: Rounded) -> Bounds:
    """The ends of a rounding over their common denominator."""
    scale = int(np.lcm(figure.low.denominator, figure.high.denominator))
    return Bounds(int(figure.low * scale), int(figure.high * scale), scale)


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


def figure_window(name: str, pairs: Pairs, figure: Rounded) -> Window:
    """The least and the most true negatives at which the figure `name` is printed so; empty where low >
    high.
    """
    bound = whole_bounds(figure)
    if name == "mcc":
        return _correlation(pairs, figure)
    (a, b), (c, d) = _RATIOS[name](pairs)
    window = np.zeros_like(pairs.true), pairs.negatives
    window = _at_least(window, d, 1 - c)
    window = _at_least(window, bound.scale * b - bound.low * d, bound.low * c - bound.scale * a)
    return _at_least(window, bound.high * d - bound.scale * b, bound.scale * a - bound.high * c)


def fraction_window(name: str, pairs: Pairs, share: CountedShare) -> Window:
    """The least and the most true negatives at which the proportion `name` is `hits` of `total`."""
    window = np.zeros_like(pairs.true), pairs.negatives
    for cells, count in zip(PROPORTIONS[name], (share.hits, share.total), strict=True):
        constant, slope = _sum_of(pairs, cells)
        window = _at_least(_at_least(window, slope, count - constant), -slope, constant - count)
    return window


def _at_least(window: Window, slope: Ints | int, least: Ints | int) -> Window:
    """The part of the window where slope * tn >= least."""
    low, high = window
    if isinstance(slope, int):  # one for all, as most are: one division instead of two and a choice
        if slope > 0:
            return np.maximum(low, -(-least // slope)), high
        if slope < 0:
            return low, np.minimum(high, -least // -slope)
        return low, np.where(np.asarray(least) > 0, -1, high)
    steep = np.where(slope == 0, 1, slope)
    above = np.where(slope > 0, np.maximum(low, -(-least // steep)), low)
    below = np.where(slope < 0, np.minimum(high, -least // -steep), high)
    return above, np.where((slope == 0) & (np.asarray(least) > 0), -1, below)


def _cells(pairs: Pairs) -> tuple[Linear, Linear, Linear, Linear]:
    """tp, fn, fp, tn as linear functions of tn."""
    return (pairs.true, 0), (pairs.missed, 0), (pairs.negatives, -1), (0, 1)


def _sum_of(pairs: Pairs, cells: tuple[int, ...]) -> tuple[Ints | int, int]:
    parts = [_cells(pairs)[cell] for cell in cells]
    return sum(part[0] for part in parts), sum(int(part[1]) for part in parts)


def _proportion(name: str) -> Callable[[Pairs], tuple[Linear, Linear]]:
    hits, total = PROPORTIONS[name]
    return lambda pairs: (_sum_of(pairs, hits), _sum_of(pairs, total))


def _count(cell: int) -> Callable[[Pairs], tuple[Linear, Linear]]:
    return lambda pairs: (_cells(pairs)[cell], (1, 0))


def _balanced_accuracy(pairs: Pairs) -> tuple[Linear, Linear]:
    p, q = pairs.positives, pairs.negatives
    return (pairs.true * q, p), (2 * p * q, 0)


def _youden(pairs: Pairs) -> tuple[Linear, Linear]:
    p, q = pairs.positives, pairs.negatives
    return (pairs.true * q - p * q, p), (p * q, 0)


def _f1(pairs: Pairs) -> tuple[Linear, Linear]:
    # 2 tp / (2 tp + fp + fn)
    return (2 * pairs.true, 0), (2 * pairs.true + pairs.missed + pairs.negatives, -1)


def _lr_positive(pairs: Pairs) -> tuple[Linear, Linear]:
    # (tp / positives) / (fp / negatives)
    return (pairs.true * pairs.negatives, 0), (pairs.positives * pairs.negatives, -pairs.positives)


def _lr_negative(pairs: Pairs) -> tuple[Linear, Linear]:
    # (fn / positives) / (tn / negatives)
    return (pairs.missed * pairs.negatives, 0), (0, pairs.positives)


def _odds_ratio(pairs: Pairs) -> tuple[Linear, Linear]:
    # tp tn / (fn fp)
    return (0, pairs.true), (pairs.missed * pairs.negatives, -pairs.missed)


def _kappa(pairs: Pairs) -> tuple[Linear, Linear]:
    # 2 (tp tn - fp fn) / ((tp + fp)(fp + tn) + (tp + fn)(fn + tn)); Cohen 1960, Educ. Psychol. Meas. 20:37-46
    p, q = pairs.positives, pairs.negatives
    chance = (pairs.true + q) * (q - p) + p * pairs.n
    return (-2 * pairs.missed * q, 2 * p), (chance, p - q)


_RATIOS: Final[Mapping[str, Callable[[Pairs], tuple[Linear, Linear]]]] = MappingProxyType(
    {
        **{name: _proportion(name) for name in PROPORTIONS},
        **{name: _count(cell) for cell, name in enumerate(("tp", "fn", "fp", "tn"))},
        "balanced_accuracy": _balanced_accuracy,
        "youden": _youden,
        "f1": _f1,
        "lr_positive": _lr_positive,
        "lr_negative": _lr_negative,
        "dor": _odds_ratio,
        "kappa": _kappa,
    }
)


def _correlation(pairs: Pairs, figure: Rounded) -> Window:
    """The window of Matthews' coefficient, which grows with tn, by halving."""
    # undefined where nobody or everybody is called positive
    least = (pairs.true == pairs.positives).astype(np.int64)
    most = pairs.negatives - (pairs.true == 0)
    low = _first_reaching(pairs, float(figure.low) - EDGE, least, most)
    high = _first_reaching(pairs, np.nextafter(float(figure.high) + EDGE, 2), least, most) - 1
    return low, high


def _first_reaching(pairs: Pairs, level: float, least: Ints, most: Ints) -> Ints:
    """The smallest tn from `least` to `most` whose coefficient reaches `level`; beyond `most` if none
    does.
    """
    low, high = least.copy(), most + 1
    while (low < high).any():
        middle = (low + high) // 2
        reached = matthews(pairs, np.minimum(middle, most)) >= level
        high = np.where((low < high) & reached, middle, high)
        low = np.where((low < high) & ~reached, middle + 1, low)
    return low


def matthews(pairs: Pairs, tn: Ints) -> Floats:
    """Matthews' correlation coefficient; NaN where it is undefined."""
    p, q, tp = (part.astype(np.float64) for part in (pairs.positives, pairs.negatives, pairs.true))
    flagged = tp + q - tn
    with np.errstate(invalid="ignore", divide="ignore"):
        value: Floats = (p * tn - (p - tp) * q) / np.sqrt(p * q * flagged * (pairs.n - flagged))
    return value
