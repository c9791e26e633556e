"""Out-of-fold predictions of k networks, each calibrated and bundled by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from strnet.calibration import with_fold_probabilities
from strnet.config import Recipe
from strnet.inference import read_bundle
from strnet.jobs.combine_regions import films_of
from strnet.jobs.complete_run import complete_run, source_of
from strnet.jobs.find_regions import find_cohort_regions
from strnet.jobs.train_network import chosen_rows, cohort_files
from strnet.schema import BUNDLE_FOLDER, FOLD, REGION
from strnet.tables import read_table, write_table
from strnet.training import RunFolder, fold_folder
from strnet.training import crossval as run_folds


def crossval(
    recipe: Recipe,
    run: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
    folds_at_once: int | None = None,
) -> dict[str, Any]:
    """What came of the k runs in `run`, one per fold; its predictions table is out of fold.

    Each fold has its own calibrators, operating points and bundle, from its validation rows; a point that
    they cannot promise is reported with its reason. `folds_at_once` as in `training.crossval`.

    Raises: ConfigError, ManifestError, SplitError, TrainingError: see `training.crossval`.
    """
    manifest, split = cohort_files(recipe)
    regions = find_cohort_regions(recipe, manifest, split, progress=progress)
    result = run_folds(
        recipe,
        manifest,
        split,
        run,
        regions=regions,
        resume=resume,
        overwrite=overwrite,
        progress=progress,
        folds_at_once=folds_at_once,
    )
    folds = range(len(result.summary["folds"]))
    completed = [complete_run(fold_folder(run, fold), manifest) for fold in folds]
    _add_probabilities(recipe, result.folder, len(completed))
    return {
        "run": str(run),
        "folds": len(completed),
        "best_epochs": [fold["best"]["epoch"] for fold in result.summary["folds"]],
        **chosen_rows(result.summary),
        "predictions": str(result.folder.predictions),
        "operating_points": [fold["operating_points"] for fold in completed],
        "decides": [fold["decides"] for fold in completed],
        **_reasons(completed, "not_reached"),
        **_reasons(completed, "not_calibrated"),
    }


def _add_probabilities(recipe: Recipe, folder: RunFolder, folds: int) -> None:
    """Write into the out-of-fold table the probabilities that the bundle of each row's fold gives."""
    bundles = {k: read_bundle(fold_folder(folder.path, k) / BUNDLE_FOLDER) for k in range(folds)}
    sources = {fold: source_of(bundle) for fold, bundle in bundles.items()}
    rows = read_table(folder.predictions)
    if REGION in rows.columns:
        write_table(rows, folder.region_predictions)
        films = [
            films_of(recipe, rows.filter(pl.col(FOLD) == fold), bundle.region_combination)
            for fold, bundle in bundles.items()
        ]
        rows = pl.concat(films, how="diagonal")
    table = with_fold_probabilities(rows, recipe.tasks, sources)
    write_table(table, folder.predictions)


def _reasons(completed: list[dict[str, Any]], what: str) -> dict[str, Any]:
    """What some folds could not have, and why, by fold; nothing where all could."""
    reasons = {f"fold{fold}": done[what] for fold, done in enumerate(completed) if what in done}
    return {what: reasons} if reasons else {}
