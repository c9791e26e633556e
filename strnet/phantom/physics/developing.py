"""From the beam behind a body to the film that a site stores: detection, vendor processing, marker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strnet.phantom.physics.detector import Exposure, detect, enhance, tone_curve
from strnet.phantom.physics.overlay import Marker, inside_field, stamp
from strnet.phantom.physics.scanners import Scanner

Array = np.ndarray


@dataclass(frozen=True)
class Recording:
    """The scanner, its settings for one film, the collimated field (top, bottom, left, right), the marker."""

    scanner: Scanner
    exposure: Exposure
    field: tuple[int, int, int, int]
    marker: Marker


@dataclass(frozen=True)
class Film:
    """A finished film: `display` in [0, 1], bone bright, float32 (H, W); `pixel_mm` at the bone.

    `labels` (H, W), uint8, numbers the regions of the film from 1; None where an anatomy has none.
    """

    display: Array
    pixel_mm: float
    labels: Array | None = None


def develop(primary: Array, recording: Recording, body_below: float, generator: np.random.Generator) -> Array:
    """Display values in [0, 1], bone bright, float32, of the beam `primary` (H, W) behind a body.

    `body_below` is the energy, relative to the open beam, below which a pixel belongs to the body: the tone
    curve is fitted to those inside the field.
    """
    attenuation = detect(primary, recording.scanner, recording.exposure, generator)
    inside = inside_field((primary.shape[0], primary.shape[1]), recording.field)
    body = (primary < np.float32(body_below)) & inside
    display = tone_curve(enhance(attenuation, recording.exposure), body, recording.exposure)
    display *= inside
    return stamp(display, recording.marker)
