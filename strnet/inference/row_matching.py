"""Which film each row of a table is about: by path, UID, name or hash of the file; else by the patient."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from strnet.errors import ManifestError
from strnet.files import sha256_file
from strnet.imaging import Acquisition, image_name
from strnet.schema import IMAGE_ID, PATIENT_ID

PATH, UID, FILE_SHA256 = "path", "sop_instance_uid", "file_sha256"
FILM_KEYS = (PATH, UID, IMAGE_ID, FILE_SHA256)
"""Columns that say which film a row is about, the surest first."""
KEYS = (*FILM_KEYS, PATIENT_ID)

Cells = Mapping[str, str | None]
"""The key columns of one row, as text."""


@dataclass(frozen=True)
class FilmFile:
    """A film as far as it is known without its pixels; no header where none can be read."""

    path: Path
    header: Acquisition | None = None


def matched_rows(rows: Sequence[Cells], films: Sequence[FilmFile]) -> list[int | None]:
    """For each film the number of its row, None where it has none.

    A row that names a film by any of `FILM_KEYS` belongs to it alone; one that names only a patient belongs
    to every film of that patient (by the header) that has no row of its own.

    Raises: ManifestError: a row that fits several films or contradicts itself, or two rows for one film or
        patient.
    """
    finder = _FilmFinder(films, _shared_names(rows))
    of_film = _one_row_each(((finder.film_of(cells), row) for row, cells in enumerate(rows)), rows, films)
    of_film |= _by_file_hash(rows, films, of_film)
    of_patient = _patient_rows(rows)
    found = []
    for film, file in enumerate(films):
        patient = None if file.header is None else file.header.patient_id
        found.append(of_film.get(film, of_patient.get(patient or "")))
    return found


def described_row(cells: Cells) -> str:
    """A row by its first key: `image_id 'a/IM7'`."""
    return next((f"{key} '{cells[key]}'" for key in KEYS if cells.get(key)), "(a row without a key)")


class _FilmFinder:
    """The films of a job by what a row may call them."""

    def __init__(self, films: Sequence[FilmFile], shared: Set[tuple[str, str]]) -> None:
        self._films = films
        self._shared = shared
        self._paths = [film.path.absolute().parts for film in films]
        self._by_file: dict[str, list[int]] = {}
        self._by_uid: dict[str, list[int]] = {}
        self._by_last: dict[str, list[int]] = {}
        for number, film in enumerate(films):
            self._by_file.setdefault(os.path.realpath(film.path), []).append(number)
            if film.header is not None and film.header.sop_instance_uid:
                self._by_uid.setdefault(film.header.sop_instance_uid, []).append(number)
            for name in {film.path.name, image_name(film.path.name)}:
                self._by_last.setdefault(name, []).append(number)

    def film_of(self, cells: Cells) -> int | None:
        """The number of the film that a row is about, None if it is none of them.

        Raises: ManifestError: several films, or keys that lead to different ones.
        """
        fits = {key: self._fitting(key, cells.get(key)) for key in FILM_KEYS}
        sure = next((found[0] for found in fits.values() if len(found) == 1), None)
        if sure is None:
            self._require_none(cells, fits)
            return None
        strayed = [key for key in (PATH, UID) if fits[key] and sure not in fits[key]]
        if strayed:
            other = self._films[fits[strayed[0]][0]].path
            raise ManifestError(
                f"clinical table: the row of {described_row(cells)} is about {self._films[sure].path}, and "
                f"by {strayed[0]} '{cells[strayed[0]]}' about {other}. A row can be about one film only."
            )
        return sure

    def _require_none(self, cells: Cells, fits: Mapping[str, list[int]]) -> None:
        for key, found in fits.items():
            if found:
                listing = ", ".join(str(self._films[number].path) for number in found[:5])
                raise ManifestError(
                    f"clinical table: {key} '{cells[key]}' fits {len(found)} films: {listing}. Put as many "
                    "folders in front as tell them apart (north/IM7), or predict the folders one by one."
                )

    def _fitting(self, key: str, cell: str | None) -> list[int]:
        if not cell or key == FILE_SHA256:
            return []
        if key == UID:
            return self._by_uid.get(cell, [])
        if key == PATH:
            return self._by_file.get(os.path.realpath(cell)) or self._ending_with(key, cell)
        return self._ending_with(key, cell) or self._by_uid.get(cell, [])

    def _ending_with(self, key: str, cell: str) -> list[int]:
        """Films whose path ends with the name in `cell`: with its film ending, else without.

        A film that was converted has another ending; not so where rows differ by nothing else.
        """
        name = cell.replace("\\", "/").removeprefix("./")
        whole, bare = PurePosixPath(name).parts, PurePosixPath(image_name(name)).parts
        for parts in (whole,) if (key, image_name(cell)) in self._shared else (whole, bare):
            fits = [n for n in self._by_last.get(parts[-1] if parts else "", []) if self._ends(n, parts)]
            if fits:
                return fits
        return []

    def _ends(self, number: int, parts: Sequence[str]) -> bool:
        path = self._paths[number][-len(parts) :]
        return path[:-1] == tuple(parts[:-1]) and parts[-1] in (path[-1], image_name(path[-1]))


def _shared_names(rows: Sequence[Cells]) -> set[tuple[str, str]]:
    """Key and name, without film ending, of what several rows call their film."""
    names = ((key, image_name(cell)) for row in rows for key in (PATH, IMAGE_ID) if (cell := row.get(key)))
    return {name for name, count in Counter(names).items() if count > 1}


def _one_row_each(
    found: Iterable[tuple[int | None, int]], rows: Sequence[Cells], films: Sequence[FilmFile]
) -> dict[int, int]:
    """Row by film; films that are None have no row.

    Raises: ManifestError: two rows for one film.
    """
    by_film: dict[int, int] = {}
    for film, row in found:
        if film is None:
            continue
        if film in by_film:
            raise ManifestError(
                f"clinical table: two different rows are about {films[film].path}: "
                f"{described_row(rows[by_film[film]])} and {described_row(rows[row])}. Keep one."
            )
        by_film[film] = row
    return by_film


def _by_file_hash(
    rows: Sequence[Cells], films: Sequence[FilmFile], known: Mapping[int, int]
) -> dict[int, int]:
    """Rows of renamed films: those still without a film, by the content of the files still without a row.

    Raises: ManifestError: two rows for one file, or a row for two equal files.
    """
    used = set(known.values())
    waiting: dict[str, list[int]] = {}
    for row, cells in enumerate(rows):
        if row not in used and (digest := cells.get(FILE_SHA256)):
            waiting.setdefault(digest, []).append(row)
    found: dict[int, list[int]] = {}
    for film, file in enumerate(films):
        if waiting and film not in known and file.path.is_file():
            for row in waiting.get(sha256_file(file.path), []):
                found.setdefault(row, []).append(film)
    for row, equal in found.items():
        if len(equal) > 1:
            listing = ", ".join(str(films[film].path) for film in equal)
            raise ManifestError(
                f"clinical table: the row of {described_row(rows[row])} fits equal files: {listing}. "
                "Predict one of them, or name one by its path."
            )
    return _one_row_each(((film[0], row) for row, film in found.items()), rows, films)


def _patient_rows(rows: Sequence[Cells]) -> dict[str, int]:
    """Row by patient, of the rows that name no film.

    Raises: ManifestError: two different rows for one patient.
    """
    by_patient: dict[str, int] = {}
    for row, cells in enumerate(rows):
        patient = cells.get(PATIENT_ID)
        if not patient or any(cells.get(key) for key in FILM_KEYS):
            continue
        if patient in by_patient:
            raise ManifestError(
                f"clinical table: two different rows for {PATIENT_ID} '{patient}'. Keep one row per patient, "
                f"or name the film of each row ({IMAGE_ID} or path)."
            )
        by_patient[patient] = row
    return by_patient
