"""Whether the verified people of a site are others than those who chose the threshold that flagged them."""

from __future__ import annotations

from typing import Any

import polars as pl

from strnet.schema import target_column
from strnet.thresholds.applying import column_for, require_same_score
from strnet.thresholds.known_rows import require_unknown_films
from strnet.thresholds.point import OperatingPoint
from strnet.thresholds.scores_table import ScoreColumns, column_named, read_scores
from strnet.thresholds.table_checks import film_hashes, require_new_rows


def held_against_fit(
    point: OperatingPoint | None, frame: pl.DataFrame, results: pl.Series, options: dict[str, Any]
) -> bool:
    """Whether the people of `frame` with one of the `results` (n,) were held against the rows of the fit.

    False where that cannot be done: without an operating point that knows its rows, without its scores, or
    without results. Names of people are held against those of films too, in case the fit had the same.

    Raises: ThresholdError: people or rows that chose the threshold, or as `require_each_once`.
        BundleError: another score than the operating point's.
    """
    if point is None:
        return False
    names = film_hashes(frame[options["identifier"]])
    if names is not None and point.known_films is not None:
        require_unknown_films(point.known_films, names)
    verified = results.is_not_null()
    if point.known_rows is None or not verified.any() or not has_score(point, frame, options["score"]):
        return False
    table = frame.lazy()
    target = column_named(options["target"], table, target_column(options["target"]))
    columns = ScoreColumns(
        target=target,
        score=column_for(point, table, options["score"]),
        score_kind=options["score_kind"],
    )
    scores = read_scores(frame.with_columns(results.alias(target)).filter(verified), columns)
    require_same_score(point, scores.identity, scores.score, said_same=options["same_score"])
    require_new_rows(point, scores)
    return True


def has_score(point: OperatingPoint, frame: pl.DataFrame, score: str | None) -> bool:
    """Whether the table has the score of `point`."""
    return score is not None or point.score.column in frame.columns
