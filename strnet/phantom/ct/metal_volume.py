"""Screws and rods of a fused segment, and the streaks that they leave."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from strnet.phantom.ct.solid_coverage import Lattice, tube_coverage
from strnet.phantom.ct.spine_placing import Motion
from strnet.phantom.ct.spine_volume import Layer
from strnet.phantom.lumbar.vertebral_bodies import Body

Array = np.ndarray

_METAL_HU = 12000.0
_SCREW_MM, _ROD_MM = 3.0, 2.75


def metal_layers(
    upper: str | None, bodies: Sequence[Body], motions: Sequence[Motion], lattice: Lattice
) -> list[Layer]:
    """Layers of two rods and four screws through the pedicles of `upper` and the next; none for None."""
    if upper is None:
        return []
    first = [body.name for body in bodies].index(upper)
    layers = []
    for side in (-1.0, 1.0):
        heads = []
        for body, motion in zip(bodies[first : first + 2], motions[first : first + 2], strict=True):
            x = 0.66 * body.half_width
            level = -0.36 * body.half_height
            ends = motion.points(
                np.stack(
                    [
                        body.at(side * 1.05 * x, level, body.half_depth + 26.0),
                        body.at(side * 0.45 * x, level, -0.45 * body.half_depth),
                    ]
                )
            )
            heads.append(ends[0])
            layers.append(_rod(ends, _SCREW_MM, lattice))
        way = heads[1] - heads[0]
        layers.append(_rod(np.stack([heads[0] - 0.15 * way, heads[1] + 0.15 * way]), _ROD_MM, lattice))
    return [layer for layer in layers if layer.painted.size]


def _rod(ends: Array, radius: float, lattice: Lattice) -> Layer:
    window, share, _ = tube_coverage(ends, np.full(2, radius), 0.0, lattice)
    return Layer(window.slices, share, share * np.float32(_METAL_HU))


def streaks(metal: Array, pixel_mm: float, generator: np.random.Generator) -> Array:
    """HU that metal (S, R, C shares) adds around it in its slices: bright rays and dark ones."""
    rays = np.zeros(metal.shape, np.float32)
    rows, columns = metal.shape[1:]
    y, x = np.mgrid[:rows, :columns].astype(np.float32) * np.float32(pixel_mm)
    phase = generator.uniform(0.0, 2.0 * np.pi, 4)
    for number in np.flatnonzero(metal.any(axis=(1, 2))):
        plane = metal[number]
        for half in (slice(0, columns // 2), slice(columns // 2, columns)):
            mass = float(plane[:, half].sum())
            if mass < 0.2:
                continue
            at_y = float((y[:, half] * plane[:, half]).sum()) / mass
            at_x = float((x[:, half] * plane[:, half]).sum()) / mass
            angle, far = np.arctan2(y - at_y, x - at_x), np.hypot(y - at_y, x - at_x)
            fan = sum(np.cos(count * angle + phase[k]) for k, count in enumerate((6, 11, 17, 26)))
            strength = 140.0 * min(mass * pixel_mm**2 / 30.0, 1.5)
            rays[number] += (
                np.float32(strength) * (fan - 1.0) * np.exp(-far / 38.0) / (1.0 + 4.0 / (far + 1.0))
            )
    return rays
