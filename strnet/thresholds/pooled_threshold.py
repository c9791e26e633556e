"""A threshold over several hospitals from the counts that each sends at cut-offs fixed beforehand.

The promise. n positive patients in all, m(t) of them missed at the cut-off t. Taken is the cut-off that flags
fewest with m(t) <= c, c the misses of the exact rule. The misses only rise from one cut-off to the next, so
that a wrong choice needs m <= c at the first cut-off whose pooled sensitivity is below the floor: no
correction for the number of cut-offs. Hospitals differ, and their misses are no Binomial(n, p): with the
sizes as they are, their sum is one of independent unequal trials of mean p, whose lower tail is the lighter
one, P(m <= c) <= BinomialCDF(c; n, p), wherever c <= n p - 1. That is asked of c at p = 1 - floor.
Source: Hoeffding 1956, Ann. Math. Statist. 27:713-721, theorem 4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Unpack

import numpy as np

from strnet.errors import ImpossibleError, ThresholdError
from strnet.options import with_defaults
from strnet.stats.estimates import Estimate
from strnet.stats.inputs import Ints
from strnet.stats.proportions import proportion
from strnet.thresholds.cutoff_form import CutoffForm, FilledForm
from strnet.thresholds.point import OperatingPoint, Ties
from strnet.thresholds.rules import (
    chance_of_holding,
    misses_allowed,
    sensitivity_law,
)
from strnet.thresholds.score_identity import identity_of
from strnet.thresholds.threshold_request import Request, read_request
from strnet.verification_options import PoolOptions

SAME_BY_CHANCE = 3
"""Different counts along the cut-offs up to which two hospitals may share all of them by chance."""
ROWS_STAYED: Final = (
    "The rows behind the counts stayed in the hospitals and are not known: certify and verify cannot tell "
    "whether they come back. Ask none of these patients again."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HospitalCounts:
    """One hospital at the chosen cut-off."""

    name: str
    missed: int
    sensitivity: Estimate
    specificity: Estimate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GridCost:
    """What the cut-offs cost beside rows, whose threshold would lie below the `next_cutoff`.

    `misses_unused` are allowed and not made; at most `specificity_at_most` of specificity would be won (None
    without negatives). The `next_cutoff` is None where the last one was taken.
    """

    next_cutoff: float | None
    misses_unused: int
    specificity_at_most: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledThreshold:
    """The operating point, the hospitals at it, and what the grid cost."""

    point: OperatingPoint
    hospitals: tuple[HospitalCounts, ...]
    grid: GridCost


def pool_counts(filled: Sequence[FilledForm], **asked: Unpack[PoolOptions]) -> PooledThreshold:
    """The cut-off that flags fewest and keeps the floor for the pooled sensitivity of the hospitals.

    That is the sensitivity averaged over their positives: each hospital weighs as many as it sent.

    Raises:
        ThresholdError: hospitals with other cut-offs, one that stands twice, or no positives.
        ImpossibleError: too few positives, or even the lowest cut-off misses too many.
    """
    request = read_request(**with_defaults(PoolOptions, asked))
    _require_several(filled)
    form = filled[0].form
    positives = sum(site.positives for site in filled)
    missed = np.sum([site.missed for site in filled], axis=0)
    allowed = _allowed(positives, request)
    kept = np.flatnonzero(missed <= allowed)
    if not kept.size:
        raise ImpossibleError(
            f"cutoffs: even {form.operator} {form.cutoffs[0]!r} misses {missed[0]} of {positives} positives, "
            f"and {allowed} are allowed. Make a form whose cut-offs begin further out, and let it be filled."
        )
    chosen = int(kept[-1])
    hospitals = tuple(_hospital(site, chosen, request.confidence) for site in filled)
    point = _point(filled, chosen, int(missed[chosen]), allowed, request)
    return PooledThreshold(point=point, hospitals=hospitals, grid=_cost(filled, chosen, allowed, missed))


def _allowed(positives: int, request: Request) -> int:
    """The misses of the exact rule, and Hoeffding's condition, which from 75% confidence on adds nothing."""
    allowed = misses_allowed("exact", positives, request.floor, request.delta)
    unequal = math.floor(positives * request.floor.miss_share) - 1
    if unequal < 0:
        raise ImpossibleError(
            f"pool: {positives} positives of hospitals that may differ promise nothing at a confidence of "
            f"{request.confidence:g}. Ask for more confidence, or collect more."
        )
    return min(allowed, unequal)


def _point(
    filled: Sequence[FilledForm], chosen: int, missed: int, allowed: int, request: Request
) -> OperatingPoint:
    form, confidence = filled[0].form, request.confidence
    positives, negatives = (
        sum(getattr(site, name) for site in filled) for name in ("positives", "negatives")
    )
    flagged = sum(int(site.negatives_flagged[chosen]) for site in filled)
    names = ", ".join(f"{site.hospital} {site.missed[chosen]} of {site.positives}" for site in filled)
    return OperatingPoint(
        status="guaranteed",
        method="exact",
        min_sensitivity=request.floor.text,
        confidence=confidence,
        threshold=form.cutoffs[chosen],
        operator=form.operator,
        anchor="tight",
        positives=positives,
        negatives=negatives,
        unit="patient",
        units=positives,
        misses_allowed=allowed,
        misses_made=missed,
        effective_positives=float(positives),
        confidence_reached=chance_of_holding(allowed, positives, request.floor),
        expected_sensitivity=sensitivity_law(
            missed,
            positives,
            confidence,
            note="of a threshold that misses as many; a cut-off was fixed before",
        ),
        observed_sensitivity=proportion(
            positives - missed, positives, method="clopper_pearson", confidence=confidence
        ),
        specificity=_specificity(flagged, negatives, confidence),
        ties=Ties(0, 0),
        promise="wrong_or_silent",  # the lowest cut-off may miss too many
        speaks_of="patients",
        score=identity_of(form.score, form.kind),
        label=form.label,
        notes=(
            f"Counts at {len(form.cutoffs)} cut-offs fixed beforehand (form {form.sha256[:12]}); missed: "
            f"{names}. The floor is that of the pooled sensitivity, not of each hospital.",
            ROWS_STAYED,
        ),
    )


def _hospital(site: FilledForm, chosen: int, confidence: float) -> HospitalCounts:
    missed, flagged = int(site.missed[chosen]), int(site.negatives_flagged[chosen])
    found = site.positives - missed
    return HospitalCounts(
        name=site.hospital,
        missed=missed,
        sensitivity=proportion(found, site.positives, method="clopper_pearson", confidence=confidence),
        specificity=_specificity(flagged, site.negatives, confidence),
    )


def _specificity(flagged: int, negatives: int, confidence: float) -> Estimate | None:
    if not negatives:
        return None
    return proportion(negatives - flagged, negatives, method="clopper_pearson", confidence=confidence)


def _cost(filled: Sequence[FilledForm], chosen: int, allowed: int, missed: Ints) -> GridCost:
    form = filled[0].form
    negatives = sum(site.negatives for site in filled)
    last = chosen + 1 == len(form.cutoffs)
    flagged = sum(int(site.negatives_flagged[chosen]) for site in filled)
    beyond = 0 if last else sum(int(site.negatives_flagged[chosen + 1]) for site in filled)
    return GridCost(
        next_cutoff=None if last else form.cutoffs[chosen + 1],
        misses_unused=allowed - int(missed[chosen]),
        specificity_at_most=(flagged - beyond) / negatives if negatives else None,
    )


def _require_several(filled: Sequence[FilledForm]) -> None:
    """Raise unless all hospitals filled in the same form, each once, and have positives.

    Raises: ThresholdError: what contradicts.
    """
    if not filled:
        raise ThresholdError("pool: found no forms, expected at least one.")
    for site in filled:
        if site.positives == 0:
            raise ThresholdError(f"{site.hospital}: found no positives, expected at least one. Leave it out.")
        if site.form.sha256 != filled[0].form.sha256:
            raise ThresholdError(
                f"{site.hospital}: filled in form {site.form.sha256[:12]}, and {filled[0].hospital} "
                f"{filled[0].form.sha256[:12]}: {_difference(filled[0].form, site.form)}. Counts add up at "
                "the same cut-offs of the same score only."
            )
    for one, other in combinations(filled, 2):
        if one.hospital.casefold() == other.hospital.casefold():
            raise ThresholdError(f"pool: {one.hospital} stands twice. Give one form of each hospital.")
        if _same_counts(one, other):
            raise ThresholdError(
                f"pool: {one.hospital} and {other.hospital} have the same counts at every cut-off. Patients "
                "may count once: give one of them."
            )


def _same_counts(one: FilledForm, other: FilledForm) -> bool:
    along = zip(one.positives_flagged.tolist(), one.negatives_flagged.tolist(), strict=True)
    return (
        len(set(along)) > SAME_BY_CHANCE
        and (one.positives, one.negatives) == (other.positives, other.negatives)
        and np.array_equal(one.positives_flagged, other.positives_flagged)
        and np.array_equal(one.negatives_flagged, other.negatives_flagged)
    )


def _difference(one: CutoffForm, other: CutoffForm) -> str:
    if (one.score, one.kind, one.operator) != (other.score, other.kind, other.operator):
        return "another score"
    if one.label != other.label:
        return f"a positive is '{other.label}', not '{one.label}'"
    if len(one.cutoffs) != len(other.cutoffs):
        return f"{len(other.cutoffs)} cut-offs, not {len(one.cutoffs)}"
    line = next(
        n for n, pair in enumerate(zip(one.cutoffs, other.cutoffs, strict=True)) if pair[0] != pair[1]
    )
    return f"cut-off {line + 1} is {other.cutoffs[line]!r}, not {one.cutoffs[line]!r}"
