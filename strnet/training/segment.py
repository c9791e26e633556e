"""A segmenter trained on masks, and the regions table that its run ends with."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel
from safetensors.torch import load_model
from torch import nn

from strnet.config import Recipe
from strnet.data import CohortDataModule, RadiographDataset
from strnet.data.cache import LABELS
from strnet.data.randomness import Stream, torch_seed
from strnet.data.regions import SCHEMA, checked_regions, write_regions
from strnet.errors import ConfigError
from strnet.files import sha256_file, write_bytes, write_json
from strnet.imaging import to_network_input
from strnet.imaging.finding_regions import FoundRegions, find_regions, largest_parts
from strnet.imaging.mask_files import mask_name, png_of
from strnet.imaging.plausibility import Plausibility, learn_plausibility
from strnet.imaging.preparation import placement
from strnet.imaging.region import Box
from strnet.models.segmentation import build_unet, label_scores
from strnet.schema import IMAGE_ID, PATIENT_ID, SPLIT, SPLITS
from strnet.tables import write_table
from strnet.training.cohort_rows import CohortRows, PreparedCohort
from strnet.training.learning import lightning_trainer, machine_settings
from strnet.training.loggers import check_loggers
from strnet.training.machine import MachineSettings, reproducible
from strnet.training.progress import ctrl_c_passed_on, film_progress, quiet_lightning
from strnet.training.quantities import check_monitor
from strnet.training.recorder import EpochRecorder
from strnet.training.run_folder import RunFolder
from strnet.training.segment_figures import FilmFigures, figures_of, summary_of
from strnet.training.segment_module import SegmentationModule
from strnet.training.segment_rows import class_names, label_parts, prepare_masks, with_labels

_ONLY_OF_NETWORKS = (
    *("averaging", "mixup", "unfreeze", "frozen_epochs", "balanced_task"),
    *("backbone_learning_rate", "layer_decay"),
)
"""Keys of the trainer that a segmenter would pass over."""


@dataclass(frozen=True)
class _Trained:
    network: nn.Module
    settings: MachineSettings
    recorder: EpochRecorder


def check_segmentation(recipe: Recipe) -> None:
    """Raise unless the recipe's segmenter can be trained, as far as that can be said without its cohort.

    Raises: ConfigError: an unknown or reversed monitor, more than one device, or a film size whose sides the
        levels of the U-Net do not halve evenly.
    """
    check_monitor(recipe.trainer, recipe.tasks)
    check_loggers(recipe)
    if recipe.trainer.devices != 1:
        raise ConfigError(
            f"trainer.devices: {recipe.trainer.devices}, but a run trains on one device. Set it to 1."
        )
    _refuse_what_a_segmenter_lacks(recipe)
    step = 2 ** (len(recipe.network.unet.channels) - 1)
    height, width = recipe.preprocessing.height, recipe.preprocessing.width
    if height % step or width % step or min(height, width) < 2 * step:
        raise ConfigError(
            f"preprocessing.height, preprocessing.width: {height} x {width} pixels, expected multiples of "
            f"{step} from {2 * step} upwards: each of the {len(recipe.network.unet.channels)} levels of "
            "network.unet halves the sides. Choose another size, or fewer levels."
        )


def _refuse_what_a_segmenter_lacks(recipe: Recipe) -> None:
    asked = [f"trainer.{key}" for key in _ONLY_OF_NETWORKS if _is_set(recipe.trainer, key)]
    asked += [
        f"network.backbone.{key}"
        for key in ("weights", "pretrained")
        if _is_set(recipe.network.backbone, key)
    ]
    if asked:
        raise ConfigError(
            f"{', '.join(asked)}: a segmenter has no backbone, classes or averaged weights. Leave it out."
        )


def _is_set(config: BaseModel, key: str) -> bool:
    return bool(getattr(config, key) != type(config).model_fields[key].default)


def segment(
    recipe: Recipe, rows: CohortRows, manifest: Path, folder: RunFolder, cache: Path, progress: bool
) -> None:
    """Train the segmenter of `recipe` in `folder`, and write what it finds on every film of `rows`.

    Goes on from the last whole epoch in the folder, if there is one.
    """
    clock = [time.perf_counter()]
    with film_progress(progress) as report:
        cohort = prepare_masks(recipe, rows, manifest, cache, report)
    write_table(cohort.cache.quarantine, folder.quarantine)
    clock.append(time.perf_counter())
    trained = _train(recipe, cohort, folder, progress)
    clock.append(time.perf_counter())
    limits = learn_plausibility(_training_boxes(recipe, cohort))
    with reproducible(trained.settings, recipe.seed), film_progress(progress, "Finding regions") as report:
        figures = _write_regions(recipe, cohort, manifest, folder, _Finder(recipe, trained, limits), report)
    write_json(folder.segmentation, summary_of(figures, class_names(recipe.tasks[0])))
    clock.append(time.perf_counter())
    parts = ("films", "training", "regions")
    seconds = {part: round(clock[i + 1] - clock[i], 3) for i, part in enumerate(parts)}
    folder.finish(_summary(recipe, cohort, trained, limits) | {"seconds": seconds})


def build_segmenter(recipe: Recipe) -> nn.Module:
    """The U-Net of `recipe`, untrained."""
    seed = torch_seed(recipe.seed, Stream.INITIALISATION) % 2**63
    return build_unet(recipe.network.unet, labels=len(class_names(recipe.tasks[0])), seed=seed)


def _train(recipe: Recipe, cohort: PreparedCohort, folder: RunFolder, progress: bool) -> _Trained:
    training, validation = with_labels(cohort, "train"), with_labels(cohort, "validation")
    network = build_segmenter(recipe)
    settings = machine_settings(recipe, network, folder)
    recorder = EpochRecorder(folder, recipe.trainer)
    image_ids = {"train": training.image_ids, "validation": validation.image_ids}
    task = recipe.tasks[0].name
    loaders = CohortDataModule(
        training=RadiographDataset(
            training,
            cohort.cache,
            recipe.preprocessing,
            augmentation=recipe.augmentation,
            seed=recipe.seed,
            labels=task,
        ),
        validation=RadiographDataset(validation, cohort.cache, recipe.preprocessing, labels=task),
        batch_size=recipe.trainer.batch_size,
        seed=recipe.seed,
    )
    with quiet_lightning(), ctrl_c_passed_on(), reproducible(settings, recipe.seed):
        lightning_trainer(recipe, folder, settings, recorder, progress).fit(
            SegmentationModule(network, recipe, image_ids),
            datamodule=loaders,
            ckpt_path=folder.last_checkpoint if folder.last_checkpoint.exists() else None,
        )
    load_model(network, folder.weights)
    return _Trained(network, settings, recorder)


def _training_boxes(
    recipe: Recipe, cohort: PreparedCohort
) -> list[tuple[Mapping[str, Box], tuple[int, ...]]]:
    """Boxes by name on the films of the training masks, and the size that the films have there."""
    names = class_names(recipe.tasks[0])
    found: list[tuple[Mapping[str, Box], tuple[int, ...]]] = []
    for image_id in with_labels(cohort, "train").image_ids:
        place = placement(cohort.cache.shapes[image_id].pixels, recipe.preprocessing)
        labels = cohort.cache[image_id, LABELS]
        _, boxes = largest_parts(labels, names)
        found.append((boxes, (place.rows, place.columns)))
    return found


@dataclass(frozen=True)
class _Finder:
    recipe: Recipe
    trained: _Trained
    limits: Plausibility

    def find(self, cohort: PreparedCohort, image_id: str) -> FoundRegions:
        """The regions of a film in the cache."""
        preprocessing = self.recipe.preprocessing
        image = to_network_input(cohort.cache[image_id], preprocessing)
        scores = label_scores(self.trained.network, image, self.trained.settings.device)
        names = class_names(self.recipe.tasks[0])
        return find_regions(scores, cohort.cache.shapes[image_id], names, self.limits, preprocessing)


def _write_regions(
    recipe: Recipe, cohort: PreparedCohort, manifest: Path, folder: RunFolder, finder: _Finder, progress: Any
) -> list[FilmFigures]:
    """Figures of every film whose truth is known; the regions table and masks of all now in `folder`."""
    names = class_names(recipe.tasks[0])
    truths = label_parts(recipe.tasks[0], cohort.rows, manifest.parent)
    digest = sha256_file(folder.weights)
    rows: list[dict[str, Any]] = []
    figures: list[FilmFigures] = []
    frame = cohort.rows.frame.select(IMAGE_ID, PATIENT_ID, SPLIT)
    for done, (image_id, patient_id, split) in enumerate(frame.iter_rows(), start=1):
        found = finder.find(cohort, image_id)
        mask = f"masks/{mask_name(image_id)}" if found.boxes else None
        if mask is not None:
            write_bytes(folder.path / mask, png_of(found.labels))
        own = {**dict.fromkeys(SCHEMA), IMAGE_ID: image_id, "mask": mask, "segmenter_sha256": digest}
        rows += [{**own, **cells} for cells in found.rows(names)]
        truth = truths[image_id].get(LABELS)
        figures.append(figures_of(truth, found, names, (image_id, patient_id, split)))
        if progress:
            progress(done, frame.height)
    table = checked_regions(pl.DataFrame(rows, schema=SCHEMA), folder.path, str(folder.regions))
    write_regions(table, folder.regions)
    return figures


def _summary(
    recipe: Recipe, cohort: PreparedCohort, trained: _Trained, limits: Plausibility
) -> dict[str, Any]:
    choice = cohort.rows.choice
    frame = cohort.rows.frame
    splits = [split for split in SPLITS if (frame[SPLIT] == split).any()]
    return {
        "chosen": None if choice is None else choice.as_json(),
        "best": {
            "epoch": trained.recorder.best_epoch,
            "quantity": recipe.trainer.monitor,
            "value": trained.recorder.best_value,
        },
        "epochs": len(trained.recorder.history),
        "stopped_early": trained.recorder.stopped_early,
        "quarantined": cohort.cache.quarantine.height,
        "rows": {
            split: {"rows": int((frame[SPLIT] == split).sum()), "masks": len(with_labels(cohort, split))}
            for split in splits
        },
        "plausibility": limits.model_dump(mode="json"),
        "settings": asdict(trained.settings),
    }
