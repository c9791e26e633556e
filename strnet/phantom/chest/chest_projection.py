"""Path lengths through a chest: its bones, its lungs and what lies between them, in its trunk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from strnet.phantom.chest.lungs import Breath, lung_mottle, lung_path, lung_vessels
from strnet.phantom.chest.mediastinum import airway_path, mediastinal_path
from strnet.phantom.chest.rib_cage import FLATNESS, clavicles, rib_courses, rib_tubes
from strnet.phantom.chest.shoulder_girdle import shoulder_pieces, shoulder_tubes
from strnet.phantom.chest.thoracic_planting import Planted
from strnet.phantom.chest.thoracic_spine import thoracic_pieces, thoracic_stack, transverse_processes
from strnet.phantom.chest.thorax_shape import ThoraxShape
from strnet.phantom.chest.trunk import abdominal_gas, soft_tissue
from strnet.phantom.lumbar.pelvis_and_ribs import Tube
from strnet.phantom.lumbar.vertebral_bodies import Body, body_chord
from strnet.phantom.lumbar.vertebral_processes import Piece
from strnet.phantom.physics.ellipsoids import Canvas, Ellipsoid, chord, rotation, shadow, tube
from strnet.phantom.physics.projection import MARROW_FAT, Paths
from strnet.phantom.physics.solids import Box
from strnet.phantom.physics.spectra import DENSITY
from strnet.phantom.physics.trabeculae import trabecular_texture

Array = np.ndarray

_SHELL_FILL: Final = 0.62
"""Bone per volume of the thin shell of a vertebral body."""
_CONTRAST_PER_MM: Final = 0.06
"""Contrast of trabeculae per mm of spacing: fewer trabeculae along the beam average less out."""
_LEAST_TISSUE: Final = 0.12
"""Share of soft tissue that air leaves at least."""


@dataclass(frozen=True)
class Skeleton:
    """The bones of a chest as the beam meets them; `ribs` are drawn with their height squeezed."""

    bodies: Sequence[Body]
    pieces: Sequence[Piece]
    tubes: Sequence[Tube]
    ribs: Sequence[Tube]


@dataclass(frozen=True)
class _Layers:
    """What the bones fill, mm, float32 (H, W): space, its part inside walls, compact-bone equivalent."""

    taken: Array
    inside: Array
    bone: Array

    def add(self, box: Box, outer: Array, inner: Array, bone: Array) -> None:
        """Add one bone's share in the pixels of `box`."""
        self.taken[box.slices] += outer
        self.inside[box.slices] += inner
        self.bone[box.slices] += bone


def skeleton(shape: ThoraxShape, planted: Planted, rough: Array, turned_degrees: float) -> Skeleton:
    """The bones of a person who is turned by `turned_degrees` about the long axis."""
    bodies = thoracic_stack(shape)
    turn = rotation(1, np.deg2rad(turned_degrees))
    pieces = [*thoracic_pieces(bodies, shape, planted), *shoulder_pieces(shape, planted)]
    tubes = [
        *transverse_processes(bodies, shape, planted),
        *clavicles(shape, planted),
        *shoulder_tubes(shape, planted),
    ]
    ribs = rib_tubes(list(rib_courses(bodies, shape, rough)), planted)
    return Skeleton(
        [replace(body, centre=turn @ body.centre) for body in bodies],
        [replace(piece, outer=_turned(piece.outer, turn)) for piece in pieces],
        [replace(bone, points=bone.points @ turn.T) for bone in tubes],
        [replace(bone, points=bone.points @ turn.T) for bone in ribs],
    )


def _turned(solid: Ellipsoid, turn: Array) -> Ellipsoid:
    return replace(solid, centre=turn @ solid.centre, axes=turn @ solid.axes)


def project_bones(
    canvas: Canvas, bones: Skeleton, planted: Planted, generator: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Space that the bones take, space inside them, and compact-bone equivalent, mm, float32, each (H, W)."""
    layers = _Layers(*(np.zeros(canvas.grid.shape, np.float32) for _ in range(3)))
    for body in bones.bodies:
        _add_body(layers, body, canvas, planted, generator)
    for piece in bones.pieces:
        _add_piece(layers, piece, canvas)
    _add_tubes(layers, bones.tubes, canvas)
    _add_tubes(layers, bones.ribs, canvas.squeezed(FLATNESS))
    return layers.taken, layers.inside, layers.bone


def _add_body(
    layers: _Layers, body: Body, canvas: Canvas, planted: Planted, generator: np.random.Generator
) -> None:
    box, outer = body_chord(body, canvas)
    if not outer.size:
        return
    wall = planted.endplate_mm
    part, length = body_chord(body.shrunk(wall, wall, wall), canvas)
    inner = np.zeros(box.shape, np.float32)
    rows = slice(part.top - box.top, part.bottom - box.top)
    inner[rows, part.left - box.left : part.right - box.left] = length
    inner = np.minimum(inner, outer)
    pixel = canvas.grid.pixel_mm
    texture = trabecular_texture(
        outer.shape, planted.spacing_mm / pixel, planted.transverse_share, pixel, generator
    )
    contrast = np.float32(_CONTRAST_PER_MM * planted.spacing_mm)
    local = contrast * np.sqrt(np.float32(40.0) / np.maximum(inner, np.float32(20.0)))
    core = inner * np.float32(planted.bone_volume_fraction)
    core *= np.maximum(np.float32(1.0) + local * texture, np.float32(0.05))
    layers.add(box, outer, inner, (outer - inner) * np.float32(_SHELL_FILL) + core)


def _add_piece(layers: _Layers, piece: Piece, canvas: Canvas) -> None:
    box = shadow(piece.outer, canvas)
    if not all(box.shape):
        return
    outer = chord(piece.outer, canvas, box)
    core: Ellipsoid | None = piece.outer.shrunk(piece.walls)
    inner = np.zeros(box.shape, np.float32) if core is None else chord(core, canvas, box)
    np.minimum(inner, outer, out=inner)
    bone = outer * np.float32(piece.wall_fill) + inner * np.float32(piece.core_fill - piece.wall_fill)
    layers.add(box, outer, inner, bone)


def _add_tubes(layers: _Layers, tubes: Iterable[Tube], canvas: Canvas) -> None:
    for bone in tubes:
        box, outer, inner = tube(bone.points, bone.radii, bone.wall_mm, canvas)
        filled = outer * np.float32(bone.wall_fill) + inner * np.float32(bone.core_fill - bone.wall_fill)
        layers.add(box, outer, inner, filled)


def chest_paths(
    canvas: Canvas,
    bones: Skeleton,
    planted: Planted,
    built: tuple[ThoraxShape, Breath],
    generator: np.random.Generator,
) -> Paths:
    """Path lengths through the whole chest, mm, before the person is bent and turned on the film."""
    shape, breath = built
    taken, inside, bone = project_bones(canvas, bones, planted, generator)
    muscle, fat = soft_tissue(canvas, shape, generator)
    air = _lung_air(canvas, built, generator) + airway_path(canvas, shape)
    air += abdominal_gas(canvas, shape, breath, generator)
    soft = np.maximum(muscle - taken - air, np.float32(_LEAST_TISSUE) * muscle)
    soft += np.float32(1.0 - MARROW_FAT) * inside
    return Paths(soft, fat + np.float32(MARROW_FAT) * inside, bone)


def _lung_air(canvas: Canvas, built: tuple[ThoraxShape, Breath], generator: np.random.Generator) -> Array:
    """Path in the air of the lungs, mm: what organs and vessels leave, less the lung's own tissue."""
    shape, breath = built
    lung = lung_path(canvas.grid, shape, breath)
    lung -= mediastinal_path(canvas, shape, breath)
    np.maximum(lung, np.float32(0.0), out=lung)
    vessels = np.minimum(lung_vessels(canvas.grid, shape, generator), lung)
    tissue = lung_mottle(canvas.grid.shape, generator)
    tissue *= np.float32(breath.density)
    return (lung - vessels) * (np.float32(1.0) - tissue)


def projected_density(shape: ThoraxShape, planted: Planted) -> float:
    """Bone behind the middle of the bodies of T5 to T12, mean, g/cm2."""
    behind_heart = {f"T{number}" for number in range(5, 13)}
    bodies = [body for body in thoracic_stack(shape) if body.name in behind_heart]
    depths = np.array([2.0 * body.half_depth for body in bodies])
    walls = 2.0 * planted.endplate_mm
    bone = walls * _SHELL_FILL + (depths - walls) * planted.bone_volume_fraction
    return float(bone.mean()) * DENSITY["bone"] / 10.0
