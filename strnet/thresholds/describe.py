"""From a choice of threshold to the operating point that states everything about it."""

from __future__ import annotations

from typing import TypedDict

from strnet.threshold_options import Anchor
from strnet.thresholds.measure import Measured, measure
from strnet.thresholds.patient_choice import Choice
from strnet.thresholds.point import OperatingPoint, Operator, Promise, SpeaksOf, Status
from strnet.thresholds.rows import ClassRows, Rows
from strnet.thresholds.rules import sensitivity_law
from strnet.thresholds.threshold_request import Request

WORST_NOTE = "law of the patients none of whose positive films is missed; averaged over patients it is higher"
WEAKER: tuple[Status, ...] = ("guaranteed", "approximate", "point only")
SEED_NOTE = "The seed was given by hand: the guarantee holds if it was chosen before any result was seen."
DRAWING = ("one_per_cluster", "betting")
"""Cluster methods whose result depends on a seed."""
BACKWARDS_NOTE = (
    "More negatives than positives lie at or above the threshold: if scores fall with disease, say "
    "higher_is_positive=False (--lower-is-positive)."
)


def describe(rows: Rows, positives: ClassRows, choice: Choice, request: Request) -> OperatingPoint:
    """The operating point of one threshold for all rows."""
    threshold = anchored(rows, choice.threshold, request.anchor)
    measured = measure(rows, positives, threshold, request.confidence)
    worst = choice.unit == "patient" and request.cluster_method == "worst"
    return OperatingPoint(
        method=request.method,
        min_sensitivity=request.floor.text,
        confidence=request.confidence,
        threshold=rows.sign * threshold,
        operator=operator_of(rows),
        anchor=request.anchor,
        positives=rows.positive_count,
        negatives=rows.negative_count,
        unit=choice.unit,
        units=choice.units,
        misses_allowed=choice.allowed,
        misses_made=measured.misses,
        effective_positives=choice.law_units,
        confidence_reached=choice.chance,
        expected_sensitivity=sensitivity_law(
            choice.law_misses, choice.law_units, request.confidence, note=WORST_NOTE if worst else ""
        ),
        observed_sensitivity=measured.sensitivity,
        specificity=measured.specificity,
        ties=measured.ties,
        notes=(*_notes(measured), *notes_on(choice, rows, request)),
        **stated(request, choice),
        **origin(rows, request),
    )


def anchored(rows: Rows, threshold: float, anchor: Anchor) -> float:
    """The threshold, or the middle of the gap below it; both oriented so that higher means positive.

    No observed row lies in the gap, so that the same rows are positive, and lowering t keeps every promise.
    """
    if anchor == "tight":
        return threshold
    below = rows.next_below(threshold)
    if below is None:
        return threshold
    middle = below / 2 + threshold / 2
    return middle if below < middle <= threshold else threshold  # neighbours one ulp apart have no middle


class Stated(TypedDict):
    """The fields of an operating point that say what may be said of it."""

    status: Status
    promise: Promise | None
    speaks_of: SpeaksOf
    chance_of_silence: float | None


def stated(request: Request, *choices: Choice) -> Stated:
    """What may be said of a threshold, or of several together: what holds for the weakest of `choices`."""
    standing = status_of(request, *(choice.standing for choice in choices))
    if standing == "point only":
        return {
            "status": standing,
            "promise": None,
            "speaks_of": choices[0].speaks_of,
            "chance_of_silence": None,
        }
    answered = all(choice.promise == "if_answered" for choice in choices)
    return {
        "status": standing,
        "promise": "if_answered" if answered else "wrong_or_silent",
        "speaks_of": choices[0].speaks_of,
        "chance_of_silence": 0.0 if answered else min(1.0, sum(choice.silence for choice in choices)),
    }


def status_of(request: Request, *standings: Status) -> Status:
    """The weakest of `standings` of a threshold chosen as `request` asks."""
    if request.method != "exact":
        return "point only"
    return max(standings, key=WEAKER.index)


def operator_of(rows: Rows) -> Operator:
    """How a score is compared with the threshold."""
    return ">=" if rows.sign > 0 else "<="


class Origin(TypedDict):
    """The fields of an operating point that say how films hang together."""

    weighted: bool
    clusters: int | None
    cluster_method: str | None
    seed: int | None


def origin(rows: Rows, request: Request) -> Origin:
    """The fields of an operating point that say how films hang together."""
    weighted = rows.weights is not None
    if rows.clusters is None:
        seed = request.seed if request.max_weight is not None else None
        return {"weighted": weighted, "clusters": None, "cluster_method": None, "seed": seed}
    return {
        "weighted": weighted,
        "clusters": rows.cluster_count,
        "cluster_method": request.cluster_method,
        "seed": request.seed if request.cluster_method in DRAWING else None,
    }


def notes_on(choice: Choice, rows: Rows, request: Request) -> tuple[str, ...]:
    """What has to be known of a `choice`: why it promises nothing, and that somebody gave a seed."""
    seeded = request.method == "exact" and origin(rows, request)["seed"] is not None
    note = choice.note if request.method == "exact" else ""
    return (*((note,) if note else ()), *((SEED_NOTE,) if seeded else ()))


def _notes(measured: Measured) -> tuple[str, ...]:
    if measured.specificity is None or measured.sensitivity.value + measured.specificity.value >= 1:
        return ()
    return (BACKWARDS_NOTE,)
