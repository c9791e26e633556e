"""Scales on which the errors of an estimate are near normal: limits are made there and carried back."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from scipy import special

from strnet.stats.normal import UNDEFINED, Limits


@dataclass(frozen=True, slots=True)
class Scale:
    """A scale by name: the way there, the way back, its slope, and the open range of values that it knows.

    `widened` is what becomes of a half width on the scale.
    """

    name: str
    there: Callable[[float], float]
    back: Callable[[float], float]
    slope: Callable[[float], float]
    low: float = -math.inf
    high: float = math.inf
    widened: Callable[[float], float] = lambda width: width

    @property
    def size(self) -> float:
        """How large its values are where they have a natural size, such as 1 of a correlation; else 0."""
        return max(abs(end) if math.isfinite(end) else 0.0 for end in (self.low, self.high))

    def limits(self, value: float, half: float) -> Limits:
        """The limits of `value` with a half width of `half` by the delta method; NaN outside the range."""
        if math.isnan(half) or not self.low < value < self.high:
            return UNDEFINED
        centre, width = self.there(value), self.widened(half * self.slope(value))
        return self.back(centre - width), self.back(centre + width)


def _exp(value: float) -> float:
    return math.exp(min(value, 700.0))  # an upper limit beyond every number is a very large one


PLAIN: Final = Scale("", lambda x: x, lambda y: y, lambda _: 1.0)
DIFFERENCE: Final = replace(PLAIN, back=lambda y: min(max(y, -1.0), 1.0))
"""Differences of shares, areas and the like end at -1 and 1."""
LOG: Final = Scale("log", math.log, _exp, lambda x: 1 / x, low=0.0)
LOGIT: Final = Scale(
    "logit",
    lambda x: float(special.logit(x)),
    lambda y: float(special.expit(y)),
    lambda x: 1 / (x * (1 - x)),
    low=0.0,
    high=1.0,
)
AREA: Final = replace(LOGIT, name="logit and score", widened=lambda h: (h + 2 * math.asinh(h / 2)) / 2)
"""Between the logit interval of an area and its score interval: near 1 one is too long, the other too short.

Source: Newcombe 2001, Amer. Statist. 55:200-202: on the logit scale the score interval has 2 asinh(h / 2).
"""
FISHER: Final = Scale("Fisher's z", math.atanh, math.tanh, lambda x: 1 / (1 - x**2), low=-1.0, high=1.0)
"""Source: Fisher 1921, Metron 1:3-32 (correlations); Pepe 2003, The Statistical Evaluation of Medical Tests,
5.2 (areas and shares on the logit scale)."""
