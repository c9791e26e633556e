"""What a segmentation learns from: each film's mask, or its boxes drawn as one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from strnet.config import Recipe, TaskConfig
from strnet.data import SampleCache, build_cache
from strnet.data.cache import LABELS, Parts, Progress
from strnet.data.dataset import Samples
from strnet.errors import ConfigError, ImageError, ManifestError, TrainingError
from strnet.files import canonical_json, sha256_bytes
from strnet.imaging.film_parts import FilmLabels, FilmPart, MaskFile
from strnet.imaging.mask_files import mask_sha256
from strnet.imaging.region import parse_boxes
from strnet.schema import IMAGE_ID, SPLIT
from strnet.training.cohort_rows import CohortRows, PreparedCohort
from strnet.workers import Workers


def prepare_masks(
    recipe: Recipe, rows: CohortRows, manifest: Path, folder: Path, progress: Progress | None = None
) -> PreparedCohort:
    """`rows` with films and labels in the cache; those whose film or mask cannot be used are left out.

    Raises: TrainingError: a part of the split that has too few masks, or a label that no training film has.
    """
    task = recipe.tasks[0]
    parts = label_parts(task, rows, manifest.parent)
    asked = recipe.cohort
    cache = build_cache(
        list(zip(rows.frame[IMAGE_ID], rows.paths, strict=True)),
        recipe.preprocessing,
        folder,
        parts=parts,
        workers=Workers(asked.workers, asked.file_seconds, asked.file_memory_gib),
        progress=progress,
    )
    kept = rows.only(rows.frame[IMAGE_ID].is_in(list(cache.shapes)))
    cohort = PreparedCohort(kept, cache, {}, np.zeros((kept.frame.height, 0)))
    _require_labels(task, cohort)
    return cohort


def label_parts(task: TaskConfig, rows: CohortRows, folder: Path) -> Parts:
    """For each image its whole film and, where it has a mask or boxes, the labels.

    Raises: ManifestError: a mask or box without the size of its file, or a mask that is not there.
        ConfigError: boxes that no class names.
    """
    found: dict[str, Mapping[str, FilmPart]] = {}
    for row in rows.frame.iter_rows(named=True):
        labels = _labels(task, row, folder)
        found[row[IMAGE_ID]] = {"": None} if labels is None else {"": None, LABELS: labels}
    return found


def labels_sha256(recipe: Recipe, rows: CohortRows, manifest: Path) -> str:
    """SHA-256 of the labels of all rows: a mask that was changed makes another run.

    Raises: as `label_parts`.
    """
    parts = label_parts(recipe.tasks[0], rows, manifest.parent)
    digests = {
        image_id: part.digest for image_id, of in parts.items() if (part := of.get(LABELS)) is not None
    }
    return sha256_bytes(canonical_json(digests))


def with_labels(cohort: PreparedCohort, split: str) -> Samples:
    """The rows of `split` whose labels are known."""
    ids = cohort.rows.frame.filter(cohort.rows.frame[SPLIT] == split)[IMAGE_ID].to_list()
    known = [image_id for image_id in ids if (image_id, LABELS) in cohort.cache]
    return Samples(tuple(known), np.zeros((len(known), 0)), {})


def class_names(task: TaskConfig) -> tuple[str, ...]:
    """The names of labels 1, 2, ..."""
    return task.target.classes or ()


def _labels(task: TaskConfig, row: Mapping[str, Any], folder: Path) -> FilmLabels | None:
    names = class_names(task)
    cells = row if task.target.column == "mask" else {**row, "mask": None}
    if cells["mask"] is None and cells["box"] is None:
        return None
    where = f"image {row[IMAGE_ID]}"
    if row["rows"] is None or row["columns"] is None:
        raise ManifestError(
            f"{where}: has a mask or box, and does not say for which size of the file (rows, columns). "
            "Ingest the films, which fills both."
        )
    grid = (row["rows"], row["columns"])
    if cells["mask"] is not None:
        path = folder / cells["mask"]
        try:
            return FilmLabels(names, grid, mask=MaskFile(path, mask_sha256(path)))
        except ImageError as error:
            raise ManifestError(f"{where}: {error} Correct the path, or leave the cell blank.") from error
    boxes = {name: box for name, box in parse_boxes(cells["box"]).items() if name in names}
    if not boxes:
        raise ConfigError(
            f"task {task.name}: target.classes {', '.join(names)} name none of the boxes of {where}, "
            f"'{cells['box']}'."
        )
    return FilmLabels(names, grid, boxes=tuple(boxes.items()))


def _require_labels(task: TaskConfig, cohort: PreparedCohort) -> None:
    for split in ("train", "validation"):
        known = len(with_labels(cohort, split))
        if known < 2:
            reasons = cohort.cache.quarantine["reason"]
            told = f" {len(reasons)} films cannot be used; the first: {reasons[0]}" if len(reasons) else ""
            raise TrainingError(
                f"task {task.name}, {split} rows: {known} films with a usable mask or box, needed at least 2."
                f"{told}"
            )
    held = _labels_held(cohort.cache, with_labels(cohort, "train"))
    lost = [name for number, name in enumerate(class_names(task), start=1) if number not in held]
    if lost:
        raise TrainingError(
            f"task {task.name}: no training mask holds {', '.join(lost)}. Leave it out of target.classes, or "
            "check the numbers of the labels: they follow the order of the classes, from 1."
        )


def _labels_held(cache: SampleCache, samples: Samples) -> set[int]:
    records = cache.rows([(image_id, LABELS) for image_id in samples.image_ids])
    return {int(label) for record in records for label in np.unique(cache.records[record])}
