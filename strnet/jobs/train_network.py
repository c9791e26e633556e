"""A network trained, calibrated, given its operating points, and bundled."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from strnet.config import Recipe
from strnet.data import targets_of
from strnet.errors import ConfigError, ImpossibleError
from strnet.jobs.complete_run import complete_run
from strnet.thresholds import plan
from strnet.training import fit
from strnet.training.cohort_rows import read_rows


def train(
    recipe: Recipe, run: Path, *, resume: bool = False, overwrite: bool = False, progress: bool = True
) -> dict[str, Any]:
    """What came of the run now in `run`: best epoch, operating points, where the bundle is.

    With `resume` an interrupted run goes on; a complete one is returned. The calibration and the operating
    points are fitted on the validation rows before anything reads the test rows.

    Raises: ConfigError, ManifestError, SplitError, TrainingError: see `training.fit`.
        ImpossibleError: the deciding operating point can never be reached with these validation rows.
    """
    manifest, split = cohort_files(recipe)
    require_enough_positives(recipe, manifest, split)
    result = fit(recipe, manifest, split, run, resume=resume, overwrite=overwrite, progress=progress)
    return {
        "run": str(run),
        "best_epoch": result.summary["best"]["epoch"],
        recipe.trainer.monitor: result.summary["best"]["value"],
        "seconds": result.summary["seconds"],
        **chosen_rows(result.summary),
        **complete_run(run, manifest),
    }


def chosen_rows(summary: Mapping[str, Any]) -> dict[str, Any]:
    """`chosen`: the recipe's condition on rows, with what each part lost by it; nothing without one."""
    return {"chosen": summary["chosen"]} if summary["chosen"] else {}


def cohort_files(recipe: Recipe) -> tuple[Path, Path]:
    """Manifest and split of a recipe.

    Raises: ConfigError: the recipe names none.
    """
    manifest, split = recipe.cohort.manifest, recipe.cohort.split
    if manifest is None or split is None:
        missing = "manifest" if manifest is None else "split"
        raise ConfigError(
            f"recipe {recipe.name}: cohort.{missing} is not given. "
            f"Set it in the recipe, or with --{missing} FILE."
        )
    return manifest, split


def require_enough_positives(recipe: Recipe, manifest: Path, split: Path) -> None:
    """Raise unless the validation rows can give the deciding operating point; said before training.

    Raises: ImpossibleError: too few validation positives for the confidence, and how many are needed.
    """
    point = recipe.operating_point
    if point is None or point.method != "exact":
        return
    rows = read_rows(manifest, split, where=recipe.cohort.where).of(["validation"]).frame
    task = next(task for task in recipe.tasks if task.name == point.task)
    positives = int((targets_of(rows, [task])[task.name] == 1).sum())
    if positives == 0:
        return  # training refuses a task without validation positives, in its own words
    promise = plan(
        min_sensitivity=point.min_sensitivity, confidence=str(point.confidence), positives=positives
    )
    if promise.reason:
        raise ImpossibleError(f"operating_point of {point.task}, validation rows: {promise.reason}")
