"""What can be asked where only some people are verified, or only counts leave the hospital."""

from __future__ import annotations

from typing import Annotated, Required, TypedDict

from strnet.options import Option
from strnet.threshold_options import (
    Confidence,
    Floor,
    PlanOptions,
    Proportion,
    SameScore,
    ScoreKind,
    Where,
)

OwnScore = Annotated[
    str | None, Option("Column of scores, or a task; default: the operating point's own column.", None)
]
FloorOrOwn = Annotated[Proportion | None, Option("The floor; default: the operating point's, or 0.86.", None)]
ConfidenceOrOwn = Annotated[Proportion | None, Option("Default: the operating point's, or 0.95.", None)]


class PeopleColumns(TypedDict, total=False):
    """Which column names a person, and which says who was flagged."""

    identifier: Annotated[str, Option("Column that names each person once.", "patient_id", flag="--id")]
    decision: Annotated[
        str | None,
        Option("Column of who was flagged: true or false, 1 or 0, positive or negative.", None),
    ]
    where: Where


class VerifyFromTable(PeopleColumns, total=False):
    """One row per person, the target empty where nobody verified it."""

    target: Annotated[str | None, Option("Column of 0 and 1, empty where not verified.", None)]
    score: OwnScore
    score_kind: ScoreKind
    same_score: SameScore


class VerifyFromCounts(TypedDict, total=False):
    """The same, counted by the hospital itself."""

    flagged: Annotated[int | None, Option("People flagged.", None, least=0)]
    flagged_verified: Annotated[int | None, Option("Of these, verified.", None, least=0)]
    flagged_positive: Annotated[int | None, Option("Of these, positive.", None, least=0)]
    unflagged: Annotated[int | None, Option("People not flagged.", None, least=0)]
    unflagged_drawn: Annotated[
        int | None, Option("Of these, drawn at random to be verified; default: the verified.", None, least=0)
    ]
    unflagged_verified: Annotated[int | None, Option("Of the drawn, verified.", None, least=0)]
    unflagged_positive: Annotated[int | None, Option("Of these, positive.", None, least=0)]


class Verify(VerifyFromTable, VerifyFromCounts, total=False):
    """The floor at a site by partial verification."""

    min_sensitivity: FloorOrOwn
    confidence: ConfidenceOrOwn


class NegativesOptions(PeopleColumns, total=False):
    """How many of the unflagged to verify, and which."""

    flagged_positive: Annotated[
        int | None, Option("With --verify-negatives: positives expected among the flagged.", None, least=1)
    ]
    unflagged: Annotated[
        int | None,
        Option("With --verify-negatives: people not flagged; default: those of --table.", None, least=1),
    ]
    expected_sensitivity: Annotated[
        float | None, Option("With --verify-negatives: to say how likely the certificate is.", None)
    ]
    draw: Annotated[
        int | None, Option("With --verify-negatives: people to draw from --table.", None, least=1)
    ]
    seed: Annotated[int, Option("Of the drawing; the list names it.", 0, least=0)]


class PlanAnything(PlanOptions, NegativesOptions, total=False):
    """A plan for a threshold, or for the verification of those it does not flag."""


class CertifyCounts(TypedDict, total=False):
    """Counts of positive patients that a frozen threshold found and missed."""

    positives: Required[Annotated[int, Option("Positive patients, independent of each other.", least=0)]]
    missed: Required[Annotated[int, Option("Of these, missed by the threshold.", least=0)]]
    min_sensitivity: FloorOrOwn
    confidence: ConfidenceOrOwn


class FormOptions(TypedDict, total=False):
    """What a form asks of every hospital."""

    cutoffs: Required[Annotated[str, Option("Cut-offs: 0.1,0.2,0.5 or FROM:TO:STEP, ends included.")]]
    score: Required[Annotated[str, Option("Column of scores that the cut-offs are for.")]]
    score_kind: ScoreKind
    label: Annotated[
        str, Option("What a positive is, in words that every hospital understands.", "target = 1")
    ]
    higher_is_positive: Annotated[
        bool, Option("Low scores mean disease.", True, flag="--lower-is-positive", turns_off=True)
    ]


class FillOptions(TypedDict, total=False):
    """A form filled from the rows of a hospital."""

    hospital: Required[Annotated[str, Option("Name of the hospital, as the others shall see it.")]]
    target: Required[Annotated[str, Option("Column of 0 and 1, or a task of the predictions table.")]]
    score: Annotated[str | None, Option("Column of scores; default: the form's.", None)]
    same_score: SameScore
    cluster: Annotated[
        str | None, Option("Column of patients; one film of each, by a hash of its patient, counts.", None)
    ]
    where: Where


class PoolOptions(TypedDict, total=False):
    """A threshold from the counts of several hospitals."""

    min_sensitivity: Floor
    confidence: Confidence
