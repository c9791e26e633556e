"""Path lengths through a knee: its bones in its flesh."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from strnet.phantom.knee.knee_bones import KneeShape, Quality, femur, fibula, patella, soft_tissue, tibia
from strnet.phantom.physics.projection import MARROW_FAT, Paths, Spongiosa, project_bone
from strnet.phantom.physics.solids import Bone, Box, Grid, half_chord
from strnet.phantom.physics.spectra import DENSITY
from strnet.phantom.physics.trabeculae import trabecular_texture

Array = np.ndarray


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
    soft = np.maximum(muscle - displaced, np.float32(0.0)) + np.float32(1.0 - MARROW_FAT) * marrow
    return Paths(soft, fat + np.float32(MARROW_FAT) * marrow, bone)


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
