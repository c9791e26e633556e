"""What a table says of films in the manifest's words: checked cells, and the row of each film."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from strnet import schema
from strnet.errors import ManifestError, ModelError, unknown_name
from strnet.inference.contradictions import contradictions
from strnet.inference.row_matching import KEYS, FilmFile, described_row, matched_rows
from strnet.models import encode_clinical
from strnet.tables import id_texts

PIXEL_SHA256 = "pixel_sha256"
_NEAR = 0.84
_SHOWN = 5


@dataclass(frozen=True, eq=False)
class ClinicalTable:
    """Rows whose cells were checked: numbers of clinical variables, texts of all else, None where blank."""

    rows: tuple[Mapping[str, Any], ...] = field(repr=False)
    absent: tuple[str, ...]
    """Clinical inputs for which there is no column at all."""

    @property
    def knows_pixels(self) -> bool:
        """Whether any row says what its film's pixels are."""
        return any(row.get(PIXEL_SHA256) for row in self.rows)


@dataclass(frozen=True, eq=False)
class TableOfFilms:
    """A table and the films of a job, tied together before any pixel is read."""

    table: ClinicalTable
    row_of: tuple[Mapping[str, Any] | None, ...]
    """For each film its row, None where the table has none."""
    refused: Mapping[int, str]
    """Films whose header contradicts their row, with what differs."""
    unused: tuple[str, ...]
    """The rows that fit no film, described."""


def clinical_table(frame: pl.DataFrame, clinical: Sequence[str], cells: Sequence[str] = ()) -> ClinicalTable:
    """The rows of `frame`: which films or patients they are about, their identity, and `clinical` values.

    `cells` are further columns that are kept as text.

    A frame without a column for one of `clinical` is legal, unless another column's name comes near it.
    Equal rows count once.

    Raises: ManifestError: no key column, a misspelt clinical column, or a cell that cannot be read.
    """
    _require_key(frame)
    for name in clinical:
        _require_spelt(name, frame.columns)
    numbers = {*clinical, "age"} - {"sex"}
    texts = {*KEYS, *schema.IDENTITY_COLUMNS, PIXEL_SHA256, *cells} - numbers
    columns: dict[str, list[Any]] = {}
    for name in frame.columns:
        if name == "sex":
            columns[name] = _sexes(frame)
        elif name in numbers:
            columns[name] = _numbers(frame, name)
        elif name in texts:
            columns[name] = _texts(frame, name)
    rows = dict.fromkeys(zip(*columns.values(), strict=True))
    return ClinicalTable(
        rows=tuple(dict(zip(columns, row, strict=True)) for row in rows),
        absent=tuple(name for name in clinical if name not in frame.columns),
    )


def tied_to_films(table: ClinicalTable, films: Sequence[FilmFile]) -> TableOfFilms:
    """The table with the row of each film.

    Raises: ManifestError: no row fits a film, a row fits several, a film has several, or the headers of
        most films contradict their rows.
    """
    numbers = matched_rows(table.rows, films)
    rows = tuple(None if number is None else table.rows[number] for number in numbers)
    used = {number for number in numbers if number is not None}
    if not used:
        _refuse_strange(table, films)
    refused = _contradicted(films, rows)
    unused = tuple(described_row(row) for number, row in enumerate(table.rows) if number not in used)
    return TableOfFilms(table, rows, refused, unused)


def _contradicted(films: Sequence[FilmFile], rows: Sequence[Mapping[str, Any] | None]) -> dict[int, str]:
    """By film, what its header says otherwise than its row.

    Raises: ManifestError: that is so of most films that have a row; that the others agree may be chance.
    """
    patients = {film.header.patient_id for film in films if film.header and film.header.patient_id}
    refused = {}
    for position, (film, row) in enumerate(zip(films, rows, strict=True)):
        found = [] if row is None or film.header is None else contradictions(row, film.header, patients)
        if found:
            refused[position] = "; ".join(found)
    tied = sum(row is not None for row in rows)
    if 2 * len(refused) > tied:
        position, first = next(iter(refused.items()))
        raise ManifestError(
            f"clinical table: the headers of {len(refused)} of {tied} films it fits disagree. The first: "
            f"{films[position].path}: {first}. It is the table of other films, or its columns are mixed up."
        )
    return refused


def _require_key(frame: pl.DataFrame) -> None:
    if not set(KEYS) & set(frame.columns):
        raise ManifestError(
            f"clinical table: found columns {', '.join(frame.columns)}, expected at least one of "
            f"{', '.join(KEYS)}. Add one, so that a row can be tied to its film."
        )


def _require_spelt(name: str, columns: Sequence[str]) -> None:
    lower = {column.strip().lower(): column for column in columns}
    near = difflib.get_close_matches(name, lower, n=1, cutoff=_NEAR)
    if name not in columns and near:
        raise ManifestError(
            f"clinical table: column '{name}' is missing. {unknown_name('column', name, [lower[near[0]]])} "
            f"Rename it, or remove it: without a column for it, {name} is unknown."
        )


def _refuse_strange(table: ClinicalTable, films: Sequence[FilmFile]) -> None:
    keys = [key for key in KEYS if any(row.get(key) for row in table.rows)]
    if not keys:
        raise ManifestError(f"clinical table: no row has a {', '.join(KEYS)}. Fill one of them.")
    named = ", ".join(described_row(row) for row in table.rows[:3])
    raise ManifestError(
        f"clinical table: no row fits a film, by {', '.join(keys)}. The table has {named}; the films are "
        f"{', '.join(film.path.name for film in films[:3])}. An image_id is a file's name without ending, "
        "with folders in front where several files share it."
    )


def _numbers(frame: pl.DataFrame, column: str) -> list[float | None]:
    # NaN is not equal to itself, and equal rows are to be known as such.
    return [None if math.isnan(value) else value for value in _encoded(frame, column)]


def _sexes(frame: pl.DataFrame) -> list[str | None]:
    return [None if math.isnan(code) else schema.SEXES[int(code)] for code in _encoded(frame, "sex")]


def _encoded(frame: pl.DataFrame, column: str) -> list[float]:
    numbers = []
    for row, cell in enumerate(frame[column]):
        try:
            numbers.append(float(encode_clinical(column, [cell])[0]))
        except ModelError as error:
            raise ManifestError(f"clinical table, row {row + 1}: {error}") from error
    return numbers


def _texts(frame: pl.DataFrame, column: str) -> list[str | None]:
    cells = frame[column]
    if column in (schema.PATIENT_ID, schema.EXAM_ID) or cells.dtype.is_numeric():
        cells = id_texts(cells)
    return [None if cell is None or str(cell).strip() == "" else str(cell).strip() for cell in cells]
