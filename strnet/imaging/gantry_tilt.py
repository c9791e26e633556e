"""Scans of a tilted gantry made straight.

Undone and not refused, because head and lumbar scans along the discs are taken so, and the shift of each
slice is known exactly from its position. Only one axis is interpolated, linearly: means of HU stay (to
within the rounding of int16), noise is smoothed a little, differently from slice to slice.
"""

from __future__ import annotations

import math

import numpy as np

from strnet.errors import DicomError
from strnet.imaging.hounsfield import AIR_HU
from strnet.imaging.slice_geometry import StackGeometry, normal_of
from strnet.imaging.volume import Volume

TILT_TOLERANCE = 1.0
"""Degrees between the tilt that a header states and that of the slices' positions."""


def require_stated_tilt(geometry: StackGeometry, stated_degrees: float | None) -> None:
    """Raise if the header states a tilt that neither positions nor orientation of the slices show.

    Raises: DicomError: an undeclared shear cannot be told from one that the console has undone.
    Source: DICOM PS3.3 C.8.2.1 (Gantry/Detector Tilt (0018,1120)): not for annotation of the geometry, which
    is that of Image Position and Orientation.
    """
    if stated_degrees is None or abs(stated_degrees) <= TILT_TOLERANCE or geometry.tilt_degrees:
        return
    upright = abs(normal_of(geometry.slices[0])[2]) > math.cos(math.radians(TILT_TOLERANCE))
    if upright:
        raise DicomError(
            f"Gantry/Detector Tilt (0018,1120) is {stated_degrees:g} degrees, but positions and orientation "
            "of the slices show none: sheared, or made straight by the scanner? Export the series as it was "
            "acquired, or blank the tilt if the console has undone it."
        )


def straightened(volume: Volume) -> Volume:
    """The scan on a grid with right angles, rows added so that nothing falls off; there is air around it.

    `volume` has slices that slide along their columns; one that has not comes back as it is.
    """
    step, down = volume.affine[:3, 2], volume.affine[:3, 1]
    slide = float(np.dot(step, down) / np.dot(down, down))  # rows per slice
    if slide == 0.0:
        return volume
    slices, rows, columns = volume.values.shape
    shifts = np.arange(slices) * slide
    shifts -= shifts.min()
    taller = rows + math.ceil(shifts.max())
    values = np.full((slices, taller, columns), AIR_HU, dtype=volume.values.dtype)
    for number, shift in enumerate(shifts):
        values[number] = _shifted(volume.values[number], float(shift), taller)
    affine = volume.affine.copy()
    affine[:3, 2] = step - slide * down
    affine[:3, 3] -= shifts[0] * down
    return Volume(values, affine)


def _shifted(piece: np.ndarray, shift: float, taller: int) -> np.ndarray:
    """The slice `shift` rows further down on `taller` rows of air, between rows as between neighbours."""
    whole, part = divmod(shift, 1.0)
    framed = np.full((taller + 1, piece.shape[1]), AIR_HU, dtype=np.float32)
    framed[int(whole) + 1 : int(whole) + 1 + len(piece)] = piece
    moved = (1.0 - part) * framed[1:] + part * framed[:-1]
    return np.rint(moved) if piece.dtype.kind == "i" else moved
