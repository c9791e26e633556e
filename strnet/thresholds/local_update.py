"""A frozen threshold meets k labelled rows of a new site: keep it, or move it so that the floor holds there.

The local positives alone allow a threshold t_local (the exact rule), which breaks the floor with probability
at most delta. Whatever is chosen at or below t_local has no lower sensitivity, and so breaks the floor only
in those cases: the choice between keeping t_frozen (if t_frozen <= t_local) and lowering it to t_local is
free, although it is made by looking at the same rows. Keeping on these terms is the same as certifying the
frozen threshold with the exact test. Raising it to t_local is free in the same way; it waits to be asked.

Too few positives for any t_local can promise nothing. The frozen threshold is then kept, unless so many
misses would be as rare as delta if the floor held: it is then lowered to the lowest local positive, and no
promise made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from strnet.errors import ImpossibleError, ThresholdError
from strnet.stats.inputs import Bools
from strnet.thresholds.choice import Choice, choose
from strnet.thresholds.describe import describe
from strnet.thresholds.measure import measure
from strnet.thresholds.point import OperatingPoint
from strnet.thresholds.rows import ClassRows, Rows
from strnet.thresholds.rules import chance_of_holding, fewest_positives
from strnet.thresholds.threshold_request import Request
from strnet.thresholds.update_record import Decision, LocalUpdate

WHY: Final = MappingProxyType[Decision, str](
    {
        "keep": "the frozen one is not above it, and so is kept",
        "lower": "the frozen one is above it",
        "raise": "the frozen one is below it, and raising it was asked for",
    }
)
DECIDED_HERE: Final = "of a threshold fixed before; these rows decided that it is kept"
NO_PROMISE: Final = MappingProxyType[str, Any](
    {"status": "point only", "misses_allowed": None, "promise": None, "chance_of_silence": None}
)
NO_PROMISE_HERE: Final = "what it promises at the site it was fitted for says nothing of this one."


@dataclass(frozen=True, slots=True)
class Local:
    """What the local positives say: `frozen` is the old threshold, oriented so that higher means positive.

    `choice` is what they alone allow; None where they are too few, as `refusal` says. `found` (n,) are those
    that the frozen threshold finds; of `units` (films, or patients), `lost` are missed, a patient where all
    its films are.
    """

    frozen: float
    choice: Choice | None
    refusal: str
    positives: ClassRows
    found: Bools
    units: int
    lost: int


def updated(
    parent: OperatingPoint, parent_sha256: str, rows: Rows, request: Request, *, allow_raise: bool = False
) -> OperatingPoint:
    """The operating point for the site that `rows` come from, with what was decided and why in `update`.

    Its status is that of a threshold fitted on the local rows: P(a threshold is promised and breaks the
    floor) is at most delta over keeping, lowering and raising together.

    Raises: ThresholdError: a parent with one threshold per group, or a method other than exact.
    """
    if parent.threshold is None:
        raise ThresholdError(
            "update: this operating point has one threshold per group, expected one for all. Fit one for the "
            "site, or update a common threshold."
        )
    if request.method != "exact":
        raise ThresholdError(
            f"update: found method {request.method}, expected exact: the others promise nothing."
        )
    local = _local(rows, rows.sign * parent.threshold, request)
    decision = _decision(local, request, allow_raise)
    point = _described(decision, local, rows, replace(request, anchor=parent.anchor))
    seen = measure(rows, local.positives, local.frozen, request.confidence)
    record = LocalUpdate(
        decision=decision,
        reason=_reason(decision, local, rows, request),
        parent_sha256=parent_sha256,
        parent_threshold=parent.threshold,
        parent_misses=seen.misses,
        parent_specificity=seen.specificity,
        local_threshold=None if local.choice is None else rows.sign * local.choice.threshold,
        more_positives=_more(local, request),
        number=1 if parent.update is None else parent.update.number + 1,
        parent_rows=_rows_before(parent),
    )
    notes = (*point.notes, *_notes(parent, record.number, request))
    return replace(point, anchor=parent.anchor, label=parent.label, update=record, notes=notes)


def _rows_before(parent: OperatingPoint) -> tuple[str, ...]:
    before = () if parent.update is None else parent.update.parent_rows
    return before if parent.rows_sha256 is None else (*before, parent.rows_sha256)


def _local(rows: Rows, frozen: float, request: Request) -> Local:
    positives = rows.positives()
    found = positives.score >= frozen
    units, lost = _lost(positives, found)
    try:
        # a copy: choosing reorders the scores that it is given
        choice, refusal = choose(replace(positives, score=positives.score.copy()), request), ""
    except ImpossibleError as error:
        choice, refusal = None, str(error)
    return Local(frozen, choice, refusal, positives, found, units, lost)


def _lost(positives: ClassRows, found: Bools) -> tuple[int, int]:
    """Films, or patients where they are known, and how many of them the threshold loses altogether."""
    if positives.clusters is None:
        return found.size, int(np.count_nonzero(~found))
    patients, codes = np.unique(positives.clusters, return_inverse=True)
    return patients.size, int(np.count_nonzero(np.bincount(codes, weights=found) == 0))


def _decision(local: Local, request: Request, allow_raise: bool) -> Decision:
    if local.choice is None:
        return "lower" if _speaks_against(local, request) else "keep"
    if local.choice.threshold < local.frozen:
        return "lower"
    return "raise" if allow_raise and local.choice.threshold > local.frozen else "keep"


def _speaks_against(local: Local, request: Request) -> bool:
    """Whether so many misses are as rare as delta where the floor holds; False of weighted rows.

    Source: the exact binomial test; patients whose films are all missed are no more than the mean miss share.
    """
    if local.positives.weights is not None or local.lost == 0:
        return False
    return chance_of_holding(local.lost - 1, local.units, request.floor) <= request.delta


def _described(decision: Decision, local: Local, rows: Rows, request: Request) -> OperatingPoint:
    if local.choice is not None and decision != "keep":
        return describe(rows, local.positives, local.choice, request)
    lowest = float(local.positives.score.min())
    threshold = local.frozen if decision == "keep" else lowest
    choice = local.choice or _unproven(lowest, local, request, local.lost if decision == "keep" else 0)
    at = replace(choice, threshold=threshold)
    point = describe(rows, local.positives, at, replace(request, anchor="tight"))
    if decision == "keep":
        fixed = replace(point.observed_sensitivity, note=DECIDED_HERE)
        point = replace(point, expected_sensitivity=fixed, observed_sensitivity=fixed)
    return point if local.choice else replace(point, **NO_PROMISE)


def _unproven(lowest: float, local: Local, request: Request, lost: int) -> Choice:
    """The lowest local positive in the form of a choice, although the rule allows none."""
    chance = chance_of_holding(lost, local.units, request.floor)
    choice = Choice(lowest, local.units, 0, float(local.units), 0.0, chance)
    return choice if local.positives.clusters is None else replace(choice, unit="patient")


def _reason(decision: Decision, local: Local, rows: Rows, request: Request) -> str:
    if local.choice is not None:
        allowed = rows.sign * local.choice.threshold
        return f"The local positives alone allow a threshold of {allowed!r}; {WHY[decision]}."
    if decision == "keep":
        return f"{local.refusal} Nothing speaks against the frozen threshold; {NO_PROMISE_HERE}"
    unit = "positives" if local.positives.clusters is None else "positive patients"
    return (
        f"{local.lost} of {local.units} {unit} are missed, which has a chance of at most "
        f"{float(request.delta):g} where the floor holds: the lowest local positive becomes the threshold. "
        f"{local.refusal}"
    )


def _notes(parent: OperatingPoint, number: int, request: Request) -> Iterator[str]:
    if parent.groups:
        yield "The floor in every group, which the operating point before kept, is not promised here."
    if number > 1:
        yield (
            f"Update number {number}. Where they went on with more and more rows of one site, the chances of "
            f"a broken promise add up: at most {number} times {float(request.delta):g}."
        )


def _more(local: Local, request: Request) -> int | None:
    """How many more units it takes for any promise; None where none are needed, or no number is known."""
    takes = fewest_positives("exact", request.floor, request.delta)
    if local.choice is not None or takes is None or local.units >= takes:
        return None
    return takes - local.units
