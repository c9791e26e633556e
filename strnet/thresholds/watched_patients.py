"""One score for each patient of a table without targets, in an order that no seed and no sorting can bend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import polars as pl

from strnet.errors import ThresholdError, unknown_name
from strnet.local_options import FilmRule
from strnet.row_filter import ROW, keep_rows
from strnet.schema import PATIENT_ID
from strnet.stats.inputs import Floats
from strnet.tables import id_texts
from strnet.thresholds.id_columns import names_in
from strnet.thresholds.patient_hashes import Uints, patient_hashes, uniform
from strnet.thresholds.score_identity import ScoreIdentity, candidates, identity_in
from strnet.thresholds.scores_table import (
    Source,
    as_table_error,
    column_named,
    open_table,
)
from strnet.thresholds.unusable_cells import not_finite, refuse_scores, require_numbers

IDENTITY, ORDER, TIES, FILM = range(4)
"""What a patient's four numbers are for: to know it again, its turn, its place among ties, its film."""
ISO_TIME = (
    r"^\d{4}-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])"
    r"([T ]?([01]\d|2[0-3]):?[0-5]\d(:?[0-5]\d(\.\d+)?)?)?$"
)
"""A date, and a time of that day where there is one, without a zone: whose digits sort as the times do."""


@dataclass(frozen=True, slots=True)
class Patients:
    """Patients in the order they are read: `hashes` (n, 4), `score` (n,), of `films` films."""

    hashes: Uints
    score: Floats
    films: int
    identity: ScoreIdentity

    @property
    def names(self) -> Uints:
        """What each is known again by, shape (n,)."""
        return self.hashes[:, IDENTITY]

    @property
    def draws(self) -> Floats:
        """What settles each one's place among equal scores, shape (n,), strictly between 0 and 1."""
        return uniform(self.hashes[:, TIES])

    def without(self, seen: Uints) -> Patients:
        """Those whose names are not among `seen` (m,); the films are still those of all."""
        new = ~np.isin(self.names, seen)
        return Patients(self.hashes[new], self.score[new], self.films, self.identity)


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientColumns:
    """Names of columns: the `score` (or its task), the `cluster` (patient), the `time` that orders patients.

    Without a time their order is that of their hashes: a table sorted by score is no shift. `film` says which
    score stands for a patient with several films: that of one drawn by its hash, their mean, or the highest.
    """

    score: str
    cluster: str | None = None
    time: str | None = None
    film: FilmRule = "one"
    score_kind: str | None = None


def read_patients(source: Source, columns: PatientColumns, where: str | None = None) -> Patients:
    """The patients of a table, one score each.

    Raises: ThresholdError: unknown columns, no rows, scores that are not finite, patients or times missing.
    """
    if columns.film not in FILM_RULES:
        raise ThresholdError(unknown_name("rule for films", columns.film, FILM_RULES))
    table = open_table(source, text=names_in(None, columns.cluster))
    score = column_named(columns.score, table, *candidates(columns.score))
    require_numbers(score, table.collect_schema()[score], "scores")
    patient = _patient_column(columns.cluster, table)
    with as_table_error():
        kept = keep_rows(table.with_row_index(ROW), where).collect(engine="streaming")
    if kept.height == 0:
        raise ThresholdError("scores: found no rows. Check the table and the filter (--where).")
    if kept.select(not_finite(score).any()).item():
        refuse_scores(kept.lazy(), score, not_finite(score))
    ids = id_texts(_complete(kept, patient, "Name the patient of each row"))
    _require_names(ids)
    scores, times = kept[score].cast(pl.Float64), _times(kept, columns)
    films = pl.DataFrame({"patient": ids, "score": scores, "time": times})
    return _patients(films, columns.film, identity_in(kept.lazy(), score, columns.score_kind))


def _patients(films: pl.DataFrame, film: FilmRule, identity: ScoreIdentity) -> Patients:
    each = films.group_by("patient").agg(pl.col("score").sort(), pl.col("time").min())
    hashes = patient_hashes(each["patient"])
    scores = FILM_RULES[film](each["score"], hashes[:, FILM])
    order = pl.DataFrame({"time": each["time"], "turn": hashes[:, ORDER]}).select(
        pl.arg_sort_by("time", "turn")
    )
    turns = order.to_series().to_numpy()
    return Patients(hashes[turns], scores[turns], films.height, identity)


def _one(scores: pl.Series, hashes: Uints) -> Floats:
    """Of each patient's `scores`, in order of size, the one that its hash names."""
    drawn = pl.Series(hashes % scores.list.len().cast(pl.UInt64).to_numpy())
    return scores.list.get(drawn.cast(pl.Int64)).to_numpy()


def _mean(scores: pl.Series, hashes: Uints) -> Floats:
    return scores.list.mean().to_numpy()


def _max(scores: pl.Series, hashes: Uints) -> Floats:
    return scores.list.max().to_numpy()


FILM_RULES: Final = MappingProxyType[FilmRule, Callable[[pl.Series, Uints], Floats]](
    {"one": _one, "mean": _mean, "max": _max}
)


def _patient_column(cluster: str | None, table: pl.LazyFrame) -> str:
    if cluster is None and PATIENT_ID not in table.collect_schema().names():
        raise ThresholdError(
            f"scores: found no column '{PATIENT_ID}'. Name that of the patients (--cluster); where each has "
            "one film, that of the films will do. Films of one patient are no independent evidence."
        )
    return column_named(cluster or PATIENT_ID, table)


def _require_names(ids: pl.Series) -> None:
    """Raise where the ids are numbers with decimals: a score named by mistake.

    Raises: ThresholdError: all are numbers, and one of them is not whole.
    """
    numbers = ids.cast(pl.Float64, strict=False)
    if not ids.name.endswith("_id") and not numbers.null_count() and (numbers != numbers.round()).any():
        raise ThresholdError(f"{ids.name}: found numbers with decimals, expected names of patients.")


def _complete(kept: pl.DataFrame, column: str, advice: str) -> pl.Series:
    empty = kept[column].null_count()
    if empty:
        raise ThresholdError(f"{column}: found {empty} empty cells among {kept.height}. {advice}.")
    return kept[column]


def _times(kept: pl.DataFrame, columns: PatientColumns) -> pl.Series:
    """What the rows are ordered by; the same for all where no time is named."""
    if columns.time is None:
        return pl.zeros(kept.height, dtype=pl.Int8, eager=True)
    times = _complete(kept, column_named(columns.time, kept.lazy()), "Fill in the time of each row")
    if times.dtype != pl.String:
        return times
    wrong = times.filter(~times.str.contains(ISO_TIME))
    if wrong.len():
        raise ThresholdError(
            f"{columns.time}: found {wrong.first()!r}, which does not sort by time. Write 2026-11-25, "
            "20261125 or 2026-11-25T09:30:00, all times in one zone and without its name."
        )
    return times.str.replace_all(r"[-:T ]", "")
