"""What a cohort's images depend on, and what is recorded of each: its rows of manifest and truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from strnet.phantom.anatomy import Anatomy, Draw, PlannedImage
from strnet.phantom.people import Person

Array = np.ndarray


@dataclass(frozen=True)
class Production:
    """What every image of a cohort depends on; the folder is where, the rest decides the bytes."""

    folder: Path
    anatomy: Anatomy
    draw: Draw


@dataclass(frozen=True)
class Record:
    """One image's rows of the manifest and the truth, and its grey-level statistics (K,)."""

    manifest: dict[str, Any]
    truth: dict[str, Any]
    grey_levels: Array


def truth_row(image_id: str, person: Person, planned: PlannedImage) -> dict[str, Any]:
    """The truth table's row of an image."""
    return {"image_id": image_id, "patient_id": person.patient_id} | {
        name: round(value, 6) if isinstance(value, float) else value for name, value in planned.truth.items()
    }
