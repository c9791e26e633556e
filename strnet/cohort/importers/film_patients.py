"""The patient of each film before any is read, or the question, with the rule that the names suggest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from strnet.cohort.importers.matching import FilmFinder, looks_like_film
from strnet.cohort.importers.open_questions import PATIENT_IDS, Question
from strnet.cohort.importers.outcome import FILM
from strnet.cohort.importers.patient_ids import by_rule, patients_by_name, suggested_rule
from strnet.cohort.importers.request import ImportRequest
from strnet.errors import DicomError, ImageError, ManifestError
from strnet.imaging.reading import file_format
from strnet.schema import PATIENT_ID


@dataclass(frozen=True, eq=False)
class FilmPatients:
    """Patients that the films' names give; empty where a table or the headers say whose films they are."""

    by_film: Mapping[Path, str] = field(default_factory=dict)
    clear: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What the audit must say of it."""


def film_patients(
    request: ImportRequest, films: FilmFinder, rows: pl.DataFrame | None = None, *, by_patient: bool = False
) -> tuple[FilmPatients, list[Question]]:
    """The patients by the films' names, and what is open.

    `rows` is a table's, with column FILM where rows name films; `by_patient` if they are about patients.
    """
    concerned = _concerned(films, rows)
    names = [film.relative_to(films.folder).as_posix() for film in concerned]
    in_table = rows is not None and not by_patient and PATIENT_ID in rows.columns
    try:
        found = patients_by_name(request, names)
    except ManifestError as error:
        return FilmPatients(), [patient_question(names, str(error))]
    if found and in_table:
        text = (
            "the table has a column for them, and --patient-id-from or --one-patient-per-film was given. "
            "Leave that out, or the column with --ignore."
        )
        return FilmPatients(), [Question(PATIENT_IDS, text)]
    if found:
        by_film = dict(zip(concerned, found.patients, strict=True))
        notes = (found.sentence,) if request.one_patient_per_film else ()
        return FilmPatients(by_film, (f"{PATIENT_ID} <- {found.sentence}",), notes), []
    if in_table or not names or any(map(_has_header, concerned)):
        return FilmPatients(), []
    where = "no column of the table names them, and " if rows is not None and not by_patient else ""
    return FilmPatients(), [patient_question(names, f"{where}PNG and JPEG files have no header that does.")]


def patient_question(names: Sequence[str], why: str) -> Question:
    """The question whose the films of these relative paths are, with the rule that their names suggest."""
    rule = suggested_rule(names)
    word = "PATTERN"
    if rule is None:
        text = (
            f"{why} Give --patient-id-from a template such as '{{patient}}_{{n}}' or a regular expression "
            f"with a group (?P<patient>...); a film is named '{names[0]}'. If every film is of another "
            "patient, or that is all that is known: --one-patient-per-film."
        )
        return Question(PATIENT_IDS, text, ("--patient-id-from", word), (word,))
    text = (
        f"{why} What the names suggest: {by_rule(rule, names).sentence}. Otherwise: --one-patient-per-film."
    )
    return Question(PATIENT_IDS, text, ("--patient-id-from", rule))


def _concerned(films: FilmFinder, rows: pl.DataFrame | None) -> list[Path]:
    """The films that a table lists, else all files that look like films."""
    if rows is not None and FILM in rows.columns:
        listed = set(rows[FILM].drop_nulls())
        return [film for film in films.films if str(film) in listed]
    return [film for film in films.films if looks_like_film(film)]


def _has_header(film: Path) -> bool:
    if film.is_dir():  # a series
        return True
    try:
        return file_format(film) == "dicom"
    except (ImageError, DicomError):
        return False
