"""Which method a printed interval was made with: the one that prints the same limits at counts that fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

from strnet.published.names import PROPORTIONS
from strnet.published.printed import Rounded
from strnet.stats.inputs import Bools, Floats, Ints
from strnet.stats.normal import normal_quantile
from strnet.stats.proportions import PROPORTION_METHODS

Limits = tuple[Rounded, Rounded]

AREAS_TRIED: Final = 11
METHOD_NAMES: Final[Mapping[str, str]] = {
    "wilson": "Wilson",
    "clopper_pearson": "Clopper-Pearson",
    "agresti_coull": "Agresti-Coull",
    "jeffreys": "Jeffreys",
    "wald": "Wald",
    "hanley_mcneil": "Hanley-McNeil",
    "hanley_mcneil_logit": "Hanley-McNeil (logit)",
}
"""What each method is called in print."""


@dataclass(frozen=True, slots=True)
class IntervalMatch:
    """Per method, which of the tables print the limits, shape (tables,); and the method nearest in width."""

    figure: str
    methods: Mapping[str, Bools]
    nearest: str
    miss: float

    @property
    def names(self) -> tuple[str, ...]:
        """Methods that print the limits at one or more of the tables."""
        return tuple(name for name, fits in self.methods.items() if fits.any())


def match_share(figure: str, limits: Limits, cells: Ints, confidence: float) -> IntervalMatch:
    """How the interval of a proportion of counts can have been made; `cells` (tables, 4): tp, fn, fp, tn."""
    hits, total = (cells[:, list(columns)].sum(1).astype(np.float64) for columns in PROPORTIONS[figure])
    usable = total > 0
    tail = (1 - confidence) / 2
    ends = {}
    for name, method in PROPORTION_METHODS.items():
        low, high = method(hits[usable], total[usable], tail)
        ends[name] = _spread(low, usable), _spread(high, usable)
    return _match(figure, limits, ends)


def match_auc(auc: Rounded, limits: Limits, cells: Ints, confidence: float) -> IntervalMatch:
    """How the interval of an AUC can have been made from its value and the counts alone.

    DeLong's and a bootstrap need the scores and are not among the methods.
    Source: Hanley and McNeil 1982, Radiology 143:29-36.
    """
    # the printed area is rounded: each area behind it is tried, shape (areas, tables)
    area = np.linspace(float(auc.low), min(float(auc.high), 1 - 1e-9), AREAS_TRIED)[:, None]
    positives, negatives = cells[:, 0] + cells[:, 1], cells[:, 2] + cells[:, 3]
    half = normal_quantile(confidence) * hanley_mcneil_error(area, positives, negatives)
    centre, logit_half = special.logit(area), half / (area * (1 - area))
    ends = {
        "hanley_mcneil": (area - half, area + half),
        "hanley_mcneil_logit": (special.expit(centre - logit_half), special.expit(centre + logit_half)),
    }
    return _match("auc", limits, ends)


def hanley_mcneil_error(area: npt.ArrayLike, positives: Ints, negatives: Ints) -> Floats:
    """The standard error of an area from the counts alone, for scores of exponential distributions.

    Source: Hanley and McNeil 1982, Radiology 143:29-36.
    """
    area = np.asarray(area, dtype=np.float64)
    two_positives, two_negatives = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (positives - 1) * (two_positives - area**2)
    variance = variance + (negatives - 1) * (two_negatives - area**2)
    error: Floats = np.sqrt(np.maximum(variance, 0) / (positives * negatives))
    return error


def _match(figure: str, limits: Limits, ends: Mapping[str, tuple[Floats, Floats]]) -> IntervalMatch:
    fits = {name: _prints(limits, low, high) for name, (low, high) in ends.items()}
    methods = {name: np.logical_or.reduce(np.atleast_2d(found)) for name, found in fits.items()}
    middles = [float(limit.low + limit.high) / 2 for limit in limits]
    misses = {
        name: float(np.nanmin(np.maximum(abs(low - middles[0]), abs(high - middles[1]))))
        for name, (low, high) in ends.items()
    }
    nearest = min(misses, key=lambda name: misses[name])
    return IntervalMatch(figure, methods, nearest, misses[nearest])


def _prints(limits: Limits, low: Floats, high: Floats) -> Bools:
    """Whether both ends are printed as the limits, cut at 0 and 1 or not."""
    fits = np.ones(low.shape, dtype=np.bool_)
    for limit, end in zip(limits, (low, high), strict=True):
        fits &= _within(limit, end) | _within(limit, np.clip(end, 0, 1))
    return fits


def _within(limit: Rounded, end: Floats) -> Bools:
    # the ends are roots of whole numbers: on the edge of a rounding they may miss it by an ulp
    inside: Bools = (end >= float(limit.low) - 1e-12) & (end <= float(limit.high) + 1e-12)
    return inside


def _spread(values: Floats, usable: npt.NDArray[np.bool_]) -> Floats:
    full = np.full(usable.shape, np.nan)
    full[usable] = values
    return full
