"""Predictions of a run with columns of its manifest, for groups and conditions that need them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from strnet.calibration import CASE_OF
from strnet.cohort import read_manifest
from strnet.config import EnsembleRecipe, Recipe, load_run_recipe
from strnet.errors import ManifestError
from strnet.files import read_json, sha256_file
from strnet.grouping import column_of
from strnet.row_filter import columns_of
from strnet.schema import CASE_ID, IMAGE_ID, PATIENT_ID
from strnet.training import RunFolder


@dataclass(frozen=True)
class JoinedTable:
    """The predictions of a run with further columns of its manifest.

    `remark` says what a reader must know of them: that the manifest is another one than at the training, or
    has lost images. It is None where all is as it was, or nothing was joined.
    """

    frame: pl.DataFrame
    remark: str | None = None


def with_manifest_columns(run: Path, groups: Iterable[str], where: str | None = None) -> JoinedTable:
    """The predictions in the folder `run`, with the columns that `groups` and `where` name and they lack.

    `groups` are columns, or groupings such as `age:50,65`. What the predictions lack is looked for in the
    manifest of the run's recipe and joined by image_id, or to an ensemble's case what all its images in the
    manifest agree on; what is nowhere is left to whoever asks for it.

    Raises: ManifestError: no manifest there, or one in which an image is of another patient.
    """
    folder = RunFolder(run)
    predictions = pl.read_parquet(folder.predictions)
    own, groups = set(predictions.columns), tuple(groups)
    lacking = _named(groups, where, own) - own
    if not lacking and (where is None or columns_of(where) <= own):
        return JoinedTable(predictions)
    recipe = load_run_recipe(folder.recipe)
    path = recipe.cohort.manifest
    if path is None or not path.is_file():
        if not lacking:  # what stood in double quotes is text
            return JoinedTable(predictions)
        raise ManifestError(
            f"{folder.predictions}: no column '{min(lacking)}', and the manifest of the run ({path}) is not "
            f"there to look for it. Put it back, or correct cohort.manifest in {folder.recipe}."
        )
    manifest = read_manifest(path).frame
    known = own | set(manifest.columns)
    named = _named(groups, where, known)
    # all of them where a name is unknown, so that the message can offer the nearest
    further = (known if named - known else named) - own
    if not further:
        return JoinedTable(predictions)
    joined = _joined(predictions, manifest, [name for name in manifest.columns if name in further], recipe)
    return JoinedTable(joined, _remark(folder, path, predictions, manifest))


def _joined(
    predictions: pl.DataFrame, manifest: pl.DataFrame, names: list[str], recipe: Recipe | EnsembleRecipe
) -> pl.DataFrame:
    """`predictions` with these columns of the images in the manifest, or of the cases that they make up."""
    by = recipe.combination.by if isinstance(recipe, EnsembleRecipe) else "image"
    key, own = (IMAGE_ID, IMAGE_ID) if by == "image" else (CASE_OF[by], CASE_ID)
    agreed = (pl.when(pl.col(n).n_unique() == 1).then(pl.col(n).first()).alias(n) for n in names)
    beside = manifest.filter(pl.col(key).is_not_null()).group_by(pl.col(key).alias(own)).agg(*agreed)
    return predictions.join(beside, on=own, how="left", maintain_order="left")


def _named(groups: tuple[str, ...], where: str | None, known: set[str]) -> set[str]:
    return {column_of(group, known) for group in groups} | (columns_of(where, known) if where else set())


def _remark(folder: RunFolder, path: Path, predictions: pl.DataFrame, manifest: pl.DataFrame) -> str | None:
    """What has changed in the manifest since the training, as far as it matters; None if nothing has.

    Raises: ManifestError: an image is of another patient now.
    """
    if sha256_file(path) == read_json(folder.environment)["manifest_sha256"]:
        return None
    now = manifest.select(IMAGE_ID, pl.col(PATIENT_ID).alias("now"))
    images = predictions.select(IMAGE_ID, PATIENT_ID).drop_nulls(IMAGE_ID)  # a case of several has none
    both = images.join(now, on=IMAGE_ID, how="left")
    other = both.filter(pl.col(PATIENT_ID) != pl.col("now"))
    if other.height:
        image, then, patient = other.row(0)
        raise ManifestError(
            f"{path}: {other.height} images are of another patient than when the run was trained; image "
            f"{image} was of {then} and is of {patient}. It is not the manifest of this run."
        )
    lost = both["now"].null_count()
    gone = f", and {lost} of {both.height} images are not in it any more" if lost else ""
    return f"The manifest has changed since the training{gone}; groups are by what it says now."
