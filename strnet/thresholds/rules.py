"""How many misses a rule allows among n positives, and the law of the sensitivity that follows.

Positives sorted, S(1) <= ... <= S(n), t = S(c + 1) with c misses allowed: for continuous scores the true
sensitivity of t is Beta(n - c, c + 1), whatever the distribution of the scores. Ties only raise it.
Source: David and Nagaraja 2003, Order Statistics, 2.5; Tong, Feng, Li 2018, Science Advances 4:eaao1659 (the
Neyman-Pearson umbrella, the same rule); Angelopoulos et al. 2024, ICLR (conformal risk control).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from scipy import special

from strnet.errors import ImpossibleError, ThresholdError, unknown_name
from strnet.stats.estimates import Estimate
from strnet.threshold_options import Method
from strnet.thresholds.floor import Floor

NEAR = 1e-9
"""Relative distance to delta below which a float comparison is settled in rational arithmetic."""


def binomial_cdf(misses: float, positives: float, floor: Floor) -> float:
    """P(X <= misses), X ~ Binomial(positives, 1 - floor); both counts may be effective, not whole.

    Source: the incomplete beta function I_floor(n - x, x + 1).
    """
    if misses < 0:
        return 0.0
    if misses >= positives:
        return 1.0
    return float(special.betainc(positives - misses, misses + 1, float(floor.share)))


def chance_of_holding(misses: float, positives: float, floor: Floor) -> float:
    """P(true sensitivity >= floor) of the threshold that allows `misses` among `positives`.

    Source: the exact law, 1 - BinomialCDF(c; n, 1 - floor).
    """
    if misses >= positives:
        return 0.0
    return float(special.betainc(misses + 1, positives - misses, float(floor.miss_share)))


def sensitivity_law(misses: float, positives: float, confidence: float, *, note: str = "") -> Estimate:
    """The expected true sensitivity of t = S(misses + 1), with its equal-tailed interval.

    Source: Beta(n - c, c + 1), mean (n - c) / (n + 1).
    """
    low, high = special.betaincinv(
        positives - misses, misses + 1, [(1 - confidence) / 2, (1 + confidence) / 2]
    )
    value = (positives - misses) / (positives + 1)
    return Estimate(value, float(low), float(high), confidence, "beta", round(positives), note=note)


def empirical_misses(positives: int, floor: Floor, delta: Fraction | None = None) -> int:
    """Misses allowed so that the sensitivity on these rows reaches the floor: floor((1 - floor) n)."""
    return math.floor(floor.miss_share * positives)


def crc_misses(positives: int, floor: Floor, delta: Fraction | None = None) -> int:
    """Misses allowed so that the sensitivity reaches the floor on average; -1 where not even none is.

    Source: conformal risk control, floor((1 - floor)(n + 1)) - 1.
    """
    return math.floor(floor.miss_share * (positives + 1)) - 1


def exact_misses(positives: int, floor: Floor, delta: Fraction) -> int:
    """The most misses allowed so that the floor holds with probability 1 - delta; -1 where none is.

    Source: the largest c with BinomialCDF(c; n, 1 - floor) <= delta.
    """
    allowed, refused = -1, positives
    while refused - allowed > 1:
        middle = (allowed + refused) // 2
        if _cdf_at_most(middle, positives, floor, delta):
            allowed = middle
        else:
            refused = middle
    return allowed


def effective_exact_misses(positives: float, floor: Floor, delta: float) -> float:
    """As `exact_misses` for an effective number of positives: the real root; below 0 where there is none."""
    if binomial_cdf(0.0, positives, floor) > delta:
        return -1.0
    low, high = 0.0, positives
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if binomial_cdf(middle, positives, floor) <= delta else (low, middle)
    return low


MISSES_ALLOWED: Final = MappingProxyType[Method, Callable[[int, Floor, Fraction], int]](
    {"exact": exact_misses, "empirical": empirical_misses, "crc": crc_misses}
)
"""Misses allowed among n positives, by method; -1 where the method has no threshold to give."""


def misses_allowed(method: Method, positives: int, floor: Floor, delta: Fraction) -> int:
    """Misses that `method` allows among `positives`.

    Raises:
        ThresholdError: an unknown method.
        ImpossibleError: even a threshold without a miss would not do; the message says what would.
    """
    require_method(method)
    allowed = MISSES_ALLOWED[method](positives, floor, delta)
    if allowed < 0:
        raise ImpossibleError(impossible(method, positives, floor, delta))
    return allowed


def require_method(method: str) -> None:
    """Raise unless the method is known.

    Raises: ThresholdError: a method that is not in `MISSES_ALLOWED`.
    """
    if method not in MISSES_ALLOWED:
        raise ThresholdError(unknown_name("method", method, MISSES_ALLOWED))


def fewest_positives(method: Method, floor: Floor, delta: Fraction) -> int | None:
    """The fewest positives for which `method` has a threshold; None where no number of them is enough."""
    require_method(method)
    if method == "empirical":
        return 1
    if floor.share == 1:
        return None
    return positives_allowing(0, method, floor, delta)


def positives_allowing(misses: int, method: Method, floor: Floor, delta: Fraction) -> int:
    """The fewest positives among which `method` allows `misses`; the floor must be below 1."""
    rule, most = MISSES_ALLOWED[method], 1
    while rule(most, floor, delta) < misses:
        most *= 2
    return first_true(lambda positives: rule(positives, floor, delta) >= misses, 1, most)


def first_true(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The first of low..high where the monotone `holds` is true; it is taken to be true at `high`."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def best_floor(positives: float, delta: float) -> float:
    """The highest floor that `positives` can promise with probability 1 - delta, when none is missed.

    Source: floor ** n <= delta.
    """
    return float(delta ** (1 / positives)) if positives else 0.0


def impossible(
    method: Method, positives: float, floor: Floor, delta: Fraction, what: str | None = None
) -> str:
    """Why `method` has no threshold for these positives, and what would make it possible.

    `what` is counted: the cases that the floor is of, if nothing is said.
    """
    what = what or floor.cases
    needed = fewest_positives(method, floor, delta)
    promise = f"min_{floor.of} {floor.text} at confidence {float(1 - delta):g}"
    if method == "crc":
        promise = f"min_{floor.of} {floor.text} on average (method crc)"
    if needed is None:
        return f"{promise} is impossible with any number of {what}: no rows can prove a {floor.of} of 1."
    best = positives / (positives + 1) if method == "crc" else best_floor(positives, float(delta))
    return (
        f"{promise} is impossible with {positives:.6g} {what}, even for a threshold that misses none of "
        f"them. It takes {needed} {what}: add {math.ceil(needed - positives)}, or ask for less: "
        f"{positives:.6g} can promise a floor of at most {math.floor(best * 1000) / 1000:.3f} in this way."
    )


def _cdf_at_most(misses: int, positives: int, floor: Floor, delta: Fraction) -> bool:
    value, limit = binomial_cdf(misses, positives, floor), float(delta)
    if abs(value - limit) > NEAR * limit:
        return value < limit
    return _rational_cdf(misses, positives, floor.share) <= delta


def _rational_cdf(misses: int, positives: int, share: Fraction) -> Fraction:
    top, bottom = share.numerator, share.denominator
    ways = sum(
        math.comb(positives, k) * (bottom - top) ** k * top ** (positives - k) for k in range(misses + 1)
    )
    return Fraction(ways, bottom**positives)
