"""From bones to the beam behind them: path lengths per material, then Beer-Lambert over the spectrum."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from strnet.phantom.physics.solids import Bone, Box, Grid, bounding_box, thickness
from strnet.phantom.physics.spectra import Spectrum

Array = np.ndarray

MARROW_FAT = 0.6
"""Share of fat in marrow by volume; the rest is soft tissue."""


@dataclass(frozen=True)
class Spongiosa:
    """Trabecular texture: spacing in mm, transverse share 0 to 1, contrast at 40 mm depth."""

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


def turn(image: Array, looks_at: tuple[Array, Array], mirror: bool) -> Array:
    """`image` resampled at (columns, rows) `looks_at`, float32; then mirrored (for a right limb)."""
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
