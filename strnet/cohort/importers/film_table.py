"""A folder of films with a table that has one row per film."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from strnet.cohort.importers.dicom_folder import import_dicom_folder
from strnet.cohort.importers.header import completed
from strnet.cohort.importers.labels import LabelTable, read_labels
from strnet.cohort.importers.matching import FilmFinder, files_below, looks_like_film
from strnet.cohort.importers.outcome import ImportedCohort, LeftOut, outputs, write_cohort
from strnet.cohort.inspection import Progress, inspect_files
from strnet.cohort.validation import validated
from strnet.schema import IMAGE_ID, PATIENT_ID


def import_table(
    folder: Path,
    table: Path,
    out: Path,
    *,
    columns: Mapping[str, str] | None = None,
    constants: Mapping[str, str] | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> ImportedCohort:
    """The cohort of the films that `table` lists, written to the manifest `out` and beside it.

    `columns` maps manifest columns to the table's, `constants` fill blank cells. A row names its film by
    `path` (relative to `folder`) or `image_id` (file name, with or without extension). A table with one row
    per patient, or without patient ids, is joined to the films' headers instead (`import_dicom_folder`).
    Films that cannot be read or that the table does not list go to the quarantine, and the run goes on.

    Raises: ManifestError: the table breaks a rule of the manifest; each line is named, no film is read.
    """
    labels = read_labels(table, columns, constants)
    if labels.key == PATIENT_ID or PATIENT_ID not in labels.frame.columns:
        return import_dicom_folder(
            folder,
            out,
            labels=table,
            columns=columns,
            constants=constants,
            workers=workers,
            progress=progress,
        )
    files = files_below(folder, leave_out=[table, *outputs(out)])
    rows, films = _listed(labels, FilmFinder(folder, files))
    listed = {path.resolve() for path in films}
    unlisted = [path for path in files if path.resolve() not in listed and looks_like_film(path)]
    inspected = inspect_files(films, workers=workers, progress=progress)
    readable = pl.Series([film.reason is None for film in inspected], dtype=pl.Boolean)
    made = completed(rows.filter(readable), [film for film in inspected if film.reason is None])
    left_out = [*made.left_out, *(LeftOut(path, "not in the table") for path in unlisted)]
    unreadable = [film for film in inspected if film.reason is not None]
    return write_cohort(made.rows, out, unreadable, left_out, made.notes)


def _listed(labels: LabelTable, finder: FilmFinder) -> tuple[pl.DataFrame, list[Path]]:
    """The rows of the table, checked, and the film of each."""
    frame = labels.frame
    if "path" not in frame.columns:
        frame = frame.with_columns(pl.col(IMAGE_ID).alias("path"))
    if IMAGE_ID not in frame.columns:
        frame = frame.with_columns(pl.col("path").alias(IMAGE_ID))
    rows = validated(frame, str(labels.path), lines=labels.lines, line_word=labels.line_word)
    return rows.drop("path"), [finder.find(key) for key in rows["path"]]
