"""A CT volume: its HU, and where each voxel lies in the patient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strnet.errors import ImageError


@dataclass(frozen=True)
class Volume:
    """A scan, or a label map of the same grid.

    `values` (slices, rows, columns): HU as int16 or float32, or labels as uint8. `affine` (4, 4) takes
    (column, row, slice, 1) to millimetres in the patient: towards the left, the back and the head (LPS, as
    DICOM and SimpleITK say it; NIfTI has the first two the other way).

    Raises: ImageError: another number of axes, or an affine that is no place in space.
    """

    values: NDArray[np.int16] | NDArray[np.float32] | NDArray[np.uint8]
    affine: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.values.ndim != 3 or 0 in self.values.shape:
            raise ImageError(f"A volume has slices, rows and columns; found the shape {self.values.shape}.")
        if self.affine.shape != (4, 4) or not np.isfinite(self.affine).all():
            raise ImageError(f"The place of a volume is a (4, 4) affine of numbers; found {self.affine}.")
        if not np.array_equal(self.affine[3], (0, 0, 0, 1)) or abs(np.linalg.det(self.affine[:3, :3])) < 1e-9:
            raise ImageError(
                f"The axes of a volume must span the space; found the affine {self.affine.tolist()}."
            )

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance of neighbouring slices, rows and columns along their axes, millimetres."""
        columns, rows, slices = np.linalg.norm(self.affine[:3, :3], axis=0).tolist()
        return slices, rows, columns

    @property
    def voxel_mm3(self) -> float:
        """Volume of one voxel, mm3; right also where the axes are oblique to each other."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    def in_patient_order(self) -> Volume:
        """The same voxels with slices towards the head, rows towards the back, columns towards the left.

        Each axis takes the direction of the patient that it is closest to; nothing is interpolated, so an
        oblique scan stays oblique.
        """
        directions = self.affine[:3, :3] / np.linalg.norm(self.affine[:3, :3], axis=0)
        order = _closest_axes(np.abs(directions))
        moved = self.affine.copy()
        moved[:, :3] = self.affine[:, order]
        values = self.values.transpose([2 - order[2 - axis] for axis in range(3)])
        for direction in range(3):
            if moved[direction, direction] < 0:
                last = values.shape[2 - direction] - 1
                moved[:, 3] += last * moved[:, direction]
                moved[:, direction] *= -1
                values = np.flip(values, axis=2 - direction)
        return Volume(values, moved)


def _closest_axes(alignment: NDArray[np.float64]) -> list[int]:
    """Which index axis goes with left, back and head, by the largest |cosine| first; each is used once."""
    order = [-1, -1, -1]
    for place in np.argsort(-alignment, axis=None):
        direction, axis = divmod(int(place), 3)
        if order[direction] < 0 and axis not in order:
            order[direction] = axis
    return order
