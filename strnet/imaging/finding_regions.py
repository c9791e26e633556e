"""From a segmenter's scores to regions on the grid of the file, each found, not found, or implausible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from strnet.config import Preprocessing
from strnet.errors import ImageError
from strnet.imaging.film_parts import FilmShape, require_upright
from strnet.imaging.mask_files import Labels
from strnet.imaging.plausibility import Plausibility, implausible
from strnet.imaging.preparation import labels_on_film
from strnet.imaging.region import Box, box_of, largest_component
from strnet.imaging.region_rows import box_cells
from strnet.schema import REGION, REGION_STATES

FOUND, NOT_FOUND, IMPLAUSIBLE = REGION_STATES


@dataclass(frozen=True, eq=False)
class FoundRegions:
    """What a segmenter found on one film."""

    labels: Labels
    """On the grid of the file: of each label its largest connected part, all else 0."""
    boxes: Mapping[str, Box]
    """Around each label that occurs, by name."""
    reasons: Mapping[str, tuple[str, str]]
    """Status and reason of each that is not to be used, by name."""

    def rows(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """The cells of the regions table that follow from the film, one row for each of `names`."""
        rows, columns = self.labels.shape
        return [
            {
                REGION: name,
                **box_cells(self.boxes.get(name)),
                "rows": rows,
                "columns": columns,
                "label": number,
                "status": self.reasons[name][0] if name in self.reasons else FOUND,
                "reason": self.reasons[name][1] if name in self.reasons else None,
            }
            for number, name in enumerate(names, start=1)
        ]


def find_regions(
    scores: npt.NDArray[np.float32],
    shape: FilmShape,
    names: Sequence[str],
    limits: Plausibility,
    preprocessing: Preprocessing,
) -> FoundRegions:
    """The regions `names` of a film, from the `scores` (1 + names, height, width) of its network input."""
    try:
        require_upright(shape)
    except ImageError as error:
        nothing = np.zeros(shape.grid, dtype=np.uint8)
        return FoundRegions(nothing, {}, dict.fromkeys(names, (NOT_FOUND, str(error))))
    raw = labels_on_film(scores, shape.pixels, shape.grid, preprocessing)
    labels, boxes = largest_parts(raw, names)
    reasons = {name: (IMPLAUSIBLE, why) for name, why in implausible(boxes, shape.grid, limits).items()}
    lost = {
        name: (NOT_FOUND, f"nothing on the film looks like {name}") for name in names if name not in boxes
    }
    return FoundRegions(labels, boxes, {**reasons, **lost})


def largest_parts(
    labels: npt.NDArray[np.integer[Any]], names: Sequence[str]
) -> tuple[Labels, dict[str, Box]]:
    """`labels` with only the largest connected part of each, and the box around it by name.

    Labels are numbered from 1 in the order of `names`; the array may have any number of axes.
    """
    kept = np.zeros(labels.shape, dtype=np.uint8)
    boxes: dict[str, Box] = {}
    for number, name in enumerate(names, start=1):
        inside = labels == number
        if not inside.any():
            continue
        around = box_of(inside)
        part = largest_component(inside[around.slices])
        kept[around.slices][part] = number
        within = box_of(part)
        start = tuple(a + b for a, b in zip(around.start, within.start, strict=True))
        boxes[name] = Box(start, tuple(a + b for a, b in zip(around.start, within.stop, strict=True)))
    return kept, boxes
