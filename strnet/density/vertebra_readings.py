"""The core of each vertebra of a scan, or the reason why it has none: the mean-HU baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from strnet.density.internal_tissues import USUAL_HU
from strnet.density.trabecular_core import CoreReading, CoreRules, core_reading, trabecular_core
from strnet.density.vertebrae import (
    require_bone,
    require_no_metal,
    require_order,
    vertebra_in,
)
from strnet.errors import DensityError
from strnet.imaging.volume import Volume

_AIR_CM3 = 1.0


@dataclass(frozen=True, slots=True)
class VertebraReading:
    """One vertebra: its core, and which share of its label was left out as stray; or why there is none."""

    vertebra: str
    core: CoreReading | None = None
    stray_share: float | None = None
    reason: str | None = None


def read_vertebrae(
    scan: Volume, mask: Volume, labels: Mapping[str, Sequence[int]], rules: CoreRules
) -> list[VertebraReading]:
    """The core of each vertebra of `labels` (name: its numbers); scan and mask are in patient order.

    Raises: DensityError: vertebrae in another order than that of the spine: then none can be trusted.
    """
    require_order(_heights(mask, labels))
    return [_reading(scan, mask, name, numbers, rules) for name, numbers in labels.items()]


def require_air(values: NDArray[Any], voxel_mm3: float) -> None:
    """Raise unless some voxels have the HU of air: the sign that values are HU.

    Raises: DensityError: none has.
    """
    low, high = USUAL_HU["air"]
    found = np.count_nonzero((values >= low) & (values <= high)) * voxel_mm3 / 1000
    if found < _AIR_CM3:
        raise DensityError(
            f"no air (HU {low:.0f} to {high:.0f}) is in view; the values are {values.min():g} to "
            f"{values.max():g}. They may be mg/cm3, or lack their rescale intercept. If they are HU of a "
            "cropped scan, say so (--cropped)."
        )


def _reading(
    scan: Volume, mask: Volume, name: str, numbers: Sequence[int], rules: CoreRules
) -> VertebraReading:
    try:
        piece = vertebra_in(mask.values, numbers)
        core = trabecular_core(piece.inside, scan.spacing, rules)
        require_no_metal(scan.values, piece.inside, core, scan.spacing)
        found = core_reading(scan.values, core, scan.voxel_mm3)
        require_bone(scan.values, piece.inside, found.mean_hu, scan.spacing)
    except DensityError as error:
        return VertebraReading(name, reason=str(error))
    return VertebraReading(name, found, piece.stray_share)


def _heights(mask: Volume, labels: Mapping[str, Sequence[int]]) -> dict[str, float]:
    """The height of each vertebra that is there, mm towards the head."""
    owner = np.zeros(256, dtype=np.uint8)
    for place, numbers in enumerate(labels.values(), start=1):
        owner[list(numbers)] = place
    named = owner[mask.values]
    places = [place for place in range(1, len(labels) + 1) if (named == place).any()]
    centres = ndimage.center_of_mass(np.ones_like(named), named, places) if places else []
    names = list(labels)
    return {
        names[place - 1]: float((mask.affine @ [column, row, level, 1.0])[2])
        for place, (level, row, column) in zip(places, centres, strict=True)
    }
