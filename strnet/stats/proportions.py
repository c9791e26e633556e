"""Intervals of a proportion, by the five methods that papers use; the counts always travel with the value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

from strnet.errors import StatsError, unknown_name
from strnet.stats.estimates import Estimate, width_noted
from strnet.stats.inputs import Floats, checked_fraction

Bounds = tuple[Floats, Floats]


def proportion(successes: int, total: int, *, method: str = "wilson", confidence: float = 0.95) -> Estimate:
    """The proportion `successes` / `total` with its two-sided interval inside [0, 1].

    Raises: StatsError: total below 1, successes outside 0..total, an unknown method.
    """
    if successes % 1 != 0 or total % 1 != 0:
        raise StatsError(f"proportion: found {successes} of {total}, expected whole numbers.")
    low, high = proportion_bounds(successes, total, method=method, confidence=confidence)
    value = successes / total
    return width_noted(
        Estimate(value, float(low), float(high), confidence, method, int(total), events=int(successes))
    )


def proportion_bounds(
    successes: npt.ArrayLike, total: npt.ArrayLike, *, method: str = "wilson", confidence: float = 0.95
) -> Bounds:
    """Lower and upper limits for arrays of counts, shapes broadcast; an effective n need not be whole.

    Raises: StatsError: as `proportion`, but fractional counts are allowed.
    Source: Brown, Cai, DasGupta 2001, Statist. Sci. 16(2):101-133 (all five methods); Wald and Agresti-Coull
        are clipped to [0, 1], and Jeffreys is the plain equal-tailed posterior, without their boundary rule.
    """
    if method not in PROPORTION_METHODS:
        raise StatsError(unknown_name("interval method", method, PROPORTION_METHODS))
    x, n = _checked_counts(successes, total)
    tail = (1 - checked_fraction(confidence, name="confidence")) / 2
    low, high = PROPORTION_METHODS[method](x, n, tail)
    return np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)


def clopper_pearson_lower(
    successes: npt.ArrayLike, total: npt.ArrayLike, *, confidence: float = 0.95
) -> Floats:
    """One-sided exact lower limit of a proportion, shapes broadcast; 0 for no success.

    Raises: StatsError: as `proportion_bounds`.
    Source: Clopper and Pearson 1934, Biometrika 26:404-413, as a beta quantile.
    """
    x, n = _checked_counts(successes, total)
    return _exact_lower(x, n, 1 - checked_fraction(confidence, name="confidence"))


def clopper_pearson_upper(
    successes: npt.ArrayLike, total: npt.ArrayLike, *, confidence: float = 0.95
) -> Floats:
    """One-sided exact upper limit of a proportion, shapes broadcast; 1 for no failure.

    Raises: StatsError: as `proportion_bounds`.
    Source: as `clopper_pearson_lower`.
    """
    x, n = _checked_counts(successes, total)
    return _exact_upper(x, n, 1 - checked_fraction(confidence, name="confidence"))


def _checked_counts(successes: npt.ArrayLike, total: npt.ArrayLike) -> Bounds:
    x, n = np.broadcast_arrays(np.asarray(successes, dtype=np.float64), np.asarray(total, dtype=np.float64))
    if not (np.isfinite(x).all() and (n > 0).all() and (x >= 0).all() and (x <= n).all()):
        raise StatsError(
            f"proportion: found {successes!r} successes of {total!r}, expected 0 <= successes <= total "
            "and total above 0. A proportion of nothing is undefined."
        )
    return x, n


def _exact_lower(x: Floats, n: Floats, tail: float) -> Floats:
    inside = special.betaincinv(np.maximum(x, 1e-300), n - x + 1, tail)
    return np.where(x > 0, inside, 0.0)


def _exact_upper(x: Floats, n: Floats, tail: float) -> Floats:
    inside = special.betainccinv(x + 1, np.maximum(n - x, 1e-300), tail)
    return np.where(x < n, inside, 1.0)


def _clopper_pearson(x: Floats, n: Floats, tail: float) -> Bounds:
    return _exact_lower(x, n, tail), _exact_upper(x, n, tail)


def _wilson(x: Floats, n: Floats, tail: float) -> Bounds:
    z = -special.ndtri(tail)
    centre = (x + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * np.sqrt(x * (n - x) / n + z**2 / 4)
    # the ends are exactly 0 and 1 there, which the difference of two roots misses by an ulp
    return np.where(x > 0, centre - half, 0.0), np.where(x < n, centre + half, 1.0)


def _agresti_coull(x: Floats, n: Floats, tail: float) -> Bounds:
    z = -special.ndtri(tail)
    centre = (x + z**2 / 2) / (n + z**2)
    half = z * np.sqrt(centre * (1 - centre) / (n + z**2))
    return centre - half, centre + half


def _jeffreys(x: Floats, n: Floats, tail: float) -> Bounds:
    a, b = x + 0.5, n - x + 0.5
    return special.betaincinv(a, b, tail), special.betainccinv(a, b, tail)


def _wald(x: Floats, n: Floats, tail: float) -> Bounds:
    half = -special.ndtri(tail) * np.sqrt(x / n * (1 - x / n) / n)
    return x / n - half, x / n + half


PROPORTION_METHODS: Final[Mapping[str, Callable[[Floats, Floats, float], Bounds]]] = MappingProxyType(
    {
        "wilson": _wilson,
        "clopper_pearson": _clopper_pearson,
        "agresti_coull": _agresti_coull,
        "jeffreys": _jeffreys,
        "wald": _wald,
    }
)
"""Interval methods by name; each takes successes, totals and the mass of one tail."""
