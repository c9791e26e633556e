"""Path lengths through a spine in its trunk, from the front or from the side, and where L1 to L4 lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from strnet.phantom.lumbar.abdomen import Bowel, aortic_calcium, soft_tissue
from strnet.phantom.lumbar.pelvis_and_ribs import Tube, iliac_pieces, ribs, sacral_pieces
from strnet.phantom.lumbar.spine_shape import SpineShape
from strnet.phantom.lumbar.vertebral_bodies import REGIONS, Body, body_chord, stack
from strnet.phantom.lumbar.vertebral_planting import Planted
from strnet.phantom.lumbar.vertebral_processes import (
    Piece,
    Quality,
    facet_sclerosis,
    vertebral_pieces,
    worn_pieces,
)
from strnet.phantom.physics.ellipsoids import Canvas, Ellipsoid, chord, rotation, shadow, tube
from strnet.phantom.physics.projection import MARROW_FAT, Paths, Spongiosa
from strnet.phantom.physics.solids import Box
from strnet.phantom.physics.spectra import DENSITY
from strnet.phantom.physics.trabeculae import trabecular_texture

Array = np.ndarray

SHELL_FILL: Final = 0.62
"""Bone per volume of the thin shell of a vertebral body."""


@dataclass(frozen=True)
class Skeleton:
    """All bones of one person as the beam meets them: bodies, pieces about them, and round bones."""

    bodies: Sequence[Body]
    pieces: Sequence[Piece]
    tubes: Sequence[Tube]


@dataclass(frozen=True)
class _Share:
    """What one solid adds to the paths in the pixels of `box`, mm: space taken, space inside, bone."""

    box: Box
    outer: Array
    inner: Array
    bone: Array


def quality_of(planted: Planted) -> Quality:
    """What the pieces about the bodies are made of; but for the rims both views show it."""
    wall = 1.05 * float(np.exp(0.18 * planted.bone_volume))
    return Quality(wall, min(1.5 * planted.bone_volume_fraction, 0.6), planted.side_wall_mm)


def skeleton(shape: SpineShape, planted: Planted, turned_degrees: float) -> Skeleton:
    """The bones of a person who is turned by `turned_degrees` about the long axis."""
    quality = quality_of(planted)
    bodies = stack(shape)
    pieces: list[Piece] = []
    for body in bodies:
        if not body.sacral:
            pieces += [*vertebral_pieces(body, shape, quality), *worn_pieces(body, shape)]
            pieces += facet_sclerosis(body, shape)
    sacrum = next(body for body in bodies if body.sacral)
    round_bones = list(ribs(bodies, shape, quality))
    pieces += sacral_pieces(bodies, shape, quality)
    pelvis = list(iliac_pieces(sacrum, shape, quality))
    pieces += [part for part in pelvis if isinstance(part, Piece)]
    round_bones += [part for part in pelvis if isinstance(part, Tube)]
    turn = rotation(1, np.deg2rad(turned_degrees))
    return Skeleton(
        [Body(**{**vars(body), "centre": turn @ body.centre}) for body in bodies],
        [
            Piece(_turned(piece.outer, turn), piece.walls, piece.wall_fill, piece.core_fill)
            for piece in pieces
        ],
        [
            Tube(bone.points @ turn.T, bone.radii, bone.wall_mm, bone.wall_fill, bone.core_fill)
            for bone in round_bones
        ],
    )


def _turned(solid: Ellipsoid, turn: Array) -> Ellipsoid:
    return Ellipsoid(turn @ solid.centre, turn @ solid.axes, solid.sharpness)


def project_spine(
    canvas: Canvas,
    bones: Skeleton,
    planted: Planted,
    spongiosa: Spongiosa,
    generator: np.random.Generator,
) -> tuple[Array, Array, Array]:
    """Space that the bones take, space inside them, and compact-bone equivalent, mm, float32, each (H, W)."""
    taken, inside, bone = (np.zeros(canvas.grid.shape, np.float32) for _ in range(3))
    for share in _shares(canvas, bones, planted, spongiosa, generator):
        taken[share.box.slices] += share.outer
        inside[share.box.slices] += share.inner
        bone[share.box.slices] += share.bone
    return taken, inside, np.maximum(bone, np.float32(0.0), out=bone)


def _shares(
    canvas: Canvas,
    bones: Skeleton,
    planted: Planted,
    spongiosa: Spongiosa,
    generator: np.random.Generator,
) -> Iterator[_Share]:
    spacing = spongiosa.spacing_mm / canvas.grid.pixel_mm
    for body in bones.bodies:
        box, outer = body_chord(body, canvas)
        if not outer.size:
            continue
        texture = trabecular_texture(
            outer.shape, spacing, spongiosa.transverse, canvas.grid.pixel_mm, generator
        )
        yield _body_share(body, canvas, planted, (box, outer), spongiosa.contrast * texture)
    for piece in bones.pieces:
        yield _piece_share(piece, canvas)
    for bone in bones.tubes:
        yield _tube_share(bone, canvas)


def _body_share(
    body: Body, canvas: Canvas, planted: Planted, seen: tuple[Box, Array], texture: Array
) -> _Share:
    box, outer = seen
    # The sacrum is fused: where its parts meet, and at its wings, there is no wall.
    fused = 0.35 if body.sacral else 1.0
    within = body.shrunk(fused * planted.endplate_mm, fused * planted.side_wall_mm, planted.front_wall_mm)
    inner = _placed(body_chord(within, canvas), box)
    inner = np.minimum(inner, outer)
    core = inner * np.float32(planted.bone_volume_fraction)
    # Independent trabeculae along the beam: the SD of their sum grows with the root of the depth.
    local = np.sqrt(np.float32(40.0) / np.maximum(inner, np.float32(20.0)))
    core *= np.maximum(np.float32(1.0) + local * texture, np.float32(0.05))
    return _Share(box, outer, inner, (outer - inner) * np.float32(SHELL_FILL) + core)


def _placed(seen: tuple[Box, Array], box: Box) -> Array:
    part, length = seen
    whole = np.zeros(box.shape, np.float32)
    rows = slice(part.top - box.top, part.bottom - box.top)
    whole[rows, part.left - box.left : part.right - box.left] = length
    return whole


def _piece_share(piece: Piece, canvas: Canvas) -> _Share:
    box = shadow(piece.outer, canvas)
    outer = chord(piece.outer, canvas, box)
    if not any(piece.walls):
        # Spurs, sclerosis and gaps lie in bone that is there already: they take no space of their own.
        nothing = np.zeros(box.shape, np.float32)
        return _Share(box, nothing, nothing, outer * np.float32(piece.core_fill))
    core = piece.outer.shrunk(piece.walls)
    inner = np.zeros(box.shape, np.float32) if core is None else chord(core, canvas, box)
    np.minimum(inner, outer, out=inner)
    bone = outer * np.float32(piece.wall_fill)
    bone += inner * np.float32(piece.core_fill - piece.wall_fill)
    return _Share(box, outer, inner, bone)


def _tube_share(bone: Tube, canvas: Canvas) -> _Share:
    box, outer, inner = tube(bone.points, bone.radii, bone.wall_mm, canvas)
    walls = (outer - inner) * np.float32(bone.wall_fill)
    return _Share(box, outer, inner, walls + inner * np.float32(bone.core_fill))


def spine_paths(
    canvas: Canvas,
    bones: Skeleton,
    planted: Planted,
    spongiosa: Spongiosa,
    surroundings: tuple[SpineShape, Bowel],
    generator: np.random.Generator,
) -> Paths:
    """Path lengths through the whole trunk, mm, before the person is bent and turned on the film."""
    shape, bowel = surroundings
    plaques = Skeleton((), (), aortic_calcium(shape, generator))
    taken, inside, bone = project_spine(canvas, bones, planted, spongiosa, generator)
    for share in _shares(canvas, plaques, planted, spongiosa, generator):
        bone[share.box.slices] += share.bone
    muscle, fat = soft_tissue(canvas, shape, bowel, generator)
    soft = np.maximum(muscle - taken, np.float32(0.0)) + np.float32(1.0 - MARROW_FAT) * inside
    return Paths(soft, fat + np.float32(MARROW_FAT) * inside, bone)


def region_labels(canvas: Canvas, bones: Skeleton) -> Array:
    """L1 to L4 as the numbers of `REGIONS` from 1, uint8 (H, W); where two bodies meet, the thicker."""
    labels = np.zeros(canvas.grid.shape, np.uint8)
    thickest = np.zeros(canvas.grid.shape, np.float32)
    for body in bones.bodies:
        if body.name in REGIONS:
            box, length = body_chord(body, canvas)
            more = length > thickest[box.slices]
            labels[box.slices][more] = REGIONS.index(body.name) + 1
            np.maximum(thickest[box.slices], length, out=thickest[box.slices])
    return labels


def projected_density(shape: SpineShape, planted: Planted) -> float:
    """Bone behind the middle of the bodies of L1 to L4 from the front, mean, g/cm2; wear is left out."""
    depths = np.array([2.0 * body.half_depth for body in stack(shape) if body.name in REGIONS])
    walls = 2.0 * planted.front_wall_mm
    bone = walls * SHELL_FILL + (depths - walls) * planted.bone_volume_fraction
    return float(bone.mean()) * DENSITY["bone"] / 10.0
