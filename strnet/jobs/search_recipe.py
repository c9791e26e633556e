"""A search over recipe keys."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from strnet.config import Recipe
from strnet.jobs.find_regions import find_cohort_regions
from strnet.jobs.train_network import cohort_files
from strnet.training.tune import tune as search


def tune(
    recipe: Recipe, space: Path, out: Path, *, trials: int = 20, progress: bool = True
) -> dict[str, Any]:
    """The trials and the best recipe of the search in `out`, judged on validation rows only.

    Raises: ConfigError, TrainingError: see `training.tune`.
    """
    manifest, split = cohort_files(recipe)
    regions = find_cohort_regions(recipe, manifest, split, progress=progress)
    found = search(recipe, space, manifest, split, out, trials=trials, regions=regions, progress=progress)
    return {**asdict(found), "best_recipe": str(found.best_recipe)}
