"""Clinical values of each film: from a table by image, path or patient, else from the file's header."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from strnet import schema
from strnet.errors import ManifestError, ModelError
from strnet.imaging import Acquisition
from strnet.models import encode_clinical
from strnet.tables import require_columns

KEYS = (schema.IMAGE_ID, "path", schema.PATIENT_ID)
"""Columns a table can be joined by, the most specific first."""


@dataclass(frozen=True)
class Identity:
    """The names of a film: its file, and what its header says of image and patient."""

    path: Path
    source: Acquisition
    stem_is_shared: bool = False
    """Whether another file of the same job has the same stem, which then names neither."""

    @property
    def image_id(self) -> str:
        """The SOP Instance UID, or the file's stem."""
        return self.source.sop_instance_uid or self.path.stem


@dataclass(frozen=True)
class ClinicalTable:
    """Rows of clinical values, each found by any of its keys."""

    columns: tuple[str, ...]
    values: NDArray[np.float32] = field(repr=False)
    """(rows, K), NaN where blank."""
    patients: tuple[str | None, ...] = field(repr=False)
    rows_by: Mapping[str, Mapping[str, tuple[int, ...]]] = field(repr=False)
    """Per key column: row numbers of each value."""

    def row_of(self, film: Identity) -> int | None:
        """The row of `film`, None if it has none: by image_id (UID, then stem), path, or patient_id.

        Raises: ManifestError: several rows with different values, or a file stem that names several files.
        """
        for column, name in _names(film):
            rows = self.rows_by.get(column, {}).get(name, ())
            if rows:
                self._require_one_film(film, column, name)
                self._require_one_meaning(rows, column, name)
                return rows[0]
        return None

    def _require_one_film(self, film: Identity, column: str, name: str) -> None:
        if column == schema.IMAGE_ID and name == film.path.stem and film.stem_is_shared:
            raise ManifestError(
                f"clinical table: image_id '{name}' is the name of several files, one of them {film.path}. "
                "Join by path, or predict the folders one by one."
            )

    def _require_one_meaning(self, rows: tuple[int, ...], column: str, name: str) -> None:
        first = self.values[rows[0]]
        if not all(np.array_equal(first, self.values[row], equal_nan=True) for row in rows):
            listing = ", ".join(str(row + 1) for row in rows[:5])
            raise ManifestError(
                f"clinical table: rows {listing} all have {column} '{name}', with different values of "
                f"{', '.join(self.columns)}. Join by image_id, or leave one row per {column}."
            )


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of one film: clinical values (K,), NaN where not, and the patient."""

    values: NDArray[np.float32]
    patient_id: str | None
    in_table: bool


def index_clinical(frame: pl.DataFrame, columns: Sequence[str]) -> ClinicalTable:
    """The rows of `frame` with its clinical `columns` as numbers; blank is unknown, sex is F or M.

    Raises: ManifestError: no key column, a clinical column that is missing, or a cell that is no number.
    """
    keys = [name for name in KEYS if name in frame.columns]
    if not keys:
        raise ManifestError(
            f"clinical table: found columns {', '.join(frame.columns)}, expected at least one of "
            f"{', '.join(KEYS)}. Add one, so that a row can be joined to its film."
        )
    require_columns(frame, columns, "clinical table (leave cells blank where unknown)")
    values = np.empty((frame.height, len(columns)), dtype=np.float32)
    for position, name in enumerate(columns):
        values[:, position] = _numbers(frame, name)
    return ClinicalTable(
        columns=tuple(columns),
        values=values,
        patients=_texts(frame, schema.PATIENT_ID),
        rows_by={key: _rows_by(key, _texts(frame, key)) for key in keys},
    )


def look_up(film: Identity, columns: Sequence[str], table: ClinicalTable | None) -> Known:
    """What is known of `film`: the table's values, and for its blanks the header's age and sex.

    Raises: ManifestError: see `ClinicalTable.row_of`.
    """
    header = np.array([_from_header(film.source, name) for name in columns], dtype=np.float32)
    row = None if table is None else table.row_of(film)
    if table is None or row is None:
        return Known(header, film.source.patient_id, in_table=False)
    values = np.where(np.isnan(table.values[row]), header, table.values[row])
    return Known(values, table.patients[row] or film.source.patient_id, in_table=True)


def _names(film: Identity) -> list[tuple[str, str]]:
    names = [
        (schema.IMAGE_ID, film.image_id),
        (schema.IMAGE_ID, film.path.stem),
        ("path", os.path.realpath(film.path)),
    ]
    return [*names, (schema.PATIENT_ID, film.source.patient_id)] if film.source.patient_id else names


def _from_header(source: Acquisition, column: str) -> float:
    """What the header says; an age that no person has is how some devices write that it is unknown."""
    low, high = schema.PLAUSIBLE["age"]
    if column == "age" and source.patient_age is not None and low <= source.patient_age <= high:
        return source.patient_age
    if column == "sex" and source.patient_sex in schema.SEXES:
        return float(encode_clinical("sex", [source.patient_sex])[0])
    return float("nan")


def _numbers(frame: pl.DataFrame, column: str) -> NDArray[np.float32]:
    numbers = np.empty(frame.height, dtype=np.float32)
    for row, cell in enumerate(frame[column]):
        try:
            numbers[row] = encode_clinical(column, [cell])[0]
        except ModelError as error:
            raise ManifestError(f"clinical table, row {row + 1}: {error}") from error
    return numbers


def _texts(frame: pl.DataFrame, column: str) -> tuple[str | None, ...]:
    if column not in frame.columns:
        return (None,) * frame.height
    return tuple(None if cell is None else str(cell) for cell in frame[column])


def _rows_by(key: str, names: Sequence[str | None]) -> dict[str, tuple[int, ...]]:
    rows: dict[str, tuple[int, ...]] = {}
    for row, name in enumerate(names):
        if name:
            # A path may be written in many ways; the file it leads to is one.
            known_as: Any = os.path.realpath(name) if key == "path" else name
            rows[known_as] = (*rows.get(known_as, ()), row)
    return rows
