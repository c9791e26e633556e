"""From a knee to the beam behind it: path lengths per material, then Beer-Lambert over the spectrum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from strnet.phantom.anatomy import Box, Grid, bounding_box, half_chord, thickness
from strnet.phantom.knee import Bone, KneeShape, Quality, femur, fibula, patella, soft_tissue, tibia
from strnet.phantom.spectra import DENSITY, Spectrum
from strnet.phantom.trabeculae import trabecular_texture

Array = np.ndarray

_MARROW_FAT = 0.6
"""Share of fat in marrow by volume; the rest is soft tissue."""


@dataclass(frozen=True)
class Spongiosa:
    """Trabecular texture of one knee: spacing in mm, transverse share 0 to 1, contrast at 40 mm depth."""

    spacing_mm: float
    transverse: float
    contrast: float


@dataclass(frozen=True)
class Paths:
    """Path length along the beam per material, mm, float32 (H, W); `bone` is compact-bone equivalent."""

    soft: Array
    adipose: Array
    bone: Array


def project_bone(bone: Bone, grid: Grid, texture: Array, contrast: float) -> tuple[Box, Array, Array, Array]:
    """Box of a bone and, in it, its outer thickness, its marrow and its compact-bone equivalent, mm."""
    box = bounding_box(bone.outer, grid)
    rows = slice(box.top, box.bottom)
    outer = thickness(bone.outer, grid, box)
    inner = np.minimum(thickness(bone.inner, grid, box), outer)
    shell = (outer - inner) * bone.shell_fill[rows, None].astype(np.float32)
    spongiosa = inner * bone.trabecular_fill[rows, None].astype(np.float32)
    # Independent trabeculae along the beam: the SD of their sum grows with the root of the depth.
    local = np.float32(contrast) * np.sqrt(np.float32(40.0) / np.maximum(inner, np.float32(20.0)))
    spongiosa *= np.maximum(np.float32(1.0) + local * texture[box.slices], np.float32(0.05))
    return box, outer, inner, shell + spongiosa


def knee_bones(grid: Grid, shape: KneeShape, quality: Quality) -> Sequence[Bone]:
    """Femur, tibia, fibula and patella of one knee."""
    return [build(grid, shape, quality) for build in (femur, tibia, fibula, patella)]


def project_knee(
    grid: Grid, shape: KneeShape, quality: Quality, spongiosa: Spongiosa, generator: np.random.Generator
) -> Paths:
    """Path lengths through one knee, before it is turned on the film."""
    texture = trabecular_texture(
        grid.shape, spongiosa.spacing_mm / grid.pixel_mm, spongiosa.transverse, grid.pixel_mm, generator
    )
    bone = np.zeros(grid.shape, np.float32)
    displaced = np.zeros(grid.shape, np.float32)
    marrow = np.zeros(grid.shape, np.float32)
    for part in knee_bones(grid, shape, quality):
        box, outer, inner, solid = project_bone(part, grid, texture, spongiosa.contrast)
        bone[box.slices] += solid
        displaced[box.slices] += outer
        marrow[box.slices] += inner
    muscle, fat = _flesh(grid, shape, generator)
    soft = np.maximum(muscle - displaced, np.float32(0.0)) + np.float32(1.0 - _MARROW_FAT) * marrow
    return Paths(soft, fat + np.float32(_MARROW_FAT) * marrow, bone)


def condyle_density(shape: KneeShape, quality: Quality) -> float:
    """Projected bone density in the middle of the lateral femoral condyle, g/cm2, texture left out."""
    centre = np.array([[-18.0], [21.0]], np.float32) * np.float32(shape.scale)
    at = Grid(centre[0], centre[1], 1.0)
    _, _, _, solid = project_bone(femur(at, shape, quality), at, np.zeros((1, 1), np.float32), 0.0)
    return float(solid[0, 0]) * DENSITY["bone"] / 10.0


def _flesh(grid: Grid, shape: KneeShape, generator: np.random.Generator) -> tuple[Array, Array]:
    """Muscle and fat along the beam, mm, with planes of fat between the muscles."""
    skin, under = soft_tissue(grid, shape)
    whole = Box(0, grid.shape[0], 0, grid.shape[1])
    body = 2.0 * half_chord(skin, grid, whole)
    muscle = 2.0 * half_chord(under, grid, whole)
    coarse = generator.standard_normal((9, 12), dtype=np.float32)
    planes = cv2.resize(coarse, (grid.shape[1], grid.shape[0]), interpolation=cv2.INTER_CUBIC)
    muscle *= np.float32(0.93) + np.float32(0.025) * planes
    muscle = np.minimum(muscle, body)
    return muscle, body - muscle


def turn(image: Array, looks_at: tuple[Array, Array], mirror: bool) -> Array:
    """`image` resampled at (columns, rows) `looks_at`, float32; then mirrored for a right knee."""
    turned = cv2.remap(image, *looks_at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.flip(turned, 1) if mirror else turned)


def transmission(paths: Paths, beam: Spectrum, titanium: Array | None = None) -> Array:
    """Energy that reaches the detector relative to the open beam, in (0, 1], float32, shape of the paths.

    Source: Beer-Lambert, summed over the detector-weighted spectrum.
    """
    materials = [paths.soft, paths.adipose, paths.bone]
    if titanium is not None:
        materials.append(titanium)
    total = np.zeros(paths.soft.shape, np.float32)
    for weight, coefficients in zip(beam.weight, beam.attenuation, strict=True):
        exponent = np.multiply(materials[0], np.float32(-coefficients[0]))
        for path, coefficient in zip(materials[1:], coefficients[1:], strict=False):
            cv2.scaleAdd(path, -float(coefficient), exponent, exponent)
        total += np.float32(weight) * np.exp(exponent, out=exponent)
    return total
