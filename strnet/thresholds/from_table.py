"""Calibration jobs on a table: what `strnet threshold fit` and `cascade` do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar, Unpack, cast

import polars as pl

from strnet.options import with_defaults
from strnet.row_filter import ROW, keep_rows
from strnet.schema import BONE_LOSS, OSTEOPOROSIS_GIVEN_LOSS, target_column
from strnet.threshold_options import (
    CascadeFromTable,
    CascadeOptions,
    FitFromTable,
    FitOptions,
    TableColumns,
)
from strnet.thresholds.cascade import CascadePoint, fit_cascade_rows
from strnet.thresholds.comparison import Comparison, compare
from strnet.thresholds.fitted_from import FittedFrom
from strnet.thresholds.fitting import fit_rows
from strnet.thresholds.floor_point import FloorPoint
from strnet.thresholds.grey_zone import GreyZone
from strnet.thresholds.id_columns import names_asked
from strnet.thresholds.known_rows import remembered, require_each_once
from strnet.thresholds.least_cost import CostPoint
from strnet.thresholds.point import OperatingPoint
from strnet.thresholds.rows import RowColumns, Rows, fittable_rows
from strnet.thresholds.scores_table import (
    ScoreColumns,
    ScoreRows,
    Source,
    column_named,
    open_table,
    read_scores,
)
from strnet.thresholds.table_checks import known_films, notes_on
from strnet.thresholds.threshold_request import Request, read_request

Fitted = TypeVar("Fitted", OperatingPoint, FloorPoint, GreyZone, CostPoint)


@dataclass(frozen=True)
class FitCase:
    """A table read and a request checked: everything that a threshold is fitted from."""

    scores: ScoreRows
    rows: Rows
    request: Request
    asked: FitFromTable


def read_case(source: Source, **asked: Unpack[FitFromTable]) -> FitCase:
    """The rows of a table and what is asked of a threshold on them.

    Raises: as `read_request`, `read_scores` and `fittable_rows`; ThresholdError: a table pasted twice.
    """
    request = read_request(**cast("FitOptions", with_defaults(FitOptions, asked)))
    higher = asked.get("higher_is_positive", True)
    scores, rows = read_rows(source, asked, asked["score"], higher_is_positive=higher)
    return FitCase(scores, rows, request, asked)


def read_rows(
    source: Source, asked: TableColumns, score: str, *, higher_is_positive: bool = True
) -> tuple[ScoreRows, Rows]:
    """The rows of a table as they stand there, and checked: fit to choose a threshold from.

    Raises: as `read_scores` and `fittable_rows`; ThresholdError: a table pasted twice.
    """
    table = open_table(source, asked.get("csv_dialect"), names_asked(asked))
    scores = read_scores(table, score_columns(asked, score), asked.get("where"))
    columns = RowColumns(
        weights=scores.weights,
        clusters=scores.clusters,
        cluster_keys=scores.cluster_keys,
        groups=scores.groups or None,
        mixed_clusters=asked.get("mixed_clusters", False),
        higher_is_positive=higher_is_positive,
    )
    require_each_once(scores.target, scores.score, scores.clusters, scores.numbered)
    return scores, fittable_rows(scores.target, scores.score, columns)


def fit_from_table(source: Source, **asked: Unpack[FitFromTable]) -> OperatingPoint:
    """The operating point that `fit_threshold` finds on the rows of a table: see `fit_case`.

    Raises: as `read_case` and `fit_threshold`.
    """
    return fit_case(read_case(source, **asked))


def fit_case(case: FitCase) -> OperatingPoint:
    """The operating point that `fit_threshold` finds, with the score it is for and the hash of the rows.

    Rows without a target are left out and counted in `rows_without_target`.

    Raises: as `fit_threshold`.
    """
    return stamped(fit_rows(case.rows, case.request), case.scores, case.asked)


def compare_case(case: FitCase) -> Comparison:
    """As `fit_case`, with the empirical threshold of the same rows beside it."""
    both = compare(case.rows, case.request)
    origin = _origin(case.scores, case.scores.without_target, case.asked)
    empirical, chosen = (_marked(point, origin) for point in (both.empirical, both.chosen))
    return replace(both, empirical=empirical, chosen=chosen)


def cascade_from_table(
    source: Source,
    *,
    bone_loss: tuple[str, str] = (BONE_LOSS, BONE_LOSS),
    osteoporosis: tuple[str, str] = (OSTEOPOROSIS_GIVEN_LOSS, OSTEOPOROSIS_GIVEN_LOSS),
    **asked: Unpack[CascadeFromTable],
) -> CascadePoint:
    """The operating points that `fit_cascade` finds; each pair names a target and a score, or a task twice.

    Rows are left out, and counted, where bone loss is unknown, or where its severity is.

    Raises: as `fit_cascade` and `read_scores`.
    """
    table = open_table(source, asked.get("csv_dialect"), names_asked(asked))
    kept = keep_rows(table.with_row_index(ROW), asked.get("where"))
    kind = asked.get("score_kind")
    loss = column_named(bone_loss[0], kept, target_column(bone_loss[0]))
    severe = column_named(osteoporosis[0], kept, target_column(osteoporosis[0]))
    # without bone loss there is no osteoporosis; the predictions table leaves that cell empty
    severity = pl.when((pl.col(loss) == 0) & pl.col(severe).is_null()).then(0).otherwise(pl.col(severe))
    known = kept.with_columns(severity.alias(severe)).filter(
        pl.col(loss).is_not_null() & pl.col(severe).is_not_null()
    )
    first = read_scores(
        known, ScoreColumns(target=loss, score=bone_loss[1], cluster=asked.get("cluster"), score_kind=kind)
    )
    require_each_once(first.target, first.score, first.clusters, first.numbered)
    second = read_scores(known, ScoreColumns(target=severe, score=osteoporosis[1], score_kind=kind))
    options = cast("CascadeOptions", with_defaults(CascadeOptions, asked))
    columns = RowColumns(
        clusters=first.clusters,
        cluster_keys=first.cluster_keys,
        mixed_clusters=options["mixed_clusters"],
    )
    rows = fittable_rows(first.target, first.score, columns)
    point = fit_cascade_rows(rows, second.target, second.score, **options)
    left_out = int(kept.select(pl.len()).collect().item()) - first.target.size
    return replace(
        point,
        bone_loss=_marked(point.bone_loss, _origin(first, left_out, {"target": loss})),
        osteoporosis=_marked(point.osteoporosis, _origin(second, left_out, {"target": severe})),
    )


def named_groups(group: str | Sequence[str] | None) -> tuple[str, ...]:
    """The groupings that an option names: none, one or several."""
    if group is None:
        return ()
    return (group,) if isinstance(group, str) else tuple(group)


def score_columns(asked: TableColumns, score: str) -> ScoreColumns:
    """The columns that are `asked` for, with that of the `score`."""
    return ScoreColumns(
        target=asked["target"],
        score=score,
        score_kind=asked.get("score_kind"),
        cluster=asked.get("cluster"),
        groups=named_groups(asked.get("group")),
        weight=asked.get("weight"),
        identifier=asked.get("identifier"),
    )


def stamped(point: Fitted, scores: ScoreRows, asked: Mapping[str, Any]) -> Fitted:
    """The `point`, with the score it is for, what a positive is, and the hash of its rows."""
    return _marked(point, _origin(scores, scores.without_target, asked))


def _origin(scores: ScoreRows, left_out: int, asked: Mapping[str, Any]) -> FittedFrom:
    return FittedFrom(
        score=scores.identity,
        label=asked.get("label") or f"{asked['target']} = 1",
        rows_sha256=scores.sha256,
        known_rows=remembered(scores.numbered),
        known_films=known_films(scores.films),
        rows_without_target=left_out,
        notes=notes_on(scores),
    )


def _marked(point: Fitted, origin: FittedFrom) -> Fitted:
    known = {field.name: getattr(origin, field.name) for field in fields(origin)}
    return replace(point, **{**known, "notes": (*point.notes, *origin.notes)})
