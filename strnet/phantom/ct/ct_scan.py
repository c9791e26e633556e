"""One CT scan of a person: planned, painted plane by plane, averaged to slices, as a scanner gives it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from strnet.imaging.spine_labels import CORTEX, POSTERIOR, TRABECULAR, VERTEBRAE, spine_label
from strnet.imaging.volume import Volume
from strnet.phantom.ct.ct_technique import Technique
from strnet.phantom.ct.metal_volume import metal_layers, streaks
from strnet.phantom.ct.mineral_planting import Mineral
from strnet.phantom.ct.solid_coverage import Lattice
from strnet.phantom.ct.spine_placing import Motion, spine_line, with_the_spine
from strnet.phantom.ct.spine_volume import (
    Extent,
    Layer,
    Marrow,
    Vertebra,
    density_of,
    disc_layers,
    loose_layers,
    painted,
    vertebra_layers,
)
from strnet.phantom.ct.trunk_build import Surroundings, draw_surroundings
from strnet.phantom.ct.trunk_volume import Trunk, aorta_course, soft_volume
from strnet.phantom.lumbar.abdomen import aortic_calcium
from strnet.phantom.lumbar.pelvis_and_ribs import Tube, iliac_pieces, ribs, sacral_pieces
from strnet.phantom.lumbar.spine_shape import SpineShape
from strnet.phantom.lumbar.vertebral_bodies import Body, stack
from strnet.phantom.lumbar.vertebral_planting import Planted
from strnet.phantom.lumbar.vertebral_processes import Piece, facet_sclerosis, vertebral_pieces, worn_pieces
from strnet.phantom.people import Person
from strnet.phantom.physics.tissue_hounsfield import Hounsfield, hounsfield

Array = np.ndarray

LOWEST_HU: Final = -1024
HIGHEST_HU: Final = 3071
_PLANE_MM: Final = 1.1
_SOFT_PLANE_MM: Final = 3.0
_MOSTLY: Final = 0.5
_FREE_OF_WALL: Final = 0.85
"""Share of a voxel that a bone takes at least, and that lies inside its walls where it is trabecular: a voxel
with more of the wall in it shows the wall."""
_USUAL_PIXEL_MM: Final = 0.8
"""Pixel of a scan of 512 columns at which a kernel's blur and a scanner's noise are meant."""


@dataclass(frozen=True)
class CtPlan:
    """What is planted in one scan and how it is taken, drawn before anything is painted."""

    person: Person
    shape: SpineShape
    planted: Planted
    mineral: Mineral
    technique: Technique
    surroundings: Surroundings
    hu: Hounsfield

    @property
    def marrow_hu(self) -> float:
        """HU of the marrow: its fat, its red part and the iodine in it."""
        fat = self.mineral.marrow_fat
        own = fat * self.hu.fat + (1.0 - fat) * self.hu.soft
        return own + self.technique.marrow_iodine * self.hu.per_mg_iodine


@dataclass(frozen=True)
class Scan:
    """A finished scan: HU (int16) and the labels of `imaging.spine_labels` (uint8) on one grid."""

    volume: Volume
    labels: Volume


def body_mm(shape: SpineShape) -> float:
    """How much tissue the beam crosses in a trunk of this `shape`, mm, over all directions."""
    return round(0.85 * float(np.sqrt(shape.width_mm * shape.depth_mm)), 1)


def plan_scan(
    person: Person,
    built: tuple[SpineShape, Planted, Mineral],
    technique: Technique,
    generator: np.random.Generator,
) -> CtPlan:
    """The plan of one scan of the person who is `built` so."""
    shape, planted, mineral = built
    hu = hounsfield(technique.kilovolts, body_mm(shape))
    inside = draw_surroundings(person, shape, technique, hu, generator)
    return CtPlan(person, shape, planted, mineral, technique, inside, hu)


def slice_heights(plan: CtPlan, bodies: Sequence[Body]) -> Array:
    """Middles of the slices, mm below L3, from the lowest to the highest: the scanned part of the spine."""
    t = plan.technique
    by_name = {body.name: body for body in bodies}
    top = by_name["T11"].at(0.0, -by_name["T11"].half_height, 0.0)[1] - t.top_mm
    bottom = by_name["L5"].at(0.0, by_name["L5"].half_height, 0.0)[1] + t.bottom_mm
    count = int(np.ceil((bottom - top) / t.spacing_mm))
    return np.asarray(bottom - t.spacing_mm * np.arange(count))


def make_scan(plan: CtPlan, size: tuple[int, int], generator: np.random.Generator) -> Scan:
    """The scan of `plan` with `size` (rows, columns): bones, soft tissue, slices, kernel, noise, drift."""
    t = plan.technique
    bodies = stack(plan.shape)
    heights = slice_heights(plan, bodies)
    pixel = t.field_mm / size[1]
    rows, columns = ((np.arange(n) - (n - 1) / 2.0) * pixel for n in size)
    steps = max(round(t.spacing_mm / _PLANE_MM), 1)
    window = max(round(t.thickness_mm / t.spacing_mm * steps), 1)
    step = t.spacing_mm / steps
    planes = heights[0] + window_middle(window) * step - step * np.arange((heights.size - 1) * steps + window)
    fine = _lattice(planes, rows, columns, pixel)
    whole = Motion(t.turn, t.shift_mm)
    motions = [with_the_spine(whole, body, plan.shape) for body in bodies]
    trunk = Trunk(plan.shape, plan.surroundings, whole, spine_line(bodies, motions, plan.shape.scale))
    layers, extents = _bone_layers(plan, (bodies, motions), trunk, fine, generator)
    bone, taken = (slices_of(part, steps, window) for part in painted(layers, fine.shape))
    soft = _soft_slices(trunk, heights, (rows, columns, pixel), generator)
    hu = soft * (np.float32(1.0) - taken) + bone
    metal = metal_layers(plan.technique.metal, bodies, motions, fine)
    if metal:
        shine, covered = (slices_of(part, steps, window) for part in painted(metal, fine.shape))
        hu = hu * (np.float32(1.0) - covered) + shine + streaks(covered, pixel, generator)
    hu = _as_scanned(hu, plan, pixel, generator)
    labels = _labels(extents, fine.shape, steps, window)
    affine = _affine(plan, heights, rows, columns, pixel)
    return Scan(Volume(hu, affine), Volume(labels, affine))


def window_middle(window: int) -> float:
    """How many planes the middle of a slice of `window` planes lies from its first one."""
    return (window - 1) / 2.0


def _lattice(planes: Array, rows: Array, columns: Array, pixel: float) -> Lattice:
    step = abs(float(planes[1] - planes[0]))
    y, z, x = (axis.astype(np.float32) for axis in (planes, rows, columns))
    return Lattice(y, z, x, pixel, step)


def slices_of(planes: Array, steps: int, window: int) -> Array:
    """Means over `window` planes (P, ...), every `steps` planes: the slices, from the first plane on."""
    count = (planes.shape[0] - window) // steps + 1
    last = (count - 1) * steps + 1
    total = planes[0:last:steps].copy()
    for first in range(1, window):
        total += planes[first : first + last : steps]
    total *= np.float32(1.0 / window)
    return total


def _soft_slices(
    trunk: Trunk, heights: Array, grid: tuple[Array, Array, float], generator: np.random.Generator
) -> Array:
    """Soft tissue in every slice, between planes 3 mm apart: it changes slowly along the body."""
    rows, columns, pixel = grid
    count = max(int(np.ceil((heights[0] - heights[-1]) / _SOFT_PLANE_MM)), 1) + 1
    planes = np.linspace(heights[0], heights[-1], count)
    soft = soft_volume(trunk, _lattice(planes, rows, columns, pixel), generator)
    flat = soft.reshape(count, -1)
    at = np.interp(heights, planes[::-1], np.arange(count)[::-1].astype(float))
    below = np.minimum(at.astype(int), count - 2)
    share = (at - below).astype(np.float32)[:, None]
    mixed = flat[below]
    mixed += share * (flat[below + 1] - mixed)
    return np.asarray(mixed.reshape(-1, *soft.shape[1:]))


def _bone_layers(
    plan: CtPlan,
    spine: tuple[Sequence[Body], Sequence[Motion]],
    trunk: Trunk,
    lattice: Lattice,
    generator: np.random.Generator,
) -> tuple[list[Layer], list[Extent]]:
    bodies, motions = spine
    shape, quality = plan.shape, plan.mineral.quality
    fill = Marrow(plan.hu, plan.marrow_hu, plan.mineral.shell_fill)
    layers = list(disc_layers(bodies, motions, fill, lattice))
    extents = []
    for body, motion in zip(bodies, motions, strict=True):
        pieces: list[Piece] = []
        if not body.sacral:
            pieces = [*vertebral_pieces(body, shape, quality), *worn_pieces(body, shape)]
            pieces += facet_sclerosis(body, shape)
            layers += loose_layers((), list(ribs([body], shape, quality)), motion, fill, lattice)
        vertebra = Vertebra(body, pieces, motion, plan.planted, density_of(body.name, plan.mineral))
        more, extent = vertebra_layers(vertebra, fill, lattice, generator)
        layers += more
        extents.append(extent)
    sacrum = next(body for body in bodies if body.sacral)
    pelvis = [*sacral_pieces(bodies, shape, quality), *iliac_pieces(sacrum, shape, quality)]
    whole = trunk.motion
    layers += loose_layers(
        [part for part in pelvis if isinstance(part, Piece)],
        [part for part in pelvis if isinstance(part, Tube)],
        whole,
        fill,
        lattice,
    )
    layers += loose_layers(
        (), _plaques(plan, trunk, generator), Motion(np.eye(3), np.zeros(3)), fill, lattice
    )
    return layers, extents


def _plaques(plan: CtPlan, trunk: Trunk, generator: np.random.Generator) -> list[Tube]:
    """The calcium of the films' aorta in the wall of this one, in the scanner's axes."""
    placed = []
    for plaque in aortic_calcium(plan.shape, generator):
        s = plan.shape.scale
        straight = plaque.points - s * np.array([8.0, 0.0, -31.0])
        straight[:, 2] -= 8.0 * s * np.clip(-plaque.points[:, 1] / s / 80.0, 0.0, 1.0)
        x, z = aorta_course(trunk, plaque.points[:, 1])
        wider = plan.surroundings.aorta_mm / (9.0 * s)
        points = np.column_stack(
            [x + wider * straight[:, 0], plaque.points[:, 1], z + wider * straight[:, 2]]
        )
        placed.append(Tube(points, plaque.radii, plaque.wall_mm, plaque.wall_fill, plaque.core_fill))
    return placed


def _as_scanned(hu: Array, plan: CtPlan, pixel: float, generator: np.random.Generator) -> Array:
    """HU as the scanner writes them, int16: kernel, noise, drift, the blank corners of a round field."""
    t = plan.technique
    for number in range(hu.shape[0]):
        _sharpen(hu[number], t.kernel.sharpness, pixel)
    hu += _noise(hu.shape, plan, pixel, generator)
    hu *= np.float32(t.gain)
    hu += np.float32(t.offset_hu)
    np.rint(hu, out=hu)
    stored = np.clip(hu, LOWEST_HU, HIGHEST_HU, out=hu).astype(np.int16)
    if t.scanner.round_field:
        rows, columns = hu.shape[1:]
        y, x = np.ogrid[:rows, :columns]
        far = np.hypot((y - (rows - 1) / 2.0) / rows, (x - (columns - 1) / 2.0) / columns) > 0.5
        stored[:, far] = LOWEST_HU
    return stored


def _sharpen(plane: Array, sharpness: float, pixel: float) -> None:
    """Blur (below 0) or enhance the edges (above 0) of `plane` in place."""
    width = max(_USUAL_PIXEL_MM * 0.8 / pixel, 0.35)
    soft = cv2.GaussianBlur(plane, (0, 0), width, borderType=cv2.BORDER_REFLECT_101)
    plane += np.float32(sharpness) * (plane - soft)


def _noise(shape: tuple[int, ...], plan: CtPlan, pixel: float, generator: np.random.Generator) -> Array:
    """Noise whose grain is the kernel's, stronger in thin slices and large people, (S, R, C) float32."""
    t = plan.technique
    noise = generator.standard_normal(shape, dtype=np.float32)
    # White noise less a share of its own blur: a kernel's ramp takes the low frequencies out.
    fine, coarse = max(0.42 * t.kernel.grain_mm / pixel, 0.3), max(1.6 * t.kernel.grain_mm / pixel, 1.0)
    kernel = _grain_kernel(fine, coarse)
    for number in range(shape[0]):
        cv2.filter2D(noise[number], -1, kernel, noise[number], borderType=cv2.BORDER_REFLECT_101)
    # Larger pixels average the noise of smaller ones; larger bodies leave fewer photons.
    strength = t.noise_hu * t.kernel.noise * np.sqrt(2.0 / t.thickness_mm)
    strength *= (_USUAL_PIXEL_MM / max(pixel, _USUAL_PIXEL_MM)) ** 0.5
    strength *= float(np.exp((body_mm(plan.shape) - 220.0) / 260.0))
    noise *= np.float32(strength)
    return noise


def _grain_kernel(fine: float, coarse: float) -> Array:
    """A difference of Gaussians (K, K), float32; its squares sum to 1: white noise keeps its variance."""
    reach = max(int(np.ceil(2.5 * coarse)), 2)
    line = np.arange(-reach, reach + 1)
    narrow, wide = (np.exp(-(line**2) / (2.0 * size**2)) for size in (fine, coarse))
    narrow, wide = narrow / narrow.sum(), wide / wide.sum()
    kernel = np.outer(narrow, narrow) - 0.75 * np.outer(wide, wide)
    return np.asarray(kernel / np.sqrt((kernel**2).sum()), np.float32)


def _labels(extents: Sequence[Extent], shape: tuple[int, int, int], steps: int, window: int) -> Array:
    """The numbers of `spine_labels`, uint8 (S, R, C): see `_FREE_OF_WALL`; later ones cover earlier ones."""
    count = (shape[0] - window) // steps + 1
    labels = np.zeros((count, *shape[1:]), np.uint8)

    def mark(slices: tuple[slice, slice, slice], share: Array, number: int, least: float = _MOSTLY) -> None:
        if not share.size:
            return
        planes = np.zeros((shape[0], *share.shape[1:]), np.float32)
        planes[slices[0]] = share
        labels[:, slices[1], slices[2]][slices_of(planes, steps, window) >= np.float32(least)] = number

    known = [extent for extent in extents if extent.name in VERTEBRAE]
    for extent in known:
        for slices, share in extent.pieces:
            mark(slices, share, spine_label(extent.name, POSTERIOR))
    for extent in known:
        mark(extent.body, extent.outer, spine_label(extent.name, CORTEX))
        mark(extent.body, extent.inner, spine_label(extent.name, TRABECULAR), _FREE_OF_WALL)
    return labels


def _affine(plan: CtPlan, heights: Array, rows: Array, columns: Array, pixel: float) -> Array:
    """From (column, row, slice) to LPS in mm; the slices rise towards the head."""
    affine = np.diag([pixel, pixel, plan.technique.spacing_mm, 1.0])
    affine[:3, 3] = plan.technique.isocentre_mm + np.array([columns[0], rows[0], -heights[0]])
    return affine
