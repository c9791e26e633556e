"""Masks of scans: labels on the grid of their scan, or the reason why they are not on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from strnet.errors import ImageError
from strnet.imaging.mask_files import LARGEST_LABEL
from strnet.imaging.nifti import read_nifti
from strnet.imaging.volume import Volume

GRID_TOLERANCE = 0.1
"""Of the smallest spacing: how far the corners of a mask and of its scan may lie apart."""


def read_volume_mask(path: Path | str, scan: Volume | None = None) -> Volume:
    """Labels in a NIfTI file as uint8, 0 for the background; in the voxel order of `scan` where that is
    given.

    Raises: ImageError: unreadable, no whole labels of 0 to 255, nothing but background, or of another
        geometry than `scan`.
    """
    path = Path(path)
    stored = read_nifti(path)
    values = stored.values
    if values.dtype == np.float32 or values.min() < 0 or values.max() > LARGEST_LABEL:
        raise ImageError(
            f"{path}: values from {values.min():g} to {values.max():g}, expected a mask: whole labels from 0 "
            f"(background) to {LARGEST_LABEL}."
        )
    if not values.any():
        raise ImageError(f"{path}: the mask is empty: nothing but background. Leave the cell blank instead.")
    mask = Volume(values.astype(np.uint8), stored.affine)
    return mask if scan is None else _on_grid_of(scan, mask, path)


def same_grid(one: Volume, other: Volume) -> bool:
    """Whether the voxels of two volumes lie at the same places in the same order."""
    if one.values.shape != other.values.shape:
        return False
    return _apart(one, other) <= GRID_TOLERANCE * min(one.spacing)


def _on_grid_of(scan: Volume, mask: Volume, path: Path) -> Volume:
    """The mask in the voxel order of the scan: a NIfTI may store the same grid along other axes.

    Raises: ImageError: another geometry.
    """
    if same_grid(scan, mask):
        return mask
    ordered_mask, ordered_scan = mask.in_patient_order(), scan.in_patient_order()
    if not same_grid(ordered_scan, ordered_mask):
        raise ImageError(
            f"{path}: the mask lies on another grid than its scan: {_words(mask)}, the scan {_words(scan)}. "
            "Make it again for this scan, or resample it to the scan's grid."
        )
    to_scan = np.rint(np.linalg.inv(scan.affine) @ mask.affine)[:3, :3]
    axes = [2 - int(np.argmax(np.abs(to_scan[2 - axis]))) for axis in range(3)]
    flipped = tuple(axis for axis in range(3) if to_scan[2 - axis].sum() < 0)
    return Volume(np.flip(mask.values.transpose(axes), flipped), scan.affine)


def _apart(one: Volume, other: Volume) -> float:
    """Millimetres between the corners of two volumes of one shape that lie farthest apart."""
    slices, rows, columns = one.values.shape
    corners = np.array(
        [[i, j, k, 1] for i in (0, columns - 1) for j in (0, rows - 1) for k in (0, slices - 1)]
    )
    return float(np.linalg.norm(corners @ (one.affine - other.affine).T, axis=1).max())


def _words(volume: Volume) -> str:
    size = " x ".join(map(str, volume.values.shape))
    spacing = " x ".join(f"{mm:.3g}" for mm in volume.spacing)
    place = ", ".join(f"{mm:.1f}" for mm in volume.affine[:3, 3])
    return f"{size} voxels of {spacing} mm from ({place})"
