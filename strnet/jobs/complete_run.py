"""What follows training: calibration and operating points from the validation rows, and the bundle."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
from safetensors.torch import load_file

import strnet
from strnet.calibration import Calibrated, ScoreSource, calibrate
from strnet.cohort import read_manifest
from strnet.config import Recipe, load_recipe
from strnet.errors import ImpossibleError
from strnet.files import read_json
from strnet.inference import Bundle, Provenance, reference_standard_of, weights_sha256, write_bundle
from strnet.models import ClinicalScaling
from strnet.schema import BUNDLE_FOLDER, IMAGE_ID, SPLIT
from strnet.tables import write_table
from strnet.thresholds import write_operating_point
from strnet.training import RunFolder, read_run

OPERATING_POINTS = "operating_points"


def complete_run(run: Path, manifest: Path, *, deciding: bool = True) -> dict[str, Any]:
    """Operating points and bundle of a trained run, from its validation rows only.

    Its predictions table now holds probabilities. A calibrator that the rows cannot give is reported with its
    reason, and so is an operating point, unless it is the recipe's and the run is to decide by it
    (`deciding`).

    Raises: ImpossibleError: the recipe's operating point cannot be reached.
    """
    folder = RunFolder(run)
    recipe = load_recipe(folder.recipe)
    state_dict = load_file(folder.weights)
    done = calibrate(
        folder.predictions,
        tasks=recipe.tasks,
        calibration=recipe.calibration,
        operating_point=recipe.operating_point,
        weights_sha256=weights_sha256(state_dict),
    )
    wanted = recipe.operating_point
    if deciding and wanted is not None and wanted.method in done.not_reached:
        raise ImpossibleError(done.not_reached[wanted.method])
    write_table(done.table, folder.predictions)
    for point in done.points:
        write_operating_point(point, run / OPERATING_POINTS / f"{point.method}.json")
    bundle = _bundle(recipe, folder, manifest, done)
    return {
        "operating_points": {
            point.method: {"threshold": point.threshold, "status": point.status} for point in done.points
        },
        **({"not_reached": dict(done.not_reached)} if done.not_reached else {}),
        **({"not_calibrated": done.not_calibrated} if done.not_calibrated else {}),
        "bundle": str(bundle),
    }


def source_of(bundle: Bundle) -> ScoreSource:
    """The weights and calibrators whose scores a bundle gives."""
    return ScoreSource(bundle.calibrators, bundle.document.weights.sha256)


def _bundle(
    recipe: Recipe,
    folder: RunFolder,
    manifest: Path,
    done: Calibrated,
) -> Path:
    scaling = read_run(folder.path)["clinical_scaling"]
    bundle = write_bundle(
        folder.path / BUNDLE_FOLDER,
        recipe=recipe,
        state_dict=load_file(folder.weights),
        clinical=ClinicalScaling(**{name: tuple(values) for name, values in scaling.items()}),
        calibrators=done.calibrators,
        operating_points=done.points,
        provenance=_provenance(folder, manifest),
    )
    return bundle.folder


def _provenance(folder: RunFolder, manifest: Path) -> Provenance:
    environment = read_json(folder.environment)
    rows = pl.read_parquet(folder.predictions, columns=[IMAGE_ID, SPLIT, "anatomy", "view"])
    trained = read_manifest(manifest).frame.filter(pl.col(IMAGE_ID).is_in(rows[IMAGE_ID].implode()))
    return Provenance(
        created=datetime.fromtimestamp(folder.run.stat().st_mtime, UTC),
        strnet_version=strnet.__version__,
        packages={name: version for name, version in environment["packages"].items() if version},
        code_commit=environment["git_commit"],
        manifest_sha256=environment["manifest_sha256"],
        split_sha256=environment["split_sha256"],
        fold=environment.get("fold"),
        images=dict(rows.group_by(SPLIT).len().sort(SPLIT).rows()),
        reference_standard=reference_standard_of(trained),
        anatomies=tuple(rows["anatomy"].drop_nulls().unique().sort()),
        views=tuple(rows["view"].drop_nulls().unique().sort()),
    )
