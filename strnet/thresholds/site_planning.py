"""How many labelled rows of a new site it takes to keep a frozen threshold there, or for any promise."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import special

from strnet.thresholds.rules import MISSES_ALLOWED, first_true, positives_allowing
from strnet.thresholds.threshold_request import Request

SURELY = 0.95
"""Chance that so many rows hold the positives that are wanted."""
LIKELY = 0.8
"""Chance of keeping a threshold that `positives_to_keep` gives, as power is usually asked for."""
MOST_MISSES = 10_000
"""Misses allowed beyond which a plan is not looked for: 70,000 positives at a floor of 0.86."""


@dataclass(frozen=True, slots=True)
class SitePlan:
    """What k rows of a new site do for a frozen threshold whose sensitivity there is `sensitivity`.

    `chance_of_keeping` is that of `strnet threshold update` keeping it, and of certifying it, with the
    positives given (None without them). From `positives_to_keep` on it is at least 0.8 (None: never, at or
    below the floor); `rows_to_keep` hold as many with a chance of 0.95 (None without a prevalence).
    """

    sensitivity: float
    chance_of_keeping: float | None
    positives_to_keep: int | None
    rows_to_keep: int | None


def site_plan(
    sensitivity: float, request: Request, positives: int | None, prevalence: float | None, effect: float = 1.0
) -> SitePlan:
    """What a site takes; `effect` is how many films count as one independent positive."""
    units = None if positives is None else math.floor(positives / effect)
    needed = _positives_to_keep(sensitivity, request)
    films = None if needed is None else math.ceil(needed * effect)
    return SitePlan(
        sensitivity=sensitivity,
        chance_of_keeping=None if units is None else chance_of_keeping(units, sensitivity, request),
        positives_to_keep=films,
        rows_to_keep=rows_holding(films, prevalence),
    )


def chance_of_keeping(positives: int, sensitivity: float, request: Request) -> float:
    """P(misses <= c), misses ~ Binomial(positives, 1 - sensitivity), of the c that the rule allows.

    Source: `strnet.thresholds.local_update`: kept where the frozen threshold misses no more than c.
    """
    allowed = MISSES_ALLOWED[request.method](positives, request.floor, request.delta) if positives else -1
    if allowed < 0:
        return 0.0
    return float(special.bdtr(allowed, positives, 1 - sensitivity))


def rows_holding(positives: int | None, prevalence: float | None) -> int | None:
    """The fewest rows that hold `positives` with a chance of `SURELY`; None where either is not known."""
    if positives is None or prevalence is None:
        return None

    def enough(rows: int) -> bool:
        return float(special.bdtrc(positives - 1, rows, prevalence)) >= SURELY

    most = math.ceil(positives / prevalence)
    while not enough(most):
        most *= 2
    return first_true(enough, positives, most)


def _positives_to_keep(sensitivity: float, request: Request) -> int | None:
    """The fewest positives from which on every number keeps the threshold with a chance of `LIKELY`.

    The chance is a saw-tooth in the positives: it rises where one more miss becomes allowed, then falls up to
    the next. So each tooth is held against its last number.
    """
    if sensitivity <= request.floor.share:
        return None

    def tooth(allowed: int) -> int:
        return positives_allowing(allowed, request.method, request.floor, request.delta)

    def likely(allowed: int) -> bool:
        return chance_of_keeping(tooth(allowed + 1) - 1, sensitivity, request) >= LIKELY

    if not likely(MOST_MISSES):
        return None
    return tooth(first_true(likely, 0, MOST_MISSES))
