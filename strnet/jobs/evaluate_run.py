"""Metrics of a run, from its predictions table and its bundle's frozen numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from strnet.cohort import read_manifest
from strnet.config import Recipe, load_recipe
from strnet.errors import TrainingError
from strnet.inference import Bundle, read_bundle, reference_standard_of
from strnet.jobs.complete_run import BUNDLE
from strnet.jobs.train_network import cohort_files
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
from strnet.tables import read_table
from strnet.training import RunFolder, read_run

EVALUATION = "evaluation.json"


@dataclass(frozen=True)
class EvaluatedRun:
    """An evaluation and what it was made from."""

    evaluation: Evaluation
    predictions: pl.DataFrame
    recipe: Recipe
    bundle: Bundle | None

    @property
    def content(self) -> dict[str, Any]:
        """The evaluation as JSON values."""
        return to_json(self.evaluation)

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables to print, the most important first."""
        return summary_tables(self.evaluation)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What changes how every figure is to be read: simulated films, other labels, rows used twice."""
        return tuple(f"{banner.heading} {banner.text}" for banner in banners(self.evaluation.subject))


def evaluate(run: Path, *, truth: Path | None = None, split: str = "test") -> EvaluatedRun:
    """The evaluation of a run on `split`, also written to evaluation.json in its folder.

    `truth` is a phantom's truth table; it adds the ideal observer. A cross-validation has no bundle: its
    networks differ from fold to fold, and so do their operating points.

    Raises: TrainingError: no complete run in the folder.
    """
    folder = RunFolder(run)
    bundle = _bundle(folder)
    recipe = load_recipe(folder.recipe)
    predictions = pl.read_parquet(folder.predictions)
    evaluation = evaluate_predictions(
        predictions,
        tasks=recipe.tasks,
        calibrators=None if bundle is None else bundle.calibrators,
        operating_points=None if bundle is None else {p.method: p for p in bundle.operating_points},
        split=split,
        observers=None if truth is None else read_table(truth, "truth table"),
        settings=EvaluationSettings(
            reference_standards=_standards(recipe, bundle), row_use=_row_use(recipe, bundle)
        ),
    )
    write_evaluation(evaluation, run / EVALUATION)
    return EvaluatedRun(evaluation, predictions, recipe, bundle)


def _bundle(folder: RunFolder) -> Bundle | None:
    if (folder.path / BUNDLE).is_dir():
        return read_bundle(folder.path / BUNDLE)
    if "folds" in read_run(folder.path):
        return None
    raise TrainingError(
        f"{folder.path}: no bundle. Finish the run first: strnet train RECIPE -o {folder.path} --resume"
    )


def _standards(recipe: Recipe, bundle: Bundle | None) -> tuple[str, ...]:
    if bundle is not None:
        return bundle.provenance.reference_standard.standards
    manifest, _ = cohort_files(recipe)
    return reference_standard_of(read_manifest(manifest).frame).standards


def _row_use(recipe: Recipe, bundle: Bundle | None) -> RowUse:
    if bundle is None:
        return RowUse(trained="train", early_stopped="validation")
    return RowUse(
        trained="train",
        early_stopped="validation",
        calibrated="validation" if bundle.calibrators else None,
        thresholds="validation" if bundle.operating_points else None,
    )
