"""From a predictions table to an evaluation: every task of a recipe on one split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from strnet import schema
from strnet.config import TaskConfig
from strnet.errors import ManifestError, unknown_name
from strnet.report.applicability_shares import OfFolds, evaluate_applicability
from strnet.report.binary import BinaryTask, evaluate_binary
from strnet.report.bmd_sites import evaluate_bmd
from strnet.report.classes import class_rows, evaluate_classes
from strnet.report.diagnosis import diagnosis_rows, evaluate_diagnosis
from strnet.report.evaluation import Evaluation, Subject
from strnet.report.external_sites import EXTERNAL, INTERNAL, site_results
from strnet.report.fold_tables import fold_spreads
from strnet.report.folds import Calibration, Point
from strnet.report.honesty import statements, verdicts
from strnet.report.regression import evaluate_regression
from strnet.report.settings import EvaluationSettings
from strnet.report.site_results import SiteResult
from strnet.report.task_results import DiagnosisEvaluation, TaskEvaluation
from strnet.report.task_rows import rows_of_split, task_rows, with_observer
from strnet.stats.answers import asks_for_diagnosis
from strnet.thresholds import OperatingPoint


def evaluate_predictions(
    predictions: pl.DataFrame,
    *,
    tasks: Sequence[TaskConfig],
    calibrators: Mapping[str, Calibration] | None = None,
    operating_points: Mapping[str, Point] | None = None,
    split: str = "test",
    observers: pl.DataFrame | None = None,
    applicability: OfFolds | None = None,
    settings: EvaluationSettings | None = None,
) -> Evaluation:
    """Every figure of every task on the rows of `split`, with intervals, baselines and verdicts.

    `predictions` is the predictions table of any model: identity, `target.*`, `logit.*` or `pred.*`;
    `baseline.*` are used where they are. `calibrators` by task. `operating_points` by the name to print;
    each says its task (`score.task`), or is one of the only binary task. In a cross-validation both are
    given by fold: `{task: {0: ..., 1: ...}}`, and `applicability` too. `observers` is a phantom's truth
    table with `observer.<task>` columns.

    Raises: ManifestError: rows or columns that cannot be used, by name; an operating point or calibrator of
        a task that is not among `tasks`.
    """
    chosen = settings or EvaluationSettings()
    frames = _frames(with_observer(predictions, observers), split, chosen.beside)
    calibrated = dict(calibrators or {})
    _require_known(calibrated, tasks)
    points = _points_by_task(tasks, operating_points or {})
    results: list[TaskEvaluation] = []
    sites: list[SiteResult] = []
    for task in tasks:
        if task.kind == "binary":
            binary = BinaryTask(task.name, calibrated.get(task.name), points.get(task.name, {}))
            rows = {name: task_rows(frame, task.name, "binary") for name, frame in frames.items()}
            results.append(evaluate_binary(binary, split, rows, chosen))
            if split == EXTERNAL:
                sites += site_results(binary, rows.get(INTERNAL), rows[split], chosen)
        elif task.kind == "regression":
            values = task_rows(frames[split], task.name, "regression")
            results.append(replace(evaluate_regression(values, chosen), unit=task.unit))
        else:
            results.append(evaluate_classes(class_rows(frames[split], task), chosen))
    subject = _subject(frames[split], split, chosen)
    diagnosis = _diagnosis(frames[split], tasks, calibrated, chosen)
    return Evaluation(
        subject=subject,
        tasks=tuple(results),
        diagnosis=diagnosis,
        verdicts=verdicts(results, chosen.reference_standards),
        statements=(*statements(subject), *chosen.remarks),
        applicability=None
        if applicability is None
        else evaluate_applicability(frames[split], applicability, chosen),
        bmd=evaluate_bmd(frames[split], tasks, split, chosen),
        by_fold=tuple(fold_spreads(results if diagnosis is None else (*results, diagnosis.three_classes))),
        sites=tuple(sites),
    )


def _diagnosis(
    frame: pl.DataFrame,
    tasks: Sequence[TaskConfig],
    calibrators: Mapping[str, Calibration],
    settings: EvaluationSettings,
) -> DiagnosisEvaluation | None:
    """The three diagnoses; None where the recipe does not ask both questions that make them."""
    if not asks_for_diagnosis(tasks):
        return None
    rows = diagnosis_rows(frame, calibrators)
    return None if rows is None else evaluate_diagnosis(rows, settings)


def _frames(table: pl.DataFrame, split: str, beside: Sequence[str]) -> dict[str, pl.DataFrame]:
    """Rows by split: those beside the reported one that the table has, then the reported one."""
    reported = rows_of_split(table, split)
    present = set(table[schema.SPLIT].drop_nulls()) - {split}
    return {name: rows_of_split(table, name) for name in beside if name in present} | {split: reported}


def _points_by_task(tasks: Sequence[TaskConfig], points: Mapping[str, Point]) -> dict[str, dict[str, Point]]:
    names = [task.name for task in tasks if task.kind == "binary"]
    found: dict[str, dict[str, Point]] = {}
    for name, point in points.items():
        first = point if isinstance(point, OperatingPoint) else next(iter(point.values()))
        task = first.score.task or (names[0] if len(names) == 1 else None)
        if task not in names:
            raise ManifestError(
                f"operating point '{name}': {unknown_name('binary task', str(task), names)} "
                "An operating point says its task in score.task."
            )
        found.setdefault(task, {})[name] = point
    return found


def _require_known(calibrators: Mapping[str, Calibration], tasks: Sequence[TaskConfig]) -> None:
    names = [task.name for task in tasks if task.kind == "binary"]
    for name in calibrators:
        if name not in names:
            raise ManifestError(f"calibrators: {unknown_name('binary task', name, names)}")


def _subject(frame: pl.DataFrame, split: str, settings: EvaluationSettings) -> Subject:
    of_patient = frame.group_by(schema.PATIENT_ID).len()["len"]
    return Subject(
        split=split,
        rows=frame.height,
        patients=of_patient.len(),
        largest_cluster=max(of_patient.to_list()),
        folds=frame[schema.FOLD].drop_nulls().n_unique() if schema.FOLD in frame.columns else 0,
        confidence=settings.confidence,
        reference_standards=settings.reference_standards,
        row_use=settings.row_use,
        undecided=settings.undecided,
        where=settings.where,
    )
