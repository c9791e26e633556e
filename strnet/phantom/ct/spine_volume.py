"""The bones and discs of a spine as layers of HU on a lattice, and which voxels belong to which vertebra."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from strnet.phantom.ct.mineral_planting import Mineral
from strnet.phantom.ct.solid_coverage import (
    BodyCoverage,
    Lattice,
    body_coverage,
    ellipsoid_coverage,
    ellipsoid_window,
    tube_coverage,
)
from strnet.phantom.ct.spine_placing import Motion
from strnet.phantom.lumbar.pelvis_and_ribs import Tube
from strnet.phantom.lumbar.vertebral_bodies import Body
from strnet.phantom.lumbar.vertebral_planting import Planted
from strnet.phantom.lumbar.vertebral_processes import Piece
from strnet.phantom.physics.tissue_hounsfield import Hounsfield

Array = np.ndarray

_FUSED = 0.35
"""Thickness of the walls inside the sacrum, as a share."""
_AT_THE_ENDS, _AT_THE_VEIN = 0.35, -0.45
"""Trabecular bone is denser under the endplates, and gives way to the vein behind the middle."""
_GRAIN_MM = (1.6, 0.9, 0.9)
_GRAIN_SD = 0.20
_DISC_HU = 82.0


@dataclass(frozen=True)
class Layer:
    """What one solid paints: `slices` of the lattice, the share it covers (None: it adds), and its HU there.

    `painted` is HU times share, (P, R, C) float32.
    """

    slices: tuple[slice, slice, slice]
    covered: Array | None
    painted: Array


@dataclass(frozen=True)
class Extent:
    """Shares of voxels in one vertebra: its body (`outer`), inside the walls (`inner`), its processes."""

    name: str
    body: tuple[slice, slice, slice]
    outer: Array
    inner: Array
    pieces: Sequence[tuple[tuple[slice, slice, slice], Array]]


@dataclass(frozen=True)
class Marrow:
    """What fills bone at one tube voltage: HU of its `marrow`, and of everything else in `hu`.

    `shell_fill` is the bone per volume of the walls of the bodies.
    """

    hu: Hounsfield
    marrow: float
    shell_fill: float

    def bone(self, fill: float) -> float:
        """HU of bone of which a share `fill` is compact and the rest marrow."""
        return fill * self.hu.compact + (1.0 - fill) * self.marrow


@dataclass(frozen=True)
class Vertebra:
    """One vertebra to be painted: its `body` and `pieces`, how it is moved, and what is planted in it."""

    body: Body
    pieces: Sequence[Piece]
    motion: Motion
    planted: Planted
    density: float

    @property
    def walls(self) -> tuple[float, float, float]:
        """Thickness of endplates, side and front walls, mm."""
        fused = _FUSED if self.body.sacral else 1.0
        return fused * self.planted.endplate_mm, fused * self.planted.side_wall_mm, self.planted.front_wall_mm


def density_of(name: str, mineral: Mineral) -> float:
    """mg/cm3 of the vertebra `name`; those beyond T11 and L5 are as their neighbours."""
    nearest = "T11" if name.startswith("T1") else "L5"
    return mineral.per_level.get(name, mineral.per_level[nearest])


def vertebra_layers(
    vertebra: Vertebra, fill: Marrow, lattice: Lattice, generator: np.random.Generator
) -> tuple[list[Layer], Extent]:
    """The layers of one vertebra from below, and the voxels that it takes.

    First the walls of the processes, then the body, then the marrow of the processes: all open into each
    other.
    """
    moved = vertebra.motion.body(vertebra.body)
    cover = body_coverage(moved, vertebra.walls, vertebra.motion.turn @ vertebra.body.frame, lattice)
    walls, cores, taken, added = [], [], [], []
    for piece in vertebra.pieces:
        solid = vertebra.motion.ellipsoid(piece.outer)
        window = ellipsoid_window(solid, lattice)
        if window.empty:
            continue
        if not any(piece.walls):
            (share,) = ellipsoid_coverage([solid], window.lattice)
            added.append(Layer(window.slices, None, share * np.float32(piece.core_fill * fill.hu.compact)))
            continue
        inner = solid.shrunk(piece.walls)
        shares = ellipsoid_coverage([solid] if inner is None else [solid, inner], window.lattice)
        taken.append((window.slices, shares[0]))
        walls.append(_evenly(window.slices, shares[0], fill.bone(piece.wall_fill)))
        if inner is not None:
            cores.append(_evenly(window.slices, shares[1], fill.bone(piece.core_fill)))
    body = [] if cover.window.empty else [_body_layer(vertebra, cover, fill, generator)]
    extent = Extent(vertebra.body.name, cover.window.slices, cover.outer, cover.inner, taken)
    return [*walls, *body, *cores, *added], extent


def _evenly(slices: tuple[slice, slice, slice], share: Array, hu: float) -> Layer:
    return Layer(slices, share, share * np.float32(hu))


def _body_layer(
    vertebra: Vertebra, cover: BodyCoverage, fill: Marrow, generator: np.random.Generator
) -> Layer:
    pattern = _trabeculae(vertebra, cover, generator)
    painted = pattern * np.float32(fill.hu.per_mg * vertebra.density)
    painted += np.float32(fill.marrow)
    painted *= cover.inner
    painted += (cover.outer - cover.inner) * np.float32(fill.bone(fill.shell_fill))
    return Layer(cover.window.slices, cover.outer, painted)


def _trabeculae(vertebra: Vertebra, cover: BodyCoverage, generator: np.random.Generator) -> Array:
    """Mineral relative to its mean over the inside of the body, (P, R, C) float32."""
    from scipy.ndimage import gaussian_filter

    part = cover.window.lattice
    noise = generator.standard_normal(part.shape, dtype=np.float32)
    widths = [
        size / step
        for size, step in zip(_GRAIN_MM, (part.plane_mm, part.pixel_mm, part.pixel_mm), strict=True)
    ]
    grain = gaussian_filter(noise, widths, mode="reflect", truncate=3.0)
    # Fewer links leave coarser trabeculae.
    strength = _GRAIN_SD * float(np.exp(-0.10 * vertebra.planted.sagittal_links))
    grain *= np.float32(min(strength, 0.5) / max(float(grain.std()), 1e-6))
    vein = np.exp(-cover.height * np.float32(12.0)) * np.clip(cover.behind * np.float32(1.4), 0.0, 1.0)
    grain += np.float32(1.0) + np.float32(_AT_THE_ENDS) * cover.height**2 + np.float32(_AT_THE_VEIN) * vein
    np.maximum(grain, np.float32(0.05), out=grain)
    inside = float(cover.inner.sum(dtype=np.float64))
    mean = float((grain * cover.inner).sum(dtype=np.float64)) / max(inside, 1e-6)
    return grain / np.float32(max(mean, 1e-3))


def disc_layers(
    bodies: Sequence[Body], motions: Sequence[Motion], fill: Marrow, lattice: Lattice
) -> Iterator[Layer]:
    """The discs between neighbouring `bodies` down to the sacrum; the bodies are painted over them."""
    for upper, lower, motion in zip(bodies[:-1], bodies[1:], motions[:-1], strict=True):
        if upper.sacral:
            return
        ends = upper.at(0.0, upper.half_height, 0.0), lower.at(0.0, -lower.half_height, 0.0)
        disc = Body(
            "disc",
            (ends[0] + ends[1]) / 2.0,
            (upper.tilt + lower.tilt) / 2.0,
            float(np.linalg.norm(ends[1] - ends[0])) / 2.0 + 1.5,
            0.49 * (upper.half_width + lower.half_width),
            0.49 * (upper.half_depth + lower.half_depth),
            0.0,
            0.0,
        )
        cover = body_coverage(motion.body(disc), (0.0, 0.0, 0.0), motion.turn @ disc.frame, lattice)
        if not cover.window.empty:
            yield _evenly(cover.window.slices, cover.outer, _DISC_HU + 12.0 * upper.worn_below)


def loose_layers(
    pieces: Sequence[Piece], tubes: Sequence[Tube], motion: Motion, fill: Marrow, lattice: Lattice
) -> Iterator[Layer]:
    """The layers of round bones and of pieces that belong to no vertebra: ribs, sacral wings, pelvis."""
    for piece in pieces:
        solid = motion.ellipsoid(piece.outer)
        window = ellipsoid_window(solid, lattice)
        if window.empty:
            continue
        inner = solid.shrunk(piece.walls) if any(piece.walls) else None
        shares = ellipsoid_coverage([solid] if inner is None else [solid, inner], window.lattice)
        if not any(piece.walls):
            yield Layer(window.slices, None, shares[0] * np.float32(piece.core_fill * fill.hu.compact))
            continue
        yield _hollow(window.slices, shares[0], shares[-1] if inner else None, (piece, fill))
    for bone in tubes:
        window, outer, core = tube_coverage(motion.points(bone.points), bone.radii, bone.wall_mm, lattice)
        if not window.empty:
            yield _hollow(window.slices, outer, core, (bone, fill))


def _hollow(
    slices: tuple[slice, slice, slice],
    outer: Array,
    inner: Array | None,
    made_of: tuple[Piece | Tube, Marrow],
) -> Layer:
    bone, fill = made_of
    painted = outer * np.float32(fill.bone(bone.wall_fill))
    if inner is not None:
        within = np.minimum(inner, outer)
        painted += within * np.float32(fill.bone(bone.core_fill) - fill.bone(bone.wall_fill))
    return Layer(slices, outer, painted)


def painted(layers: Sequence[Layer], shape: tuple[int, int, int]) -> tuple[Array, Array]:
    """HU times share, and share of the voxels that `layers` take, painted in order, each (P, R, C)."""
    hu, taken = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for layer in layers:
        if layer.covered is None:
            hu[layer.slices] += layer.painted
            continue
        left = np.float32(1.0) - layer.covered
        for total, more in ((hu, layer.painted), (taken, layer.covered)):
            part = total[layer.slices]
            part *= left
            part += more
    return hu, taken
