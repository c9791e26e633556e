"""How often what is said of a site is right, where few were verified, or only counts are known.

Every row is a claim of the public functions and how often it was right, in the case in which it is wrong most
easily: a sensitivity just below the floor for a certificate, just above it for an alarm, hospitals of equal
and of very unequal difficulty.

    python benchmarks/coverage_verification.py [--runs 2000] [--processes 2] [--seed 0]

Ends with exit code 1 if a claim is wrong more often than 1 - confidence by more than three standard errors.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy.special import ndtr
from simulation import Report, exit_code, options

from strnet.errors import ImpossibleError, ThresholdError
from strnet.thresholds.count_certificate import CountCertificate, certify_counts
from strnet.thresholds.cutoff_form import CutoffForm, FilledForm
from strnet.thresholds.partial_verification import PartialVerification, VerificationCounts, verify_counts
from strnet.thresholds.pooled_threshold import pool_counts

FLOOR, CONFIDENCE = 0.86, 0.95
EDGE = 1e-6


@dataclass(frozen=True)
class Claim:
    """One claim in one run: `right` is None where nothing was said; `assumed` if it rests on a falsehood."""

    scenario: str
    name: str
    right: bool | None
    assumed: bool = False


Draw = Callable[[np.random.Generator], Iterator[Claim]]


@cache
def verified(counts: VerificationCounts) -> PartialVerification:
    return verify_counts(counts, min_sensitivity=str(FLOOR), confidence=CONFIDENCE)


@cache
def certified(positives: int, missed: int) -> CountCertificate:
    return certify_counts(positives, missed, min_sensitivity=str(FLOOR), confidence=CONFIDENCE)


@dataclass(frozen=True)
class Site:
    """A population, and who of those who should come does, by flag and by disease."""

    name: str
    people: int
    drawn: int
    prevalence: float
    specificity: float = 0.88
    flagged_come: tuple[float, float] = (1.0, 1.0)  # positive, negative
    drawn_come: tuple[float, float] = (1.0, 1.0)
    at_random: bool = True


SITES = (
    Site("300 people, 60 drawn", 300, 60, 0.27),
    Site("60 people, 12 drawn", 60, 12, 0.5),
    Site("300 people, 60 drawn, 80% come", 300, 60, 0.27, flagged_come=(0.8, 0.8), drawn_come=(0.9, 0.9)),
    Site(
        "the sick stay away (60% against 95%)",
        *(300, 60, 0.27),
        flagged_come=(0.6, 0.95),
        drawn_come=(0.6, 0.95),
        at_random=False,
    ),
    Site(
        "the sick come, when flagged (95 : 60)",
        *(300, 60, 0.27),
        flagged_come=(0.95, 0.6),
        drawn_come=(0.6, 0.95),
        at_random=False,
    ),
)


def at_site(
    site: Site, sensitivity: float
) -> Callable[[np.random.Generator], tuple[VerificationCounts, float]]:
    """A function that draws people of a site: their counts, and the sensitivity of the flag among them."""

    def draw(rng: np.random.Generator) -> tuple[VerificationCounts, float]:
        sick = rng.binomial(site.people, site.prevalence)
        found = rng.binomial(sick, sensitivity)
        false = rng.binomial(site.people - sick, 1 - site.specificity)
        unflagged, missed = site.people - found - false, sick - found
        drawn = min(site.drawn, unflagged)
        drawn_sick = rng.hypergeometric(missed, unflagged - missed, drawn)
        came = rng.binomial((found, false), site.flagged_come)
        drawn_came = rng.binomial((drawn_sick, drawn - drawn_sick), site.drawn_come)
        counts = VerificationCounts(
            flagged=found + false,
            flagged_verified=int(came.sum()),
            flagged_positive=int(came[0]),
            unflagged=unflagged,
            unflagged_drawn=drawn,
            unflagged_verified=int(drawn_came.sum()),
            unflagged_positive=int(drawn_came[0]),
        )
        return counts, found / sick if sick else float("nan")

    return draw


def partial(site: Site) -> Draw:
    def claims(rng: np.random.Generator) -> Iterator[Claim]:
        for floor, verdict in ((FLOOR - EDGE, "certified"), (FLOOR + EDGE, "alarm")):
            counts, among_these = at_site(site, floor)(rng)
            try:
                result = verified(counts)
            except ThresholdError:  # nobody of a sort came
                continue
            for case in (result.worst, result.random):
                if case is None:
                    continue
                absent = "" if result.random is None else f", absent: {case.absent}"
                assumed = case.absent == "random" and not site.at_random
                side = verdict == "alarm"  # the bound that a wrong verdict would lie on
                sign = -1 if side else 1
                # the bound lies on the wrong side of the truth just when the verdict is wrong
                assert (sign * case.sensitivity[side] > sign * floor) == (case.verdict == verdict)
                yield Claim(site.name, f"no wrong {verdict}{absent}", case.verdict != verdict, assumed)
                holds = sign * case.among_these[side] <= sign * among_these + 1e-12
                which = "upper" if side else "lower"
                yield Claim(site.name, f"{which} bound among these{absent}", holds, assumed)

    return claims


def counts_alone(rng: np.random.Generator) -> Iterator[Claim]:
    for positives in (20, 40, 100, 400):
        missed = int(rng.binomial(positives, 1 - FLOOR))
        verdict = certified(positives, missed).verdict
        for wrong in ("certified", "alarm"):
            yield Claim(f"{positives} positives, counts alone", f"no wrong {wrong}", verdict != wrong)


POOLED = {
    "3 equal hospitals, 120 positives": ((60, 40, 20), (0.0, 0.0, 0.0)),
    "3 hospitals, unequal": ((60, 40, 20), (0.5, -0.3, -1.2)),
    "2 hospitals, one nearly perfect": ((100, 40), (1.5, -1.5)),
    "25 positives of 5 hospitals": ((5, 5, 5, 5, 5), (1.0, 0.5, 0.0, -0.5, -1.0)),
}


def pooled(scenario: str) -> Draw:
    """A grid one of whose cut-offs has a pooled sensitivity just below the floor."""
    sizes, shifts = (np.array(each) for each in POOLED[scenario])

    def sensitivity(cutoff: float) -> float:
        return float(np.average(ndtr(2.1 + shifts - cutoff), weights=sizes))

    low, high = -12.0, 14.0
    for _ in range(80):
        low, high = (m, high) if sensitivity(m := (low + high) / 2) >= FLOOR else (low, m)
    critical = high  # the first float below the floor
    grid = tuple(sorted({critical, *(critical + step * 0.15 for step in range(-20, 21))}))
    form = CutoffForm(grid, ">=", "score", None, "ill = 1")

    def claims(rng: np.random.Generator) -> Iterator[Claim]:
        filled = [
            _filled(rng, form, int(n), float(s), f"h{i}")
            for i, (n, s) in enumerate(zip(sizes, shifts, strict=True))
        ]
        try:
            point = pool_counts(filled, min_sensitivity=str(FLOOR), confidence=str(CONFIDENCE)).point
        except ImpossibleError:
            yield Claim(scenario, "floor of the pooled sensitivity", None)
            return
        yield Claim(scenario, "floor of the pooled sensitivity", sensitivity(point.threshold) >= FLOOR)

    return claims


def _filled(rng: np.random.Generator, form: CutoffForm, size: int, shift: float, name: str) -> FilledForm:
    positives, negatives = rng.normal(2.1 + shift, size=size), rng.normal(size=size)
    flagged = [np.array([np.count_nonzero(x >= cut) for cut in form.cutoffs]) for x in (positives, negatives)]
    return FilledForm(name, form, flagged[0], size, flagged[1], size)


SCENARIOS: tuple[Draw, ...] = (
    *(partial(site) for site in SITES),
    counts_alone,
    *(pooled(scenario) for scenario in POOLED),
)


def scenarios() -> tuple[Draw, ...]:
    """The draw of every case."""
    return SCENARIOS


def row(key: tuple[str, str, bool], found: list[Claim]) -> tuple[str, bool]:
    """One line of the table, and whether the promise in it was broken."""
    scenario, name, assumed = key
    claims = Counter(claim.right for claim in found)
    said = claims[True] + claims[False]
    right = claims[True] / said if said else float("nan")
    error = (CONFIDENCE * (1 - CONFIDENCE) / max(said, 1)) ** 0.5
    broken = said > 0 and right < CONFIDENCE - 3 * error
    verdict = ("assumption broken" if assumed else "BROKEN") if broken else ""
    return f"| {scenario:37} | {name:48} | {right:.4f} ({error:.4f}) | {claims[None]:5d} | {verdict} |", (
        broken and not assumed
    )


REPORT = Report(
    scenarios,
    key=lambda claim: (claim.scenario, claim.name, claim.assumed),
    row=row,
    header="| scenario | claim | right (s.e.) | silent | |",
    above=f"Floor {FLOOR}, confidence {CONFIDENCE}, {{runs}} runs",
)


if __name__ == "__main__":
    sys.exit(exit_code([REPORT], options(__doc__)))
