"""An operating point meets a table: is it that score, and what does it decide for each row?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Unpack

import numpy as np
import numpy.typing as npt
import polars as pl

from strnet.errors import ThresholdError
from strnet.grouping import read_grouping
from strnet.row_filter import ROW, keep_rows
from strnet.stats.inputs import Floats
from strnet.threshold_options import ApplyToTable
from strnet.thresholds.cascade import CascadePoint
from strnet.thresholds.floor_point import FloorPoint
from strnet.thresholds.grey_zone import GreyZone
from strnet.thresholds.id_columns import named_groups_of, names_asked
from strnet.thresholds.least_cost import CostPoint
from strnet.thresholds.point import OperatingPoint
from strnet.thresholds.score_identity import (
    Scored,
    ScoreIdentity,
    candidates,
    identity_in,
    require_in_range,
)
from strnet.thresholds.scores_table import (
    Source,
    as_table_error,
    column_named,
    open_table,
)
from strnet.thresholds.unusable_cells import not_finite, refuse_scores, require_numbers

POSITIVE = "positive"
DECISION = "decision"
DECISIONS = ("no bone loss", "bone loss", "osteoporosis")
"""What a cascade decides, by the number that `CascadePoint.apply` returns."""
ZONES = ("ruled out", "grey zone", "ruled in")
"""What a grey zone decides, by the number that `GreyZone.apply` returns."""
TAKEN_FOR = "score_taken_for"
"""Column of decisions whose score the user said to be the operating point's, under another name."""


def apply_to_table(
    point: OperatingPoint | FloorPoint | CostPoint, source: Source, **asked: Unpack[ApplyToTable]
) -> pl.DataFrame:
    """The rows of the table with a column `positive` (true or false) behind the others.

    `score` is the operating point's own column if not given.

    Raises:
        ThresholdError: unknown columns, scores that are not finite, groups without a threshold, a column
            `positive` in the table.
        BundleError: another score than the operating point's.
    """
    scored = _scored(source, asked, POSITIVE)
    found = _score_of(point, scored, asked.get("score"), asked)
    if isinstance(point, OperatingPoint) and point.groups:
        positive = point.apply(found.score, _groups_of(scored, asked.get("group")))
    else:
        _require_no_group(asked)
        positive = point.apply(found.score)
    return _told(scored.drop(ROW).with_columns(pl.Series(POSITIVE, positive)), found)


def apply_zone_to_table(point: GreyZone, source: Source, **asked: Unpack[ApplyToTable]) -> pl.DataFrame:
    """The rows of the table with a column `decision` behind the others: one of `ZONES`.

    Raises: as `apply_to_table`.
    """
    _require_no_group(asked)
    scored = _scored(source, asked, DECISION)
    found = _score_of(point, scored, asked.get("score"), asked)
    zones = [ZONES[zone] for zone in point.apply(found.score)]
    return _told(scored.drop(ROW).with_columns(pl.Series(DECISION, zones, dtype=pl.String)), found)


def _groups_of(scored: pl.DataFrame, group: str | None) -> npt.ArrayLike | None:
    if group is None:
        return None
    grouping = read_grouping(group, [name for name in scored.columns if name != ROW])
    return named_groups_of(scored[grouping.column], grouping).cast(pl.String).to_numpy()


def _require_no_group(asked: ApplyToTable) -> None:
    """Raise where a group was named for a point that has one threshold for all.

    Raises: ThresholdError: there is one.
    """
    if asked.get("group") is not None:
        raise ThresholdError(
            f"--group {asked['group']}: found a group, expected none: this operating point decides alike for "
            "all rows. Leave --group out."
        )


def apply_cascade_to_table(
    point: CascadePoint,
    source: Source,
    *,
    scores: tuple[str | None, str | None] = (None, None),
    **asked: Unpack[ApplyToTable],
) -> pl.DataFrame:
    """The rows of the table with a column `decision` behind the others: one of `DECISIONS`.

    Raises: as `apply_to_table`; both scores of every row are needed.
    """
    _require_no_group(asked)
    scored = _scored(source, asked, DECISION)
    first = _score_of(point.bone_loss, scored, scores[0], asked)
    second = _score_of(point.osteoporosis, scored, scores[1], asked)
    levels = point.apply(first.score, second.score)
    decided = scored.drop(ROW).with_columns(
        pl.Series(DECISION, [DECISIONS[level] for level in levels], dtype=pl.String)
    )
    return _told(decided, first, second)


def column_for(point: Scored, table: pl.LazyFrame, score: str | None) -> str:
    """The column that `score` names for `point`, which is its own if none is named, or its task is.

    Raises: ThresholdError: an unknown column, or a point that does not name its own.
    """
    own = point.score.column
    existing = table.collect_schema().names()
    if score is not None and (score in existing or score != point.score.task):
        return column_named(score, table, *candidates(score))
    if own is None:
        raise ThresholdError("This operating point does not say which column it is for. Name it: --score.")
    if own not in existing:
        raise ThresholdError(
            f"scores: this operating point is for {point.score}, and the table has no such column. Give the "
            "table that has it; if it has another name, name it (--score) and say --same-score."
        )
    return own


def require_same_score(
    point: Scored, found: ScoreIdentity, score: npt.NDArray[np.floating], *, said_same: bool
) -> str | None:
    """The column that `found` was said to be, if it has another name; raises unless it is the same score.

    Raises: BundleError: another score. ThresholdError: probabilities outside [0, 1].
    """
    own = point.score
    own.require_same(found, said_same=said_same)
    require_in_range(replace(found, kind=found.kind or own.kind), score)
    return own.column if own.column != found.column else None


@dataclass(frozen=True)
class _Score:
    """A score (n,) that may be compared with an operating point, and the column it was said to be."""

    score: Floats
    taken_for: str | None


def _told(decided: pl.DataFrame, *scores: _Score) -> pl.DataFrame:
    """`decided`, with what the user said of the scores in a column of its own."""
    taken = [score.taken_for for score in scores if score.taken_for is not None]
    return decided.with_columns(pl.lit(", ".join(taken)).alias(TAKEN_FOR)) if taken else decided


def _scored(source: Source, asked: ApplyToTable, result: str) -> pl.DataFrame:
    """The rows of a table that are asked for, numbered by `ROW`; `result` is a column to come."""
    table = open_table(source, asked.get("csv_dialect"), names_asked(asked))
    if result in table.collect_schema().names():
        raise ThresholdError(
            f"scores: the table has a column '{result}' already, which the decisions would overwrite. "
            "Rename it."
        )
    with as_table_error():
        return keep_rows(table.with_row_index(ROW), asked.get("where")).collect(engine="streaming")


def _score_of(point: Scored, rows: pl.DataFrame, score: str | None, asked: ApplyToTable) -> _Score:
    """The score (n,) of `rows` that `point` decides on."""
    column = column_for(point, rows.lazy(), score)
    require_numbers(column, rows[column].dtype, "scores")
    if rows.select(not_finite(column).any()).item():
        refuse_scores(rows.lazy(), column, not_finite(column))
    values = rows[column].cast(pl.Float64).to_numpy()
    identity = identity_in(rows.lazy(), column, asked.get("score_kind"))
    return _Score(
        values, require_same_score(point, identity, values, said_same=asked.get("same_score", False))
    )
