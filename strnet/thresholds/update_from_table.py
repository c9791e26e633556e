"""`strnet threshold update` on a table: the rows of the new site, read as those of `certify` are."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Unpack, cast

from strnet.local_options import UpdateFromTable
from strnet.options import with_defaults
from strnet.threshold_options import FitOptions
from strnet.thresholds.applying import column_for, require_same_score
from strnet.thresholds.id_columns import names_asked
from strnet.thresholds.known_rows import joined, remembered
from strnet.thresholds.local_update import updated
from strnet.thresholds.point import OperatingPoint
from strnet.thresholds.rows import RowColumns, Rows, fittable_rows
from strnet.thresholds.scores_table import ScoreColumns, ScoreRows, Source, open_table, read_scores
from strnet.thresholds.table_checks import joined_films, known_films, notes_on, require_new_rows
from strnet.thresholds.threshold_request import Request, read_request

PARENT_UNKNOWN: Final = (
    "The rows behind the operating point before this one are not known, so that certify cannot tell whether "
    "they come back."
)


def update_from_table(
    parent: OperatingPoint, parent_sha256: str, source: Source, **asked: Unpack[UpdateFromTable]
) -> OperatingPoint:
    """The operating point that `updated` makes of the rows of a table, for the score that it has there.

    `parent_sha256` is the hash of the parent's file. Floor and confidence are the parent's unless asked for.

    Raises: as `updated` and `read_scores`; ThresholdError: rows that the parent was chosen from, or a table
        that was pasted twice.
        BundleError: another score than the operating point's.
    """
    table = open_table(source, asked.get("csv_dialect"), names_asked(asked))
    column = column_for(parent, table, asked.get("score"))
    columns = ScoreColumns(
        target=asked["target"],
        score=column,
        score_kind=asked.get("score_kind"),
        cluster=asked.get("cluster"),
        weight=asked.get("weight"),
        identifier=asked.get("identifier"),
    )
    scores = read_scores(table, columns, asked.get("where"))
    require_same_score(parent, scores.identity, scores.score, said_same=asked.get("same_score", False))
    require_new_rows(parent, scores)
    point = updated(
        parent,
        parent_sha256,
        _rows(scores, parent, asked),
        _request(parent, asked),
        allow_raise=asked.get("allow_raise", False),
    )
    own = remembered(scores.numbered)
    return replace(
        point,
        score=scores.identity,
        label=parent.label or f"{asked['target']} = 1",
        rows_sha256=scores.sha256,
        known_rows=own if parent.known_rows is None else joined(parent.known_rows, own),
        known_films=joined_films(parent.known_films, known_films(scores.films)),
        rows_without_target=scores.without_target,
        notes=(*point.notes, *notes_on(scores), *([] if parent.known_rows else [PARENT_UNKNOWN])),
    )


def _rows(scores: ScoreRows, parent: OperatingPoint, asked: UpdateFromTable) -> Rows:
    columns = RowColumns(
        weights=scores.weights,
        clusters=scores.clusters,
        cluster_keys=scores.cluster_keys,
        mixed_clusters=asked.get("mixed_clusters", False),
        higher_is_positive=parent.operator == ">=",
    )
    return fittable_rows(scores.target, scores.score, columns)


def _request(parent: OperatingPoint, asked: UpdateFromTable) -> Request:
    floor, confidence = asked.get("min_sensitivity"), asked.get("confidence")
    own = {
        "min_sensitivity": parent.min_sensitivity if floor is None else floor,
        "confidence": parent.confidence if confidence is None else confidence,
    }
    return read_request(**cast("FitOptions", with_defaults(FitOptions, {**asked, **own})))
