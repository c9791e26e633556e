"""A cohort manifest from a folder of images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from strnet.cohort.importers import (
    ImportedCohort,
    ImportRequest,
    import_buu_lspine,
    import_films,
    import_knee_qus,
    import_scans,
)
from strnet.cohort.importers.outcome import AUDIT, QUARANTINE
from strnet.cohort.importers.request import DUPLICATES
from strnet.cohort.manifest import beside_manifest
from strnet.errors import ConfigError, unknown_name
from strnet.tables import require_writable

LAYOUTS = ("auto", "dicom", "table", "volumes", "knee-qus", "buu-lspine")
_IMPORTERS = {"volumes": import_scans, "knee-qus": import_knee_qus, "buu-lspine": import_buu_lspine}


def ingest(folder: Path, out: Path, *, layout: str = "auto", **asked: Any) -> dict[str, Any]:
    """Counts of the cohort whose manifest is now `out`; quarantine, flow and audit are named after it.

    `layout` says what the folder is: `table` (a table lists the films), `dicom` (headers do, a table may add
    labels), `volumes` (series of CT and NIfTI files), `knee-qus`, `buu-lspine` (published data sets); `auto`
    is `table` if one is given, else `dicom`. `asked` are the other fields of an `ImportRequest`: the table,
    what is said about its columns and cells, whose films they are, what becomes of conflicting duplicates,
    workers and progress.

    Raises: ConfigError: an unknown layout. ManifestError: an `out` that cannot be written, told before any
    film is read, or all that is open or broken in the table, at once.
    """
    if layout not in LAYOUTS:
        raise ConfigError(f"--layout: {unknown_name('layout', layout, LAYOUTS)}")
    request = ImportRequest(folder=folder, out=out, keep_unlisted=layout == "dicom", **asked)
    if layout == "table" and request.table is None:
        raise ConfigError("--layout table: no table is given. Add --table FILE.")
    if request.duplicates not in DUPLICATES:
        raise ConfigError(f"--duplicates: {unknown_name('choice', request.duplicates, DUPLICATES)}")
    if request.patient_id_from is not None and request.one_patient_per_film:
        raise ConfigError("--patient-id-from and --one-patient-per-film say two things. Give one.")
    require_writable(out)
    return _summary(_IMPORTERS.get(layout, import_films)(request), out)


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
        "read_as": list(cohort.clear),
        "notes": list(cohort.notes),
        "audit": cohort.audit.as_json(),
    }
