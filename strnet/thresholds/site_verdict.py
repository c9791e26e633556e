"""Certified, alarm or insufficient: what the misses of a site's patients say of a floor, by two tests.

`anytime` may be asked after every patient: ever wrongly certified, and ever wrongly alarmed, each with
probability at most delta. `fixed` is the exact binomial test for a number of patients that was planned; it
needs fewer of them, and may be asked once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal

import numpy as np

from strnet.errors import ThresholdError
from strnet.stats.proportions import clopper_pearson_lower
from strnet.threshold_options import SiteTest
from strnet.thresholds.confidence_sequence import PatientMisses, Wealth, sensitivity_bounds
from strnet.thresholds.floor import Floor
from strnet.thresholds.rules import (
    binomial_cdf,
    chance_of_holding,
    exact_misses,
    first_true,
    positives_allowing,
)

Verdict = Literal["certified", "insufficient", "alarm"]
SITE_TESTS: Final[tuple[SiteTest, ...]] = ("anytime", "fixed")
FARTHEST = 1 << 40
"""Patients beyond which nobody asks how many more it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteVerdict:
    """What a test says of the floor.

    `lower` and `upper` bound the sensitivity, each with the confidence asked for. `misses_allowed` (None: too
    few patients for any) and `alarm_from` are counts of patients, of the fixed test only. More patients would
    certify the site: `more_if_none_missed`, or `more_at_this_rate` if misses went on as they did (None: then
    it never is).
    """

    verdict: Verdict
    test: SiteTest
    patients: int
    lower: float
    upper: float
    misses_allowed: int | None = None
    alarm_from: int | None = None
    more_if_none_missed: int | None = None
    more_at_this_rate: int | None = None


def verdict_of(misses: PatientMisses, test: SiteTest, floor: Floor, delta: Fraction) -> SiteVerdict:
    """What `test` says of the misses of independent patients.

    Raises: ThresholdError: a fixed test of weighted patients, or of patients missed in part.
    """
    if test == "anytime":
        return anytime_verdict(misses, floor, delta)
    missed = int(np.count_nonzero(misses.share))
    if misses.weight is not None or missed != misses.share.sum():
        found = "weights" if misses.weight is not None else "patients whose films were missed in part"
        raise ThresholdError(
            f"test fixed: found {found}, and it counts patients that weigh the same and are missed or not. "
            "Use the anytime test" + ("." if misses.weight is not None else ", one_per_cluster or worst.")
        )
    return fixed_verdict(missed, misses.patients, floor, delta)


def anytime_verdict(misses: PatientMisses, floor: Floor, delta: Fraction) -> SiteVerdict:
    """What the confidence sequence says of patients with any number of films, weighted or not.

    Source: certified once the wealth against a miss share of at least 1 - floor has reached 1 / delta, alarm
        once that against one of at most 1 - floor has.
    """
    lower, upper = sensitivity_bounds(misses, float(delta))
    verdict: Verdict = "insufficient"
    if _alarmed(misses, floor, delta):
        verdict = "alarm"
    elif _certifiable(misses, floor, delta)(1.0, 0):
        verdict = "certified"
    open_question = verdict == "insufficient" and floor.share < 1
    return SiteVerdict(
        verdict=verdict,
        test="anytime",
        patients=misses.patients,
        lower=lower,
        upper=upper,
        more_if_none_missed=_more_unmissed(misses, floor, delta) if open_question else None,
        more_at_this_rate=_more_alike(misses, floor, delta) if open_question else None,
    )


def fixed_verdict(missed: int, patients: int, floor: Floor, delta: Fraction) -> SiteVerdict:
    """What the exact test says of `missed` among `patients` that are independent and weigh the same.

    Source: certified if misses <= c(n) of the exact rule; alarm if misses exceed the (1 - delta) quantile of
        Binomial(n, 1 - floor).
    """
    allowed = exact_misses(patients, floor, delta) if patients else -1
    alarm_from = first_true(lambda k: _chance_of_so_many(k, patients, floor) <= delta, 1, patients + 1)
    verdict: Verdict = "insufficient"
    if missed <= allowed:
        verdict = "certified"
    elif missed >= alarm_from:
        verdict = "alarm"
    lower, upper = _exact_bounds(missed, patients, float(1 - delta))
    seen = (missed, patients, floor, delta)
    open_question = verdict == "insufficient" and floor.share < 1
    return SiteVerdict(
        verdict=verdict,
        test="fixed",
        patients=patients,
        lower=lower,
        upper=upper,
        misses_allowed=allowed if allowed >= 0 else None,
        alarm_from=alarm_from,
        more_if_none_missed=_more_if_none(*seen) if open_question else None,
        more_at_this_rate=_more_at_rate(*seen) if open_question else None,
    )


def _exact_bounds(missed: int, patients: int, confidence: float) -> tuple[float, float]:
    if not patients:
        return 0.0, 1.0
    lower = clopper_pearson_lower(patients - missed, patients, confidence=confidence)
    return float(lower), 1 - float(clopper_pearson_lower(missed, patients, confidence=confidence))


def _alarmed(misses: PatientMisses, floor: Floor, delta: Fraction) -> bool:
    if floor.share == 1:
        return bool(misses.share.any())  # a single miss disproves a floor of 1
    return Wealth(misses, float(floor.miss_share), for_fewer=False).log() >= -math.log(delta)


def _certifiable(misses: PatientMisses, floor: Floor, delta: Fraction) -> Callable[[float, float], bool]:
    """Whether the site would be certified by the patients seen, `times` over, and `unmissed` more."""
    if floor.share == 1:
        return lambda times, unmissed: False
    wealth = Wealth(misses, float(floor.miss_share), for_fewer=True)
    return lambda times, unmissed: wealth.log(times=times, unmissed=unmissed) >= -math.log(delta)


def _more_unmissed(misses: PatientMisses, floor: Floor, delta: Fraction) -> int:
    certifiable = _certifiable(misses, floor, delta)
    return _first(lambda more: certifiable(1.0, more))


def _more_alike(misses: PatientMisses, floor: Floor, delta: Fraction) -> int | None:
    if not misses.patients:
        return _more_unmissed(misses, floor, delta)
    if misses.miss_share >= floor.miss_share:
        return None
    certifiable = _certifiable(misses, floor, delta)
    if not certifiable(FARTHEST / misses.patients, 0):
        return None
    return _first(lambda more: certifiable(1 + more / misses.patients, 0))


def _more_if_none(missed: int, patients: int, floor: Floor, delta: Fraction) -> int:
    return max(1, positives_allowing(missed, "exact", floor, delta) - patients)


def _more_at_rate(missed: int, patients: int, floor: Floor, delta: Fraction) -> int | None:
    rate = missed / patients if patients else 0.0
    if rate >= floor.miss_share:
        return None
    total = _first(lambda units: binomial_cdf(rate * units, units, floor) <= delta)
    return max(1, total - patients)


def _chance_of_so_many(misses: int, patients: int, floor: Floor) -> float:
    """P(X >= misses) if the sensitivity were just the floor; 1 if none is missed."""
    return chance_of_holding(misses - 1, patients, floor) if misses > 0 else 1.0


def _first(holds: Callable[[int], bool]) -> int:
    most = 1
    while not holds(most):
        most *= 2
    return first_true(holds, 1, most)
