"""A cohort manifest from a folder of images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from strnet.cohort.importers import ImportedCohort, import_dicom_folder, import_knee_qus, import_table
from strnet.cohort.importers.outcome import AUDIT, QUARANTINE
from strnet.cohort.manifest import beside_manifest
from strnet.errors import ConfigError, unknown_name
from strnet.tables import require_writable

LAYOUTS = ("auto", "dicom", "table", "knee-qus")


def ingest(
    folder: Path,
    out: Path,
    *,
    layout: str = "auto",
    table: Path | None = None,
    columns: Mapping[str, str] | None = None,
    constants: Mapping[str, str] | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Counts of the cohort whose manifest is now `out`; quarantine, flow and audit stand beside it.

    `layout` says what the folder is: `table` (a table lists the films), `dicom` (headers do, a table may add
    labels), `knee-qus` (the published data set); `auto` is `table` if one is given, else `dicom`.
    `columns` maps manifest columns to the table's, `constants` fill blank cells.

    Raises: ConfigError: an unknown layout. ManifestError: an `out` that cannot be written, told before any
    film is read, or rows that break a rule, each with its line.
    """
    if layout not in LAYOUTS:
        raise ConfigError(f"--layout: {unknown_name('layout', layout, LAYOUTS)}")
    if layout == "auto":
        layout = "table" if table else "dicom"
    if layout == "table" and table is None:
        raise ConfigError("--layout table: no table is given. Add --table FILE.")
    require_writable(out)
    options: dict[str, Any] = {"workers": workers, "progress": progress}
    if layout == "knee-qus":
        cohort = import_knee_qus(folder, out, **options)
    elif layout == "dicom" or table is None:
        cohort = import_dicom_folder(
            folder, out, labels=table, columns=columns, constants=constants, **options
        )
    else:
        cohort = import_table(folder, table, out, columns=columns, constants=constants, **options)
    return _summary(cohort, out)


def _summary(cohort: ImportedCohort, out: Path) -> dict[str, Any]:
    frame = cohort.manifest.frame
    counts = frame["diagnosis"].fill_null("unknown").value_counts(sort=True)
    return {
        "manifest": str(out),
        "quarantine": str(beside_manifest(out, QUARANTINE)),
        "audit_file": str(beside_manifest(out, AUDIT)),
        "films": frame.height,
        "patients": frame["patient_id"].n_unique(),
        "diagnosis": dict(counts.rows()),
        "left_out": cohort.quarantine.height,
        "notes": list(cohort.notes),
        "audit": cohort.audit.as_json(),
    }
