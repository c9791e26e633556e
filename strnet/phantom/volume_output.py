"""One CT scan on disk, a folder of slices with its label mask, and its rows of the manifest and the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from strnet.files import new_folder
from strnet.imaging.nifti import write_nifti
from strnet.imaging.volume import Volume
from strnet.imaging.volume_reading import read_volume, voxel_sha256
from strnet.phantom.anatomy import Examination, PlannedVolume
from strnet.phantom.cohort_record import Production, Record, truth_row
from strnet.phantom.ct.ct_series import series_files
from strnet.phantom.shortcuts import GREY_PERCENTILES, grey_level_statistics

Array = np.ndarray

_LOWEST_HU, _RANGE_HU = -1024.0, 4095.0


def volume_record(production: Production, examination: Examination, planned: PlannedVolume) -> Record:
    """The record of one scan, made unless it already stands."""
    image_id = f"{examination.person.patient_id}-{planned.key}"
    folder = production.folder / "images" / image_id
    mask = production.folder / "masks" / f"{image_id}.nii.gz"
    if folder.is_dir() and mask.exists():
        volume = read_volume(folder)[0]
    else:
        volume = _make(production, examination, planned, (folder, mask))
    row = _manifest_row(image_id, examination, planned, volume)
    truth = truth_row(image_id, examination.person, planned)
    return Record(row, truth, hounsfield_statistics(volume.values))


def hounsfield_statistics(hu: Array) -> Array:
    """Grey-level statistics of a volume as of a film (11,), then mean, SD and percentiles in HU (11,)."""
    windowed = grey_level_statistics((hu.astype(np.float32) - np.float32(_LOWEST_HU)) / np.float32(_RANGE_HU))
    own = [float(hu.mean(dtype=np.float64)), float(hu.std(dtype=np.float64))]
    return np.array([*windowed, *own, *np.percentile(hu, GREY_PERCENTILES)])


def _make(
    production: Production, examination: Examination, planned: PlannedVolume, paths: tuple[Path, Path]
) -> Volume:
    scan = planned.render()
    folder, mask = paths
    write_nifti(scan.labels, mask)
    if not folder.exists():
        with new_folder(folder) as temporary:
            files = series_files(scan.volume, planned.technique, examination.person, production.draw.seed)
            for name, content in files:
                (temporary / name).write_bytes(content)
    return scan.volume


def _manifest_row(
    image_id: str, examination: Examination, planned: PlannedVolume, volume: Volume
) -> dict[str, Any]:
    person, technique = examination.person, planned.technique
    scanner = technique.scanner
    slices, rows, columns = volume.values.shape
    return {
        "image_id": image_id,
        "patient_id": person.patient_id,
        "exam_id": f"{person.patient_id}-1",
        "path": f"images/{image_id}",
        "site": scanner.site,
        "scanner": f"{scanner.manufacturer} {scanner.model}",
        "anatomy": "spine",
        "view": "AXIAL",
        "laterality": None,
        "age": person.age,
        "sex": person.sex,
        "bmi": person.bmi,
        **planned.labels,
        "days_to_reference": person.days_to_reference,
        "mask": f"masks/{image_id}.nii.gz",
        "modality": scanner.modality,
        "kvp": technique.kilovolts,
        "kernel": technique.kernel.name,
        "slice_thickness_mm": technique.thickness_mm,
        "slice_spacing_mm": technique.spacing_mm,
        "contrast": technique.contrast,
        "gantry_tilt_degrees": 0.0,
        "pixel_sha256": voxel_sha256(volume),
        "file_format": "dicom",
        "rows": rows,
        "columns": columns,
        "slices": slices,
        "bits_stored": scanner.bits_stored,
        "photometric": scanner.photometric,
    }
