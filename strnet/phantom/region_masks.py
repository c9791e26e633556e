"""Label masks of a film's regions as PNG, and the boxes around them as a manifest writes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

Array = np.ndarray


def mask_bytes(labels: Array) -> bytes:
    """An 8-bit PNG of `labels` (H, W), uint8: 0 is background, n the nth region."""
    _, encoded = cv2.imencode(".png", labels)
    return encoded.tobytes()


def read_mask(path: Path) -> Array:
    """The labels (H, W), uint8, in a PNG that `mask_bytes` made."""
    return np.asarray(cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED))


def named_boxes(labels: Array, regions: Sequence[str]) -> str | None:
    """The box around each region that `labels` (H, W) shows: `L1: left top right bottom; L2: ...`.

    Pixels, half open; None if it shows none.
    """
    boxes = []
    for number, name in enumerate(regions, start=1):
        inside = labels == number
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        if rows.size:
            boxes.append(f"{name}: {columns[0]} {rows[0]} {columns[-1] + 1} {rows[-1] + 1}")
    return "; ".join(boxes) or None
