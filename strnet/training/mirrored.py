"""What a trained network says of its cohort's films seen in a mirror."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from strnet.config import Recipe
from strnet.data import RadiographDataset
from strnet.errors import ConfigError, TrainingError
from strnet.files import read_json, sha256_file
from strnet.models import ScreeningNetwork
from strnet.training.cohort_rows import prepare_cohort, read_rows
from strnet.training.fit import cache_folder
from strnet.training.predictions import predict_rows, predictions_table
from strnet.training.progress import film_progress
from strnet.training.run_folder import RunFolder


def mirrored_predictions(
    recipe: Recipe, run: Path, network: ScreeningNetwork, *, progress: bool = True
) -> pl.DataFrame:
    """The predictions table of a run for the mirror images of its films, without baselines.

    Raises: ConfigError: a network that looks at regions, for these are not found again here. TrainingError:
        the manifest or split of the run is not there, or is another one now. Otherwise as `prepare_cohort`.
    """
    if recipe.region.used:
        raise ConfigError(
            f"{run}: looks at regions of its films (region.source), and mirrored films are for networks that "
            "look at whole ones. Combine without mirrored films."
        )
    environment = read_json(RunFolder(run).environment)
    manifest = _same(run, recipe.cohort.manifest, "manifest", environment["manifest_sha256"])
    split = _same(run, recipe.cohort.split, "split", environment["split_sha256"])
    rows = read_rows(manifest, split, environment.get("fold"), recipe.cohort.where)
    with film_progress(progress) as report:
        cohort = prepare_cohort(recipe, rows, cache_folder(recipe, manifest), report)
    dataset = RadiographDataset(cohort.samples(), cohort.cache, recipe.preprocessing, mirrored=True)
    outputs = predict_rows(network, dataset).outputs
    return predictions_table(cohort.rows.frame, recipe.tasks, cohort.targets, outputs)


def _same(run: Path, path: Path | None, what: str, sha256: str) -> Path:
    if path is None or not path.is_file() or sha256_file(path) != sha256:
        state = "has changed since" if path is not None and path.is_file() else "is not there any more"
        raise TrainingError(
            f"{run}: the {what} of the run ({path}) {state}; mirrored films need the cohort it was trained "
            "on. Put it back, or combine without mirrored films."
        )
    return path
