"""What a table must not be: the rows that chose the threshold, or itself pasted below itself."""

from __future__ import annotations

import polars as pl

from strnet.errors import ThresholdError
from strnet.schema import PATIENT_ID
from strnet.tables import id_texts
from strnet.thresholds.copied_rows import excess_of_pairs
from strnet.thresholds.floor_point import FloorPoint
from strnet.thresholds.grey_zone import GreyZone
from strnet.thresholds.known_rows import (
    BY_CHANCE,
    KEPT,
    KnownRows,
    joined,
    numbered,
    remembered,
    require_each_once,
    require_unknown,
    require_unknown_films,
    row_hashes,
)
from strnet.thresholds.point import OperatingPoint
from strnet.thresholds.reading_order import Keys, label_keys
from strnet.thresholds.scores_table import ScoreRows


def known_films(films: pl.Series | None) -> KnownRows | None:
    """The films with these ids, to be known again; None without ids, or with more than `KEPT`."""
    hashes = None if films is None or films.len() > KEPT else film_hashes(films)
    return None if hashes is None else remembered(numbered(hashes))


def joined_films(one: KnownRows | None, other: KnownRows | None) -> KnownRows | None:
    """The films of both; None unless all of both are known, since known films are all that is then asked."""
    both = None if one is None or other is None else joined(one, other)
    return None if both is None or both.total > KEPT else both


def require_new_rows(point: OperatingPoint | FloorPoint | GreyZone, scores: ScoreRows) -> None:
    """Raise unless the rows are new to the operating point, and each stands in the table for itself.

    Raises: ThresholdError: films or rows that chose the threshold, as many as chance does not explain; or as
        `require_each_once`.
    """
    require_each_once(scores.target, scores.score, scores.clusters, scores.numbered)
    if scores.sha256 in _tables_of(point):
        raise ThresholdError(
            "scores: these are the rows that the threshold was chosen from; they cannot confirm it. "
            "Give rows of the new site."
        )
    films = None if scores.films is None or point.known_films is None else film_hashes(scores.films)
    if films is not None and point.known_films is not None:
        require_unknown_films(point.known_films, films)
    elif point.known_rows is not None:
        require_unknown(point.known_rows, scores.numbered)


def _tables_of(point: OperatingPoint | FloorPoint | GreyZone) -> tuple[str | None, ...]:
    """What names the tables that chose the threshold, and those it was updated from."""
    update = point.update if isinstance(point, OperatingPoint) else None
    return (point.rows_sha256, *(() if update is None else update.parent_rows))


def notes_on(scores: ScoreRows) -> tuple[str, ...]:
    """What to say of films that may not stand for themselves, although nothing proves it."""
    notes = []
    if scores.patients_unnamed:
        notes.append(
            f"some patients ({PATIENT_ID}) have several films, and each was counted as a patient of its own: "
            f"too much is promised. Name the column: --cluster {PATIENT_ID}."
        )
    if not _told_apart(scores) and excess_of_pairs(scores.numbered.counts) <= BY_CHANCE:
        notes.append(
            "more rows stand twice than equal scores explain: films may have been entered twice. Name their "
            "ids (--id) to find out which."
        )
    return tuple(notes)


def film_hashes(ids: pl.Series) -> Keys | None:
    """A number (n,) for each film's id; None for bare whole numbers, which every site counts for itself."""
    texts = id_texts(ids)
    if ids.dtype.is_numeric() or bool(texts.str.contains(r"^\d*$").fill_null(value=True).all()):
        return None
    return label_keys(texts)


def films_of(scores: ScoreRows) -> Keys:
    """What each film (n,) is known again by: its id, or else its patient, target and score."""
    if scores.films is not None:
        return label_keys(id_texts(scores.films))
    rows = row_hashes(scores.target, scores.score)
    if scores.clusters is None or scores.cluster_keys is None:
        return rows
    return rows ^ scores.cluster_keys[scores.clusters]


def _told_apart(scores: ScoreRows) -> bool:
    """Whether patients or ids tell repeated films apart; bare numbers may have been counted after pasting."""
    return scores.clusters is not None or (
        scores.films is not None and film_hashes(scores.films.head(KEPT)) is not None
    )
