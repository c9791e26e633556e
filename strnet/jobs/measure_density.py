"""The density tables of a cohort of scans: per scan, and per vertebra."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from strnet import __version__
from strnet.cohort import Manifest, read_manifest
from strnet.density.contrast_correction import correction_named
from strnet.density.conversion import MINERALS
from strnet.density.reference_rods import ReferenceRod
from strnet.density.scanner_table import read_scanner_table
from strnet.density.trabecular_core import CoreRules
from strnet.density.vertebrae import require_vertebra, trabecular_labels
from strnet.errors import DensityError, PartialResultError, unknown_name
from strnet.files import canonical_json, sha256_bytes, writing_to
from strnet.imaging.contrast import CONTRASTS
from strnet.jobs.density_of_scan import (
    METHODS,
    SCAN_COLUMNS,
    VERTEBRA_COLUMNS,
    DensityPlan,
    ScanFile,
    measure,
)
from strnet.schema import IMAGE_ID, PATIENT_ID
from strnet.tables import read_table, require_columns, require_writable, write_table
from strnet.workers import AnyWorkers, in_order

USUAL_VERTEBRAE = ("L1", "L2", "L3")
_LISTED = 5
_WITH_TABLE = ("rods", "scanner")
_TEXT = {"vertebra", "vertebrae_used", "category", "diagnosis", "reason", "density_method", "density_source"}
_TEXT |= {"density_mineral", "density_materials", "density_scanner", "density_correction"}
_TYPES = {"extrapolated": pl.Boolean, "core_voxels": pl.Int64}


def density(
    manifest: Path,
    out: Path,
    plan: DensityPlan,
    *,
    workers: AnyWorkers = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """What stands in `out`, one row per scan, and in `vertebrae_table` beside it, one per vertebra.

    A stopped measurement goes on where it was; scans that could not be measured are tried again.

    Raises: ManifestError: no such manifest. PartialResultError: scans without a density (or, where only HU
        were asked for, without HU), with their reasons; the tables are complete for the others.
    """
    for path in (out, vertebrae_table(out)):
        require_writable(path)
    cohort = read_manifest(manifest)
    scans = scan_files(cohort)
    found = _measured(scans, plan, out, workers, progress)
    by_scan, by_vertebra = _tables(cohort, scans, found)
    write_table(by_vertebra, vertebrae_table(out))
    write_table(by_scan, out)
    _journal(out).unlink(missing_ok=True)
    return _summary(by_scan, out)


def density_plan(
    method: str,
    *,
    labels: Mapping[str, Sequence[int]] | None = None,
    table: Path | None = None,
    correction: str | None = None,
    mineral: str = "K2HPO4",
    contrast: str = "unknown",
    cropped: bool = False,
    core: Mapping[str, Any] | None = None,
) -> DensityPlan:
    """The plan of a method, with the table of its rods or scanners read and checked.

    `core` are the keys of `CoreRules` that are not as usual.

    Raises: DensityError: an unknown name, a table that the method lacks or does not take, or a bad row.
    """
    for kind, name, valid in (
        ("method", method, METHODS),
        ("mineral", mineral, MINERALS),
        ("contrast", contrast, CONTRASTS),
    ):
        if name not in valid:
            raise DensityError(unknown_name(kind, name, valid))
    if (method in _WITH_TABLE) != (table is not None):
        raise DensityError(
            f"method {method} with {table or 'no table'}: a table belongs to the methods "
            f"{' and '.join(_WITH_TABLE)}, which need one."
        )
    for vertebra in labels or ():
        require_vertebra(vertebra)
    return DensityPlan(
        method=method,
        labels={
            name: tuple(numbers) for name, numbers in (labels or trabecular_labels(USUAL_VERTEBRAE)).items()
        },
        rules=CoreRules(**(core or {})),
        mineral="CHA" if mineral == "CHA" else "K2HPO4",
        rods=read_rods(table) if table is not None and method == "rods" else {},
        scanners=read_scanner_table(table) if table is not None and method == "scanner" else None,
        correction=None if correction is None else correction_named(correction),
        contrast=contrast,
        cropped=cropped,
    )


def read_rods(path: Path) -> dict[str, tuple[ReferenceRod, ...]]:
    """By image_id, its rods in a table with the columns image_id, density (mg/cm3) and mean_hu.

    Raises: TableError: no such table or column. DensityError: a cell that is no number.
    """
    table = read_table(path, "table of rods")
    require_columns(table, (IMAGE_ID, "density", "mean_hu"), str(path))
    found: dict[str, list[ReferenceRod]] = {}
    for row in table.iter_rows(named=True):
        try:
            rod = ReferenceRod(float(row["density"]), float(row["mean_hu"]))
        except (TypeError, ValueError) as error:
            raise DensityError(
                f"{path}: a rod of {row[IMAGE_ID]} has density {row['density']} and mean_hu "
                f"{row['mean_hu']}, expected two numbers."
            ) from error
        found.setdefault(str(row[IMAGE_ID]), []).append(rod)
    return {image_id: tuple(rods) for image_id, rods in found.items()}


def vertebrae_table(out: Path) -> Path:
    """Where the table of vertebrae stands: `density.vertebrae.csv` beside `density.csv`."""
    stem, _, endings = out.name.partition(".")
    return out.with_name(f"{stem}.vertebrae.{endings}")


def scan_files(cohort: Manifest) -> list[ScanFile]:
    """The scans of a manifest, in order.

    Raises: DensityError: a kvp that is no number.
    """
    return [_scan_file(cohort, row) for row in cohort.frame.iter_rows(named=True)]


def _scan_file(cohort: Manifest, row: Mapping[str, Any]) -> ScanFile:
    mask = row.get("mask")
    try:
        kvp = None if row.get("kvp") is None else float(row["kvp"])
    except ValueError as error:
        raise DensityError(f"{cohort.path}: kvp of {row[IMAGE_ID]} is {row['kvp']}, expected kV.") from error
    return ScanFile(
        image_id=row[IMAGE_ID],
        path=cohort.image_path(row),
        mask=None if mask is None else cohort.path.parent / str(mask),
        scanner=row.get("scanner"),
        kvp=kvp,
        contrast=row.get("contrast"),
        phase=row.get("contrast_phase"),
    )


def _measured(
    scans: Sequence[ScanFile],
    plan: DensityPlan,
    out: Path,
    workers: AnyWorkers,
    progress: Callable[[int, int], None] | None,
) -> list[dict[str, Any]]:
    """What was found in each scan, in order; written down one by one."""
    keys = [_key(scan, plan) for scan in scans]
    known = _noted(_journal(out))
    todo = [(key, scan) for key, scan in zip(keys, scans, strict=True) if key not in known]
    fresh = in_order(partial(measure, plan=plan), (scan for _, scan in todo), _failed, workers)
    with writing_to(out), _journal(out).open("a", encoding="utf-8") as journal:
        journal.write("\n")  # a last line that was cut off must not run into the next one
        for done, ((key, _), row) in enumerate(zip(todo, fresh, strict=True), start=len(known) + 1):
            known[key] = row
            if row["reason"] is None:
                journal.write(json.dumps({"scan": key, "found": row}) + "\n")
                journal.flush()
            if progress:
                progress(min(done, len(scans)), len(scans))
    return [known[key] for key in keys]


def _failed(scan: ScanFile, reason: str) -> dict[str, Any]:
    return {"reason": f"{scan.path}: {reason}", "vertebrae": []}


def _journal(out: Path) -> Path:
    return out.with_name(f".{out.name}.measured.jsonl")


def _key(scan: ScanFile, plan: DensityPlan) -> str:
    """A hash of the row, the plan, and the size and time of change of the files."""
    files = [path for top in (scan.path, scan.mask) if top is not None for path in _below(top)]
    state = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files if path.is_file()]
    return sha256_bytes(canonical_json([__version__, repr(scan), repr(plan), state]))


def _below(top: Path) -> list[Path]:
    return sorted(top.rglob("*")) if top.is_dir() else [top]


def _noted(journal: Path) -> dict[str, dict[str, Any]]:
    """What a journal says, but for lines that were cut off."""
    found: dict[str, dict[str, Any]] = {}
    if not journal.is_file():
        return found
    for line in journal.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(line)
            found[entry["scan"]] = entry["found"]
        except (ValueError, TypeError, KeyError):
            continue
    return found


def _tables(
    cohort: Manifest, scans: Sequence[ScanFile], found: Sequence[Mapping[str, Any]]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    patients = dict(cohort.frame.select(IMAGE_ID, PATIENT_ID).iter_rows())
    by_scan, by_vertebra = [], []
    for scan, row in zip(scans, found, strict=True):
        ids = {IMAGE_ID: scan.image_id, PATIENT_ID: patients[scan.image_id]}
        by_scan.append({**ids, **{name: row.get(name) for name in SCAN_COLUMNS}})
        by_vertebra += [
            {**ids, **{name: cells.get(name) for name in VERTEBRA_COLUMNS}} for cells in row["vertebrae"]
        ]
    return _frame(by_scan, SCAN_COLUMNS), _frame(by_vertebra, VERTEBRA_COLUMNS)


def _frame(rows: list[dict[str, Any]], columns: Sequence[str]) -> pl.DataFrame:
    kinds: dict[str, Any] = {IMAGE_ID: pl.String, PATIENT_ID: pl.String}
    kinds |= {name: _TYPES.get(name, pl.String if name in _TEXT else pl.Float64) for name in columns}
    return pl.DataFrame(rows, schema=kinds)


def _summary(by_scan: pl.DataFrame, out: Path) -> dict[str, Any]:
    lost = by_scan.filter(pl.col("reason").is_not_null())
    if lost.height:
        rows = lost.select(IMAGE_ID, "reason").rows()
        listed = [f"  {image_id}: {reason}" for image_id, reason in rows[:_LISTED]]
        more = [f"  and {lost.height - _LISTED} more"] if lost.height > _LISTED else []
        raise PartialResultError(
            "\n".join(
                [
                    f"{out}: {lost.height} of {by_scan.height} scans have no result; the others are done.",
                    *listed,
                    *more,
                ]
            )
        )
    return {
        "scans": by_scan.height,
        "mean_hu": by_scan["mean_hu"].mean(),
        "vbmd": by_scan["vbmd"].mean(),
        "diagnosis": dict(by_scan["diagnosis"].drop_nulls().value_counts(sort=True).rows()),
        "table": str(out),
        "vertebrae_table": str(vertebrae_table(out)),
    }
