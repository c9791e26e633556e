"""Calibration jobs on a table: what `strnet threshold fit`, `apply`, `certify` and `cascade` do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Required, TypedDict, Unpack, cast

import numpy as np
import polars as pl

from strnet.errors import ThresholdError
from strnet.row_filter import ROW, keep_rows
from strnet.schema import BONE_LOSS, OSTEOPOROSIS_GIVEN_LOSS, logit_column, target_column
from strnet.stats.inputs import Floats
from strnet.thresholds.cascade import CascadePoint, fit_cascade
from strnet.thresholds.certification import Certification, certify
from strnet.thresholds.choice import ClusterMethod
from strnet.thresholds.comparison import Comparison, compare
from strnet.thresholds.describe import Request
from strnet.thresholds.fitting import fit_rows, read_request
from strnet.thresholds.floor import Proportion
from strnet.thresholds.plot import plot_comparison
from strnet.thresholds.point import Anchor, GroupPolicy, OperatingPoint, ScoreIdentity
from strnet.thresholds.rows import Labels, RowColumns, Rows, fittable_rows
from strnet.thresholds.rules import Method
from strnet.thresholds.scores_table import (
    ScoreColumns,
    ScoreRows,
    Source,
    as_table_error,
    column_named,
    not_finite,
    open_table,
    read_scores,
    refuse_scores,
)

POSITIVE = "positive"
DECISION = "decision"
DECISIONS = ("no bone loss", "bone loss", "osteoporosis")
"""What a cascade decides, by the number that `CascadePoint.apply` returns."""
ALL_ROWS = "all rows"


class TableColumns(TypedDict, total=False):
    """Which columns hold what, as in `ScoreColumns`, and which rows count (`where`, an SQL condition)."""

    target: Required[str]
    score: Required[str]
    where: str | None
    cluster: str | None
    group: str | None
    weight: str | None
    identifier: str | None
    mixed_clusters: bool


class FitOptions(TypedDict, total=False):
    """The options of `fit_threshold` that make its request."""

    min_sensitivity: Proportion
    confidence: Proportion
    method: Method
    cluster_method: ClusterMethod
    group_policy: GroupPolicy
    anchor: Anchor
    seed: int


class FitFromTable(TableColumns, FitOptions, total=False):
    """Columns, options, and what the operating point shall say of the score."""

    higher_is_positive: bool
    identity: ScoreIdentity | None
    label: str | None


def fit_from_table(source: Source, **asked: Unpack[FitFromTable]) -> OperatingPoint:
    """The operating point that `fit_threshold` finds on the rows of a table, with their hash.

    Rows without a target are left out and counted in `rows_without_target`.

    Raises: as `fit_threshold` and `read_scores`.
    """
    scores, rows, request = _read(source, asked)
    return _stamped(fit_rows(rows, request), scores, asked)


def compare_from_table(
    source: Source, *, plot: Path | str | None = None, **asked: Unpack[FitFromTable]
) -> Comparison:
    """As `fit_from_table`, with the empirical threshold of the same rows beside it.

    `plot` is a picture to draw of both (SVG, PDF or PNG by its extension).
    """
    scores, rows, request = _read(source, asked)
    both = compare(rows, request)
    if plot is not None:
        plot_comparison(rows, request, both, plot)
    return replace(
        both,
        empirical=_stamped(both.empirical, scores, asked),
        chosen=_stamped(both.chosen, scores, asked),
    )


def apply_to_table(
    point: OperatingPoint,
    source: Source,
    *,
    score: str,
    group: str | None = None,
    where: str | None = None,
    identity: ScoreIdentity | None = None,
) -> pl.DataFrame:
    """The rows of the table with a column `positive` (true or false) behind the others.

    Raises:
        ThresholdError: unknown columns, scores that are not finite, groups without a threshold, a column
            `positive` in the table.
        BundleError: `identity` says that the scores are of another model.
    """
    frame, (scores,) = _scored(source, (score,), where, POSITIVE)
    groups = None if group is None else frame[column_named(group, frame.lazy())].cast(pl.String).to_numpy()
    return frame.with_columns(pl.Series(POSITIVE, point.apply(scores, groups, source=identity)))


def apply_cascade_to_table(
    point: CascadePoint,
    source: Source,
    *,
    scores: tuple[str, str],
    where: str | None = None,
    identities: tuple[ScoreIdentity | None, ScoreIdentity | None] = (None, None),
) -> pl.DataFrame:
    """The rows of the table with a column `decision` behind the others: one of `DECISIONS`.

    Raises: as `apply_to_table`; both scores of every row are needed.
    """
    frame, (first, second) = _scored(source, scores, where, DECISION)
    levels = point.apply(first, second, sources=identities)
    return frame.with_columns(pl.Series(DECISION, [DECISIONS[level] for level in levels], dtype=pl.String))


class CertifyFromTable(TableColumns, total=False):
    """Columns, the options of `certify`, and which score it is."""

    confidence: Proportion | None
    cluster_method: ClusterMethod
    seed: int
    identity: ScoreIdentity | None


def certify_from_table(
    point: OperatingPoint, source: Source, **asked: Unpack[CertifyFromTable]
) -> dict[str, Certification]:
    """What `certify` says of all rows (first), and of each group (site) where a group column is named.

    Raises: as `certify` and `read_scores`; ThresholdError: the very rows that the threshold was chosen from.
    """
    scores = read_scores(source, _columns(asked), asked.get("where"))
    if point.rows_sha256 is not None and scores.sha256 == point.rows_sha256:
        raise ThresholdError(
            "certify: these are the rows that the threshold was chosen from; they cannot confirm it. "
            "Give rows of the new site."
        )
    everyone = _certify(point, scores, asked)
    found = {ALL_ROWS: replace(everyone, rows_without_target=scores.without_target)}
    if scores.groups is not None:
        for code, name in enumerate(scores.groups.names):
            found[name] = _certify(point, _of_group(scores, code), asked)
    return found


class CascadeOptions(TypedDict, total=False):
    """The options of `fit_cascade`."""

    min_sensitivity: Proportion
    min_sensitivity_osteoporosis: Proportion | None
    confidence: Proportion
    method: Method
    cluster_method: ClusterMethod
    mixed_clusters: bool
    seed: int


def cascade_from_table(
    source: Source,
    *,
    bone_loss: tuple[str, str] = (BONE_LOSS, BONE_LOSS),
    osteoporosis: tuple[str, str] = (OSTEOPOROSIS_GIVEN_LOSS, OSTEOPOROSIS_GIVEN_LOSS),
    where: str | None = None,
    cluster: str | None = None,
    identities: tuple[ScoreIdentity | None, ScoreIdentity | None] = (None, None),
    **options: Unpack[CascadeOptions],
) -> CascadePoint:
    """The operating points that `fit_cascade` finds; each pair names a target and a score, or a task twice.

    Rows are left out, and counted, where bone loss is unknown, or where its severity is.

    Raises: as `fit_cascade` and `read_scores`.
    """
    kept = keep_rows(open_table(source).with_row_index(ROW), where)
    loss = column_named(bone_loss[0], kept, target_column(bone_loss[0]))
    severe = column_named(osteoporosis[0], kept, target_column(osteoporosis[0]))
    # without bone loss there is no osteoporosis; the predictions table leaves that cell empty
    severity = pl.when((pl.col(loss) == 0) & pl.col(severe).is_null()).then(0).otherwise(pl.col(severe))
    known = kept.with_columns(severity.alias(severe)).filter(
        pl.col(loss).is_not_null() & pl.col(severe).is_not_null()
    )
    first = read_scores(known, ScoreColumns(target=loss, score=bone_loss[1], cluster=cluster))
    second = read_scores(known, ScoreColumns(target=severe, score=osteoporosis[1]))
    point = fit_cascade(
        first.target, second.target, first.score, second.score, clusters=first.clusters, **options
    )
    left_out = int(kept.select(pl.len()).collect().item()) - first.target.size
    own, next_own = identities
    return replace(
        point,
        bone_loss=_marked(point.bone_loss, first, left_out, (loss, bone_loss[1]), own),
        osteoporosis=_marked(point.osteoporosis, second, left_out, (severe, osteoporosis[1]), next_own),
    )


def _scored(
    source: Source, scores: tuple[str, ...], where: str | None, result: str
) -> tuple[pl.DataFrame, list[Floats]]:
    """The rows of a table that `where` keeps, and each of `scores` (n,); `result` is a column to come."""
    table = open_table(source)
    columns = [column_named(score, table, logit_column(score)) for score in scores]
    if result in table.collect_schema().names():
        raise ThresholdError(
            f"scores: the table has a column '{result}' already, which the decisions would overwrite. "
            "Rename it."
        )
    with as_table_error():
        frame = keep_rows(table.with_row_index(ROW), where).collect(engine="streaming")
    for column in columns:
        if frame.select(not_finite(column).any()).item():
            refuse_scores(frame.lazy(), column, not_finite(column))
    return frame.drop(ROW), [frame[column].cast(pl.Float64).to_numpy() for column in columns]


def _read(source: Source, asked: FitFromTable) -> tuple[ScoreRows, Rows, Request]:
    options = {name: value for name, value in asked.items() if name in FitOptions.__annotations__}
    request = read_request(**cast("FitOptions", options))
    scores = read_scores(source, _columns(asked), asked.get("where"))
    columns = RowColumns(
        weights=scores.weights,
        clusters=scores.clusters,
        groups=scores.groups,
        mixed_clusters=asked.get("mixed_clusters", False),
        higher_is_positive=asked.get("higher_is_positive", True),
    )
    return scores, fittable_rows(scores.target, scores.score, columns), request


def _columns(asked: TableColumns) -> ScoreColumns:
    return ScoreColumns(
        target=asked["target"],
        score=asked["score"],
        cluster=asked.get("cluster"),
        group=asked.get("group"),
        weight=asked.get("weight"),
        identifier=asked.get("identifier"),
    )


def _stamped(point: OperatingPoint, scores: ScoreRows, asked: FitFromTable) -> OperatingPoint:
    names = asked["target"], asked["score"]
    marked = _marked(point, scores, scores.without_target, names, asked.get("identity"))
    return replace(marked, label=asked.get("label") or marked.label)


def _marked(
    point: OperatingPoint,
    scores: ScoreRows,
    left_out: int,
    names: tuple[str, str],
    identity: ScoreIdentity | None,
) -> OperatingPoint:
    target, score = names
    return replace(
        point,
        score=identity or ScoreIdentity(column=score),
        label=f"{target} = 1",
        rows_sha256=scores.sha256,
        rows_without_target=left_out,
    )


def _certify(point: OperatingPoint, scores: ScoreRows, asked: CertifyFromTable) -> Certification:
    return certify(
        point,
        scores.target,
        scores.score,
        confidence=asked.get("confidence"),
        clusters=scores.clusters,
        cluster_method=asked.get("cluster_method", "korn_graubard"),
        mixed_clusters=asked.get("mixed_clusters", False),
        groups=scores.groups,
        weights=scores.weights,
        source=asked.get("identity"),
        seed=asked.get("seed", 0),
    )


def _of_group(scores: ScoreRows, code: int) -> ScoreRows:
    assert scores.groups is not None
    members = scores.groups.codes == code
    return ScoreRows(
        scores.target[members],
        scores.score[members],
        None if scores.clusters is None else scores.clusters[members],
        Labels(scores.groups.names[code : code + 1], np.zeros(int(members.sum()), dtype=np.int64)),
        None if scores.weights is None else scores.weights[members],
        0,
    )
