"""What follows training: calibration and operating points from the validation rows, and the bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from safetensors.torch import load_file

from strnet.calibration import METHODS, Calibrated, Combination, ScoreSource, calibrate
from strnet.cohort import read_manifest
from strnet.config import Recipe, load_recipe
from strnet.errors import BundleError
from strnet.files import write_json
from strnet.inference import AnyBundle, weights_sha256, write_bundle
from strnet.inference.segmenter import Segmenter
from strnet.jobs.combine_regions import combine_regions
from strnet.jobs.find_regions import segmenter_of
from strnet.jobs.run_provenance import provenance_of
from strnet.models import ClinicalScaling
from strnet.schema import ATYPICALITY, BUNDLE_FOLDER, IMAGE_ID, SPLIT
from strnet.tables import read_table, write_table
from strnet.thresholds import write_operating_point
from strnet.training import RunFolder, read_run
from strnet.trust import Applicability, ApplicabilityFiles, picture_limit, trained_on

OPERATING_POINTS = "operating_points"
DECISION = "decision.json"
"""Beside the operating points: which of them decides, or why none does."""


def complete_run(run: Path, manifest: Path) -> dict[str, Any]:
    """What calibration gave a trained run, from its validation rows only, and where its bundle is.

    Its predictions table now holds probabilities. What the rows cannot give, a calibrator or an operating
    point, is reported with its reason; without the recipe's own point the bundle has none that decides.
    """
    folder = RunFolder(run)
    recipe = load_recipe(folder.recipe)
    rule = combine_regions(recipe, folder)
    done = calibrate(
        folder.predictions,
        tasks=recipe.tasks,
        calibration=recipe.calibration,
        operating_point=recipe.operating_point,
        weights_sha256=weights_sha256(load_file(folder.weights)),
    )
    write_table(done.table, folder.predictions)
    write_points(done, run / OPERATING_POINTS)
    bundle = _bundle(recipe, folder, manifest, done, rule)
    return {**told_of(done), "bundle": str(bundle)}


def told_of(done: Calibrated) -> dict[str, Any]:
    """What calibration gave: operating points, which decides, and what could not be had and why."""
    return {
        "operating_points": {
            point.method: {"threshold": point.threshold, "status": point.status} for point in done.points
        },
        "decides": done.deciding.method if done.deciding else None,
        **({"not_reached": dict(done.not_reached)} if done.not_reached else {}),
        **({"not_calibrated": done.not_calibrated} if done.not_calibrated else {}),
    }


def write_points(done: Calibrated, home: Path) -> None:
    """Write every operating point, and which of them decides or why none does, in place of earlier ones."""
    for name in (*(f"{method}.json" for method in METHODS), DECISION):
        (home / name).unlink(missing_ok=True)
    for point in done.points:
        write_operating_point(point, home / f"{point.method}.json")
    if done.decides_by is not None:
        found = f"{done.decides_by}.json" if done.deciding else None
        decision = {"method": done.decides_by, "operating_point": found, "reason": done.undecided}
        write_json(home / DECISION, decision)


def source_of(bundle: AnyBundle) -> ScoreSource:
    """The weights and calibrators whose scores a bundle gives."""
    return ScoreSource(bundle.calibrators, bundle.scores_sha256)


def _bundle(
    recipe: Recipe,
    folder: RunFolder,
    manifest: Path,
    done: Calibrated,
    rule: Combination | None,
) -> Path:
    summary = read_run(folder.path)
    scaling = summary["clinical_scaling"]
    segmenter = _segmenter(recipe, folder)
    bundle = write_bundle(
        folder.path / BUNDLE_FOLDER,
        recipe=_with_region_names(recipe, folder),
        state_dict=load_file(folder.weights),
        clinical=ClinicalScaling(**{name: tuple(values) for name, values in scaling.items()}),
        calibrators=done.calibrators,
        operating_points=done.points,
        not_reached=done.not_reached,
        provenance=provenance_of(folder, manifest, read_table(folder.predictions)),
        applicability=_applicability(recipe, folder, manifest),
        segmenter=segmenter,
        region_combination=rule,
        region_masks=recipe.region.used and segmenter is None and summary["regions"]["masks"],
    )
    return bundle.folder


def _with_region_names(recipe: Recipe, folder: RunFolder) -> Recipe:
    """`recipe` with the regions that the run used, where it named none: another film may have others."""
    if not recipe.region.used:
        return recipe
    names = tuple(read_run(folder.path)["regions"]["names"])
    return recipe.model_copy(update={"region": recipe.region.model_copy(update={"names": names})})


def _segmenter(recipe: Recipe, folder: RunFolder) -> Segmenter | None:
    """The segmenter whose regions the run was trained on; None where they came with the cohort.

    Raises: BundleError: another one stands there now.
    """
    if recipe.region.file is None or not Path(recipe.region.file).is_dir():
        return None
    segmenter = segmenter_of(recipe)
    found = read_run(folder.path)["regions"]["segmenters"]
    if found != [segmenter.weights_sha256]:
        raise BundleError(
            f"{segmenter.folder}: holds another segmenter than the one whose regions this run was trained "
            "on. Restore it, or train the run again."
        )
    return segmenter


def _applicability(recipe: Recipe, folder: RunFolder, manifest: Path) -> ApplicabilityFiles:
    """What the training rows were, and the limit of the picture layer from the validation rows."""
    rows = pl.read_parquet(folder.predictions, columns=[IMAGE_ID, SPLIT, ATYPICALITY])
    ids = {split: part[IMAGE_ID].implode() for (split,), part in rows.group_by(SPLIT)}
    training = read_manifest(manifest).frame.filter(pl.col(IMAGE_ID).is_in(ids["train"]))
    validation = rows.filter(pl.col(SPLIT) == "validation")[ATYPICALITY].to_numpy()
    config, picture = recipe.applicability, folder.picture.read_bytes()
    document = Applicability(
        trained_on=trained_on(training, config),
        picture=picture_limit(validation, config.false_refusal, picture),
        picture_refuses=config.picture == "refuse",
    )
    return ApplicabilityFiles(document, picture)
