"""A folder of CT series and NIfTI files, in any order, to a manifest with one row per study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from strnet.cohort.importers.checked_table import checked_table
from strnet.cohort.importers.conflicting_pictures import settle_conflicts
from strnet.cohort.importers.header import completed
from strnet.cohort.importers.joining import labelled
from strnet.cohort.importers.matching import FilmFinder, files_below
from strnet.cohort.importers.outcome import FILM, ImportedCohort, LeftOut, outputs, write_cohort
from strnet.cohort.importers.patient_ids import patients_by_name
from strnet.cohort.importers.request import ImportRequest
from strnet.cohort.importers.scan_folders import links_folder, scan_path
from strnet.cohort.inspection import Inspection
from strnet.cohort.manifest import beside_manifest
from strnet.cohort.scan_inspection import Scan, all_settled, scans_in
from strnet.files import sha256_file
from strnet.imaging import Acquisition
from strnet.imaging.nifti import is_nifti
from strnet.imaging.scan_acquisition import ScanAcquisition
from strnet.imaging.scan_files import FileContent
from strnet.schema import IMAGE_ID, PATIENT_ID
from strnet.tables import write_table

CHOICES = "scans.csv"
"""Every series that was found, which of its study is used, and why."""
_FACTS = (
    *("slices", "slice_spacing_mm", "slice_thickness_mm", "kvp", "kernel", "contrast"),
    *("gantry_tilt_degrees", "series_uid", "series_description"),
)
_KINDS = {"slices": pl.Int64, "kernel": pl.String, "contrast": pl.String} | dict.fromkeys(
    ("series_uid", "series_description"), pl.String
)


def import_scans(request: ImportRequest) -> ImportedCohort:
    """The cohort of a folder of scans, written to the request's manifest and beside it.

    Files are sorted into series whatever folders they lie in. Of each study the series that suits bone
    density best is used; the others, and every series that is broken, are left out with the reason, in the
    quarantine and in `<manifest>.scans.csv`. A NIfTI file is a study of its own. A series that shares its
    folder with other files gets a folder of links in `<manifest>.series`.

    Raises: ManifestError: no scan could be used, or what is open or broken in the table.
    """
    own = [*outputs(request.out), *([request.table] if request.table else [])]
    links = links_folder(request.out).resolve()
    found = [
        path
        for path in files_below(request.folder, leave_out=own)
        if not path.absolute().is_relative_to(links) and path.name != choices_path(request.out).name
    ]
    niftis = [path for path in found if is_nifti(path)]
    files = [path for path in found if not is_nifti(path)]
    studies, others = scans_in(files, workers=request.workers, progress=request.progress)
    scans = all_settled(studies, niftis, request.workers, request.progress)
    used = [scan for scan in scans if scan.reason is None]
    left_out = [*_not_used(scans), *_no_scans(others)]
    broken = [content for content in others if content.unreadable]
    unreadable = [Inspection(content.path, reason=content.unreadable) for content in broken]
    write_table(_choices(scans), choices_path(request.out))
    paths = [scan_path(scan, request.out) for scan in used]
    return _written(request, used, paths, unreadable, left_out)


def choices_path(out: Path) -> Path:
    """Where the table of all series that were found stands."""
    return beside_manifest(out, CHOICES)


def _written(
    request: ImportRequest,
    used: Sequence[Scan],
    paths: Sequence[Path],
    unreadable: Sequence[Inspection],
    left_out: Sequence[LeftOut],
) -> ImportedCohort:
    finder = FilmFinder(request.folder, paths)
    table = checked_table(request, finder) if request.table is not None else None
    films = [_inspected(scan, path) for scan, path in zip(used, paths, strict=True)]
    rows, notes = labelled(_rows(used, paths, finder, request), table, films)
    made = completed(_constant(rows, request), films)
    kept, conflicting, said = settle_conflicts(made.rows, request)
    return write_cohort(
        kept.join(_facts(used, paths), on=FILM, how="left", maintain_order="left"),
        request.out,
        unreadable,
        [*made.left_out, *conflicting, *left_out],
        [*notes, *made.notes, *said],
        table.clear if table is not None else (),
    )


def _rows(
    used: Sequence[Scan], paths: Sequence[Path], finder: FilmFinder, request: ImportRequest
) -> pl.DataFrame:
    """One row per scan with its name, its file, and its patient where names give it."""
    named: Sequence[str | None] = [None] * len(paths)
    if request.names_patients and paths:
        below = [_below(scan.place, request.folder) for scan in used]
        by_name = patients_by_name(request, below)
        named = by_name.patients if by_name else named
    rows = [
        (finder.name_of(path), str(path), patient, "spine", "AXIAL")
        for path, patient in zip(paths, named, strict=True)
    ]
    columns = (IMAGE_ID, FILM, PATIENT_ID, "anatomy", "view")
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")


def _below(place: Path, folder: Path) -> str:
    return place.relative_to(folder).as_posix() if place.is_relative_to(folder) else place.name


def _constant(rows: pl.DataFrame, request: ImportRequest) -> pl.DataFrame:
    for name, value in request.constants.items():
        if not name.startswith("reference_"):
            kept = name in rows.columns and name not in ("anatomy", "view")
            present = pl.col(name) if kept else pl.lit(None)
            rows = rows.with_columns(pl.coalesce(present, pl.lit(value)).alias(name))
    return rows


def _inspected(scan: Scan, path: Path) -> Inspection:
    """The scan as what is known of an image, whatever kind it is."""
    source = scan.source
    if source is None:
        raise ValueError(f"{path} was not read")
    return Inspection(
        path, _acquisition(source), scan.voxel_sha256, sha256_file(path) if path.is_file() else None
    )


def _acquisition(source: ScanAcquisition) -> Acquisition:
    return Acquisition(
        file_format="nifti" if source.file_format == "nifti" else "dicom",
        rows=source.rows,
        columns=source.columns,
        bits_stored=source.bits_stored or 16,
        photometric="",
        modality="CT",
        manufacturer=source.manufacturer,
        model=source.model,
        institution=source.institution,
        patient_id=source.patient_id,
        patient_age=source.patient_age,
        patient_sex=source.patient_sex,
        study_date=source.study_date,
        study_instance_uid=source.study_uid,
    )


def _facts(used: Sequence[Scan], paths: Sequence[Path]) -> pl.DataFrame:
    rows = [
        (str(path), *(getattr(scan.source, name) for name in _FACTS))
        for scan, path in zip(used, paths, strict=True)
    ]
    schema = {FILM: pl.String} | {name: _KINDS.get(name, pl.Float64) for name in _FACTS}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _not_used(scans: Sequence[Scan]) -> list[LeftOut]:
    return [
        LeftOut(
            scan.files[0],
            "series not used" if scan.source is not None else "series refused",
            f"{scan.name}: {scan.reason}",
        )
        for scan in scans
        if scan.reason is not None
    ]


def _no_scans(others: Sequence[FileContent]) -> list[LeftOut]:
    return [
        LeftOut(content.path, content.no_scan.kind, content.no_scan.reason)
        for content in others
        if content.no_scan is not None
    ]


def _choices(scans: Sequence[Scan]) -> pl.DataFrame:
    """Every series that was found, with what its choice was made by."""
    facts = (
        *("study_uid", "series_uid", "series_description"),
        *("plane", "contrast", "kernel", "slice_thickness_mm"),
    )
    kinds = {name: pl.Float64 if name.endswith("_mm") else pl.String for name in facts}
    rows = [
        (
            str(scan.files[0]),
            scan.name,
            *(getattr(scan.source, name, None) for name in facts),
            scan.reason is None,
            scan.reason or "the best of its study by plane, contrast, kernel, thickness and length.",
        )
        for scan in scans
    ]
    schema = {"first_file": pl.String, "scan": pl.String, **kinds, "used": pl.Boolean, "reason": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")
