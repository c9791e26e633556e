"""How good a segmenter is: Dice, boxes, and what it did not find, by label and part of the split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from strnet import stats
from strnet.imaging.film_parts import FilmLabels, FilmPart, labels_of
from strnet.imaging.finding_regions import FOUND, FoundRegions
from strnet.imaging.region import Box, box_of, intersection_over_union
from strnet.schema import SPLITS
from strnet.stats.overlap import dice_per_label

_FIGURES = ("dice", "iou", "box_error")
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class FilmFigures:
    """What was found on one film, and how far from the truth it is where that is known."""

    image_id: str
    patient_id: str
    split: str
    status: Mapping[str, str]
    """By label: found, not_found or implausible."""
    figures: Mapping[str, Mapping[str, float]]
    """By label that the truth holds: `dice`, `iou` of the boxes, `box_error`; 0, 0 and none if not found."""


def figures_of(
    truth: FilmPart, found: FoundRegions, names: Sequence[str], identity: tuple[str, str, str]
) -> FilmFigures:
    """The figures of a film, counted on the pixels of its file; `identity` is image_id, patient_id, split."""
    status = {name: found.reasons[name][0] if name in found.reasons else FOUND for name in names}
    figures: dict[str, dict[str, float]] = {}
    if isinstance(truth, FilmLabels):
        labels = labels_of(truth)
        dice = dice_per_label(labels, found.labels, len(names))
        for number, name in enumerate(names, start=1):
            inside = labels == number
            if inside.any():
                figures[name] = _label_figures(float(dice[number - 1]), box_of(inside), found.boxes.get(name))
    return FilmFigures(*identity, status, figures)


def _label_figures(dice: float, truth: Box, found: Box | None) -> dict[str, float]:
    if found is None:
        return {"dice": dice, "iou": 0.0}
    return {"dice": dice, "iou": intersection_over_union(truth, found), "box_error": box_error(truth, found)}


def box_error(truth: Box, found: Box) -> float:
    """Mean distance of the sides of two boxes, pixels."""
    return float(np.abs(np.subtract((*truth.start, *truth.stop), (*found.start, *found.stop))).mean())


def summary_of(films: Sequence[FilmFigures], names: Sequence[str]) -> dict[str, Any]:
    """Per part of the split and label: means with intervals (patients are the unit), counts, and states.

    `dice` and `iou` count a label that was not found as 0; `box_error`, in pixels of the file, leaves it out.
    """
    return {
        split: {
            "films": len(of_split),
            "with_truth": sum(bool(film.figures) for film in of_split),
            "labels": {name: _label_summary(of_split, name) for name in names},
        }
        for split in SPLITS
        if (of_split := [film for film in films if film.split == split])
    }


def _label_summary(films: Sequence[FilmFigures], name: str) -> dict[str, Any]:
    known = [film for film in films if name in film.figures]
    means = {
        figure: _mean([film for film in known if figure in film.figures[name]], name, figure)
        for figure in _FIGURES
    }
    return {**means, "status": dict(sorted(Counter(film.status[name] for film in films).items()))}


def _mean(films: Sequence[FilmFigures], name: str, figure: str) -> dict[str, Any] | None:
    """The mean with its interval; None without films."""
    if not films:
        return None
    values = [film.figures[name][figure] for film in films]
    patients = [film.patient_id for film in films]
    if len(set(patients)) < 2:
        return {"value": float(np.mean(values)), "count": len(values), "lowest": min(values)}
    estimate = stats.mean_estimate(values, _CONFIDENCE, patients).to_dict()
    kept = {key: estimate[key] for key in ("value", "low", "high", "confidence", "count", "clusters")}
    if figure != "box_error" and kept["low"] is not None:
        # Shares: Student's interval does not know that they end at 0 and 1.
        kept |= {"low": max(kept["low"], 0.0), "high": min(kept["high"], 1.0)}
    return {**kept, "lowest": min(values), "highest": max(values)}
