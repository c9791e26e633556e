"""K networks by patient, and the predictions of each for the fold that it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from strnet.cohort import read_manifest, read_split
from strnet.config import Recipe, override_recipe
from strnet.errors import ModelError, TrainingError
from strnet.files import read_json, write_json
from strnet.schema import FOLD, IMAGE_ID, SPLIT
from strnet.tables import write_table
from strnet.training.cohort_rows import CohortRows, check_rows, prepare_films, rows_of
from strnet.training.fit import RunResult, Watch, cache_folder, fit_rows, identity_of
from strnet.training.fold_processes import FoldTraining, cores, train_folds, usual_at_once
from strnet.training.learning import check_recipe, refuse_segmentation
from strnet.training.parent_rows import require_unseen_by_parent
from strnet.training.progress import film_progress
from strnet.training.run_folder import RunFolder, open_run, read_run

_THREADS = "threads_per_fold"


def crossval(  # noqa: PLR0913 - a public entry: every way to run it is one keyword
    recipe: Recipe,
    manifest: Path,
    split: Path,
    run: Path,
    *,
    regions: Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
    folds_at_once: int | None = None,
) -> RunResult:
    """The run of each fold in `run/fold<k>`, and in `run` the out-of-fold predictions of all patients.

    Fold k is the test fold of run k, the next one chooses its epoch, the others train it. In the table
    every row has split `test` and its fold; external rows are left to the runs of the folds.

    Films are prepared once, before the first fold. `folds_at_once` are trained side by side, each in a
    process of its own (None: as is fastest here; 0: one after the other in this process). The threads of a
    training are chosen once, recorded, and kept when the run is resumed: they decide its last bits.

    Raises: as `fit`. TrainingError: a split without folds; folds that cannot be trained, each by its number,
        before any is trained; folds that failed, when all others are done.
    """
    refuse_segmentation(recipe)
    check_recipe(recipe)
    parts = read_split(split, read_manifest(manifest))
    if not parts.folds:
        raise TrainingError(
            f"{split}: a split by ratios has no folds. Make one with folds, or train it once."
        )
    of_folds = [rows_of(recipe, manifest, split, fold, regions) for fold in range(parts.folds)]
    for fold, rows in enumerate(of_folds):
        require_unseen_by_parent(recipe, rows, fold)
    _check_folds(recipe, of_folds)
    identity = identity_of(recipe, of_folds[0])  # the rows of one fold are those of all, in other parts
    at_once = usual_at_once(recipe.trainer, parts.folds) if folds_at_once is None else folds_at_once
    with open_run(run, identity, resume=resume, overwrite=overwrite) as folder:
        if not folder.complete:
            recipe = _with_threads(recipe, folder, at_once)
            with film_progress(progress) as report:
                films = prepare_films(recipe, of_folds[0], cache_folder(recipe, manifest), report)
            readable = [rows.only(rows.frame[IMAGE_ID].is_in(list(films.shapes))) for rows in of_folds]
            _check_folds(recipe, readable)
            trainings = [
                FoldTraining(recipe, manifest, split, fold_folder(run, k), k, films, regions)
                for k in range(parts.folds)
            ]
            runs = _trained(trainings, of_folds, at_once, progress=progress)
            write_table(_out_of_fold(runs, parts.frame[IMAGE_ID]), folder.predictions)
            folder.finish({"folds": [run.summary for run in runs], "chosen": _chosen(runs)})
        return RunResult(folder, read_run(run))


def _check_folds(recipe: Recipe, of_folds: Sequence[CohortRows]) -> None:
    """Raise unless every fold can be trained: the last must not fail after the others were trained.

    Raises: TrainingError, ModelError: as `check_rows`, with the fold and where its rows are.
    """
    problems = []
    for fold, rows in enumerate(of_folds):
        try:
            check_rows(recipe, rows)
        except (TrainingError, ModelError) as error:
            following = (fold + 1) % len(of_folds)
            problems.append(f"fold {fold} (its validation rows are fold {following}): {error}")
    if problems:
        raise TrainingError("\n".join(problems))


def _with_threads(recipe: Recipe, folder: RunFolder, at_once: int) -> Recipe:
    """`recipe` with the threads of a training that the cross-validation began with, recorded."""
    recorded = read_json(folder.environment)
    threads = recorded.get(_THREADS) or recipe.trainer.threads or max(1, cores() // max(1, at_once))
    write_json(folder.environment, {**recorded, _THREADS: threads})
    return override_recipe(recipe, {"trainer.threads": threads})


def _trained(
    trainings: Sequence[FoldTraining], of_folds: Sequence[CohortRows], at_once: int, *, progress: bool
) -> list[RunResult]:
    """The runs of all folds; in this process where none is to be started."""
    if at_once:
        waiting = [training for training in trainings if not RunFolder(training.run).complete]
        train_folds(waiting, at_once, progress=progress)
        progress = False
    return [_run_of(t, rows, Watch(progress)) for t, rows in zip(trainings, of_folds, strict=True)]


def _run_of(training: FoldTraining, rows: CohortRows, watch: Watch) -> RunResult:
    """The run of a fold, trained in this process unless it is complete.

    Raises: TrainingError: as `fit`, with the fold.
    """
    recipe, fold = training.recipe, training.fold
    try:
        return fit_rows(recipe, rows, training.run, training.films, fold=fold, resume=True, watch=watch)
    except TrainingError as error:
        raise TrainingError(f"fold {fold}: {error}") from error


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
