"""A recipe in, a run folder out."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from strnet.config import Recipe
from strnet.data import RadiographDataset, SampleCache
from strnet.files import write_bytes
from strnet.schema import ATYPICALITY, IMAGE_ID, SPLIT, SPLITS
from strnet.tables import write_table
from strnet.training.baselines import fit_baselines
from strnet.training.cohort_rows import (
    CohortRows,
    PreparedCohort,
    balance,
    check_rows,
    prepare_cohort,
    rows_of,
)
from strnet.training.learning import TrainedNetwork, check_recipe, train_network
from strnet.training.machine import keep_freed_memory, reproducible
from strnet.training.parent_rows import require_unseen_by_parent
from strnet.training.predictions import predict_rows, predictions_table
from strnet.training.progress import film_progress
from strnet.training.recorder import OnEpoch
from strnet.training.run_folder import RunFolder, RunIdentity, open_run, read_run
from strnet.training.segment import check_segmentation, segment
from strnet.training.segment_rows import labels_sha256
from strnet.trust import fit_picture_model, picture_bytes

_CACHE = "cache"


@dataclass(frozen=True)
class RunResult:
    """A complete run."""

    folder: RunFolder
    summary: dict[str, Any] = field(repr=False)
    """What `run.json` says: rows that `cohort.where` chose, best epoch, monitored value, class balance,
    clinical scaling, seconds."""

    @property
    def predictions(self) -> pl.DataFrame:
        """The predictions table, one row per image."""
        return pl.read_parquet(self.folder.predictions)


@dataclass(frozen=True)
class Watch:
    """Who follows a training: the terminal, by `progress` bars, and what is called after each epoch."""

    progress: bool = True
    on_epoch: OnEpoch | None = None


def fit(  # noqa: PLR0913 - a public entry: every way to run it is one keyword
    recipe: Recipe,
    manifest: Path,
    split: Path,
    run: Path,
    *,
    fold: int | None = None,
    regions: Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
) -> RunResult:
    """A network trained by `recipe`, and everything that later jobs need of it, in the folder `run`.

    Of a split in folds, `fold` are the test rows and the next one the validation rows. With `resume` an
    interrupted run goes on after its last whole epoch, with the same result as if it had not been
    interrupted, and a complete one is returned as it is; `overwrite` starts afresh. `regions` is
    the regions table of the segmenter that the recipe names.

    Raises: ConfigError, ManifestError, SplitError: inputs that do not fit together. TrainingError: rows
    that cannot train or judge a task, another run in the folder, or a loss that is not finite.
    """
    check_segmentation(recipe) if recipe.segments else check_recipe(recipe)
    keep_freed_memory()
    rows = rows_of(recipe, manifest, split, fold, regions)
    if recipe.segments:
        identity = identity_of(recipe, rows, fold, labels_sha256(recipe, rows, manifest))
        with open_run(run, identity, resume=resume, overwrite=overwrite) as folder:
            if not folder.complete:
                segment(recipe, rows, manifest, folder, cache_folder(recipe, manifest), progress)
            return RunResult(folder, read_run(run))
    require_unseen_by_parent(recipe, rows, fold)
    check_rows(recipe, rows)
    return fit_rows(
        recipe,
        rows,
        run,
        cache_folder(recipe, manifest),
        fold=fold,
        resume=resume,
        overwrite=overwrite,
        watch=Watch(progress),
    )


def fit_rows(
    recipe: Recipe,
    rows: CohortRows,
    run: Path,
    films: Path | SampleCache,
    *,
    fold: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    watch: Watch | None = None,
) -> RunResult:
    """What `fit` returns, of a recipe and rows that were read and checked.

    `films` is the folder of the cache, or the cache itself where it is made already.

    Raises: TrainingError: as `fit`.
    """
    identity = identity_of(recipe, rows, fold)
    with open_run(run, identity, resume=resume, overwrite=overwrite) as folder:
        if not folder.complete:
            _train_and_predict(recipe, rows, folder, films, watch or Watch())
        return RunResult(folder, read_run(run))


def identity_of(
    recipe: Recipe, rows: CohortRows, fold: int | None = None, labels: str | None = None
) -> RunIdentity:
    """What makes another run on `rows` the same one; `labels` is the hash of what a segmentation learns."""
    regions = labels if rows.regions is None else rows.regions.sha256
    return RunIdentity(recipe, rows.manifest_sha256, rows.split_sha256, fold, regions)


def cache_folder(recipe: Recipe, manifest: Path) -> Path:
    """Where the prepared films of a cohort are kept: where the recipe says, or beside the manifest."""
    return recipe.cohort.cache or manifest.parent / _CACHE


def _train_and_predict(
    recipe: Recipe, rows: CohortRows, folder: RunFolder, films: Path | SampleCache, watch: Watch
) -> None:
    clock = [time.perf_counter()]
    with film_progress(watch.progress) as report:
        cohort = prepare_cohort(recipe, rows, films, report)
    write_table(cohort.cache.quarantine, folder.quarantine)
    if rows.without_region is not None:
        write_table(rows.without_region, folder.without_region)
    clock.append(time.perf_counter())
    trained = train_network(recipe, cohort, folder, progress=watch.progress, on_epoch=watch.on_epoch)
    clock.append(time.perf_counter())
    write_table(_predictions(recipe, cohort, trained, folder), folder.predictions)
    clock.append(time.perf_counter())
    parts = ("films", "training", "predictions")
    seconds = {part: round(clock[i + 1] - clock[i], 3) for i, part in enumerate(parts)}
    folder.finish(_summary(recipe, cohort, trained) | {"seconds": seconds})


def _predictions(
    recipe: Recipe, cohort: PreparedCohort, trained: TrainedNetwork, folder: RunFolder
) -> pl.DataFrame:
    """The predictions table; beside it, in the run folder, what the training films look like."""
    dataset = RadiographDataset(cohort.samples(), cohort.cache, recipe.preprocessing)
    with reproducible(trained.settings, recipe.seed):
        rows = predict_rows(trained.network, dataset, trained.settings.device)
    table = predictions_table(cohort.rows.frame, recipe.tasks, cohort.targets, rows.outputs)
    training = (cohort.rows.frame[SPLIT] == "train").to_numpy()
    picture = fit_picture_model(rows.features[training], rows.statistics[training])
    write_bytes(folder.picture, picture_bytes(picture))
    atypicality = picture.atypicality(rows.features, rows.statistics)
    table = table.with_columns(pl.Series(ATYPICALITY, atypicality))
    if not recipe.baselines:
        return table
    scores = fit_baselines(cohort.rows.frame, recipe.tasks, cohort.targets, recipe.clinical_columns)
    return pl.concat([table, scores], how="horizontal")


def _summary(recipe: Recipe, cohort: PreparedCohort, trained: TrainedNetwork) -> dict[str, Any]:
    choice = cohort.rows.choice
    splits = [split for split in SPLITS if (cohort.rows.frame[SPLIT] == split).any()]
    return {
        "chosen": None if choice is None else choice.as_json(),
        "best": {
            "epoch": trained.best_epoch,
            "quantity": recipe.trainer.monitor,
            "value": trained.best_value,
        },
        "epochs": trained.epochs,
        "stopped_early": trained.stopped_early,
        "quarantined": cohort.cache.quarantine.height,
        **({} if cohort.rows.regions is None else {"regions": _regions(cohort.rows)}),
        "rows": {split: balance(recipe.tasks, cohort.samples(split)) for split in splits},
        "clinical_scaling": asdict(trained.clinical),
        "settings": asdict(trained.settings),
    }


def _regions(rows: CohortRows) -> dict[str, Any]:
    """The regions that are used, and per split the films that have them and those that are left out."""
    absent = rows.without_region
    films = rows.frame.unique(IMAGE_ID)
    return {
        "names": list(rows.regions.names) if rows.regions else [],
        "segmenters": list(rows.regions.segmenters) if rows.regions else [],
        "masks": bool(rows.regions and rows.regions.masked),
        "films": dict(films.group_by(SPLIT).len().sort(SPLIT).rows()),
        "without": {} if absent is None else dict(absent.group_by(SPLIT).len().sort(SPLIT).rows()),
    }
