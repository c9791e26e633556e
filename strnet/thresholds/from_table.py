"""Calibration jobs on a table: what `strnet threshold fit`, `certify` and `cascade` do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Unpack, cast

import numpy as np
import polars as pl

from strnet.errors import ThresholdError
from strnet.options import with_defaults
from strnet.row_filter import ROW, keep_rows
from strnet.schema import BONE_LOSS, OSTEOPOROSIS_GIVEN_LOSS, target_column
from strnet.threshold_options import (
    CascadeFromTable,
    CascadeOptions,
    CertifyFromTable,
    FitFromTable,
    FitOptions,
    TableColumns,
)
from strnet.thresholds.applying import column_for, require_same_score
from strnet.thresholds.cascade import CascadePoint, fit_cascade_rows
from strnet.thresholds.certification import Certification, certify
from strnet.thresholds.comparison import Comparison, compare
from strnet.thresholds.fitting import fit_rows
from strnet.thresholds.point import OperatingPoint
from strnet.thresholds.rows import Labels, RowColumns, Rows, fittable_rows
from strnet.thresholds.scores_table import (
    ScoreColumns,
    ScoreRows,
    Source,
    column_named,
    open_table,
    read_scores,
)
from strnet.thresholds.threshold_request import Request, read_request

ALL_ROWS = "all rows"


@dataclass(frozen=True)
class FitCase:
    """A table read and a request checked: everything that a threshold is fitted from."""

    scores: ScoreRows
    rows: Rows
    request: Request
    asked: FitFromTable


def read_case(source: Source, **asked: Unpack[FitFromTable]) -> FitCase:
    """The rows of a table and what is asked of a threshold on them.

    Raises: as `read_request`, `read_scores` and `fittable_rows`.
    """
    request = read_request(**cast("FitOptions", with_defaults(FitOptions, asked)))
    table = open_table(source, asked.get("csv_dialect"))
    scores = read_scores(table, _columns(asked, asked["score"]), asked.get("where"))
    columns = RowColumns(
        weights=scores.weights,
        clusters=scores.clusters,
        cluster_keys=scores.cluster_keys,
        groups=scores.groups,
        mixed_clusters=asked.get("mixed_clusters", False),
        higher_is_positive=asked.get("higher_is_positive", True),
    )
    return FitCase(scores, fittable_rows(scores.target, scores.score, columns), request, asked)


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
    return _stamped(fit_rows(case.rows, case.request), case)


def compare_case(case: FitCase) -> Comparison:
    """As `fit_case`, with the empirical threshold of the same rows beside it."""
    both = compare(case.rows, case.request)
    return replace(both, empirical=_stamped(both.empirical, case), chosen=_stamped(both.chosen, case))


def certify_from_table(
    point: OperatingPoint, source: Source, **asked: Unpack[CertifyFromTable]
) -> dict[str, Certification]:
    """What `certify` says of all rows (first), and of each group (site) where a group column is named.

    The score is the operating point's own column if none is named.

    Raises: as `certify` and `read_scores`; ThresholdError: the very rows that the threshold was chosen from.
        BundleError: another score than the operating point's.
    """
    table = open_table(source, asked.get("csv_dialect"))
    column = column_for(point, table, asked.get("score"))
    scores = read_scores(table, _columns(asked, column), asked.get("where"))
    same = asked.get("same_score", False)
    taken_for = require_same_score(point, scores.identity, scores.score, said_same=same)
    if point.rows_sha256 is not None and scores.sha256 == point.rows_sha256:
        raise ThresholdError(
            "certify: these are the rows that the threshold was chosen from; they cannot confirm it. "
            "Give rows of the new site."
        )
    found = {ALL_ROWS: replace(_certify(point, scores, asked), rows_without_target=scores.without_target)}
    if scores.groups is not None:
        for code, name in enumerate(scores.groups.names):
            found[name] = _certify(point, _of_group(scores, code), asked)
    return {name: replace(one, score=column, taken_for=taken_for) for name, one in found.items()}


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
    table = open_table(source, asked.get("csv_dialect"))
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
        bone_loss=_marked(point.bone_loss, first, left_out, loss),
        osteoporosis=_marked(point.osteoporosis, second, left_out, severe),
    )


def _columns(asked: TableColumns, score: str) -> ScoreColumns:
    return ScoreColumns(
        target=asked["target"],
        score=score,
        score_kind=asked.get("score_kind"),
        cluster=asked.get("cluster"),
        group=asked.get("group"),
        weight=asked.get("weight"),
        identifier=asked.get("identifier"),
    )


def _stamped(point: OperatingPoint, case: FitCase) -> OperatingPoint:
    marked = _marked(point, case.scores, case.scores.without_target, case.asked["target"])
    return replace(marked, label=case.asked.get("label") or marked.label)


def _marked(point: OperatingPoint, scores: ScoreRows, left_out: int, target: str) -> OperatingPoint:
    return replace(
        point,
        score=scores.identity,
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
        seed=asked.get("seed") or 0,
    )


def _of_group(scores: ScoreRows, code: int) -> ScoreRows:
    assert scores.groups is not None
    members = scores.groups.codes == code
    return replace(
        scores,
        target=scores.target[members],
        score=scores.score[members],
        clusters=None if scores.clusters is None else scores.clusters[members],
        groups=Labels(scores.groups.names[code : code + 1], np.zeros(int(members.sum()), dtype=np.int64)),
        weights=None if scores.weights is None else scores.weights[members],
        without_target=0,
    )
