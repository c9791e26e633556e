"""NIfTI files to volumes and back, with every voxel at the same place in the patient."""

from __future__ import annotations

import gzip
import io
import math
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from strnet.errors import ImageError
from strnet.files import write_bytes
from strnet.imaging.limits import require_volume_size
from strnet.imaging.volume import Volume

FORM_TOLERANCE = 0.1
"""Of the smallest spacing: how far sform and qform may place a corner of the volume apart. Float32 and a
quaternion differ by a thousandth; half a voxel moves a thin cortex onto its neighbour."""
SPACINGS_MM = (0.05, 20.0)
"""Spacings of a scan of a person. A file in metres or micrometres that leaves its unit out lies outside."""
_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])  # NIfTI counts towards the right and the front
_MILLIMETRES = 2
_UNITS = {1: "metres", 3: "micrometres"}
_ENDINGS = (".nii", ".nii.gz")
_KINDS = {348: nib.Nifti1Image, 540: nib.Nifti2Image}  # by the size of their headers
_CHUNK = 2**20
_SQUEEZE = 1  # of gzip: noise of CT hardly shrinks further, and level 9 takes ten times as long


def is_nifti(path: Path | str) -> bool:
    """Whether the name of a file is that of a NIfTI file."""
    return str(path).lower().endswith(_ENDINGS)


def read_nifti(path: Path | str) -> Volume:
    """The volume in a `.nii` or `.nii.gz`: int16 where every value is a whole number that fits, uint8 where
    it was stored so without scaling, else float32. A file that names no unit is in millimetres.

    Raises: ImageError: not one volume of numbers, not in millimetres, or at no certain place in the patient.
    Source: NIfTI-1.1 header, `nifti1.h`.
    """
    path = Path(path)
    if not is_nifti(path):
        raise ImageError(f"{path}: the name ends in neither .nii nor .nii.gz: not NIfTI.")
    try:
        with gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb") as stream:
            image = _opened(stream)
            volume = Volume(_values(image), _TO_LPS @ _affine(image))
            while stream.read(_CHUNK):  # gzip compares its checksum at the end, where nibabel never comes
                pass
        return volume
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from error
    except Exception as error:  # zlib.error, struct.error, ...: nibabel hands on what corrupt bytes cause
        raise ImageError(f"{path}: the NIfTI file cannot be read ({_said(error)}). Copy it again.") from error


def write_nifti(volume: Volume, path: Path | str) -> None:
    """Write `volume` as NIfTI-1 in millimetres, whole or not at all; the same volume gives the same bytes.

    A volume with oblique axes gets an sform only, because a qform cannot say it.

    Raises: ImageError: a name that is not NIfTI's. OutputError: the place cannot be written to.
    """
    path = Path(path)
    if not is_nifti(path):
        raise ImageError(f"{path}: a volume is written as .nii or .nii.gz; give it one of these endings.")
    affine = _TO_LPS @ volume.affine
    image = nib.Nifti1Image(volume.values.T, affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, code=1)
    image.set_qform(affine if _is_square(affine) else None, code=1 if _is_square(affine) else 0)
    content = image.to_bytes()
    squeezed = path.name.lower().endswith(".gz")
    write_bytes(path, gzip.compress(content, _SQUEEZE, mtime=0) if squeezed else content)


def _opened(stream: io.BufferedIOBase) -> nib.Nifti1Image:
    start = stream.read(4)
    stream.seek(0)
    kinds = {size.to_bytes(4, order): kind for size, kind in _KINDS.items() for order in ("little", "big")}
    if start not in kinds:
        raise ImageError("the file does not begin as NIfTI does (348 or 540). Give a NIfTI file.")
    image = kinds[start].from_stream(stream)
    _require_one_volume(image)
    _require_millimetres(image)
    return image


def _require_one_volume(image: nib.Nifti1Image) -> None:
    shape = tuple(int(side) for side in image.shape)
    if len(shape) > 3 and math.prod(shape[3:]) > 1:
        raise ImageError(
            f"{len(shape)} axes of {shape}, expected three: several volumes in one file, of which none is "
            "preferred. Write the one to be used to a file of its own."
        )
    if len(shape) < 3 or 1 in shape[:3]:
        raise ImageError(f"a picture of {shape}, expected at least two slices, rows and columns: no volume.")
    if image.get_data_dtype().kind not in "uif":
        kind = image.get_data_dtype()
        raise ImageError(f"values of type {kind}, expected one number per voxel: colours are not HU.")
    require_volume_size(shape[:3])


def _require_millimetres(image: nib.Nifti1Image) -> None:
    unit = int(image.header["xyzt_units"]) & 7
    if unit not in (0, _MILLIMETRES):
        found = _UNITS.get(unit, f"code {unit}, which the standard does not have")
        raise ImageError(
            f"lengths (xyzt_units) are in {found}, expected millimetres. Convert the file, or correct the "
            "unit if its spacing is in millimetres."
        )
    spacing = [abs(float(side)) for side in image.header["pixdim"][1:4]]
    least, most = SPACINGS_MM
    if not all(least <= side <= most for side in spacing):
        raise ImageError(
            f"a spacing (pixdim) of {_listed(spacing)}, expected {least:g} to {most:g} mm. "
            "Correct the spacing or its unit."
        )


def _affine(image: nib.Nifti1Image) -> NDArray[np.float64]:
    """Voxel to millimetres as NIfTI counts them, from the one form there is or from two that agree."""
    sform, meaning = image.get_sform(coded=True)
    qform, _ = image.get_qform(coded=True)
    if meaning > 2:
        raise ImageError(
            f"sform_code is {int(meaning)}: the scan was moved onto a template, and its lengths are not "
            "the patient's. Give the file from before."
        )
    if sform is None and qform is None:
        raise ImageError(
            "neither sform_code nor qform_code is set: left and right are unknown. Export again."
        )
    if sform is not None and qform is not None:
        _require_same_place(sform, qform, image.shape[:3])
    chosen = np.asarray(qform if sform is None else sform, dtype=np.float64)
    lengths = np.linalg.norm(chosen[:3, :3], axis=0)
    pixdim = np.abs(image.header["pixdim"][1:4])
    if not np.allclose(lengths, pixdim, rtol=0.01):
        raise ImageError(
            f"two spacings: sform {_listed(lengths)}, pixdim {_listed(pixdim)} mm. Make the file again from "
            "its DICOM series."
        )
    return chosen


def _require_same_place(sform: Any, qform: Any, shape: tuple[int, ...]) -> None:
    corners = np.array([[i, j, k, 1] for i in (0, shape[0]) for j in (0, shape[1]) for k in (0, shape[2])])
    apart = float(np.linalg.norm(corners @ (sform - qform).T, axis=1).max())
    tolerance = FORM_TOLERANCE * float(np.linalg.norm(qform[:3, :3], axis=0).min())
    if not apart <= tolerance:
        raise ImageError(
            f"sform and qform place the volume up to {apart:.2f} mm apart, expected at most {tolerance:.2f}. "
            "One of them is wrong: make the file again from its DICOM series."
        )


def _values(image: nib.Nifti1Image) -> NDArray[np.int16] | NDArray[np.float32] | NDArray[np.uint8]:
    """Values (slices, rows, columns); scl_slope of 0 or NaN means that they are not scaled."""
    proxy: Any = image.dataobj
    slope, intercept = float(proxy.slope), float(proxy.inter)
    stored = np.asarray(proxy.get_unscaled()).reshape(image.shape[:3]).T
    if (slope, intercept) == (1.0, 0.0) and stored.dtype in (np.uint8, np.int16):
        return np.ascontiguousarray(stored, dtype=stored.dtype.newbyteorder("="))
    return narrowest(stored.astype(np.float64) * slope + intercept)


def narrowest(values: NDArray[np.float64]) -> NDArray[np.int16] | NDArray[np.float32]:
    """The values as int16 where all are whole and fit, else as float32.

    Raises: ImageError: values that are no numbers.
    """
    if not np.isfinite(values).all():
        count = int(values.size - np.isfinite(values).sum())
        raise ImageError(f"{count:,} voxels are no number (NaN or infinite). Give them the HU of air.")
    fits = values.min() >= -(2**15) and values.max() < 2**15
    if fits and np.array_equal(values, np.rint(values)):
        return np.ascontiguousarray(values, dtype=np.int16)
    return np.ascontiguousarray(values, dtype=np.float32)


def _is_square(affine: NDArray[np.float64]) -> bool:
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return bool(np.allclose(axes.T @ axes, np.eye(3), atol=1e-4))


def _listed(lengths: Any) -> str:
    return " x ".join(f"{float(length):g}" for length in lengths)


def _said(error: BaseException) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:400]
