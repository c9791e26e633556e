"""A folder of films, with or without a table about films or patients, to a manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from strnet.cohort.columns import column_named
from strnet.cohort.importers.checked_table import CheckedTable, checked_table
from strnet.cohort.importers.conflicting_pictures import settle_conflicts
from strnet.cohort.importers.film_patients import FilmPatients, film_patients, patient_question
from strnet.cohort.importers.header import Completed, completed
from strnet.cohort.importers.joining import labelled
from strnet.cohort.importers.matching import FilmFinder, files_below, looks_like_film
from strnet.cohort.importers.open_questions import raise_open
from strnet.cohort.importers.outcome import FILM, ImportedCohort, LeftOut, outputs, write_cohort
from strnet.cohort.importers.request import ImportRequest
from strnet.cohort.inspection import Inspection
from strnet.cohort.inspection_journal import inspect_with_journal, journal_path
from strnet.schema import IMAGE_ID, PATIENT_ID

_NOBODYS = "no patient id"


@dataclass(frozen=True, eq=False)
class _Plan:
    """All that is settled before a film is read."""

    films: list[Path]
    names: Mapping[Path, str]
    unlisted: list[Path] | None
    """Films that a table which lists the cohort leaves out; None where every film is in it."""
    table: CheckedTable | None
    patients: FilmPatients
    clear: tuple[str, ...]


def import_films(request: ImportRequest) -> ImportedCohort:
    """The cohort of a folder of films, written to the request's manifest and beside it.

    Headers give patient, age, sex, side, view, scanner and site. A table with one row per film or per
    patient adds labels; its cells win over the header's, but a film whose header contradicts it in sex or
    side is left out. A table that names its films' patients lists the cohort: other films are left out. A
    film that cannot be read goes to the quarantine with its reason, and the run goes on. A run that was
    stopped goes on where it was when it is asked for again.

    Raises: ManifestError: everything that is open or broken in the table, told before a film is read; films
    of nobody; one picture under several labels.
    """
    plan = _planned(request)
    inspected = inspect_with_journal(
        plan.films, journal_path(request.out), workers=request.workers, progress=request.progress
    )
    films = [film for film in inspected if film.reason is None]
    rows, unused = labelled(_named_rows(films, plan), plan.table, films)
    made = completed(_with_constants(rows, request), films)
    # Rows of a list without a readable film are in the quarantine, one by one.
    notes = [
        *plan.patients.notes,
        *(unused if plan.unlisted is None else []),
        *made.notes,
        *_nobodys(made, films, request, plan),
    ]
    kept, conflicting, said = settle_conflicts(made.rows, request)
    cohort = write_cohort(
        kept,
        request.out,
        [film for film in inspected if film.reason is not None],
        [*made.left_out, *conflicting, *(LeftOut(path, "not in the table") for path in plan.unlisted or ())],
        [*notes, *said],
        plan.clear,
    )
    journal_path(request.out).unlink(missing_ok=True)
    return cohort


def _planned(request: ImportRequest) -> _Plan:
    """Raises: ManifestError: all that is open."""
    own = [*outputs(request.out), *([request.table] if request.table else [])]
    finder = FilmFinder(request.folder, files_below(request.folder, leave_out=own))
    if request.table is None:
        patients, questions = film_patients(request, finder)
        raise_open(request, questions)
        return _Plan(finder.films, finder.names, None, None, patients, patients.clear)
    table = checked_table(request, finder)
    if table.key == PATIENT_ID or request.keep_unlisted or not table.names_patients:
        return _Plan(finder.films, finder.names, None, table, table.patients, table.clear)
    films = [Path(film) for film in table.rows[FILM]]
    listed = set(films)
    unlisted = [film for film in finder.films if film not in listed and looks_like_film(film)]
    names = {film: finder.name_of(film) for film in films}
    return _Plan(films, names, unlisted, table, table.patients, table.clear)


def _named_rows(films: Sequence[Inspection], plan: _Plan) -> pl.DataFrame:
    """One row per film with its name, its file, and its patient where names give it."""
    rows = [(plan.names[film.path], str(film.path), plan.patients.by_film.get(film.path)) for film in films]
    schema = {IMAGE_ID: pl.String, FILM: pl.String, PATIENT_ID: pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _with_constants(rows: pl.DataFrame, request: ImportRequest) -> pl.DataFrame:
    """Rows with the constants in their blank cells; the provenance of labels is the table's alone."""
    for name, value in request.constants.items():
        column = column_named(name)
        if not name.startswith("reference_"):
            present = pl.col(name) if name in rows.columns else pl.lit(None, pl.String)
            cell = pl.lit(column.canonical(value) or value)
            rows = rows.with_columns(
                pl.coalesce(present, cell.cast(rows.schema.get(name, pl.String))).alias(name)
            )
    return rows


def _nobodys(made: Completed, films: Sequence[Inspection], request: ImportRequest, plan: _Plan) -> list[str]:
    """What to say of films without a patient where others have one.

    Raises: ManifestError: no film has one.
    """
    nobodys = [film.path for film in made.left_out if film.reason == _NOBODYS]
    if not nobodys:
        return []
    question = patient_question(
        [path.relative_to(request.folder).as_posix() for path in nobodys],
        f"nothing says whose films {len(nobodys)} of {len(films)} are, and they were left out.",
    )
    if not made.rows.height:
        raise_open(request, [question], clear=plan.clear)
    return [f"{question.about}: {question.text}"]
