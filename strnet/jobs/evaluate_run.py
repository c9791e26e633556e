"""Metrics of a run, from its predictions table and its bundle's frozen numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import polars as pl

from strnet.calibration import with_fold_probabilities, with_probabilities
from strnet.cohort import read_manifest
from strnet.config import EnsembleRecipe, Recipe, load_run_recipe
from strnet.errors import TrainingError
from strnet.grouping import read_grouping
from strnet.inference import AnyBundle, Bundle, open_bundle
from strnet.jobs.complete_run import source_of
from strnet.jobs.external_record import EXTERNAL, external_remarks
from strnet.jobs.run_columns import with_manifest_columns
from strnet.report import (
    Evaluation,
    EvaluationSettings,
    RowUse,
    Table,
    banners,
    evaluate_predictions,
    summary_tables,
    to_json,
    write_evaluation,
)
from strnet.schema import BUNDLE_FOLDER, IMAGE_ID, prob_column
from strnet.tables import read_table
from strnet.training import RunFolder, fold_folder, read_run

EVALUATION = "evaluation"
T = TypeVar("T")


@dataclass(frozen=True)
class EvaluatedRun:
    """An evaluation and what it was made from."""

    evaluation: Evaluation
    predictions: pl.DataFrame
    recipe: Recipe | EnsembleRecipe
    bundle: AnyBundle | None
    """None for a cross-validation, which has one per fold."""
    groups: tuple[str, ...] = ()
    """The columns whose groups were asked for."""
    remarks: tuple[str, ...] = ()
    """What must be known of external rows: that they were scored before."""

    @property
    def content(self) -> dict[str, Any]:
        """The evaluation as JSON values."""
        return to_json(self.evaluation)

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables to print, the most important first."""
        return summary_tables(self.evaluation, self.groups)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What changes how every figure is to be read: simulated films, other labels, rows used twice."""
        told = tuple(f"{banner.heading} {banner.text}" for banner in banners(self.evaluation.subject))
        return (*told, *self.remarks)


def evaluate(
    run: Path, *, truth: Path | None = None, split: str = "test", groups: Sequence[str] = ()
) -> EvaluatedRun:
    """The evaluation of a run on `split`, also written to its folder: evaluation.json for the test rows.

    `truth` is a phantom's truth table; it adds the ideal observer. Rows of a cross-validation are judged by
    the calibrators and operating points of their own fold. `groups` are columns of the predictions or of the
    run's manifest, such as `bmi` or `age:50,65`; the usual ones are reported without being asked for.

    Raises: TrainingError: no complete run in the folder, or a predictions table with other probabilities than
        its bundle gives. GroupingError, ManifestError: a column that is not there or cannot be grouped.
    """
    folder = RunFolder(run)
    summary = read_run(run)
    folds = "folds" in summary
    recipe = load_run_recipe(folder.recipe)
    if isinstance(recipe, Recipe) and recipe.segments:
        raise TrainingError(
            f"{run}: the run of a segmenter. It answers no task; its figures stand in {folder.segmentation}."
        )
    bundles = _fold_bundles(folder) if folds else [_bundle(folder, f"strnet train RECIPE -o {run} --resume")]
    joined = with_manifest_columns(run, groups)
    asked = tuple(read_grouping(group, joined.frame.columns) for group in groups)
    _require_own_probabilities(joined.frame, recipe, bundles, folder, by_fold=folds)
    calibrators = [bundle.calibrators for bundle in bundles]
    points = [{point.method: point for point in bundle.operating_points} for bundle in bundles]
    # the films of an ensemble's cases are refused one by one, by members: a case has no applicability
    applicability = [bundle.applicability for bundle in bundles if isinstance(bundle, Bundle)]
    evaluation = evaluate_predictions(
        _with_header_facts(joined.frame, recipe),
        tasks=recipe.tasks,
        calibrators=_in_all(calibrators) if folds else calibrators[0],
        operating_points=_in_all(points) if folds else points[0],
        split=split,
        observers=None if truth is None else read_table(truth, "truth table"),
        applicability=dict(enumerate(applicability)) if folds else next(iter(applicability), None),
        settings=EvaluationSettings(
            reference_standards=_standards(bundles),
            row_use=_row_use(bundles),
            deciding=recipe.operating_point.method if recipe.operating_point else None,
            undecided=_undecided(bundles),
            groups=asked,
            where=recipe.cohort.where,
            remarks=(*((joined.remark,) if joined.remark else ()), *summary.get("remarks", ())),
            beside=("validation", "test") if split == EXTERNAL else ("validation",),
        ),
    )
    scored = split == EXTERNAL and not folds
    remarks = external_remarks(run, recipe.cohort.split, bundles[0]) if scored else ()
    evaluation = replace(evaluation, statements=(*evaluation.statements, *remarks))
    write_evaluation(evaluation, run / f"{named(EVALUATION, split)}.json")
    columns = tuple(grouping.column for grouping in asked)
    bundle = None if folds else bundles[0]
    return EvaluatedRun(evaluation, joined.frame, recipe, bundle, columns, remarks)


def _with_header_facts(predictions: pl.DataFrame, recipe: Recipe | EnsembleRecipe) -> pl.DataFrame:
    """`predictions` with what the manifest says of the devices, if it is still where it was."""
    path = recipe.cohort.manifest
    if path is None or not path.exists():
        return predictions
    frame = read_manifest(path).frame
    absent = {"modality", "presentation_intent"} - set(predictions.columns)
    facts = [name for name in frame.columns if name in absent]
    return predictions.join(frame.select(IMAGE_ID, *facts), on=IMAGE_ID, how="left", maintain_order="left")


def named(what: str, split: str) -> str:
    """The name of what was made of `split`: plain for the test rows, so that no other split replaces them."""
    return what if split == "test" else f"{what}_{split}"


def _fold_bundles(folder: RunFolder) -> list[AnyBundle]:
    command = f"strnet crossval RECIPE -o {folder.path} --resume"
    count = len(read_run(folder.path)["folds"])
    return [_bundle(RunFolder(fold_folder(folder.path, fold)), command) for fold in range(count)]


def _bundle(folder: RunFolder, command: str) -> AnyBundle:
    if not (folder.path / BUNDLE_FOLDER).is_dir():
        raise TrainingError(f"{folder.path}: no bundle. Finish the run first: {command}")
    return open_bundle(folder.path / BUNDLE_FOLDER)


def _require_own_probabilities(
    predictions: pl.DataFrame,
    recipe: Recipe | EnsembleRecipe,
    bundles: Sequence[AnyBundle],
    folder: RunFolder,
    *,
    by_fold: bool,
) -> None:
    """Raise unless every `prob.*` column of a run holds what its bundle makes of the logits beside it."""
    sources = [source_of(bundle) for bundle in bundles]
    own = (
        with_fold_probabilities(predictions, recipe.tasks, dict(enumerate(sources)))
        if by_fold
        else with_probabilities(predictions, recipe.tasks, sources[0])
    )
    for name in (name for name in predictions.columns if name.startswith(prob_column(""))):
        # another machine's exponential may differ in the last bits
        held, given = (table[name].cast(pl.Float64).to_numpy() for table in (predictions, own))
        if not np.allclose(held, given, rtol=0, atol=1e-9, equal_nan=True):
            raise TrainingError(
                f"{folder.predictions}: column '{name}' is not what the bundle makes of its logits. "
                "Finish the run again, with --resume."
            )


def _undecided(bundles: Sequence[AnyBundle]) -> str | None:
    """Why no operating point decides; of a cross-validation, in which folds."""
    reasons = [bundle.undecided for bundle in bundles]
    if len(reasons) == 1:
        return reasons[0]
    return "; ".join(f"fold {k}: {reason}" for k, reason in enumerate(reasons) if reason) or None


def _in_all(of_folds: Sequence[Mapping[str, T]]) -> dict[str, dict[int, T]]:
    """By name what each fold has; a name that some fold lacks is left out, for nothing judges its rows."""
    names = [name for name in of_folds[0] if all(name in own for own in of_folds)]
    return {name: {fold: own[name] for fold, own in enumerate(of_folds)} for name in names}


def _standards(bundles: Sequence[AnyBundle]) -> tuple[str, ...]:
    found = (standard for bundle in bundles for standard in bundle.provenance.reference_standard.standards)
    return tuple(dict.fromkeys(found))


def _row_use(bundles: Sequence[AnyBundle]) -> RowUse:
    fitted = any(own.method != "none" for bundle in bundles for own in bundle.calibrators.values())
    return RowUse(
        trained="train",
        early_stopped="validation",
        calibrated="validation" if fitted else None,
        thresholds="validation" if any(bundle.operating_points for bundle in bundles) else None,
    )
