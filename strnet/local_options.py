"""What can be asked where a frozen threshold meets a new site: its update, and the watch over its scores."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from strnet.options import Option
from strnet.threshold_options import (
    ClusterMethods,
    CsvDialect,
    MaxWeight,
    Proportion,
    SameScore,
    ScoreKind,
    Seed,
    TableColumns,
    Where,
)

FilmRule = Literal["one", "mean", "max"]


class UpdateFromTable(TableColumns, total=False):
    """A frozen operating point that meets labelled rows of a new site."""

    score: Annotated[
        str | None, Option("Column of scores, or a task; default: the operating point's own column.", None)
    ]
    same_score: SameScore
    confidence: Annotated[Proportion | None, Option("Default: the operating point's.", None)]
    cluster_method: ClusterMethods
    max_weight: MaxWeight
    seed: Seed
    min_sensitivity: Annotated[Proportion | None, Option("Default: the operating point's floor.", None)]
    allow_raise: Annotated[
        bool, Option("Also raise the threshold as far as the local positives alone allow.", False)
    ]


class WatchedColumns(TypedDict, total=False):
    """Which columns of a table without targets hold what, and which of its rows count."""

    score: Annotated[
        str | None,
        Option("Column of scores, or a task; default: the one that the watch began with.", None),
    ]
    score_kind: ScoreKind
    same_score: Annotated[bool, Option("The column holds the watch's score by another name.", False)]
    cluster: Annotated[str | None, Option("Column of patients; default: patient_id.", None)]
    time: Annotated[
        str | None, Option("Column that puts patients in order; default: the order of a hash.", None)
    ]
    where: Where
    csv_dialect: CsvDialect


class BeginWatch(TypedDict, total=False):
    """What a watch is held to from its beginning."""

    reference_where: Annotated[str | None, Option("Rows of the reference that count, as SQL.", None)]
    film: Annotated[
        FilmRule | None,
        Option("Score of a patient with several films: one (drawn by a hash, default), mean or max.", None),
    ]
    false_alarm: Annotated[
        Proportion | None,
        Option("Chance of a false alarm ever, however long one watches; default: 0.05.", None),
    ]
    every: Annotated[
        int | None,
        Option("Instead: a false alarm once in so many patients, on average; it rings again.", None, least=2),
    ]


class WatchScores(WatchedColumns, BeginWatch, total=False):
    """All that can be asked of a watch."""
