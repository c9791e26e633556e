"""Trabecular texture: band-passed oriented noise whose spacing and transverse links follow connectivity."""

from __future__ import annotations

import cv2
import numpy as np

Array = np.ndarray

_LENGTH_MM = 8.0
"""Length over which load-bearing trabeculae run on."""
_LINKS = 0.7
"""Strength of the transverse links where none is lost."""


def _band(noise: Array, sigma: float) -> Array:
    """`noise` band-passed along its rows (axis 1), wavelength about 5 `sigma` pixels, unit variance."""
    fine = cv2.GaussianBlur(noise, (0, 0), sigmaX=sigma, sigmaY=0.5)
    coarse = cv2.GaussianBlur(noise, (0, 0), sigmaX=2.0 * sigma, sigmaY=0.5)
    band = cv2.subtract(fine, coarse)
    return np.asarray(band * np.float32(1.0 / (float(band.std()) + 1e-9)))


def _streaks(shape: tuple[int, int], spacing: float, length: float, generator: np.random.Generator) -> Array:
    """Streaks along axis 0, `spacing` pixels apart and `length` pixels long, unit variance, float32."""
    rows = max(int(shape[0] / max(length / 2.0, 1.0)) + 2, 4)
    noise = generator.standard_normal((rows, shape[1]), dtype=np.float32)
    band = cv2.resize(_band(noise, spacing / 5.0), (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(band)


def trabecular_texture(
    shape: tuple[int, int],
    spacing: float,
    transverse: float,
    pixel_mm: float,
    generator: np.random.Generator,
) -> Array:
    """Relative density of projected trabeculae, zero mean and unit variance, float32, `shape`.

    `spacing` between trabeculae in pixels; `transverse` (0 to 1) is the strength of the links across
    the load-bearing direction (axis 0).
    """
    length = _LENGTH_MM / pixel_mm
    along = _streaks(shape, spacing, length, generator)
    across = _streaks((shape[1], shape[0]), spacing * 1.3, length * 0.35, generator).T
    links = np.float32(_LINKS * transverse)
    mixed = along + links * np.ascontiguousarray(across)
    return np.asarray(mixed * np.float32(1.0 / np.sqrt(1.0 + links**2)))
