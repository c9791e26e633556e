"""The trabecular core of a vertebra: away from cortex, endplates, posterior wall and vessels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from strnet.errors import DensityError

Inside = NDArray[np.bool_]
Spacing = tuple[float, float, float]

SMALLEST_CM3 = 1.0
"""A reading of less rests on too few trabeculae; the ellipse of a QCT slice of 9 mm has 3 to 6 cm3."""
FEWEST_VOXELS = 30
BODY_RADIUS_MM = 7.0
"""A ball of this radius fits into a vertebral body, and into no pedicle or process."""
_FINEST_MM = 1.0


@dataclass(frozen=True, slots=True)
class CoreRules:
    """How far the core keeps away, mm, and which share of the body's depth, from the front, may hold it.

    `whole_vertebra` says that the mask has processes and pedicles too, so that the body is found first.
    """

    cortex_mm: float = 3.0
    endplate_mm: float = 5.0
    front_share: float = 0.7
    whole_vertebra: bool = False

    def __post_init__(self) -> None:
        if not (0 < self.cortex_mm <= 15 and 0 < self.endplate_mm <= 15 and 0 < self.front_share <= 1):
            raise DensityError(
                f"a core {self.cortex_mm:g} mm off the cortex, {self.endplate_mm:g} mm off the endplates and "
                f"in the front {self.front_share:g} of the body; expected more than 0 to 15 mm, and a share "
                "of more than 0 to 1."
            )


@dataclass(frozen=True, slots=True)
class CoreReading:
    """What the scan has in a core, HU, and how much of it there is."""

    mean_hu: float
    median_hu: float
    sd_hu: float
    volume_cm3: float
    voxels: int


USUAL_RULES: Final = CoreRules()


def trabecular_core(vertebra: Inside, spacing: Spacing, rules: CoreRules = USUAL_RULES) -> Inside:
    """Which voxels of a vertebra (slices, rows, columns; in patient order) are its core.

    A voxel belongs to it if its centre does. The margins are millimetres also across thick slices.

    Raises: DensityError: no body in it, or nothing left inside of the margins.
    """
    around = ndimage.find_objects(vertebra.astype(np.uint8))
    if not around:
        raise DensityError("the label is not in the mask.")
    crop = vertebra[around[0]]
    finer, steps = _finer(crop, spacing)
    body = vertebral_body(finer, steps) if rules.whole_vertebra else finer
    centres = tuple(slice(k // 2, None, k) for k in _repeats(spacing))
    inner = _deep(body, steps, rules)[centres] & _in_front(body, rules.front_share)[centres]
    if not inner.any():
        raise DensityError(
            f"nothing of it lies {rules.cortex_mm:g} mm off the cortex and {rules.endplate_mm:g} mm off the "
            "endplates. It is collapsed, cut, or labelled in part: look at the mask."
        )
    core = np.zeros_like(vertebra)
    core[around[0]] = inner
    return core


def core_reading(values: NDArray[Any], core: Inside, voxel_mm3: float) -> CoreReading:
    """Mean, median and SD of `values` in the core.

    Raises: DensityError: a core too small to be read.
    """
    voxels = int(core.sum())
    volume = voxels * voxel_mm3 / 1000
    if volume < SMALLEST_CM3 or voxels < FEWEST_VOXELS:
        raise DensityError(
            f"its core has {volume:.2f} cm3 in {voxels} voxels, expected {SMALLEST_CM3:g} cm3 and "
            f"{FEWEST_VOXELS} voxels or more. It is collapsed, or the slices are too thick for the margins."
        )
    found = values[core].astype(np.float64)
    return CoreReading(
        mean_hu=float(found.mean()),
        median_hu=float(np.median(found)),
        sd_hu=float(found.std(ddof=1)),
        volume_cm3=volume,
        voxels=voxels,
    )


def vertebral_body(vertebra: Inside, spacing: Spacing) -> Inside:
    """The body of a whole vertebra: what a ball of `BODY_RADIUS_MM` reaches from inside of it.

    Raises: DensityError: no such ball fits into it.
    """
    depth = ndimage.distance_transform_edt(np.pad(vertebra, 1), sampling=spacing)[1:-1, 1:-1, 1:-1]
    seeds, found = ndimage.label(depth >= BODY_RADIUS_MM)
    if not found:
        raise DensityError(
            f"no ball of {BODY_RADIUS_MM:g} mm radius fits into it: no vertebral body, or a collapsed one."
        )
    largest = seeds == 1 + int(np.argmax(np.bincount(seeds.ravel())[1:]))
    away = ndimage.distance_transform_edt(~largest, sampling=spacing)
    return np.asarray(vertebra & (away < BODY_RADIUS_MM))


def _repeats(spacing: Spacing) -> tuple[int, ...]:
    """By what odd number each voxel is divided, so that its centre stays one and no part is thick."""
    return tuple(
        2 * int(np.ceil((side / _FINEST_MM - 1) / 2)) + 1 if side > _FINEST_MM else 1 for side in spacing
    )


def _finer(crop: Inside, spacing: Spacing) -> tuple[Inside, Spacing]:
    repeats = _repeats(spacing)
    for axis, times in enumerate(repeats):
        crop = np.repeat(crop, times, axis=axis)
    slices, rows, columns = (side / times for side, times in zip(spacing, repeats, strict=True))
    return crop, (slices, rows, columns)


def _deep(body: Inside, spacing: Spacing, rules: CoreRules) -> Inside:
    """What is far enough from the surface: an ellipsoid, as high as endplates need, as wide as the cortex."""
    slices, rows, columns = spacing
    scaled = (slices * rules.cortex_mm / rules.endplate_mm, rows, columns)
    depth = ndimage.distance_transform_edt(np.pad(body, 1), sampling=scaled)[1:-1, 1:-1, 1:-1]
    # To the surface of the nearest voxel outside, not to its centre.
    return np.asarray(depth - max(scaled) / 2 >= rules.cortex_mm - 1e-6)


def _in_front(body: Inside, share: float) -> Inside:
    """The front `share` of each slice's depth: behind lie the vessels' entry and the posterior wall.

    Slice by slice, because lordosis tilts the vertebra against the axes of the scan.
    """
    rows = np.arange(body.shape[1])
    held = body.any(axis=2)
    front = np.where(held, rows, body.shape[1]).min(axis=1)
    back = np.where(held, rows, -1).max(axis=1) + 1
    limit = front + share * (back - front)
    return np.broadcast_to((rows[None, :] + 0.5 <= limit[:, None])[:, :, None], body.shape)
