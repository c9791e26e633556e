"""A foreign table in the manifest's words, checked before any film is read, or everything that is open."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from strnet.cohort.columns import column_named
from strnet.cohort.findings import LINE, Finding, finding, named
from strnet.cohort.importers.cell_readings import read_cells, strange_cells
from strnet.cohort.importers.column_mapping import FEW, ColumnMapping, map_columns
from strnet.cohort.importers.film_patients import FilmPatients, film_patients
from strnet.cohort.importers.matching import FilmFinder
from strnet.cohort.importers.open_questions import Question, raise_open
from strnet.cohort.importers.outcome import FILM
from strnet.cohort.importers.request import ImportRequest
from strnet.cohort.validation import examined
from strnet.errors import ManifestError, unknown_name
from strnet.schema import IMAGE_ID, PATIENT_ID, REFERENCE_STANDARDS, T_SCORE
from strnet.tables import ForeignTable, read_foreign_table

_SHOWN = 5
_STAND_IN = "phantom"
"""Reference standard of labels that have none, while everything else is checked; never leaves this module."""


@dataclass(frozen=True, eq=False)
class CheckedTable:
    """Rows of a table that passed the manifest's rules, and how they are tied to films."""

    path: Path
    key: str
    """`image_id`: each row has its film in column FILM; `patient_id`: a row is about a patient."""
    rows: pl.DataFrame
    patients: FilmPatients
    names_patients: bool
    """Whether each film's patient is known without its header."""
    clear: tuple[str, ...]
    """What was found without asking: how the file was read, and the mapping."""


def checked_table(request: ImportRequest, films: FilmFinder) -> CheckedTable:
    """The rows of the request's table, typed, each tied to a film or a patient.

    Raises: ManifestError: all that is open or broken, at once; no film is read.
    """
    if request.table is None:
        raise ValueError("the request has no table")
    table = read_foreign_table(request.table, dialect=request.dialect, ignored=request.ignored)
    mapping = map_columns(table.frame, request, films)
    frame = _in_our_words(table, mapping, request)
    questions = list(mapping.questions)
    key = _key(mapping)
    if key is None and not _image_is_open(mapping):
        questions.append(_no_key(table, request))
    frame, ties = _tied(frame, films) if key == IMAGE_ID else (frame, [])
    patients, open_patients = film_patients(request, films, frame, by_patient=key == PATIENT_ID)
    questions += [*ties, *open_patients, *_no_reference(frame)]
    rows, findings = _checked(frame, key, request)
    clear = [*_dialect(table), *mapping.clear, *patients.clear, *_carried(mapping)]
    raise_open(request, questions, findings, clear=clear, line_word=table.line_word)
    names_patients = PATIENT_ID in frame.columns or bool(patients.by_film)
    return CheckedTable(request.table, str(key), rows, patients, names_patients, tuple(clear))


def _key(mapping: ColumnMapping) -> str | None:
    """The column that ties rows to films; None while that is open."""
    if IMAGE_ID in mapping.columns:
        return IMAGE_ID
    return PATIENT_ID if PATIENT_ID in mapping.columns and not _image_is_open(mapping) else None


def _image_is_open(mapping: ColumnMapping) -> bool:
    return any(question.about == f"column {IMAGE_ID}" for question in mapping.questions)


def _in_our_words(table: ForeignTable, mapping: ColumnMapping, request: ImportRequest) -> pl.DataFrame:
    """The mapped columns and those that are carried along, with constants in blank cells, and lines."""
    mapped = [pl.col(theirs).alias(ours) for ours, theirs in mapping.columns.items()]
    frame = table.frame.select(*mapped, *(name for name in mapping.left if name not in mapping.columns))
    for name, _ in request.values:
        if name not in frame.columns:
            raise ManifestError(f"--value: {unknown_name('column', name, frame.columns)}")
    frame = read_cells(frame, request.values)
    for name, value in request.constants.items():
        column_named(name)
        present = pl.col(name) if name in frame.columns else pl.lit(None, pl.String)
        frame = frame.with_columns(pl.coalesce(present, pl.lit(value)).alias(name))
    return read_cells(frame, {}).with_columns(table.lines.alias(LINE))


def _tied(frame: pl.DataFrame, films: FilmFinder) -> tuple[pl.DataFrame, list[Question]]:
    """The rows with their films, named by the one rule; and the names that fit several."""
    found: list[Path | None] = []
    problems: list[str] = []
    for cell in frame[IMAGE_ID]:
        try:
            found.append(None if cell is None else films.find(cell))
        except ManifestError as error:
            found.append(None)
            problems.append(str(error))
    names = [film and films.name_of(film) for film in found]
    tied = frame.with_columns(
        pl.Series(IMAGE_ID, names, dtype=pl.String),
        pl.Series(FILM, [film and str(film) for film in found], dtype=pl.String),
    )
    return tied, [Question("images", problem) for problem in problems[:_SHOWN]]


def _no_key(table: ForeignTable, request: ImportRequest) -> Question:
    word = "IMAGE_COLUMN"
    return Question(
        "column image_id",
        f"no column names films of {request.folder} or patients, so rows cannot be tied to films. Found: "
        f"{', '.join(table.frame.columns)}.",
        ("--column", f"{IMAGE_ID}={word}"),
        (word,),
    )


def _no_reference(frame: pl.DataFrame) -> list[Question]:
    labels = [name for name in (T_SCORE, "diagnosis") if name in frame.columns]
    has_label = pl.any_horizontal(pl.col(name).is_not_null() for name in labels) if labels else pl.lit(False)
    unsaid = pl.col("reference_standard").is_null() if "reference_standard" in frame.columns else pl.lit(True)
    count = frame.filter(has_label & unsaid).height
    if not count:
        return []
    word = "REFERENCE_STANDARD"
    text = (
        f"{count} rows have a label, and nothing says what it was measured with "
        f"({', '.join(REFERENCE_STANDARDS)}). It is never guessed."
    )
    return [Question("reference_standard", text, ("--set", f"reference_standard={word}"), (word,))]


def _checked(
    frame: pl.DataFrame, key: str | None, request: ImportRequest
) -> tuple[pl.DataFrame, list[Finding]]:
    """The rows typed, and what is broken in them that no question asks about.

    A label table need not name both films and patients, as a manifest must: rows stand in by their number.
    """
    numbers = pl.Series("path", range(frame.height)).cast(pl.String)
    present = {name: frame[name] if name in frame.columns else None for name in (IMAGE_ID, PATIENT_ID)}
    known = frame.with_columns(_without_strange(frame[name]) for name in frame.columns if name != FILM)
    whole = known.with_columns(
        *(_filled(present[name], name, numbers) for name in present if name != key),
        *([_reference_or_stand_in(frame)] if _no_reference(frame) else []),
        numbers,
    )
    doubled = _doubled(frame, key) if key else None
    once = whole.filter(pl.col(key).is_null() | pl.col(key).is_first_distinct()) if key else whole
    rows, findings = examined(once.drop(LINE, FILM, strict=False), str(request.table), lines=once[LINE])
    kept = once.drop([*rows.columns, LINE], strict=False)  # the films
    rows = pl.concat([rows, kept], how="horizontal")
    if present[PATIENT_ID] is not None and key != PATIENT_ID and not doubled:
        rows = rows.with_columns(present[PATIENT_ID])
    own = {*frame.columns, "diagnosis"}
    return rows.select(name for name in rows.columns if name in own), [
        *([doubled] if doubled else []),
        *findings,
    ]


def _filled(cells: pl.Series | None, name: str, numbers: pl.Series) -> pl.Series:
    return numbers.alias(name) if cells is None else cells.fill_null(numbers)


def _doubled(frame: pl.DataFrame, key: str) -> Finding | None:
    absent = [] if PATIENT_ID in frame.columns else [pl.lit(None, pl.String).alias(PATIENT_ID)]
    return finding(
        frame.with_columns(absent),
        pl.col(key).is_not_null() & pl.col(key).is_duplicated(),
        f"{{rows}} with the same {key} as another row.",
        [named(key)],
        "One row per film, or one per patient: remove the others.",
    )


def _without_strange(cells: pl.Series) -> pl.Series:
    """The cells without those that a question asks about (see `column_mapping`)."""
    strange = list(strange_cells(cells.name, cells)) if cells.dtype == pl.String else []
    return cells.set(cells.is_in(strange), None) if 0 < len(strange) <= FEW else cells


def _reference_or_stand_in(frame: pl.DataFrame) -> pl.Expr:
    present = (
        pl.col("reference_standard") if "reference_standard" in frame.columns else pl.lit(None, pl.String)
    )
    return pl.coalesce(present, pl.lit(_STAND_IN)).alias("reference_standard")


def _dialect(table: ForeignTable) -> list[str]:
    plain = table.dialect is None or table.dialect.is_plain
    return [] if plain else [f"{table.path.name}: {table.dialect}"]


def _carried(mapping: ColumnMapping) -> list[str]:
    return [f"carried along: {', '.join(mapping.left)}"] if mapping.left else []
