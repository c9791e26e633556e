"""The chain behind the patient: scatter, blur, photon noise, then the vendor's filter and tone curve."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from strnet.phantom.physics.scanners import ANCHORS, Scanner

Array = np.ndarray

_INDEX_PER_UNIT = 4096.0
_LEG_DEPTH = 2.7
"""Log attenuation of a leg for which a scanner's scatter ratio is stated."""
_LEG_AT_LEAST = 0.25
"""Log attenuation above which a pixel belongs to the leg; below it is the open beam."""


@dataclass(frozen=True)
class Exposure:
    """What varies from film to film at one scanner, independent of the patient.

    `quanta`, `scatter`, `edge_gain`, `latitude_gain` as in `Scanner`; `levels` the grey levels of the
    tone curve.
    """

    quanta: float
    scatter: float
    edge_gain: float
    latitude_gain: float
    levels: tuple[float, ...]


def expose(scanner: Scanner, generator: np.random.Generator) -> Exposure:
    """The settings of one exposure at `scanner`."""
    steps = np.diff(np.array([0.02, *scanner.levels]))
    along = np.linspace(-1.0, 1.0, steps.size)
    tilt, bow = generator.standard_normal(2)
    rough = 0.07 * generator.standard_normal(steps.size)
    steps = steps * np.exp(0.12 * tilt * along + 0.10 * bow * (1.5 * along**2 - 0.5) + rough)
    levels = np.cumsum(steps)
    levels = levels * min(0.98 / levels[-1], np.exp(0.05 * generator.standard_normal()))
    jitter = np.exp(0.15 * generator.standard_normal(4))
    return Exposure(
        scanner.quanta * float(jitter[0]),
        scanner.scatter * float(jitter[1]),
        scanner.edge_gain * float(jitter[2]),
        scanner.latitude_gain * float(jitter[3]),
        tuple(float(level) for level in levels),
    )


def detect(primary: Array, scanner: Scanner, exposure: Exposure, generator: np.random.Generator) -> Array:
    """Log attenuation that the detector reports, float32: scatter, blur and photon noise included.

    Photon noise is the Gaussian limit of the Poisson law; quanta are those behind the median of the leg.
    """
    signal: Array = cv2.GaussianBlur(primary, (0, 0), scanner.blur_pixels)
    signal += np.float32(exposure.scatter) * _scatter(primary)
    leg = signal[::8, ::8]
    leg = leg[leg < np.exp(-_LEG_AT_LEAST)]
    behind = float(np.median(leg)) if leg.size else 1.0
    open_beam = np.float32(exposure.quanta / behind)
    noise = generator.standard_normal(signal.shape, dtype=np.float32)
    noise *= np.sqrt(signal / open_beam)
    signal += noise
    np.maximum(signal, np.float32(1e-5), out=signal)
    return np.asarray(cv2.log(signal, dst=signal)) * np.float32(-1.0)


def _scatter(primary: Array) -> Array:
    """Scattered radiation per scatter ratio, spread over centimetres.

    First-order scatter of a layer of depth t goes with t exp(-t): none from the open beam.
    """
    small = cv2.resize(primary, None, fx=1 / 16, fy=1 / 16, interpolation=cv2.INTER_AREA)
    source = small * -np.log(np.clip(small, 1e-4, 1.0)) / np.float32(_LEG_DEPTH)
    spread = cv2.GaussianBlur(source, (0, 0), 5.0, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(spread, primary.shape[::-1], interpolation=cv2.INTER_LINEAR))


def enhance(attenuation: Array, exposure: Exposure) -> Array:
    """Log attenuation after the vendor's filtering: edges lifted, slow changes across the leg flattened."""
    small = cv2.resize(attenuation, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    edge = cv2.GaussianBlur(small, (0, 0), 1.5)
    slow = cv2.GaussianBlur(small, (0, 0), 14.0)
    # out = a (1 + e) - e edge - l slow, with both low-pass parts scaled up in one go.
    low = cv2.addWeighted(edge, exposure.edge_gain, slow, exposure.latitude_gain, 0.0)
    low = cv2.resize(low, attenuation.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.addWeighted(attenuation, 1.0 + exposure.edge_gain, low, -1.0, 0.0))


def tone_curve(enhanced: Array, leg: Array, exposure: Exposure) -> Array:
    """Display values in [0, 1], bone bright, float32: the film's own percentiles put on the vendor's levels.

    `leg` (bool) marks the pixels that the percentiles are taken of. The curve is monotone.

    Source: histogram-driven exposure recognition as in computed radiography (Fuji EDR; Seibert 2007).
    """
    from scipy.interpolate import PchipInterpolator

    sample = enhanced[::4, ::4][leg[::4, ::4]]
    anchors = np.percentile(sample, ANCHORS) if sample.size > 100 else np.linspace(0.5, 4.5, len(ANCHORS))
    anchors = np.maximum.accumulate(anchors + np.arange(len(ANCHORS)) * 1e-3)
    low, high = max(anchors[0] - 1.2, 0.2), anchors[-1] + 1.5
    low = min(low, anchors[0] - 0.1)
    at = np.array([low, *anchors, high])
    grey = np.array([0.0, *exposure.levels, 1.0])
    knots = np.linspace(low, high, 4096)
    curve = PchipInterpolator(at, grey)(knots).astype(np.float32)
    index = (enhanced - np.float32(low)) * np.float32(4095.0 / (high - low))
    np.clip(index, 0.0, 4095.0, out=index)
    return curve[index.astype(np.uint16)]
