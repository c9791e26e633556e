"""A scan from a folder with one DICOM series, or from a NIfTI file: its volume, and how it was taken."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from strnet.errors import DicomError, ImageError
from strnet.imaging.gantry_tilt import require_stated_tilt, straightened
from strnet.imaging.hounsfield import hounsfield_of, require_hounsfield
from strnet.imaging.nifti import is_nifti, read_nifti
from strnet.imaging.scan_acquisition import ScanAcquisition, StackShape, scan_acquisition, stated_tilt
from strnet.imaging.scan_files import FileContent, ScanFiles, opened_all
from strnet.imaging.series_sorting import Stack, stacks_of
from strnet.imaging.slice_geometry import StackGeometry, plane_of
from strnet.imaging.volume import Volume

_SHOWN = 6


def read_volume(path: Path | str) -> tuple[Volume, ScanAcquisition]:
    """HU and place of a scan, and how it was taken: a folder with exactly one series of CT, or a NIfTI file.

    Localizers, reports and captures in the folder are passed over. A tilted gantry is undone; voxels outside
    the scanned circle are air.

    Raises: ImageError: no scan, several, or one that is not whole; the message names the series, what was
        found and what to do.
    """
    path = Path(path)
    if path.is_dir():
        contents, files = opened_all(files_of_scan(path))
        return read_stack(_only_stack(path, contents), files)
    if not is_nifti(path):
        raise ImageError(
            f"{path}: neither a folder nor NIfTI (.nii, .nii.gz). A scan is a folder with one DICOM series, "
            "or a NIfTI file."
        )
    volume = read_nifti(path)
    try:
        require_hounsfield(volume.values)
    except DicomError as error:
        raise ImageError(f"{path}: {error}") from error
    return volume, _of_nifti(volume)


def read_stack(stack: Stack, files: ScanFiles) -> tuple[Volume, ScanAcquisition]:
    """HU and place of one stack of slices, and how it was taken.

    Raises: DicomError: slices that make no grid, cannot be decoded, or are not HU.
    """
    if stack.geometry is None:
        raise DicomError(f"{stack.name}: {stack.reason}")
    geometry = stack.geometry
    header = files.headers[geometry.slices[len(geometry.slices) // 2].path]
    try:
        require_stated_tilt(geometry, stated_tilt(header))
        values = hounsfield_of(geometry.slices, files.data_set_of)
    except DicomError as error:
        raise DicomError(f"{stack.name}: {error}") from error
    volume = Volume(values, geometry.affine)
    straight = straightened(volume) if geometry.tilt_degrees else volume
    return straight, scan_acquisition(header, _shape(geometry, straight.values.shape))


def described_stack(stack: Stack) -> ScanAcquisition:
    """How one stack of slices was taken, by the header of its middle slice; no pixels are decoded.

    Raises: DicomError: slices that make no grid, or a header that contradicts it.
    """
    if stack.geometry is None:
        raise DicomError(f"{stack.name}: {stack.reason}")
    geometry = stack.geometry
    middle = geometry.slices[len(geometry.slices) // 2].path
    header = opened_all([middle])[1].headers[middle]
    require_stated_tilt(geometry, stated_tilt(header))
    return scan_acquisition(header, _shape(geometry, (len(geometry.slices), *geometry.slices[0].shape)))


def files_of_scan(folder: Path) -> list[Path]:
    """Every file in the folder and below, sorted, hidden ones aside."""
    below = (path for path in folder.rglob("*") if path.is_file())
    return sorted(
        path for path in below if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def voxel_sha256(volume: Volume) -> str:
    """SHA-256 (hexadecimal) of the HU in the patient's order: the same for a series and its NIfTI."""
    ordered = volume.in_patient_order().values
    whole = np.clip(np.rint(ordered), -(2**15), 2**15 - 1).astype("<i2")
    digest = hashlib.sha256(repr(whole.shape).encode())
    digest.update(np.ascontiguousarray(whole).data)
    return digest.hexdigest()


def _only_stack(folder: Path, contents: Sequence[FileContent]) -> Stack:
    """The one stack of the folder.

    Raises: DicomError: none, several, or files that cannot be read, which may belong to it.
    """
    broken = [content for content in contents if content.unreadable]
    if broken:
        raise DicomError(
            f"{folder}: {len(broken)} file(s) cannot be read, such as {broken[0].path.name}: "
            f"{broken[0].unreadable} The scan may lack slices: copy the folder again, or remove what is "
            "not of the scan."
        )
    stacks = stacks_of(contents)
    if not stacks:
        raise DicomError(f"{folder}: no scan. {_passed_over(contents)}")
    if len(stacks) > 1:
        listing = "\n".join(f"  {stack.name}: {stack.reason or 'can be read'}" for stack in stacks[:_SHOWN])
        orientations = {plane_of(stack.slices[0]) for stack in stacks}
        mixed = len({stack.series_uid for stack in stacks}) == 1 and len(orientations) > 1
        what = f"mixed orientation, {' and '.join(sorted(orientations))}" if mixed else "expected one"
        raise DicomError(
            f"{folder}: {len(stacks)} scans, {what}.\n{listing}\n"
            "Give each a folder of its own; `strnet ingest --layout volumes` sorts them and chooses."
        )
    if stacks[0].geometry is None:
        raise DicomError(f"{folder}: {stacks[0].name}: {stacks[0].reason}")
    return stacks[0]


def _passed_over(contents: Sequence[FileContent]) -> str:
    reasons: dict[str, list[FileContent]] = {}
    for content in contents:
        if content.no_scan:
            reasons.setdefault(content.no_scan.kind, []).append(content)
    if not reasons:
        return "The folder is empty. Give the folder that holds the series."
    return " ".join(
        f"{len(found)} x {kind}: {found[0].path.name}: {found[0].no_scan.reason}"
        for kind, found in list(reasons.items())[:_SHOWN]
        if found[0].no_scan
    )


def _shape(geometry: StackGeometry, shape: tuple[int, ...]) -> StackShape:
    slices, rows, columns = shape
    return StackShape(
        slices, rows, columns, geometry.spacing_mm, plane_of(geometry.slices[0]), geometry.tilt_degrees
    )


def _of_nifti(volume: Volume) -> ScanAcquisition:
    slices, rows, columns = volume.values.shape
    return ScanAcquisition(
        file_format="nifti",
        slices=slices,
        rows=rows,
        columns=columns,
        slice_spacing_mm=round(volume.spacing[0], 4),
        plane=_plane_of_axes(volume),
    )


def _plane_of_axes(volume: Volume) -> str:
    normal = np.abs(np.cross(volume.affine[:3, 0], volume.affine[:3, 1]))
    return ("sagittal", "coronal", "axial")[int(np.argmax(normal))]
