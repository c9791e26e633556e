"""The films of a job before any pixel is read: their names, and what is known of each beside its picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from strnet import schema
from strnet.errors import ManifestError
from strnet.imaging import image_name, image_names
from strnet.inference.bundle import Bundle
from strnet.inference.clinical_lookup import PIXEL_SHA256, TableOfFilms, clinical_table, tied_to_films
from strnet.inference.contradictions import header_cells
from strnet.inference.ensemble_bundle import EnsembleBundle
from strnet.inference.film_files import Film, as_text, find_films, read_headers
from strnet.inference.row_matching import FilmFile
from strnet.models import encode_clinical
from strnet.workers import AnyWorkers

SOP_INSTANCE_UID = "sop_instance_uid"


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of one film: cells by column, values (K,) with NaN where not, or why it is refused."""

    cells: Mapping[str, Any]
    values: NDArray[np.float32]
    refusal: str | None = None
    row: Mapping[str, Any] = field(default_factory=dict)
    """The film's row in the table that was given."""


@dataclass(frozen=True, eq=False)
class Roster:
    """The files of a job, each once, with their names and their rows in the table that was given."""

    files: tuple[Path, ...]
    image_ids: tuple[str, ...]
    skipped: tuple[Film, ...]
    """Files below the folders that are no films."""
    clinical: tuple[str, ...]
    """The clinical inputs of the bundle, in its order."""
    tied: TableOfFilms | None = None

    @property
    def hashed(self) -> bool:
        """Whether the films' pixels are to be compared with what the table says of them."""
        return self.tied is not None and self.tied.table.knows_pixels

    def rows_of(self, ahead: Sequence[Path]) -> list[Mapping[str, Any] | None]:
        """The rows of the table for the last films, which are `ahead`; None where there is none."""
        if self.tied is None:
            return [None] * len(ahead)
        return list(self.tied.row_of[len(self.files) - len(ahead) :])

    def known(self, position: int, film: Film) -> Known:
        """What is known of the film at `position` among `files`, once it was read, or could not be."""
        row = {} if self.tied is None else self.tied.row_of[position] or {}
        header = dict.fromkeys((*schema.IDENTITY_COLUMNS, SOP_INSTANCE_UID))
        header |= {} if film.source is None else header_cells(film.source)
        cells = {name: said if row.get(name) is None else row[name] for name, said in header.items()}
        image_id = as_text(self.image_ids[position])
        cells |= {schema.IMAGE_ID: image_id, schema.CASE_ID: image_id}
        both = {**row, **cells}
        values = np.array([_number(name, both.get(name)) for name in self.clinical], dtype=np.float32)
        return Known(cells, values, self._refusal(position, row, film), row)

    def _refusal(self, position: int, row: Mapping[str, Any], film: Film) -> str | None:
        differs = None if self.tied is None else self.tied.refused.get(position)
        if differs is not None:
            return f"header and clinical table disagree: {differs}."
        expected = row.get(PIXEL_SHA256)
        if expected and film.pixel_sha256 and expected != film.pixel_sha256:
            return (
                f"the clinical table's row '{row.get(schema.IMAGE_ID)}' is of another picture: its "
                f"{PIXEL_SHA256} is not that of this film. Predict the film itself, not a changed copy, "
                "or correct the row."
            )
        return None


def film_roster(
    bundle: Bundle | EnsembleBundle,
    paths: Sequence[Path | str],
    clinical: pl.DataFrame | None = None,
    workers: AnyWorkers = None,
) -> Roster:
    """The films among `paths` and below the folders there; `clinical` is a table in the manifest's words.

    With a table every header is read, and everything about the table is checked that does not need pixels.

    Raises: ImageError: no file at all. ManifestError: a table that cannot be used, see `clinical_table` and
        `tied_to_films`, or that gives a film the name of another.
    """
    inputs = bundle.clinical_inputs
    table = None if clinical is None else clinical_table(clinical, inputs, bundle.cells_needed)
    found = find_films(paths)
    names = image_names(found.files)
    bare = partial(Roster, found.files, skipped=found.skipped, clinical=inputs)
    if table is None:
        return bare(tuple(names))
    headers = read_headers(found.files, workers)
    tied = tied_to_films(table, [FilmFile(film.path, film.source) for film in headers])
    given = _given_names(tied)
    image_ids = [name if said is None else said for name, said in zip(names, given, strict=True)]
    _require_unique(image_ids, found.files)
    return bare(tuple(image_ids), tied=tied)


def _given_names(tied: TableOfFilms) -> list[str | None]:
    """What the table calls each film, None where not; without an ending, unless that tells two apart."""
    count = Counter(image_name(str(row.get(schema.IMAGE_ID))) for row in tied.table.rows)
    cells = [(row or {}).get(schema.IMAGE_ID) for row in tied.row_of]
    return [name if name is None or count[image_name(name)] > 1 else image_name(name) for name in cells]


def _require_unique(image_ids: Sequence[str], files: Sequence[Path]) -> None:
    name, count = Counter(image_ids).most_common(1)[0] if image_ids else ("", 1)
    if count > 1:
        listing = ", ".join(str(file) for file, own in zip(files, image_ids, strict=True) if own == name)
        raise ManifestError(
            f"clinical table: image_id '{name}' would be the name of {count} films: {listing}. "
            "Predict the folders one by one."
        )


def _number(column: str, cell: object) -> float:
    return float(encode_clinical(column, [cell])[0])
