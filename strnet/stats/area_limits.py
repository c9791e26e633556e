"""Limits of an area under the ROC curve that hold with few patients, near 1, and where classes separate.

DeLong's plain limits assume a normal error where the area is crowded against 1; with few patients they also
take an estimated variance for the true one.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np
from scipy import special

from strnet.stats.estimates import Estimate
from strnet.stats.influence import AurocInfluence, ClassesLeftOut
from strnet.stats.inputs import checked_fraction
from strnet.stats.jackknife import jackknife_method
from strnet.stats.normal import Limits, around, normal_quantile
from strnet.stats.scales import AREA

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(200)
_UNIT, _MASS = (_NODES + 1) / 2, _WEIGHTS / 2
ADDED: Final = 0.25
"""Pairs added to either side: an area near 1 is not surer than its number of pairs."""
_SEPARATION: Final = "perfect separation, Lehmann"
_SEPARATED: Final = "the classes separate: the limit is where that still happens by chance this often"
_BY_NUMBERS: Final = "no error can be estimated: Newcombe's limits, by the number of patients"
FEW_ERRORS: Final = 2.0
"""Fewer patients of the rarer class than this, all of them ranked wrongly, would make the whole error."""
_LARGEST: Final = 1e12
"""Beyond these odds an area is 1."""


def area_estimate(influence: AurocInfluence, confidence: float) -> Estimate:
    """The area with Student's limits, its error by leaving out each patient; defined wherever the area is.

    Where the classes separate the limit is `separation_bound`; where no error can be estimated, Newcombe's.

    Raises: StatsError: confidence outside (0, 1).
    """
    return _area_estimate(influence, influence.left_out(), confidence)


def _area_estimate(influence: AurocInfluence, left: ClassesLeftOut, confidence: float) -> Estimate:
    value, found = influence.value, left.jackknife()
    sizes = left.effective_sizes
    method, note = jackknife_method(AREA), approximate(value, left) or found.note
    if min(value, 1 - value) < 1 / _LARGEST:  # weighted areas of 1 are so up to rounding
        bound = separation_bound(*sizes, confidence)
        low, high = (bound, 1.0) if value > 0.5 else (0.0, 1 - bound)
        method, note = _SEPARATION, _joined(left.note, _SEPARATED)
    elif not found.standard_error > 0:
        low, high = newcombe_limits(value, *sizes, confidence)
        method, note = "newcombe", _joined(left.note, _BY_NUMBERS)
    else:
        centre = with_pairs(value, sizes, ADDED)
        low, high = around(value, AREA.limits(centre, found.half_width(confidence)))
    return Estimate(
        value=value,
        low=low,
        high=high,
        confidence=confidence,
        method=method,
        count=influence.positives.size + influence.negatives.size,
        events=influence.positives.size,
        clusters=influence.patients.count if influence.patients else None,
        standard_error=found.standard_error,
        note=note,
    )


def approximate(value: float, left: ClassesLeftOut) -> str:
    """Why the interval of an area is only approximate, or empty: few patients of one class, or of its errors.

    How many are few is what `benchmarks/coverage_intervals.py` shows to hold.
    """
    if left.note or left.rarer * min(value, 1 - value) >= FEW_ERRORS:
        return left.note
    return (
        f"approximate: so near to its end that few of {left.rarer} patients or films in one class show errors"
    )


def _joined(*notes: str) -> str:
    return "; ".join(filter(None, notes))


def with_pairs(value: float, sizes: tuple[float, float], added: float) -> float:
    """An area with so many pairs added to either side, where the classes are worth `sizes` patients.

    Source: Haldane 1956, Ann. Hum. Genet. 20:309-311; Agresti and Caffo 2000, Amer. Statist. 54:280-288; how
        many is what `benchmarks/coverage_intervals.py` shows to hold.
    """
    pairs = sizes[0] * sizes[1]
    return (value * pairs + added) / (pairs + 2 * added)


def newcombe_limits(value: float, positives: float, negatives: float, confidence: float) -> Limits:
    """The AUROCs at which the observed one lies z standard errors away, by the variance under each.

    Source: Newcombe 2006, Stat. Med. 25:559-573, method 5: Hanley and McNeil's variance with both sample
        sizes in its numerator replaced by their mean.
    """
    from scipy.optimize import brentq

    z = normal_quantile(confidence)

    def excess(area: float) -> float:
        return (value - area) ** 2 - z**2 * _variance_under(area, positives, negatives)

    # the excess is negative at the value and positive at 0 and 1, but 0 where both are the same
    low = 0.0 if value == 0 else float(brentq(excess, 0.0, min(value, 1 - 1e-12), xtol=1e-14))
    high = 1.0 if value == 1 else float(brentq(excess, max(value, 1e-12), 1.0, xtol=1e-14))
    return low, high


def separation_bound(positives: float, negatives: float, confidence: float) -> float:
    """The smallest area at which complete separation is not rarer than (1 - confidence) / 2.

    P(every positive above every negative) has a closed form where the distribution of one class is a power of
    the other's. Which of the two is not known, so the lower of both bounds counts.

    Raises: StatsError: confidence outside (0, 1).
    Source: Lehmann 1953, Ann. Math. Statist. 24:23-43; Savage 1956, Ann. Math. Statist. 27:590-615 (the
        probability of a rank order: with odds r it is the product over j = 1..m of j r / (j r + n)).
    """
    rarest = math.log((1 - checked_fraction(confidence, name="confidence")) / 2)
    ratio = min(
        _odds_of_separation(positives, negatives, rarest), _odds_of_separation(negatives, positives, rarest)
    )
    return ratio / (1 + ratio)


def precision_under(area: float, prevalence: float) -> float:
    """The average precision of an area where one class is a power of the other, the smaller of both ways.

    Source: as `separation_bound`; the integral is Gauss and Legendre's.
    """
    odds = min(area / max(1 - area, 1 / _LARGEST), _LARGEST)
    rest = 1 - prevalence
    # the share found is t: the false alarms are t**odds, or 1 - (1 - t)**(1 / odds)
    few = prevalence / (prevalence + rest * _UNIT ** (odds - 1))
    many = prevalence * _UNIT / (prevalence * _UNIT + rest * (1 - (1 - _UNIT) ** (1 / odds)))
    return min(float(np.dot(_MASS, few)), float(np.dot(_MASS, many)))


def separated_precision(influence: AurocInfluence, left: ClassesLeftOut, confidence: float) -> Estimate:
    """An average precision of 1, by the area's `separation_bound`."""
    bound = separation_bound(*left.effective_sizes, confidence)
    return replace(
        _area_estimate(influence, left, confidence),
        low=precision_under(bound, _prevalence(influence)),
        standard_error=0.0,
    )


def _prevalence(influence: AurocInfluence) -> float:
    return influence.positives.size / (influence.positives.size + influence.negatives.size)


def _variance_under(area: float, positives: float, negatives: float) -> float:
    spread = 1 + ((positives + negatives) / 2 - 1) * ((1 - area) / (2 - area) + area / (1 + area))
    return area * (1 - area) * spread / (positives * negatives)


def _odds_of_separation(above: float, below: float, log_probability: float) -> float:
    """The odds r at which `above` rows all lie above `below` ones with that probability."""
    from scipy.optimize import brentq

    def excess(log_share: float) -> float:
        share = math.exp(log_share)  # below / r: the product is Gamma(m + 1) Gamma(1 + x) / Gamma(m + 1 + x)
        found = special.gammaln(above + 1) + special.gammaln(1 + share) - special.gammaln(above + 1 + share)
        return float(found) - log_probability

    # one row has the product 1 / (1 + x), and more rows a smaller one
    return below / math.exp(float(brentq(excess, -30.0, -log_probability, xtol=1e-10)))
