"""Which columns of a foreign table are which of the manifest's, by their names and by their cells.

A name beyond doubt whose cells bear it out is mapped, and shown. What comes near is a question: two columns
that could be one, a name whose cells are something else, a near miss.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from strnet.cohort.columns import BY_NAME, meant_column, spelt_column
from strnet.cohort.importers.cell_readings import described, implausible_cells, read_cells, strange_cells
from strnet.cohort.importers.image_column import FILM_COLUMNS, image_column, naming_cells
from strnet.cohort.importers.matching import FilmFinder
from strnet.cohort.importers.open_questions import PATIENT_IDS, Question
from strnet.cohort.importers.patient_ids import parted_patients
from strnet.cohort.importers.request import ImportRequest
from strnet.errors import ManifestError, unknown_name
from strnet.schema import IMAGE_ID, PATIENT_ID, T_SCORE

FEW = 6
"""Spellings up to here are asked for one by one; a column with more of them holds something else."""
_BLANKS = (
    "?",
    "??",
    "-",
    "--",
    ".",
    "/",
    "na",
    "n/a",
    "nan",
    "none",
    "null",
    "unknown",
    "unk",
    "k.a.",
    "unbekannt",
)
_LABELS = (T_SCORE, "diagnosis", "reference_standard", "reference_site")


@dataclass(frozen=True, eq=False)
class ColumnMapping:
    """Manifest (or further) columns by the table's, what to say of each, and what is open."""

    columns: Mapping[str, str]
    clear: tuple[str, ...]
    """`sex <- Gender (M 39, F 31)`, one per mapped column."""
    left: tuple[str, ...]
    """Columns of the table that are carried along under their own names."""
    questions: tuple[Question, ...] = ()


def map_columns(table: pl.DataFrame, request: ImportRequest, films: FilmFinder) -> ColumnMapping:
    """The mapping of `table`'s columns: what was said, then what is beyond doubt.

    Raises: ManifestError: the request names a column that the table lacks, or an image in two ways.
    """
    said = _said(table, request)
    free = [name for name in table.columns if name not in {*request.ignored, *said.values()}]
    image = image_column(table, free, said, films)
    columns, questions = {**said, **image.columns}, list(image.questions)
    # An image has one name, its file's; a column of other names would stand in its place.
    free = [name for name in free if name not in {*image.concerned, *columns.values(), *FILM_COLUMNS}]
    candidates = _spelt(free, columns)
    if IMAGE_ID in columns and request.names_patients and candidates.get(PATIENT_ID) != [PATIENT_ID]:
        candidates.pop(PATIENT_ID, None)
    for ours, theirs in candidates.items():
        question = (
            _several(ours, theirs)
            if len(theirs) > 1
            else _doubt(table, ours, theirs[0], request, films, columns)
        )
        if question:
            questions.append(question)
        else:
            columns[ours] = theirs[0]
    left = [name for name in free if name not in {n for names in candidates.values() for n in names}]
    near = {name: meant for name in left if (meant := _meant(name, [*columns, *left], request))}
    questions += [_near(table, name, meant, request) for name, meant in near.items()]
    questions += [q for ours, theirs in columns.items() if (q := _spellings(table, ours, theirs, request))]
    clear = [
        f"{ours} <- {theirs} ({_evidence(table, ours, theirs, request, films)})"
        for ours, theirs in columns.items()
    ]
    return ColumnMapping(columns, tuple(clear), tuple(n for n in left if n not in near), tuple(questions))


def _said(table: pl.DataFrame, request: ImportRequest) -> dict[str, str]:
    for option, names in (("--column", request.columns.values()), ("--ignore", request.ignored)):
        for name in names:
            if name not in table.columns:
                raise ManifestError(
                    f"{request.table}: {option}: {unknown_name('column', name, table.columns)}"
                )
    said = dict(request.columns)
    if "path" in said and IMAGE_ID in said:
        raise ManifestError(
            f"{request.table}: --column path={said['path']} and --column {IMAGE_ID}={said[IMAGE_ID]} both "
            "say which image a row is about. Give the one whose cells name the files."
        )
    if "path" in said:
        said = {IMAGE_ID: said.pop("path"), **said}
    return said


def _spelt(free: Sequence[str], mapped: Mapping[str, str]) -> dict[str, list[str]]:
    """Columns of the table by the manifest column they are called after; the very name wins."""
    found: dict[str, list[str]] = {}
    for name in free:
        ours = spelt_column(name)
        if ours and ours not in mapped and ours not in FILM_COLUMNS:
            found.setdefault(ours, []).append(name)
    return {ours: [ours] if ours in names else names for ours, names in found.items()}


def _several(ours: str, theirs: Sequence[str]) -> Question:
    word = f"{ours.upper()}_COLUMN"
    listing = " or ".join(f"'{name}'" for name in theirs)
    return Question(f"column {ours}", f"could be {listing}.", ("--column", f"{ours}={word}"), (word,))


def _doubt(
    table: pl.DataFrame,
    ours: str,
    theirs: str,
    request: ImportRequest,
    films: FilmFinder,
    mapped: Mapping[str, str],
) -> Question | None:
    """What speaks against a column being what its name says; None if its cells bear it out."""
    if ours == PATIENT_ID:
        return _patient_doubt(table, theirs, films, mapped)
    cells = _read(table, ours, theirs, request)
    strange = strange_cells(ours, cells)
    bad, known = implausible_cells(ours, cells), cells.count()
    one_by_one = BY_NAME[ours].values and ours != "diagnosis"
    if len(strange) <= FEW and (one_by_one or 2 * bad <= known):
        return None
    example = next(iter(strange), None) or cells.drop_nulls()[0]
    unit = f" in {BY_NAME[ours].unit}" if BY_NAME[ours].unit else ""
    text = (
        f"'{theirs}' is called like {ours}{unit}, but {bad} of {known} cells cannot be that, such as "
        f"'{example}'. Carry it along under another name, leave it out with --ignore '{theirs}', or say "
        f"--column '{ours}={theirs}' and correct the cells."
    )
    return Question(f"column {theirs}", text, ("--column", f"{_other_name(theirs)}={theirs}"))


def _patient_doubt(
    table: pl.DataFrame, theirs: str, films: FilmFinder, mapped: Mapping[str, str]
) -> Question | None:
    """Whether a column called like a patient's id counts something else: its name alone is not enough."""
    if theirs == PATIENT_ID or table.height < 2:
        return None
    mend = ("--column", f"{PATIENT_ID}={theirs}")
    if table[theirs].drop_nulls().n_unique() == 1:
        text = f"'{theirs}' holds '{table[theirs].drop_nulls()[0]}' in every row. If that is one patient:"
        return Question(PATIENT_IDS, text, mend)
    if IMAGE_ID not in mapped:
        return None
    rows = zip(table[mapped[IMAGE_ID]], table[theirs], strict=True)
    parted = parted_patients({str(image): str(patient) for image, patient in rows if image and patient})
    if parted is None:
        return None
    text = (
        f"'{theirs}' is called like a patient's id, but films whose names begin alike have several, such as "
        f"{parted}. If it is the number of a film or an examination, leave it out (--ignore '{theirs}') and "
        "give --patient-id-from; if it is the patient's:"
    )
    return Question(PATIENT_IDS, text, mend)


def _meant(name: str, names: Sequence[str], request: ImportRequest) -> str | None:
    by_name = {PATIENT_ID} if request.names_patients else set()
    return meant_column(name, {*names, *FILM_COLUMNS, *request.constants, *by_name})


def _near(table: pl.DataFrame, name: str, meant: str, request: ImportRequest) -> Question:
    cells = _read(table, meant, name, request)
    fits = meant not in _LABELS and 2 * implausible_cells(meant, cells) <= cells.count()
    mend = f"{meant}={name}" if fits else f"{_other_name(name)}={name}"
    text = (
        f"'{name}' comes near to {meant}. Say --column '{meant}={name}' if it is that, "
        f"--column '{_other_name(name)}={name}' to carry it along, or --ignore '{name}'."
    )
    return Question(f"column {name}", text, ("--column", mend))


def _spellings(table: pl.DataFrame, ours: str, theirs: str, request: ImportRequest) -> Question | None:
    """The cells of a mapped column that are no word or number of the manifest, if they are of few kinds."""
    strange = strange_cells(ours, _read(table, ours, theirs, request))
    if not strange or len(strange) > FEW:
        return None
    word = ours.upper()
    blank = {text: text.casefold() in _BLANKS for text in strange}
    mend = [("--value", f"{ours}:{text}={'' if blank[text] else word}") for text in strange]
    found = ", ".join(f"'{text}' ({count})" for text, count in strange.most_common())
    valid = f" Valid: {', '.join(BY_NAME[ours].values)}, or blank." if BY_NAME[ours].values else ""
    return Question(
        f"cells of {theirs}",
        f"{found}: what is that as {ours}?{valid}",
        tuple(part for pair in mend for part in pair),
        () if all(blank.values()) else (word,),
    )


def _read(table: pl.DataFrame, ours: str, theirs: str, request: ImportRequest) -> pl.Series:
    return read_cells(table.select(pl.col(theirs).alias(ours)), request.values)[ours]


def _evidence(table: pl.DataFrame, ours: str, theirs: str, request: ImportRequest, films: FilmFinder) -> str:
    if ours == IMAGE_ID:
        return naming_cells(table[theirs], films).sentence
    if ours == PATIENT_ID:
        return f"{table[theirs].drop_nulls().n_unique()} patients in {table.height} rows"
    return described(ours, _read(table, ours, theirs, request))


def _other_name(name: str) -> str:
    return re.sub(r"\W+", "_", name.lower()).strip("_") + "_as_given"
