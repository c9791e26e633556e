"""What follows training: calibrators and operating points from the validation rows, and the bundle."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from safetensors.torch import load_file

import strnet
from strnet.cohort import read_manifest
from strnet.config import OperatingPointConfig, Recipe, load_recipe
from strnet.errors import ImpossibleError, StatsError
from strnet.files import read_json
from strnet.inference import Provenance, reference_standard_of, weights_sha256, write_bundle
from strnet.models import ClinicalScaling
from strnet.schema import BUNDLE_FOLDER, IMAGE_ID, PATIENT_ID, SPLIT, logit_column, prob_column, target_column
from strnet.stats import Calibrator, fit_calibrator
from strnet.thresholds import OperatingPoint, ScoreIdentity, fit_threshold, write_operating_point
from strnet.thresholds.rules import Method
from strnet.thresholds.scores_table import rows_sha256
from strnet.training import RunFolder, read_run

OPERATING_POINTS = "operating_points"
METHODS: tuple[Method, ...] = ("empirical", "exact")


@dataclass(frozen=True)
class ValidationRows:
    """Rows of one binary task whose target is known: patient, target (0 or 1), logit, each (n,)."""

    patients: np.ndarray[Any, Any]
    target: np.ndarray[Any, Any]
    logit: np.ndarray[Any, Any]


def complete_run(run: Path, manifest: Path, *, deciding: bool = True) -> dict[str, Any]:
    """Operating points and bundle of a trained run, from its validation rows only.

    A calibrator that they cannot give is reported with its reason, and so is an operating point, unless it is
    the recipe's and the run is to decide by it (`deciding`).

    Raises: ImpossibleError: the recipe's operating point cannot be reached.
    """
    folder = RunFolder(run)
    recipe = load_recipe(folder.recipe)
    calibrators = {
        task.name: _calibrator(recipe, folder, task.name) for task in recipe.tasks if task.kind == "binary"
    }
    plain = {
        task: fitted.note for task, fitted in calibrators.items() if fitted.method == "none" and fitted.note
    }
    points, reasons = _operating_points(recipe, folder, calibrators, deciding=deciding)
    for point in points:
        write_operating_point(point, run / OPERATING_POINTS / f"{point.method}.json")
    bundle = _bundle(recipe, folder, manifest, calibrators, points)
    return {
        "operating_points": {
            point.method: {"threshold": point.threshold, "status": point.status} for point in points
        },
        **({"not_reached": reasons} if reasons else {}),
        **({"not_calibrated": plain} if plain else {}),
        "bundle": str(bundle),
    }


def validation_rows(folder: RunFolder, task: str) -> ValidationRows:
    """The validation rows of a binary task; no other row is read."""
    columns = [PATIENT_ID, target_column(task), logit_column(task)]
    table = (
        pl.scan_parquet(folder.predictions)
        .filter(pl.col(SPLIT) == "validation", pl.col(target_column(task)).is_not_null())
        .select(columns)
        .collect()
    )
    return ValidationRows(*(table[name].to_numpy() for name in columns))


def _calibrator(recipe: Recipe, folder: RunFolder, task: str) -> Calibrator:
    """The recipe's calibrator; where the logits do not rise with the target, the plain sigmoid and why."""
    rows = validation_rows(folder, task)
    try:
        return fit_calibrator(recipe.calibration.method, rows.logit, rows.target)
    except StatsError as error:
        return Calibrator("none", note=str(error))


def _operating_points(
    recipe: Recipe, folder: RunFolder, calibrators: dict[str, Calibrator], *, deciding: bool
) -> tuple[list[OperatingPoint], dict[str, str]]:
    """The points that can be had, and for the others the reason."""
    wanted = recipe.operating_point
    points: list[OperatingPoint] = []
    reasons: dict[str, str] = {}
    if wanted is None:
        return points, reasons
    for method in METHODS:
        try:
            points.append(_operating_point(wanted, method, folder, calibrators[wanted.task]))
        except ImpossibleError as error:
            if deciding and method == wanted.method:
                raise
            reasons[method] = str(error)
    return points, reasons


def _operating_point(
    wanted: OperatingPointConfig, method: Method, folder: RunFolder, calibrator: Calibrator
) -> OperatingPoint:
    """The operating point on the calibrated probability; patients are the unit where one has two films."""
    rows = validation_rows(folder, wanted.task)
    repeated = len(set(rows.patients)) < rows.patients.size
    prob = calibrator.prob(rows.logit)
    point = fit_threshold(
        rows.target,
        prob,
        min_sensitivity=wanted.min_sensitivity,
        confidence=str(wanted.confidence),
        method=method,
        clusters=rows.patients if repeated and method == "exact" else None,
        mixed_clusters=True,
        anchor="midgap",  # a film at the threshold itself would turn on the last bit of its score
    )
    return replace(
        point,
        # The promise is for scores that do not depend on these rows, and these rows chose the epoch.
        status="approximate" if point.status == "guaranteed" else point.status,
        score=ScoreIdentity(
            task=wanted.task,
            column=prob_column(wanted.task),
            model_sha256=weights_sha256(load_file(folder.weights)),
            calibrator_sha256=calibrator.digest,
        ),
        label=f"{target_column(wanted.task)} of the validation rows, which also chose the epoch",
        rows_sha256=rows_sha256(rows.target == 1, prob),
    )


def _bundle(
    recipe: Recipe,
    folder: RunFolder,
    manifest: Path,
    calibrators: dict[str, Calibrator],
    points: list[OperatingPoint],
) -> Path:
    scaling = read_run(folder.path)["clinical_scaling"]
    bundle = write_bundle(
        folder.path / BUNDLE_FOLDER,
        recipe=recipe,
        state_dict=load_file(folder.weights),
        clinical=ClinicalScaling(**{name: tuple(values) for name, values in scaling.items()}),
        calibrators=calibrators,
        operating_points=points,
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
