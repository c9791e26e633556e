"""Air, fat, muscle and blood of a patient, found by their HU and their place around the spine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from strnet.density.internal_tissues import NO_CONTRAST, USUAL_HU, TissueSample
from strnet.density.trabecular_core import Inside, Spacing
from strnet.errors import DensityError
from strnet.imaging.volume import Volume

Floats = NDArray[np.float32]

BLOCK_MM: Final = 3.0
"""Voxels are averaged up to this size before they are looked at: noise would cut the tails off a window."""
SMALLEST_CM3: Final = 2.0
"""Of a tissue; less is taken for not found."""
_BODY_HU = -300.0
_PADDING_SHARE = 0.2
_SKIN_MM = 35.0
_AIR_MM = 8.0
_RIM_MM = 3.0
_BESIDE_MM = (20.0, 75.0)
_BEHIND_MM = 70.0
_AORTA_MM = 45.0
_AORTA_SIDE_MM = (-25.0, 45.0)
_AORTA_MM2 = (120.0, 900.0)
_ROUND = 0.65
_FEWEST_SLICES = 3


@dataclass(frozen=True, slots=True)
class FoundTissues:
    """The tissues of a scan, and why each other was not found."""

    samples: tuple[TissueSample, ...]
    missing: dict[str, str]


def find_tissues(scan: Volume, spine: Inside, *, contrast: str) -> FoundTissues:
    """Air around the patient, fat under the skin, muscle beside the spine and, without contrast, the aorta's
    blood. `scan` and `spine` (slices, rows, columns) are in patient order.

    Raises: DensityError: no spine, or no body around it.
    """
    if not spine.any():
        raise DensityError("the mask has no vertebra to find muscle and blood by.")
    view = _View(scan, spine)
    samples, missing = [], {}
    finders: dict[str, Callable[[_View], Inside]] = {"air": _air, "fat": _fat, "muscle": _muscle}
    if contrast == NO_CONTRAST:
        finders["blood"] = _blood
    else:
        missing["blood"] = f"the scan's contrast is '{contrast}'"
    for tissue, finder in finders.items():
        found = finder(view)
        volume = found.sum() * view.block_mm3 / 1000
        if volume < SMALLEST_CM3:
            missing[tissue] = f"{volume:.1f} cm3 of it in view, expected {SMALLEST_CM3:g} or more"
            continue
        values = view.values[found].astype(np.float64)
        samples.append(TissueSample(tissue, float(values.mean()), float(values.std()), values.size))
    return FoundTissues(tuple(samples), missing)


class _View:
    """A scan in blocks of some 3 mm, with the body and the spine in it."""

    def __init__(self, scan: Volume, spine: Inside) -> None:
        sides = [max(1, int(BLOCK_MM // side)) for side in scan.spacing]
        slices, rows, columns = (side * times for side, times in zip(scan.spacing, sides, strict=True))
        self.spacing: Spacing = (slices, rows, columns)
        self.block_mm3 = scan.voxel_mm3 * float(np.prod(sides))
        self.values = _blocks(scan.values, sides)
        padding = _padding(scan.values)
        self.real = np.True_ if padding is None else _blocks(scan.values == padding, sides) == 0
        self.spine = _blocks(spine, sides) > 0.5
        if not self.spine.any():
            raise DensityError("the vertebrae of the mask are too small to find muscle and blood by.")
        self.body = _body(self.values, self.spine)

    def far(self, inside: Inside, distance: float) -> Inside:
        """What of `inside` lies `distance` mm or more from its border; the edge of the scan is none."""
        if inside.all():  # then scipy has nothing to measure to
            return inside
        return np.asarray(ndimage.distance_transform_edt(inside, sampling=self.spacing) > distance)

    def window(self, tissue: str) -> Inside:
        """Where the HU are those of a tissue."""
        low, high = USUAL_HU[tissue]
        return np.asarray((self.values >= low) & (self.values <= high))

    def places(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], Inside]:
        """Millimetres behind the spine's front, behind its middle, left of it; and which slices have it."""
        slices, rows, columns = self.spine.shape
        held = np.nonzero(self.spine.any(axis=(1, 2)))[0]
        front, middle, centre = np.zeros(slices), np.zeros(slices), np.zeros(slices)
        for index in held:
            y, x = np.nonzero(self.spine[index])
            front[index], middle[index], centre[index] = y.min(), np.median(y), np.median(x)
        row, column = np.arange(rows) * self.spacing[1], np.arange(columns) * self.spacing[2]
        behind_front = row[None, :, None] - front[:, None, None] * self.spacing[1]
        behind_middle = row[None, :, None] - middle[:, None, None] * self.spacing[1]
        left = column[None, None, :] - centre[:, None, None] * self.spacing[2]
        present = np.zeros((slices, 1, 1), dtype=bool)
        present[held] = True
        return behind_front, behind_middle, left, present


def _padding(values: NDArray[Any]) -> float | None:
    """The one value that much of the scan has: what was put where nothing was measured; None without it."""
    thinned = values[::2, ::4, ::4]
    dark, counts = np.unique(thinned[thinned < USUAL_HU["air"][1]], return_counts=True)
    if not dark.size or counts.max() < _PADDING_SHARE * thinned.size:
        return None
    return float(dark[np.argmax(counts)])


def _blocks(values: NDArray[Any], sides: list[int]) -> Floats:
    """The mean of each block; what is left over at the far ends is dropped."""
    held = [length // side * side for length, side in zip(values.shape, sides, strict=True)]
    mean: Floats = values[: held[0], : held[1], : held[2]]
    for axis, side in enumerate(sides):
        shape = [*mean.shape[:axis], mean.shape[axis] // side, side, *mean.shape[axis + 1 :]]
        mean = mean.reshape(shape).mean(axis=axis + 1, dtype=np.float32)
    return mean


def _body(values: Floats, spine: Inside) -> Inside:
    """The piece that holds the spine, without the table, with lungs and bowel filled in."""
    dense = ndimage.binary_opening(values > _BODY_HU, iterations=1)
    pieces, _ = ndimage.label(dense)
    held = np.bincount(pieces[spine & dense], minlength=1)
    if held[1:].sum() == 0:
        raise DensityError("there is no body around the vertebrae: are the values HU?")
    body = pieces == 1 + int(np.argmax(held[1:]))
    return np.stack([ndimage.binary_fill_holes(section) for section in body])


def _air(view: _View) -> Inside:
    """Around the body, without padding and without what lies on the table."""
    around = view.far(~view.body, _AIR_MM) & view.real
    return np.asarray(around & view.far(view.window("air"), _RIM_MM))


def _fat(view: _View) -> Inside:
    """Under the skin, without the layer that shares its voxels with skin or muscle."""
    under_skin = view.body & ~view.far(view.body, _SKIN_MM)
    return np.asarray(under_skin & view.far(view.window("fat"), _RIM_MM))


def _muscle(view: _View) -> Inside:
    """Beside the spine and behind its middle: erector spinae and quadratus lumborum, no organs."""
    _, behind, left, present = view.places()
    near, far = _BESIDE_MM
    beside = (np.abs(left) >= near) & (np.abs(left) <= far) & (behind >= 0) & (behind <= _BEHIND_MM)
    return np.asarray(present & beside & view.body & view.far(view.window("muscle"), _RIM_MM))


def _blood(view: _View) -> Inside:
    """The aorta: a round section before the spine, slightly to the left, that stands clear of the rest."""
    before, _, left, present = view.places()
    low, high = _AORTA_SIDE_MM
    zone = present & (before >= -_AORTA_MM) & (before < 0) & (left >= low) & (left <= high)
    candidates = zone & view.window("blood") & ~view.spine
    found = np.zeros_like(view.body)
    for index in np.nonzero(present[:, 0, 0])[0]:
        found[index] = _round_section(candidates[index], zone[index], view.spacing[1:])
    inner = found & _deep_in_section(found, view.spacing[1:])
    clear = inner.any(axis=(1, 2)).sum() >= _FEWEST_SLICES
    return inner if clear else np.zeros_like(inner)


def _round_section(candidates: Inside, zone: Inside, spacing: tuple[float, float]) -> Inside:
    """The largest round piece of a section that does not run out of the zone; nothing where there is none."""
    pieces, count = ndimage.label(ndimage.binary_opening(candidates, iterations=1))
    border = zone & ~ndimage.binary_erosion(zone)
    best, largest = 0, 0.0
    for number in range(1, count + 1):
        piece = pieces == number
        area = float(piece.sum() * spacing[0] * spacing[1])
        if not _AORTA_MM2[0] <= area <= _AORTA_MM2[1] or (piece & border).any():
            continue
        rows, columns = np.nonzero(piece)
        widest = max((np.ptp(rows) + 1) * spacing[0], (np.ptp(columns) + 1) * spacing[1])
        if area / (np.pi * widest**2 / 4) >= _ROUND and area > largest:
            best, largest = number, area
    return np.asarray(pieces == best) if best else np.zeros_like(candidates)


def _deep_in_section(found: Inside, spacing: tuple[float, float]) -> Inside:
    return np.stack([ndimage.distance_transform_edt(part, sampling=spacing) > _RIM_MM for part in found])
