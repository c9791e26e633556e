"""A knee in front of the beam: femur, tibia, fibula, patella and soft tissue from a few parameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strnet.phantom.physics.solids import Bone, Grid, Solid, ellipsoid, profile, rounding

Array = np.ndarray


@dataclass(frozen=True)
class KneeShape:
    """Shape of one leg: what varies between people and does not follow the T-score.

    `scale` multiplies every bone; `slenderness` the shafts; `joint_space_mm` between the bones;
    `patella_x_mm`, `patella_y_mm` shift the patella; `varus` tilts femur and tibia (mm per mm);
    `girth_mm` half width of the leg at the knee, `fat_mm` thickness of the fat layer.
    """

    scale: float
    slenderness: float
    joint_space_mm: float
    patella_x_mm: float
    patella_y_mm: float
    varus: float
    girth_mm: float
    fat_mm: float


@dataclass(frozen=True)
class Quality:
    """What the T-score plants: cortical thickness / half width of the shaft, trabecular bone per volume."""

    cortical_index: float
    bone_volume_fraction: float


_SHELL_MM = 1.1
"""Thickness of the cortical shell near the joint."""


def _cortex(distance: Array, half_width: Array, quality: Quality, reach: tuple[float, float]) -> Array:
    """Cortical thickness (H,) mm, from a thin shell near the joint to the index in the shaft."""
    ramp = np.clip((distance - reach[0]) / (reach[1] - reach[0]), 0.0, 1.0)
    ramp = ramp * ramp * (3.0 - 2.0 * ramp)
    shell = _SHELL_MM * (0.45 + 1.5 * quality.cortical_index)
    return np.asarray(shell + ramp * np.maximum(quality.cortical_index * half_width - shell, 0.0))


def _spongiosa(distance: Array, quality: Quality, reach_mm: float, scar_mm: float) -> Array:
    """Trabecular bone per volume (H,) at `distance` from the joint: dense below it, sparse in the shaft."""
    fall = np.exp(-((np.maximum(distance, 0.0) / reach_mm) ** 1.6))
    sclerosis = 0.45 * np.exp(-np.maximum(distance, 0.0) / 4.0)
    scar = 0.16 * np.exp(-0.5 * ((distance - scar_mm) / 0.8) ** 2)
    return np.asarray(quality.bone_volume_fraction * (0.06 + fall * (0.94 + sclerosis + scar)))


def _shell_fill(distance: Array, reach: tuple[float, float]) -> Array:
    """Bone per volume of the shell (H,): porous near the joint, compact in the shaft."""
    ramp = np.clip((distance - reach[0]) / (reach[1] - reach[0]), 0.0, 1.0)
    return np.asarray(0.58 + 0.36 * ramp)


def femur(grid: Grid, shape: KneeShape, quality: Quality) -> Bone:
    """The distal femur: shaft, metaphysis, two condyles; `joint_lift` arches the notch between them."""
    s = shape.scale
    y = grid.y / s + shape.joint_space_mm / 2.0
    distance = -y
    width = profile(
        y,
        [(-150, 15.2), (-110, 15.6), (-85, 17.0), (-65, 20.5), (-50, 26.5), (-38, 34.0), (-29, 38.6),
         (-21, 38.8), (-12, 34.0), (-8, 30.0)],
    )  # fmt: skip
    width = width * (1.0 + (shape.slenderness - 1.0) * np.clip((distance - 30.0) / 50.0, 0.0, 1.0))
    depth = profile(y, [(-150, 15.0), (-85, 15.5), (-60, 18.0), (-35, 24.0), (-20, 24.0), (-8, 20.0)])
    lean = shape.varus * distance + 1.5 * np.clip((distance - 40.0) / 60.0, 0.0, 1.5)
    end = rounding(distance - 7.5, 9.0, 2.4)
    flat = np.ones_like(y)
    shaft = Solid(s * lean, s * width * end, -6.0 * s * flat, s * depth * end, 2.0)
    cortex = s * _cortex(distance, width, quality, (34.0, 88.0))
    outer, marrow = [shaft], [shaft.shrunk(cortex, distance > 7.5 + 1.5)]
    for side, reach in ((22.2, 0.0), (-22.6, 0.8)):
        condyle = _condyle(y - reach, s, side)
        outer.append(condyle)
        marrow.append(condyle.shrunk(s * 1.5 * _SHELL_MM * flat, (distance + reach) > 1.5 * _SHELL_MM))
    return Bone(
        outer, marrow, _shell_fill(distance, (20.0, 70.0)), _spongiosa(distance - 2.0, quality, 62.0, 29.0)
    )


def _condyle(y: Array, scale: float, centre_x: float) -> Solid:
    """One femoral condyle: a runner that leaves the shaft backwards and ends round at y = 0."""
    width = profile(y, [(-62, 0.5), (-52, 4.0), (-44, 9.0), (-34, 14.5), (-22, 17.6), (-14, 17.8), (0, 17.6)])
    back = profile(y, [(-62, 2.0), (-50, 8.0), (-36, 20.0), (-22, 30.0), (-10, 32.0), (0, 28.0)])
    end = rounding(-y, 16.0, 2.2)
    inward = profile(y, [(-62, 0.5), (-48, 0.66), (-34, 0.88), (-18, 1.0), (0, 1.0)])
    depth = (back + 18.0) / 2.0
    present = (y > -62.0) & (y < 0.0)
    return Solid(
        scale * centre_x * inward,
        np.where(present, scale * width * end, 0.0),
        scale * (back - depth),
        scale * depth * end**0.8,
    )


def femoral_cortex_mm(shape: KneeShape, quality: Quality) -> float:
    """Cortical thickness of the femoral shaft 100 mm above the joint, mm."""
    at = Grid(np.array([-100.0], np.float32), np.zeros(1, np.float32), 1.0)
    bone = femur(at, shape, quality)
    return float(bone.outer[0].half_width[0] - bone.inner[0].half_width[0])


def tibia(grid: Grid, shape: KneeShape, quality: Quality) -> Bone:
    """The proximal tibia: plateau, flare and shaft; `joint_lift` raises its spines."""
    s = shape.scale
    y = grid.y / s - shape.joint_space_mm / 2.0
    width = profile(
        y,
        [(-2, 36.6), (4, 37.6), (11, 37.0), (20, 32.6), (32, 26.4), (46, 21.0), (65, 16.8), (92, 14.0),
         (150, 12.6)],
    )  # fmt: skip
    width = width * (1.0 + (shape.slenderness - 1.0) * np.clip((y - 20.0) / 50.0, 0.0, 1.0))
    depth = profile(y, [(-2, 24.0), (8, 25.0), (25, 22.0), (45, 19.0), (80, 15.5), (150, 14.0)])
    lean = -shape.varus * y - 2.2 * np.clip((y - 15.0) / 40.0, 0.0, 1.0)
    end = rounding(y, 4.5, 2.6)
    body = Solid(s * lean, s * width * end, 2.0 * s * np.ones_like(y), s * depth * end**0.6, 2.6)
    cortex = s * _cortex(y, width, quality, (22.0, 80.0))
    marrow = [body.shrunk(cortex, y > 1.6)]
    return Bone([body], marrow, _shell_fill(y, (12.0, 60.0)), _spongiosa(y - 1.5, quality, 50.0, 17.0))


def fibula(grid: Grid, shape: KneeShape, quality: Quality) -> Bone:
    """The fibula: head behind and below the lateral plateau, then the shaft."""
    s = shape.scale
    y = grid.y / s - shape.joint_space_mm / 2.0
    width = profile(y, [(8, 6.5), (15, 9.8), (22, 10.2), (32, 7.6), (45, 5.9), (75, 5.4), (150, 5.9)])
    lean = profile(y, [(8, 31.5), (20, 32.5), (40, 31.5), (80, 27.5), (150, 24.0)]) - shape.varus * y
    end = rounding(y - 8.5, 7.0, 2.0)
    body = Solid(s * lean, s * width * end, 18.0 * s * np.ones_like(y), s * 1.05 * width * end, 2.0)
    cortex = s * _cortex(y - 10.0, 1.15 * width, quality, (14.0, 38.0))
    return Bone(
        [body],
        [body.shrunk(cortex, y > 9.8)],
        _shell_fill(y - 10.0, (5.0, 40.0)),
        _spongiosa(y - 8.0, quality, 32.0, -50.0),
    )


def patella(grid: Grid, shape: KneeShape, quality: Quality) -> Bone:
    """The patella in front of the distal femur."""
    s = shape.scale
    rows = grid.y.astype(float)
    centre = ((1.5 + shape.patella_x_mm) * s, (-39.0 + shape.patella_y_mm) * s, -40.0 * s)
    outer = ellipsoid(rows, centre, (21.5 * s, 21.0 * s, 9.5 * s), 2.3)
    inner = ellipsoid(rows, centre, (20.5 * s, 20.0 * s, 8.5 * s), 2.3)
    flat = np.ones_like(rows)
    return Bone([outer], [inner], 0.45 * flat, 1.05 * quality.bone_volume_fraction * flat)


def joint_lift(x: Array, y: Array, shape: KneeShape) -> Array:
    """How far the bone at (x, y) mm lies below where it is drawn, mm, shape (y.size, x.size), float32.

    Bends the joint's surfaces: the notch's arch and the eminence in the middle, hollows under the condyles,
    and the two tibial spines. Vanishes 40 mm from the joint.
    """
    s = shape.scale
    across, along = x.astype(np.float32) / np.float32(s), y.astype(np.float32) / np.float32(s)
    arch = 3.6 * np.exp(-((across / 8.5) ** 2))
    hollows = sum(-1.1 * np.exp(-(((across - side) / 10.0) ** 2)) for side in (21.0, -22.0))
    spines = 4.6 * np.exp(-(np.abs((across + 6.0) / 2.9) ** 1.5)) + 3.2 * np.exp(
        -(np.abs((across - 5.4) / 2.9) ** 1.5)
    )
    near = np.exp(-(np.abs((along + 3.0) / 20.0) ** 3.0))
    rise = np.clip((along + 9.0) / 6.0, 0.0, 1.0)
    below = rise * rise * (3.0 - 2.0 * rise) * np.exp(-((np.maximum(along - 3.0, 0.0) / 10.0) ** 2))
    bend = np.outer(near, arch + hollows) + np.outer(below, spines)
    return np.asarray(s * bend, dtype=np.float32)


def soft_tissue(grid: Grid, shape: KneeShape) -> tuple[Solid, Solid]:
    """The skin's surface and the surface of the muscle under the fat layer."""
    y = grid.y.astype(float)
    girth = profile(
        y, [(-160, 1.42), (-110, 1.26), (-60, 1.07), (-25, 1.0), (10, 0.93), (35, 0.91), (80, 1.02),
            (120, 0.98), (160, 0.88)],
    )  # fmt: skip
    centre = profile(y, [(-160, -8.0), (-60, -3.0), (0, 0.0), (70, 3.0), (160, 2.0)])
    depth = 0.98 * shape.girth_mm * girth
    flat = np.ones_like(y)
    skin = Solid(centre, shape.girth_mm * girth, 6.0 * flat, depth)
    fat = shape.fat_mm * profile(y, [(-160, 1.5), (-60, 1.15), (0, 0.8), (80, 0.9), (160, 0.8)])
    return skin, skin.shrunk(fat, flat > 0)
