"""The threshold that a floor of the specificity, or of a predictive value, leaves on checked rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from strnet.errors import ImpossibleError, ThresholdError
from strnet.stats.inputs import Floats
from strnet.thresholds.choice import ONE_SCORE, choose
from strnet.thresholds.fixed_cutoffs import (
    CutoffCounts,
    PredictiveValue,
    count_at,
    default_cutoffs,
    limits,
    most_useful,
    times_needed,
)
from strnet.thresholds.floor_request import FloorRequest
from strnet.thresholds.patient_choice import Choice
from strnet.thresholds.rows import ClassRows, Rows
from strnet.thresholds.threshold_request import Request


@dataclass(frozen=True, slots=True)
class FloorCut:
    """A threshold (higher means positive), and what it rests on.

    A specificity floor rests on the `choice` from the negatives, a predictive value on the `counts` at all
    cut-offs, of which the threshold is number `taken`; `lower_bound` is what they prove of it.
    """

    threshold: float
    choice: Choice | None = None
    counts: CutoffCounts | None = None
    taken: int = 0
    lower_bound: float | None = None


def floor_cut(rows: Rows, asked: FloorRequest, kind: str | None) -> FloorCut:
    """The most useful threshold that keeps the floor, for scores of `kind` (None: unknown).

    Raises:
        ThresholdError: no row of one class; scores without cut-offs of their own; weights, or a cluster
            method, for which a predictive value has no exact limit.
        ImpossibleError: no threshold keeps the floor; the message says what would.
    """
    if asked.floor_of == "specificity":
        choice = choose_from_negatives(rows, asked.request)
        return FloorCut(choice.threshold, choice=choice)
    return _predictive_cut(rows, asked, asked.floor_of, kind)


def choose_from_negatives(rows: Rows, request: Request) -> Choice:
    """The lowest threshold that keeps a floor of the specificity; its misses are false alarms.

    The mirror of a sensitivity floor: with the scores turned round, every rule for positives holds for the
    negatives, and the positives know nothing of the threshold. A negative at the highest score that must be
    rejected lies below the threshold, which therefore is the next number above that score: the next of the
    type that the scores have, so that nobody who decides in that type rounds it down again.

    Raises: as `choose`; ThresholdError: no negatives.
    """
    if not rows.negative_count:
        raise ThresholdError(
            "target: found no negative, expected at least one. A specificity floor is chosen from negatives."
        )
    mirrored = choose(_turned(rows.negatives()), request)
    highest = rows.score.dtype.type(-mirrored.threshold)
    return replace(mirrored, threshold=float(np.nextafter(highest, highest.dtype.type(np.inf))))


def counts_for(rows: Rows, cutoffs: Floats, request: Request, *, generous: bool = False) -> CutoffCounts:
    """Exact counts at `cutoffs` (m,), oriented: of films, or of patients where films are clustered.

    With `cluster_method` `worst` a patient counts as decided rightly if all its films are, which keeps lower
    limits honest; `generous` counts it if one of them is, for upper limits.

    Raises: ThresholdError: weights, or a cluster method that has no exact counts.
    """
    if rows.weights is not None:
        raise ThresholdError(
            "weights: found some, and a predictive value has exact limits for rows of equal weight only. "
            "Leave them out; the prevalence where it will be used is stated by itself."
        )
    positives, negatives = rows.positives(), rows.negatives()
    if rows.clusters is None:
        return count_at(cutoffs, positives.score, negatives.score)
    reduce = ONE_SCORE.get(request.cluster_method)
    if reduce is None:
        raise ThresholdError(
            f"cluster_method {request.cluster_method}: exact counts of patients are needed here. "
            f"Use {' or '.join(ONE_SCORE)}."
        )
    if generous:
        return count_at(cutoffs, -reduce(_turned(positives), request), reduce(negatives, request))
    return count_at(cutoffs, reduce(positives, request), -reduce(_turned(negatives), request))


def _turned(rows: ClassRows) -> ClassRows:
    return replace(rows, score=-rows.score)


def _predictive_cut(rows: Rows, asked: FloorRequest, of: PredictiveValue, kind: str | None) -> FloorCut:
    assert asked.prevalence is not None
    if not rows.positive_count or not rows.negative_count:
        raise ThresholdError(
            "target: found one class only. A predictive value needs positives and negatives."
        )
    cutoffs = default_cutoffs(kind) if asked.cutoffs is None else asked.cutoffs
    counts = counts_for(rows, np.sort(rows.sign * cutoffs), asked.request)
    delta, floor = float(asked.request.delta), float(asked.request.floor.share)
    lower = limits(counts, asked.prevalence, delta)
    proven = lower.ppv if of == "ppv" else lower.npv
    taken = most_useful(lower, of, floor)
    if taken is None:
        raise ImpossibleError(_none_keeps(rows, asked, of, counts, proven))
    return FloorCut(
        float(counts.cutoffs[taken]), counts=counts, taken=taken, lower_bound=float(proven[taken])
    )


def _none_keeps(
    rows: Rows, asked: FloorRequest, of: PredictiveValue, counts: CutoffCounts, proven: Floats
) -> str:
    assert asked.prevalence is not None
    best, floor = int(np.argmax(proven)), asked.request.floor
    at = rows.sign * counts.cutoffs[best]
    times = times_needed(counts, asked.prevalence, float(asked.request.delta), of, float(floor.share))
    more = (
        "At the rates seen here no number of rows would: the floor is too high for this score."
        if times is None
        else f"At the rates seen here it takes about {times:.2g} times the rows."
    )
    return (
        f"min_{of} {floor.text} at prevalence {asked.prevalence.text} and confidence "
        f"{asked.request.confidence:g} is impossible at each of {counts.cutoffs.size} cut-offs: the most "
        f"that is proven is {proven[best]:.3f}, at {at:.4g} ({counts.found[best]:.0f} of "
        f"{counts.positives:.0f} positives, {counts.negatives - counts.rejected[best]:.0f} of "
        f"{counts.negatives:.0f} negatives reach it). "
        f"{more} Fewer cut-offs (--cutoffs) prove more of each."
    )
