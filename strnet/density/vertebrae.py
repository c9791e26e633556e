"""Vertebrae in a mask: which numbers are whose, and what on a scan is no vertebra that can be read."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from strnet.density.trabecular_core import Inside, Spacing
from strnet.errors import DensityError, unknown_name
from strnet.imaging.spine_labels import TRABECULAR, VERTEBRAE, spine_label

STRAY_SHARE = 0.1
"""Of a label's largest piece: a second piece this large is a second bone, a smaller one is dirt."""
METAL_HU = 2500.0
METAL_MM = 15.0
"""How near metal spoils the HU of a core."""
LOWEST_MEAN_HU, HIGHEST_MEAN_HU = -60.0, 500.0
"""Between which the core of a vertebra lies, from fatty marrow without bone to young bone at 80 kVp."""
BRIGHTER_RIM_HU = 30.0
"""By how much a quarter of a vertebra's rim, its cortex, is brighter than its core, at the least."""
_RIM_MM = 3.5
_METAL_MM3 = 20.0
_CEMENT_HU = 700.0
_CEMENT_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Piece:
    """The voxels of one vertebra, and the share of its label that lies apart and was left out."""

    inside: Inside
    stray_share: float


def trabecular_labels(vertebrae: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """The number of each vertebra's trabecular body in a mask of the project's own.

    Raises: DensityError: a vertebra that such a mask does not have.
    """
    for vertebra in vertebrae:
        require_vertebra(vertebra)
    return {vertebra: (spine_label(vertebra, TRABECULAR),) for vertebra in vertebrae}


def require_vertebra(name: str) -> None:
    """Raise unless `name` is one of `VERTEBRAE`.

    Raises: DensityError: with the nearest.
    """
    if name not in VERTEBRAE:
        raise DensityError(unknown_name("vertebra", name, VERTEBRAE))


def vertebra_in(labels: NDArray[Any], numbers: Sequence[int]) -> Piece:
    """The vertebra with `numbers` in a mask: the largest piece, if all else of it is small.

    Raises: DensityError: it is not there, is in two pieces, or is cut by the edge of the scan.
    """
    inside = np.isin(labels, list(numbers))
    if not inside.any():
        raise DensityError(f"label {', '.join(map(str, numbers))} is not in the mask.")
    pieces, count = ndimage.label(inside, structure=np.ones((3, 3, 3)))
    sizes = np.bincount(pieces.ravel())[1:]
    largest = int(np.argmax(sizes))
    rest = sizes.sum() - sizes[largest]
    others = np.delete(sizes, largest)
    if count > 1 and others.max() > STRAY_SHARE * sizes[largest]:
        raise DensityError(
            f"its label lies in {count} pieces, of {sizes[largest]:,} and {others.max():,} voxels. Two bones "
            "with one number, or one bone broken in the mask: mend the mask."
        )
    kept = pieces == largest + 1
    if kept[0].any() or kept[-1].any():
        raise DensityError("it reaches the first or last slice: it is cut by the edge of the scan.")
    return Piece(kept, float(rest / sizes.sum()))


def require_order(places: Mapping[str, float]) -> None:
    """Raise unless the vertebrae, by name with their height, mm, lie in the order of the spine.

    Raises: DensityError: two that are swapped.
    """
    names = [name for name in VERTEBRAE if name in places]
    for above, below in itertools.pairwise(names):
        if places[above] <= places[below]:
            raise DensityError(
                f"{above} lies below {below} in the mask: labels are swapped, or the mask is upside down. "
                "Correct its numbers."
            )


def require_no_metal(values: NDArray[Any], vertebra: Inside, core: Inside, spacing: Spacing) -> None:
    """Raise if metal lies in or near the vertebra, or cement in its core.

    Raises: DensityError: how much there is. Streaks and blooming reach further than the eye sees.
    """
    reach = [int(np.ceil(METAL_MM / side)) for side in spacing]
    box = ndimage.find_objects(vertebra.astype(np.uint8))[0]
    near = tuple(slice(max(0, s.start - r), s.stop + r) for s, r in zip(box, reach, strict=True))
    metal = values[near] >= METAL_HU
    if metal.sum() * float(np.prod(spacing)) >= _METAL_MM3:
        away = ndimage.distance_transform_edt(~metal, sampling=spacing)
        nearest = float(away[vertebra[near]].min())
        if nearest <= METAL_MM:
            raise DensityError(
                f"metal (HU {METAL_HU:.0f} or more) lies {nearest:.0f} mm from it: a screw, a clip or a "
                "stent. Read another vertebra."
            )
    share = float((values[core] >= _CEMENT_HU).mean())
    if share > _CEMENT_SHARE:
        raise DensityError(
            f"{share:.0%} of its core has HU {_CEMENT_HU:.0f} or more: cement, a screw or a dense lesion. "
            "Read another vertebra."
        )


def require_bone(values: NDArray[Any], vertebra: Inside, mean_hu: float, spacing: Spacing) -> None:
    """Raise unless the core is no air or cortex and has a brighter rim: a bone, and not something beside it.

    Raises: DensityError: what was found.
    """
    if not LOWEST_MEAN_HU <= mean_hu <= HIGHEST_MEAN_HU:
        raise DensityError(
            f"its core has HU {mean_hu:.0f}, expected {LOWEST_MEAN_HU:.0f} to {HIGHEST_MEAN_HU:.0f}. Is the "
            "mask on another structure, or are the values not HU?"
        )
    reach = [int(np.ceil(_RIM_MM / side)) for side in spacing]
    box = ndimage.find_objects(vertebra.astype(np.uint8))[0]
    near = tuple(slice(max(0, s.start - r), s.stop + r) for s, r in zip(box, reach, strict=True))
    inside = vertebra[near]
    outer = ndimage.distance_transform_edt(~inside, sampling=spacing) <= _RIM_MM
    inner = ndimage.distance_transform_edt(np.pad(inside, 1), sampling=spacing)[1:-1, 1:-1, 1:-1] <= _RIM_MM
    bright = float(np.percentile(values[near][outer & (~inside | inner)], 75))
    if bright < mean_hu + BRIGHTER_RIM_HU:
        raise DensityError(
            f"its rim (HU {bright:.0f}) is not brighter than its core (HU {mean_hu:.0f}): the mask does not "
            "lie on a vertebra. Is it the mask of another scan?"
        )
