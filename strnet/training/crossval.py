"""K networks by patient, and the predictions of each for the fold that it has not seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from strnet.cohort import read_manifest, read_split
from strnet.config import Recipe
from strnet.errors import TrainingError
from strnet.files import sha256_file
from strnet.schema import FOLD, IMAGE_ID, SPLIT
from strnet.tables import write_table
from strnet.training.cohort_rows import check_rows, rows_of
from strnet.training.fit import RunResult, fit
from strnet.training.learning import check_recipe, refuse_segmentation
from strnet.training.run_folder import RunFolder, RunIdentity, open_run, read_run


def crossval(
    recipe: Recipe,
    manifest: Path,
    split: Path,
    run: Path,
    *,
    regions: Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
) -> RunResult:
    """The run of each fold in `run/fold<k>`, and in `run` the out-of-fold predictions of all patients.

    Fold k is the test fold of run k, the next one chooses its epoch, the others train it. In the table
    every row has split `test` and its fold; external rows are left to the runs of the folds.

    Raises: as `fit`. TrainingError: a split without folds.
    """
    refuse_segmentation(recipe)
    check_recipe(recipe)
    parts = read_split(split, read_manifest(manifest))
    if not parts.folds:
        raise TrainingError(
            f"{split}: a split by ratios has no folds. Make one with folds, or train it once."
        )
    identity = RunIdentity(recipe, sha256_file(manifest), sha256_file(split))
    for fold in range(parts.folds):  # all of them now: the last must not fail after the others were trained
        check_rows(recipe, rows_of(recipe, manifest, split, fold, regions))
    with open_run(run, identity, resume=resume, overwrite=overwrite) as folder:
        if not folder.complete:
            runs = [
                fit(
                    recipe,
                    manifest,
                    split,
                    fold_folder(run, k),
                    fold=k,
                    regions=regions,
                    resume=True,
                    progress=progress,
                )
                for k in range(parts.folds)
            ]
            write_table(_out_of_fold(runs, parts.frame[IMAGE_ID]), folder.predictions)
            folder.finish({"folds": [run.summary for run in runs], "chosen": _chosen(runs)})
        return RunResult(folder, read_run(run))


def fold_folder(run: Path, fold: int) -> Path:
    """Run folder of one fold of a cross-validation."""
    return RunFolder(run).path / f"fold{fold}"


def _chosen(runs: list[RunResult]) -> dict[str, Any] | None:
    """What `cohort.where` did to each fold, as its test rows, and to the external rows; None without it."""
    first = runs[0].summary["chosen"]
    if first is None:
        return None
    folds = {f"fold {k}": run.summary["chosen"]["parts"]["test"] for k, run in enumerate(runs)}
    external = {name: counts for name, counts in first["parts"].items() if name == "external"}
    return {"where": first["where"], "parts": external | folds}


def _out_of_fold(runs: list[RunResult], order: pl.Series) -> pl.DataFrame:
    """Each patient's rows as predicted by the network that has not seen them, in the manifest's order."""
    tested = [
        run.predictions.filter((pl.col(SPLIT) == "test") & (pl.col(FOLD) == fold))
        for fold, run in enumerate(runs)
    ]
    # Diagonal: a baseline may exist in some folds only, where the others' training rows know none of its
    # inputs.
    rows = pl.concat(tested, how="diagonal")
    return order.to_frame().join(rows, on=IMAGE_ID, how="inner", maintain_order="left")
