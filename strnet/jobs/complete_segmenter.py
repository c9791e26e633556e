"""What follows the training of a segmenter: its bundle, and its figures to print."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from strnet.config import load_recipe
from strnet.data.regions import read_regions
from strnet.files import read_json
from strnet.inference.segmenter import write_segmenter
from strnet.jobs.run_provenance import provenance_of
from strnet.schema import IMAGE_ID, PATIENT_ID, SEGMENTER_FOLDER, SPLIT
from strnet.training import RunFolder, read_run
from strnet.training.cohort_rows import read_rows


def complete_segmenter(run: Path, manifest: Path, split: Path) -> dict[str, Any]:
    """Where the segmenter and the regions of a trained run are, and how good they are per part and label."""
    folder = RunFolder(run)
    recipe = load_recipe(folder.recipe)
    regions = read_regions(folder.regions).frame
    rows = read_rows(manifest, split, where=recipe.cohort.where).frame
    rows = rows.filter(pl.col(IMAGE_ID).is_in(regions[IMAGE_ID].unique().implode()))
    segmenter = write_segmenter(
        folder.path / SEGMENTER_FOLDER,
        recipe=recipe,
        weights=folder.weights.read_bytes(),
        plausibility=read_run(run)["plausibility"],
        provenance=provenance_of(folder, manifest, rows),
        patients=rows.filter(pl.col(SPLIT).is_in(["train", "validation"]))[PATIENT_ID],
    )
    return {
        "segmenter": str(segmenter.folder),
        "regions": str(folder.regions),
        "status": dict(regions.group_by("status").len().sort("status").rows()),
        **_figures(read_json(folder.segmentation)),
    }


def _figures(content: dict[str, Any]) -> dict[str, Any]:
    """Dice, IoU and box error by part of the split and label, as one line each."""
    lines = {}
    for split, part in content.items():
        for name, label in part["labels"].items():
            lines[f"{split} {name}"] = ", ".join(
                f"{word} {_told(label[figure])}"
                for figure, word in (("dice", "Dice"), ("iou", "IoU"), ("box_error", "box error (pixels)"))
            )
    return lines


def _told(mean: dict[str, Any] | None) -> str:
    if mean is None:
        return "unknown"
    interval = f" ({mean['low']:.3f} to {mean['high']:.3f})" if mean.get("low") is not None else ""
    return f"{mean['value']:.3f}{interval}, n {mean['count']}"
