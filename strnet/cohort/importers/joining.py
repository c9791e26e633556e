"""Labels tied to films: by patient through the header, or film by film through a path or name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from strnet.cohort.findings import LINE, finding, named, raise_findings
from strnet.cohort.importers.labels import LabelTable
from strnet.cohort.importers.matching import FilmFinder
from strnet.cohort.inspection import Inspection
from strnet.cohort.validation import validated
from strnet.errors import ManifestError
from strnet.schema import IMAGE_ID, PATIENT_ID

_KEY = "__key__"
_OF_TABLE = "__table"


@dataclass(frozen=True, eq=False)
class CheckedLabels:
    """Rows of a label table that passed the manifest's rules; `key` says what a row is about."""

    path: Path
    key: str
    rows: pl.DataFrame


def checked_labels(table: LabelTable) -> CheckedLabels:
    """The table's rows, checked and typed, each with its key.

    Raises: ManifestError: broken rules, or two rows for one key.
    """
    key = pl.col(table.key)
    doubled = finding(
        table.frame.with_columns(table.lines.alias(LINE), *_shown_patient(table)),
        key.is_not_null() & key.is_duplicated(),
        f"{{rows}} with the same {table.key} as another row.",
        [named(table.key)],
        "One row per patient, or one per film named by its path: remove the others.",
    )
    raise_findings(str(table.path), [doubled] if doubled else [], table.line_word)
    # A label table need not name films or patients; the manifest's rules ask for all three.
    stand_ins = [
        key.alias(name) for name in (IMAGE_ID, PATIENT_ID, "path") if name not in table.frame.columns
    ]
    frame = table.frame.with_columns(*stand_ins, key.alias(_KEY))
    rows = validated(frame, str(table.path), lines=table.lines, line_word=table.line_word)
    own = {*table.frame.columns, "diagnosis"} - {"path"}
    if table.key == PATIENT_ID:
        own -= {PATIENT_ID}
    kept = rows.select(name for name in rows.columns if name == _KEY or name in own)
    return CheckedLabels(table.path, table.key, kept)


def _shown_patient(table: LabelTable) -> list[pl.Expr]:
    return [] if PATIENT_ID in table.frame.columns else [pl.lit(None, pl.String).alias(PATIENT_ID)]


def joined_rows(
    folder: Path, films: Sequence[Inspection], labels: CheckedLabels | None
) -> tuple[pl.DataFrame, list[str]]:
    """One row per film, in order, with its label cells; and what is to be said of the table.

    Raises: ManifestError: the table fits no film, or two of its rows fit one.
    """
    names = [film.path.relative_to(folder).as_posix() for film in films]
    rows = pl.DataFrame({IMAGE_ID: names}, schema={IMAGE_ID: pl.String})
    if labels is None:
        return rows, []
    keys = _keys_of_films(folder, films, labels)
    unused = labels.rows.filter(~pl.col(_KEY).is_in([key for key in keys if key is not None]))[_KEY]
    if unused.len() == labels.rows.height:
        raise ManifestError(
            f"{labels.path}: no row fits a film by {labels.key}. The table has '{unused[0]}', the films "
            f"'{_example(films, labels)}'. Map the right column with --column {labels.key}=COLUMN."
        )
    keyed = rows.with_columns(pl.Series(_KEY, keys, dtype=pl.String))
    joined = keyed.join(labels.rows, on=_KEY, how="left", maintain_order="left", suffix=_OF_TABLE)
    if IMAGE_ID + _OF_TABLE in joined.columns:
        joined = joined.with_columns(pl.coalesce(IMAGE_ID + _OF_TABLE, IMAGE_ID).alias(IMAGE_ID))
    return joined.drop(_KEY, IMAGE_ID + _OF_TABLE, strict=False), _notes(labels, unused)


def _keys_of_films(folder: Path, films: Sequence[Inspection], labels: CheckedLabels) -> list[str | None]:
    """What the table calls each film (or its patient); None where it has no row for it."""
    if labels.key == PATIENT_ID:
        return [film.source.patient_id if film.source else None for film in films]
    finder = FilmFinder(folder, [film.path for film in films])
    by_film: dict[Path, str] = {}
    for key in labels.rows[_KEY]:
        film = finder.find(key)
        if film in by_film:
            raise ManifestError(
                f"{labels.path}: '{by_film[film]}' and '{key}' both name {film}. Keep one row."
            )
        by_film[film] = key
    return [by_film.get(film.path) for film in films]


def _example(films: Sequence[Inspection], labels: CheckedLabels) -> str:
    if not films:
        return "(none could be read)"
    source = films[0].source
    return str(source.patient_id) if labels.key == PATIENT_ID and source else films[0].path.name


def _notes(labels: CheckedLabels, unused: pl.Series) -> list[str]:
    if not unused.len():
        return []
    more = ", ..." if unused.len() > 10 else ""
    return [f"{labels.path.name}: {unused.len()} row(s) fit no film: {', '.join(unused[:10])}{more}."]
