"""`strnet threshold watch` on tables: one is the reference, the others are looked at as they come."""

from __future__ import annotations

from typing import Unpack

from strnet.errors import ThresholdError
from strnet.local_options import WatchScores
from strnet.thresholds.conformal_martingale import Alarms
from strnet.thresholds.floor import read_confidence
from strnet.thresholds.id_columns import names_asked
from strnet.thresholds.score_identity import require_in_range
from strnet.thresholds.scores_table import Source, open_table
from strnet.thresholds.shift_watch import Look, ShiftWatch, begin_watch, look_at
from strnet.thresholds.watched_patients import PatientColumns, read_patients

USUAL_FALSE_ALARM = "0.05"


def begin_from_table(source: Source, **asked: Unpack[WatchScores]) -> ShiftWatch:
    """The watch whose reference is the table.

    Raises: as `begin_watch` and `read_patients`; ThresholdError: no score is named, or both a chance of a
        false alarm and patients to one.
    """
    score = asked.get("score")
    if score is None:
        raise ThresholdError("watch: found no column of scores for the reference. Name it: --score.")
    alarms, film = _alarms(asked), asked.get("film") or "one"
    columns = PatientColumns(
        score=score, cluster=asked.get("cluster"), film=film, score_kind=asked.get("score_kind")
    )
    table = open_table(source, asked.get("csv_dialect"), names_asked(asked))
    reference = read_patients(table, columns, asked.get("reference_where"))
    require_in_range(reference.identity, reference.score)
    return begin_watch(reference, alarms, film)


def look_from_table(watch: ShiftWatch, source: Source, **asked: Unpack[WatchScores]) -> Look:
    """The watch once it has seen the patients of a table.

    Raises: as `read_patients`; BundleError: another score than the watch's.
    """
    columns = PatientColumns(
        score=asked.get("score") or str(watch.score.column),
        cluster=asked.get("cluster"),
        time=asked.get("time"),
        film=watch.film,
        score_kind=asked.get("score_kind"),
    )
    table = open_table(source, asked.get("csv_dialect"), names_asked(asked))
    patients = read_patients(table, columns, asked.get("where"))
    same = asked.get("same_score", False)
    watch.score.require_same(patients.identity, said_same=same, holder="shift watch")
    require_in_range(watch.score, patients.score)
    return look_at(watch, patients)


def _alarms(asked: WatchScores) -> Alarms:
    chance, every = asked.get("false_alarm"), asked.get("every")
    if every is not None:
        if chance is not None:
            raise ThresholdError("watch: found --false-alarm and --every, expected one of them.")
        return Alarms(limit=float(every), ever=False)
    share = read_confidence(USUAL_FALSE_ALARM if chance is None else chance, name="false_alarm")
    return Alarms(limit=float(1 / share))
