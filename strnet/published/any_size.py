"""Figures without the size of the cohort: which of them no cohort of whatever size can have together.

Prevalence, sensitivity and specificity decide all figures of a 2 x 2 table. Boxes of these three are cut in
halves, and those dropped where some figure stays outside its rounding. None left is a proof; a point where
all figures are inside is one, too. In between, after `MOST_BOXES`, nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Final

import numpy as np
from scipy import special

from strnet.published.printed import Rounded
from strnet.published.rates import Boxes, Range, figure_range
from strnet.stats.inputs import Bools, Floats

SIDES: Final = ("prevalence", "sensitivity", "specificity")
RAREST: Final = 1e-9
"""The least rate above 0 of a cohort of up to 10^9 cases."""
ROUNDING_ERROR: Final = 1e-12
MOST_BOXES: Final = 100_000
MOST_CUTS: Final = 150
FEW_BOXES: Final = 5_000
FARTHEST_VALUE: Final = 10**9
"""More than an odds ratio is ever printed."""
HALVINGS: Final = 10
WITHOUT_PREVALENCE: Final = frozenset(
    (
        *SIDES[1:],
        "balanced_accuracy",
        "youden",
        "lr_positive",
        "lr_negative",
        "dor",
        "auc",
        "auc_without_dents",
    )
)
"""Figures that the prevalence has no part in."""


@dataclass(frozen=True, slots=True)
class AnySize:
    """Whether figures go together: `excluded` is proven; `point` (3,) has them all, None where none was
    found.
    """

    excluded: bool
    point: Floats | None
    boxes: Boxes


def any_size(figures: Mapping[str, Rounded], *, most_boxes: int = MOST_BOXES) -> AnySize:
    """Whether some prevalence, sensitivity and specificity have all `figures` of `rates` within their
    rounding.
    """
    boxes = _first_boxes(figures, figures.keys())
    for _ in range(MOST_CUTS):
        boxes = boxes.kept(_meets(figures, boxes, ROUNDING_ERROR))
        if not boxes.count:
            return AnySize(True, None, boxes)
        middles = boxes.middles()
        inside = _meets(figures, middles, ROUNDING_ERROR)
        if inside.any():
            return AnySize(False, special.expit(middles.low[:, inside.argmax()]), boxes)
        if 2 * boxes.count > most_boxes:
            break
        boxes = boxes.halved()
    return AnySize(False, None, boxes)


def conflict(figures: Mapping[str, Rounded]) -> tuple[str, ...]:
    """A smallest set of the figures that no cohort has together: without any one of them it is possible.

    `figures` must be excluded. Those that stand first are kept where there is a choice.
    """
    kept = dict(figures)
    for name in reversed(tuple(figures)):
        fewer = {other: figure for other, figure in kept.items() if other != name}
        if fewer and any_size(fewer).excluded:
            kept = fewer
    return tuple(kept)


def nearest_possible(name: str, given: Mapping[str, Rounded], figure: Rounded) -> tuple[str, float] | None:
    """`at most` or `at least`, and what the figure `name` is where the `given` ones are as printed.

    `figure`, its printed value, lies beyond; the limit that comes back is true, and near to the best one.
    None where the figure is a number nowhere: something, or nothing, divided by 0.
    """
    reach = figure_range(name, _first_boxes(given, {*given, name}))
    low, high = Fraction(float(reach[0].min())), Fraction(min(float(reach[1].max()), FARTHEST_VALUE))
    above = any_size({**given, name: Rounded("", figure.low, high)}, most_boxes=FEW_BOXES).excluded
    if above and any_size({**given, name: Rounded("", low, figure.high)}).excluded:
        return None
    outer, inner = (low, min(high, figure.low)) if above else (high, max(low, figure.high))
    for _ in range(HALVINGS):
        middle = 2 * max(inner, Fraction(1)) if outer == FARTHEST_VALUE else (outer + inner) / 2
        tried = Rounded("", middle, high) if above else Rounded("", low, middle)
        if any_size({**given, name: tried}, most_boxes=FEW_BOXES).excluded:
            inner = middle
        else:
            outer = middle
    return ("at most" if above else "at least"), float(inner)


def _first_boxes(figures: Mapping[str, Rounded], concerned: Set[str]) -> Boxes:
    """All prevalences, sensitivities and specificities, as far as they are not printed themselves.

    Where the prevalence has no part in the figures `concerned`, one stands for all.
    """
    sides = [_segments(figures.get(name)) for name in SIDES]
    sides[0] = [(0.0, 0.0)] if concerned <= WITHOUT_PREVALENCE else sides[0][:1]  # some of each class
    low, high = np.array(list(product(*sides))).transpose(2, 1, 0)
    return Boxes(low, high)


def _segments(figure: Rounded | None) -> list[tuple[float, float]]:
    """The log-odds of a rate: those between 0 and 1, and each of these two where it is possible."""
    low, high = (0.0, 1.0) if figure is None else (float(figure.low), float(figure.high))
    ends = special.logit(np.clip([low, high], RAREST, 1 - RAREST))
    exact = [(end, end) for end, is_possible in ((-np.inf, low <= 0), (np.inf, high >= 1)) if is_possible]
    return [(float(ends[0]), float(ends[1])), *exact]


def _meets(figures: Mapping[str, Rounded], boxes: Boxes, slack: float) -> Bools:
    meets = np.ones(boxes.count, dtype=np.bool_)
    for name, figure in figures.items():
        meets &= _overlaps(figure_range(name, boxes), figure, slack)
    return meets


def _overlaps(found: Range, figure: Rounded, slack: float) -> Bools:
    # relative too: a ratio may be a thousand
    low, high = float(figure.low), float(figure.high)
    margin = slack * max(1.0, abs(low), abs(high))
    overlaps: Bools = (found[1] >= low - margin) & (found[0] <= high + margin)
    return overlaps
