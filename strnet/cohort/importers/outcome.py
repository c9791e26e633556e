"""What every importer ends with: manifest, quarantine, flow and audit, written side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from strnet.cohort.audit import Audit, audit_manifest
from strnet.cohort.columns import BY_NAME
from strnet.cohort.flow import FLOW, CohortFlow, flow_of, write_flow
from strnet.cohort.inspection import Inspection
from strnet.cohort.manifest import Manifest, beside_manifest, manifest_of, stored_path
from strnet.errors import ManifestError
from strnet.files import write_json, write_together
from strnet.tables import write_table

QUARANTINE, AUDIT = "quarantine.csv", "audit.json"
QUARANTINE_SCHEMA = {"path": pl.String, "reason": pl.String}
FILM = "__film__"
"""Column of the rows on their way to the manifest: absolute path of the film."""


@dataclass(frozen=True, eq=False)
class ImportedCohort:
    """What an importer wrote: the manifest, the films left out with their reasons, counts, and an audit."""

    manifest: Manifest
    quarantine: pl.DataFrame
    """path, reason."""
    flow: CohortFlow
    audit: Audit
    notes: tuple[str, ...]
    """What the importer saw and did not change, in sentences."""
    clear: tuple[str, ...] = ()
    """How a table was read and its columns were mapped, in sentences."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A film that is in no row, though it may be readable; films with one reason are counted together."""

    path: Path
    reason: str
    detail: str = ""


def outputs(out: Path) -> list[Path]:
    """Every file that `write_cohort` writes for the manifest `out`."""
    return [out, *(beside_manifest(out, name) for name in (QUARANTINE, FLOW, AUDIT))]


def write_cohort(
    rows: pl.DataFrame,
    out: Path,
    unreadable: Sequence[Inspection],
    left_out: Sequence[LeftOut] = (),
    notes: Sequence[str] = (),
    clear: Sequence[str] = (),
) -> ImportedCohort:
    """What an importer found, written to `out` and, named after it, its quarantine, flow and audit.

    `rows` have the manifest's columns but `path`, and the film's own path in column `FILM`.

    Raises: ManifestError: no film is left, or rows that break a rule of the manifest.
    """
    quarantine = _quarantine(unreadable, left_out)
    if not rows.height:
        write_table(quarantine, beside_manifest(out, QUARANTINE))
        first = (
            f"The first: {quarantine[0, 0]}: {quarantine[0, 1]}"
            if quarantine.height
            else "No file was found."
        )
        raise ManifestError(f"{out}: no film could be used of {quarantine.height} file(s). {first}")
    paths = pl.Series("path", [stored_path(Path(film), out) for film in rows[FILM]])
    frame = _in_order(rows.with_columns(paths).drop(FILM))
    manifest = manifest_of(frame, out)
    flow = flow_of(
        found=rows.height + quarantine.height,
        unreadable=len(unreadable),
        unusable=[film.reason for film in left_out],
        frame=manifest.frame,
    )
    outcome = ImportedCohort(manifest, quarantine, flow, audit_manifest(manifest), tuple(notes), tuple(clear))
    with write_together(*outputs(out)) as (manifest_file, quarantine_file, flow_file, audit_file):
        write_table(manifest.stored(frame.columns), manifest_file)
        write_table(quarantine, quarantine_file)
        write_flow(flow, flow_file, manifest)
        write_json(audit_file, outcome.audit.as_json() | {"notes": list(notes), "read_as": list(clear)})
    return outcome


def _quarantine(unreadable: Sequence[Inspection], left_out: Sequence[LeftOut]) -> pl.DataFrame:
    rows = [(str(film.path), film.reason) for film in unreadable]
    rows += [
        (str(film.path), f"{film.reason}: {film.detail}" if film.detail else film.reason) for film in left_out
    ]
    return pl.DataFrame(rows, schema=QUARANTINE_SCHEMA, orient="row").sort("path")


def _in_order(rows: pl.DataFrame) -> pl.DataFrame:
    known = [name for name in BY_NAME if name in rows.columns]
    return rows.select(*known, *(name for name in rows.columns if name not in BY_NAME))
