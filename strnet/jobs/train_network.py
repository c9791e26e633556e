"""A network trained, calibrated, given its operating points, and bundled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from strnet.config import EnsembleRecipe, Recipe
from strnet.data import targets_of
from strnet.errors import ConfigError
from strnet.jobs.complete_run import complete_run
from strnet.jobs.complete_segmenter import complete_segmenter
from strnet.jobs.find_regions import find_cohort_regions
from strnet.thresholds import plan
from strnet.training import fit
from strnet.training.cohort_rows import rows_of


def train(
    recipe: Recipe,
    run: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
    notice: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """What came of the run now in `run`: best epoch, operating points and which decides, where the bundle is.

    With `resume` an interrupted run goes on; a complete one is returned. The calibration and the operating
    points are fitted on the validation rows before anything reads the test rows. `notice` is told before the
    training if these rows can never give the deciding operating point.

    Raises: ConfigError, ManifestError, SplitError, TrainingError: see `training.fit`.
    """
    manifest, split = cohort_files(recipe)
    if recipe.segments:
        return _train_segmenter(recipe, run, resume=resume, overwrite=overwrite, progress=progress)
    regions = find_cohort_regions(recipe, manifest, split, progress=progress)
    shortage = foreseen_shortage(recipe, manifest, split, regions)
    if shortage is not None and notice is not None:
        notice(f"No operating point will decide. {shortage} The run is made all the same.")
    result = fit(
        recipe,
        manifest,
        split,
        run,
        regions=regions,
        resume=resume,
        overwrite=overwrite,
        progress=progress,
    )
    return {
        "run": str(run),
        "best_epoch": result.summary["best"]["epoch"],
        recipe.trainer.monitor: result.summary["best"]["value"],
        "seconds": result.summary["seconds"],
        **({} if regions is None else {"regions_table": str(regions)}),
        **chosen_rows(result.summary),
        **region_rows(result.summary, finds_itself=regions is not None),
        **complete_run(run, manifest),
    }


def _train_segmenter(
    recipe: Recipe, run: Path, *, resume: bool, overwrite: bool, progress: bool
) -> dict[str, Any]:
    manifest, split = cohort_files(recipe)
    result = fit(recipe, manifest, split, run, resume=resume, overwrite=overwrite, progress=progress)
    return {
        "run": str(run),
        "best_epoch": result.summary["best"]["epoch"],
        recipe.trainer.monitor: result.summary["best"]["value"],
        "seconds": result.summary["seconds"],
        "rows": result.summary["rows"],
        "quarantined": result.summary["quarantined"],
        **chosen_rows(result.summary),
        **complete_segmenter(run, manifest, split),
    }


def chosen_rows(summary: Mapping[str, Any]) -> dict[str, Any]:
    """`chosen`: the recipe's condition on rows, with what each part lost by it; nothing without one."""
    return {"chosen": summary["chosen"]} if summary["chosen"] else {}


def region_rows(summary: Mapping[str, Any], *, finds_itself: bool) -> dict[str, Any]:
    """`regions`: which are used, and how many films of each part have them; nothing for whole films."""
    if "regions" not in summary:
        return {}
    told = dict(summary["regions"])
    if told["segmenters"] and not finds_itself:
        told["not_checked"] = "whether the segmenter behind this table was trained on test patients"
    return {"regions": told}


def cohort_files(recipe: Recipe | EnsembleRecipe) -> tuple[Path, Path]:
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


def foreseen_shortage(recipe: Recipe, manifest: Path, split: Path, regions: Path | None = None) -> str | None:
    """Why the validation rows can never give the deciding operating point, as far as their number says."""
    point = recipe.operating_point
    if point is None or point.method != "exact":
        return None
    rows = rows_of(recipe, manifest, split, regions=regions).of(["validation"]).frame
    task = next(task for task in recipe.tasks if task.name == point.task)
    positives = int((targets_of(rows, [task])[task.name] == 1).sum())
    if positives == 0:
        return None  # training refuses a task without validation positives, in its own words
    promise = plan(
        min_sensitivity=point.min_sensitivity, confidence=str(point.confidence), positives=positives
    )
    return f"{point.task}, validation rows: {promise.reason}" if promise.reason else None
