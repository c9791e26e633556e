"""Out-of-fold predictions of k networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from strnet.config import Recipe
from strnet.jobs.train_network import cohort_files
from strnet.training import crossval as run_folds


def crossval(
    recipe: Recipe, run: Path, *, resume: bool = False, overwrite: bool = False, progress: bool = True
) -> dict[str, Any]:
    """What came of the k runs in `run`, one per fold; its predictions table is out of fold.

    Raises: ConfigError, ManifestError, SplitError, TrainingError: see `training.crossval`.
    """
    manifest, split = cohort_files(recipe)
    result = run_folds(recipe, manifest, split, run, resume=resume, overwrite=overwrite, progress=progress)
    return {
        "run": str(run),
        "folds": len(result.summary["folds"]),
        "best_epochs": [fold["best"]["epoch"] for fold in result.summary["folds"]],
        "predictions": str(result.folder.predictions),
    }
