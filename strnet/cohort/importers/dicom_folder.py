"""A folder tree of films whose headers say whose they are, with or without a table of labels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from strnet.cohort.columns import column_named
from strnet.cohort.importers.header import completed
from strnet.cohort.importers.joining import checked_labels, joined_rows
from strnet.cohort.importers.labels import read_labels
from strnet.cohort.importers.matching import files_below
from strnet.cohort.importers.outcome import ImportedCohort, outputs, write_cohort
from strnet.cohort.inspection import Progress, inspect_files


def import_dicom_folder(
    folder: Path,
    out: Path,
    *,
    labels: Path | None = None,
    columns: Mapping[str, str] | None = None,
    constants: Mapping[str, str] | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> ImportedCohort:
    """The cohort of every film below `folder`, written to the manifest `out` and beside it.

    Headers give patient, age, sex, side, view, scanner and site. `labels` is a table with one row per patient
    (`patient_id`) or per film (`path` or `image_id`); its cells win over the header's, but a film whose
    header contradicts it in sex or side is left out. Films without a row keep unknown labels.
    What cannot be read goes to the quarantine with its reason, and the run goes on.

    Raises: ManifestError: the table breaks a rule, has two rows for one key, or fits no film.
    """
    table = None if labels is None else checked_labels(read_labels(labels, columns, constants))
    files = files_below(folder, leave_out=[*outputs(out), *([labels] if labels else [])])
    inspected = inspect_files(files, workers=workers, progress=progress)
    films = [film for film in inspected if film.reason is None]
    rows, notes = joined_rows(folder, films, table)
    made = completed(_with_constants(rows, constants or {}), films)
    unreadable = [film for film in inspected if film.reason is not None]
    return write_cohort(made.rows, out, unreadable, made.left_out, [*notes, *made.notes])


def _with_constants(rows: pl.DataFrame, constants: Mapping[str, str]) -> pl.DataFrame:
    """Rows with `constants` in their blank cells; the provenance of labels is the table's alone."""
    for name, value in constants.items():
        column = column_named(name)
        if not name.startswith("reference_"):
            present = pl.col(name) if name in rows.columns else pl.lit(None, pl.String)
            cell = pl.lit(column.canonical(value) or value)
            rows = rows.with_columns(
                pl.coalesce(present, cell.cast(rows.schema.get(name, pl.String))).alias(name)
            )
    return rows
