"""A network trained on a prepared cohort, from scratch or from where its run was interrupted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytorch_lightning as lightning
import torch
from pytorch_lightning.callbacks import Callback, RichProgressBar
from safetensors.torch import load_model
from torch import nn

from strnet.config import Preprocessing, Recipe, TrainerConfig
from strnet.data import CohortDataModule, RadiographDataset, Samples, check_targets
from strnet.data.balanced_draws import BalancedRows, balanced_rows
from strnet.data.randomness import Stream, torch_seed
from strnet.errors import ConfigError, TrainingError
from strnet.files import read_json, write_json
from strnet.models import (
    ClinicalScaling,
    ScreeningNetwork,
    TargetStatistics,
    build_network,
    fit_clinical_scaling,
    require_stages,
    starting_weights,
    target_statistics,
)
from strnet.schema import PATIENT_ID, SPLIT
from strnet.training.cohort_rows import PreparedCohort
from strnet.training.environment import environment
from strnet.training.loggers import build_loggers, check_loggers
from strnet.training.machine import MachineSettings, choose_settings, kept_settings, reproducible
from strnet.training.module import Learning, ScreeningModule
from strnet.training.progress import ctrl_c_passed_on, quiet_lightning
from strnet.training.quantities import check_monitor
from strnet.training.recorder import AtomicCheckpointIO, EpochRecorder, OnEpoch
from strnet.training.run_folder import RunFolder


@dataclass(frozen=True)
class TrainedNetwork:
    """A network with the weights of its best epoch, and how it came to them."""

    network: ScreeningNetwork
    settings: MachineSettings
    clinical: ClinicalScaling
    best_epoch: int
    best_value: float
    epochs: int
    stopped_early: bool


def check_recipe(recipe: Recipe) -> None:
    """Raise unless the recipe can be trained, as far as that can be said without its cohort.

    Raises: ConfigError: an unknown or reversed monitor, more than one device, films of a size that the
    backbone does not take. ModelError: a network that
    cannot be built, weights that are not there. MissingExtraError: a logger that is not installed.
    """
    check_monitor(recipe.trainer, recipe.tasks)
    check_loggers(recipe)
    if recipe.trainer.devices != 1:
        raise ConfigError(
            f"trainer.devices: {recipe.trainer.devices}, but a run trains on one device. Set it to 1."
        )
    columns = recipe.clinical_columns
    network = _build(recipe, ClinicalScaling(columns, (0.0,) * len(columns), (1.0,) * len(columns)), {})
    require_stages(network, len(recipe.trainer.unfreeze))
    _check_film_size(network, recipe.preprocessing)


def refuse_segmentation(recipe: Recipe) -> None:
    """Raise unless the recipe is of a network that answers tasks.

    Raises: ConfigError: it is of a segmenter.
    """
    if recipe.segments:
        raise ConfigError(
            f"recipe {recipe.name}: a segmentation is trained once, by `strnet train` on a split by ratios; "
            "its regions then serve every fold, trial and network."
        )


def _check_film_size(network: ScreeningNetwork, preprocessing: Preprocessing) -> None:
    height, width = preprocessing.height, preprocessing.width
    try:
        with torch.no_grad():
            network.eval()(torch.zeros(1, 1, height, width))
    except (AssertionError, RuntimeError, ValueError) as error:
        raise ConfigError(
            f"preprocessing.height, preprocessing.width: the backbone takes no film of {height} x {width} "
            f"pixels ({error}). Choose another size or another backbone."
        ) from error


def train_network(
    recipe: Recipe,
    cohort: PreparedCohort,
    folder: RunFolder,
    *,
    progress: bool = True,
    on_epoch: OnEpoch | None = None,
) -> TrainedNetwork:
    """The network of `recipe` trained on the training rows, its epoch chosen on the validation rows.

    Goes on from the last whole epoch in `folder`, if there is one.

    Raises: TrainingError: rows that cannot train or judge a task, or a loss that is not finite.
    """
    training, validation = cohort.samples("train"), cohort.samples("validation")
    check_targets(recipe.tasks, training.targets, validation.targets)
    clinical = fit_clinical_scaling(recipe.clinical_columns, training.clinical)
    statistics = {task.name: target_statistics(task, training.targets[task.name]) for task in recipe.tasks}
    network = _build(recipe, clinical, statistics)
    settings = machine_settings(recipe, network, folder)
    recorder = EpochRecorder(folder, recipe.trainer, on_epoch)
    image_ids = {"train": training.image_ids, "validation": validation.image_ids}
    learning = Learning(recipe.tasks, statistics, recipe.trainer, recipe.seed, image_ids)
    with quiet_lightning(), ctrl_c_passed_on(), reproducible(settings, recipe.seed):
        if settings.channels_last:
            # Some releases of torch do not declare the keyword.
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, unused-ignore]
        lightning_trainer(recipe, folder, settings, recorder, progress).fit(
            ScreeningModule(network, learning),
            datamodule=_loaders(recipe, cohort, training, validation),
            ckpt_path=folder.last_checkpoint if folder.last_checkpoint.exists() else None,
        )
    load_model(network, folder.weights)
    return TrainedNetwork(
        network,
        settings,
        clinical,
        best_epoch=recorder.best_epoch,
        best_value=recorder.best_value,
        epochs=len(recorder.history),
        stopped_early=recorder.stopped_early,
    )


def _build(
    recipe: Recipe, clinical: ClinicalScaling, statistics: dict[str, TargetStatistics]
) -> ScreeningNetwork:
    seed = torch_seed(recipe.seed, Stream.INITIALISATION)
    return build_network(
        recipe.network, recipe.tasks, clinical, statistics, seed=seed, preprocessing=recipe.preprocessing
    )


def machine_settings(recipe: Recipe, network: nn.Module, folder: RunFolder) -> MachineSettings:
    """Those the run was started with, or the best for this machine; recorded either way."""
    recorded = read_json(folder.environment)
    found = starting_weights(recipe.network, network) if isinstance(network, ScreeningNetwork) else None
    start = {"starting_weights": None if found is None else found.model_dump(mode="json")}
    if "settings" in recorded:
        _require_same_start(folder, recorded["starting_weights"], start["starting_weights"])
        resumed = [*recorded.get("resumed", []), datetime.now(UTC).isoformat(timespec="seconds")]
        write_json(folder.environment, {**recorded, "resumed": resumed})
        return kept_settings(recorded["settings"])
    settings = choose_settings(recipe.trainer, network)
    write_json(
        folder.environment,
        {**recorded, "seed": recipe.seed, **environment(), "settings": asdict(settings), **start},
    )
    return settings


def _require_same_start(
    folder: RunFolder, recorded: Mapping[str, Any] | None, found: Mapping[str, Any] | None
) -> None:
    hashes = [None if start is None else start["sha256"] for start in (recorded, found)]
    if hashes[0] != hashes[1]:
        raise TrainingError(
            f"{folder.path}: the run was started from weights of SHA-256 {hashes[0]}, and the recipe's are "
            f"now {hashes[1]}. Bring the old ones back, or train in another folder."
        )


def _loaders(
    recipe: Recipe, cohort: PreparedCohort, training: Samples, validation: Samples
) -> CohortDataModule:
    changed = RadiographDataset(
        training, cohort.cache, recipe.preprocessing, augmentation=recipe.augmentation, seed=recipe.seed
    )
    plain = RadiographDataset(validation, cohort.cache, recipe.preprocessing)
    return CohortDataModule(
        training=changed,
        validation=plain,
        batch_size=recipe.trainer.batch_size,
        seed=recipe.seed,
        balanced=_balanced(recipe.trainer, cohort, training),
    )


def _balanced(trainer: TrainerConfig, cohort: PreparedCohort, training: Samples) -> BalancedRows | None:
    """How often each training row is drawn in an epoch; None where each is once."""
    if trainer.balanced_task is None:
        return None
    frame = cohort.rows.frame
    patients = frame.filter(pl.col(SPLIT) == "train")[PATIENT_ID].to_list()
    return balanced_rows(
        training.targets[trainer.balanced_task], patients if trainer.balanced_by == "patient" else None
    )


def lightning_trainer(
    recipe: Recipe, folder: RunFolder, settings: MachineSettings, recorder: EpochRecorder, progress: bool
) -> lightning.Trainer:
    """A trainer that keeps and resumes the run in `folder`."""
    callbacks: list[Callback] = [recorder, RichProgressBar()] if progress else [recorder]
    return lightning.Trainer(
        accelerator=settings.accelerator,
        devices=1,
        precision=settings.precision,  # type: ignore[arg-type]
        max_epochs=recipe.trainer.max_epochs,
        logger=build_loggers(recipe, folder) or False,
        callbacks=callbacks,
        plugins=[AtomicCheckpointIO()],
        default_root_dir=folder.path,
        num_sanity_val_steps=0,
        enable_progress_bar=progress,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
