"""BUU-LSPINE: lumbar films from the front (AP/) and the side (LA/), with the edges of the vertebrae.

Klinwichit et al. 2023, Appl. Sci. 13:8646. There is no BMD in it. The layout is known from descriptions
only: what a film's name and table do not bear out is left out with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from strnet.cohort.importers.header import completed
from strnet.cohort.importers.matching import files_below
from strnet.cohort.importers.outcome import ImportedCohort, LeftOut, outputs, write_cohort
from strnet.cohort.importers.request import ImportRequest
from strnet.cohort.importers.vertebra_edges import read_vertebra_boxes
from strnet.cohort.inspection import Inspection
from strnet.cohort.inspection_journal import inspect_with_journal, journal_path
from strnet.errors import ManifestError
from strnet.imaging import image_names
from strnet.imaging.naming import FILM_ENDINGS
from strnet.schema import EXAM_ID, IMAGE_ID, PATIENT_ID, PLAUSIBLE

_FOLDERS = {"AP": ("AP", "0"), "LA": ("LATERAL", "1")}
"""By folder, the view, and the digit that ends the names in it."""
_NAME = re.compile(r"(?P<exam>(?P<number>\d+)-(?P<sex>[FM])-(?P<age>\d{3}))Y(?P<view>[01])")
_UNVERIFIED = (
    "Sex and age are read from file names such as 0001-F-037Y0, and vertebrae from the order of their edges. "
    "Neither has been verified against the data set: look at some films with their boxes."
)


@dataclass(frozen=True, slots=True)
class _Named:
    """What a film's name says."""

    path: Path
    number: str
    exam: str
    sex: str
    age: float
    view: str


def import_buu_lspine(request: ImportRequest) -> ImportedCohort:
    """The films of the data set in the request's folder, written to its manifest and beside it.

    A patient is known by the number in the name, and `exam_id` is shared by the two views; boxes L1 to L5
    are the hulls of their edges. There are no labels.

    Raises: ManifestError: neither AP nor LA is there, or no film can be used.
    """
    files = files_below(request.folder, leave_out=outputs(request.out))
    films = [path for path in files if path.suffix.lower() in FILM_ENDINGS]
    if not any((request.folder / name).is_dir() for name in _FOLDERS):
        raise ManifestError(f"{request.folder}: neither AP nor LA is there. Give the folder that holds them.")
    named, left_out = _read_names(films, request.folder)
    journal = journal_path(request.out)
    inspected = inspect_with_journal(
        [film.path for film in named], journal, workers=request.workers, progress=request.progress
    )
    rows, used, unboxed = _rows(named, inspected)
    made = completed(rows, used)
    unreadable = [film for film in inspected if film.reason is not None]
    tables = {film.with_suffix(".csv") for film in films}
    lone = [path for path in files if path.suffix.lower() == ".csv" and path not in tables]
    notes = [_UNVERIFIED, *made.notes, *_without_film(lone)]
    cohort = write_cohort(made.rows, request.out, unreadable, [*left_out, *unboxed, *made.left_out], notes)
    journal.unlink(missing_ok=True)
    return cohort


def _read_names(films: Sequence[Path], folder: Path) -> tuple[list[_Named], list[LeftOut]]:
    """The films whose names can be read, one examination a patient, and the others."""
    found, left_out = [], []
    for film in films:
        named = _read_name(film, folder)
        if isinstance(named, _Named):
            found.append(named)
        else:
            left_out.append(LeftOut(film, "name not of the layout", named))
    exams: dict[str, set[str]] = {}
    for each in found:
        exams.setdefault(each.number, set()).add(each.exam)
    views = [(each.exam, each.view) for each in found]
    for each in found:
        if len(exams[each.number]) > 1:
            several = ", ".join(sorted(exams[each.number]))
            left_out.append(LeftOut(each.path, "number with several sexes or ages", several))
        elif views.count((each.exam, each.view)) > 1:
            left_out.append(LeftOut(each.path, "two files of one film", f"{each.exam} {each.view}"))
    gone = {each.path for each in left_out}
    return [each for each in found if each.path not in gone], left_out


def _read_name(film: Path, folder: Path) -> _Named | str:
    """What the name says, or what is wrong with it."""
    place = film.relative_to(folder).parent.as_posix()
    if place not in _FOLDERS:
        return f"it lies in '{place}', expected AP or LA"
    match = _NAME.fullmatch(film.stem)
    if match is None:
        return "expected number-sex-age and Y0 or Y1, such as 0001-F-037Y0.jpg"
    view, digit = _FOLDERS[place]
    low, high = PLAUSIBLE["age"]
    if match["view"] != digit:
        return f"Y{match['view']} in {place}, expected Y{digit}"
    if not low <= int(match["age"]) <= high:
        return f"age {int(match['age'])}, expected {low} to {high}"
    return _Named(film, match["number"], match["exam"], match["sex"], float(match["age"]), view)


def _rows(
    named: Sequence[_Named], inspected: Sequence[Inspection]
) -> tuple[pl.DataFrame, list[Inspection], list[LeftOut]]:
    """A row per film with boxes, the films' inspections in order, and films whose edges cannot be used."""
    rows, used, unboxed = [], [], []
    names = image_names([each.path for each in named])
    for image, each, film in zip(names, named, inspected, strict=True):
        if film.source is None:
            continue
        try:
            box = read_vertebra_boxes(
                each.path.with_suffix(".csv"), each.view, rows=film.source.rows, columns=film.source.columns
            )
        except ManifestError as error:
            unboxed.append(LeftOut(each.path, "edges of vertebrae not usable", str(error)))
            continue
        rows.append((image, each.number, each.exam, each.sex, each.age, each.view, "lumbar", box))
        used.append(film)
    columns = (IMAGE_ID, PATIENT_ID, EXAM_ID, "sex", "age", "view", "anatomy", "box")
    schema = {name: pl.Float64 if name == "age" else pl.String for name in columns}
    return pl.DataFrame(rows, schema=schema, orient="row"), used, unboxed


def _without_film(tables: Sequence[Path]) -> list[str]:
    if not tables:
        return []
    return [f"{len(tables)} table(s) of edges without a film, such as {tables[0].name}."]
