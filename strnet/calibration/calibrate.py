"""Calibrators and operating points from the validation rows of a predictions table; no other row is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from strnet.calibration.probability_columns import WHERE, ScoreSource, numbers, with_probabilities
from strnet.config import CalibrationConfig, OperatingPointConfig, TaskConfig
from strnet.errors import ManifestError, StatsError, ThresholdError
from strnet.schema import (
    CASE_ID,
    IMAGE_ID,
    MEMBERS,
    PATIENT_ID,
    SPLIT,
    logit_column,
    prob_column,
    target_column,
)
from strnet.stats import Calibrator, fit_calibrator
from strnet.stats.inputs import Floats
from strnet.tables import read_table, require_columns
from strnet.threshold_options import Method
from strnet.thresholds import OperatingPoint, ScoreIdentity, fit_threshold
from strnet.thresholds.known_rows import numbered_rows, remembered
from strnet.thresholds.scores_table import rows_sha256
from strnet.thresholds.table_checks import known_films

METHODS: Final[tuple[Method, ...]] = ("empirical", "exact")
"""Operating points that are tried: what most papers report, and what keeps its promise."""


@dataclass(frozen=True)
class Calibrated:
    """What the validation rows gave.

    `not_reached` holds, by method, why there is no such operating point; `table` is the predictions table
    with its probabilities.
    """

    calibrators: Mapping[str, Calibrator]
    points: tuple[OperatingPoint, ...]
    not_reached: Mapping[str, str]
    table: pl.DataFrame
    decides_by: str | None = None
    """The method of the operating point that is to decide; None where none is asked for."""

    @property
    def deciding(self) -> OperatingPoint | None:
        """The operating point that decides; None where none is asked for, or it was not reached."""
        return next((point for point in self.points if point.method == self.decides_by), None)

    @property
    def undecided(self) -> str | None:
        """Why no operating point decides although one is asked for; None where one does."""
        return self.not_reached.get(self.decides_by or "")

    @property
    def not_calibrated(self) -> dict[str, str]:
        """By binary task, why its logits could not be calibrated."""
        plain = {task: fitted for task, fitted in self.calibrators.items() if fitted.method == "none"}
        return {task: fitted.note for task, fitted in plain.items() if fitted.note}


@dataclass(frozen=True)
class ValidationRows:
    """Rows of one binary task whose target is known: patient, target (0 or 1), logit, id of film or case."""

    patients: npt.NDArray[np.object_]
    target: Floats
    logit: Floats
    films: pl.Series | None = None


def calibrate(
    predictions: Path | pl.DataFrame,
    *,
    tasks: Sequence[TaskConfig],
    calibration: CalibrationConfig,
    operating_point: OperatingPointConfig | None = None,
    weights_sha256: str | None = None,
) -> Calibrated:
    """Calibrators, operating points and probabilities, as a recipe asks for them.

    `predictions` is a table with `split`, `patient_id`, `target.*` and `logit.*`, whoever wrote it;
    `weights_sha256` names the network whose scores they are. What these rows cannot give is not raised but
    reported with its reason.

    Raises: ManifestError: an unreadable table, a missing column.
    """
    table = predictions if isinstance(predictions, pl.DataFrame) else read_table(predictions, WHERE)
    calibrators = {
        task.name: _calibrator(calibration, validation_rows(table, task.name))
        for task in tasks
        if task.kind == "binary"
    }
    points, not_reached = _operating_points(table, operating_point, calibrators, weights_sha256)
    source = ScoreSource(calibrators, weights_sha256)
    decides_by = None if operating_point is None else operating_point.method
    return Calibrated(calibrators, points, not_reached, with_probabilities(table, tasks, source), decides_by)


def validation_rows(table: pl.DataFrame, task: str) -> ValidationRows:
    """The validation rows of a binary task.

    Raises: ManifestError: a missing column, or a row with a target but without a finite logit.
    """
    require_columns(table, (SPLIT, PATIENT_ID), WHERE)
    rows = table.filter(pl.col(SPLIT) == "validation")
    target, logit = numbers(rows, target_column(task)), numbers(rows, logit_column(task))
    known = ~np.isnan(target)
    lost = int((~np.isfinite(logit[known])).sum())
    if lost:
        raise ManifestError(
            f"{WHERE}: {lost} validation rows with a target of {task} have no finite "
            f"{logit_column(task)}. Predict them again, or empty the target."
        )
    name = CASE_ID if MEMBERS in rows.columns else IMAGE_ID  # a case of several images has no image_id
    films = rows[name].filter(pl.Series(known)) if name in rows.columns else None
    return ValidationRows(rows[PATIENT_ID].to_numpy()[known], target[known], logit[known], films)


def _calibrator(wanted: CalibrationConfig, rows: ValidationRows) -> Calibrator:
    """The calibrator asked for; where the logits do not rise with the target, the plain sigmoid and why."""
    try:
        return fit_calibrator(wanted.method, rows.logit, rows.target)
    except StatsError as error:
        return Calibrator("none", note=str(error))


def _operating_points(
    table: pl.DataFrame,
    wanted: OperatingPointConfig | None,
    calibrators: Mapping[str, Calibrator],
    weights_sha256: str | None,
) -> tuple[tuple[OperatingPoint, ...], dict[str, str]]:
    """The points that can be had, and for the others the reason."""
    points: list[OperatingPoint] = []
    reasons: dict[str, str] = {}
    for method in METHODS if wanted is not None else ():
        assert wanted is not None
        rows, calibrator = validation_rows(table, wanted.task), calibrators[wanted.task]
        try:
            point = _operating_point(wanted, method, rows, calibrator)
        except ThresholdError as error:
            reasons[method] = str(error)
        else:
            points.append(replace(point, score=_identity(wanted.task, calibrator, weights_sha256)))
    return tuple(points), reasons


def _operating_point(
    wanted: OperatingPointConfig, method: Method, rows: ValidationRows, calibrator: Calibrator
) -> OperatingPoint:
    """The operating point on the calibrated probability; patients are the unit where one has two films."""
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
        label=f"{target_column(wanted.task)} of the validation rows, which also chose the epoch",
        rows_sha256=rows_sha256(rows.target == 1, prob),
        known_rows=remembered(numbered_rows(rows.target == 1, prob)),
        known_films=known_films(rows.films),
    )


def _identity(task: str, calibrator: Calibrator, weights_sha256: str | None) -> ScoreIdentity:
    return ScoreIdentity(
        task=task,
        column=prob_column(task),
        model_sha256=weights_sha256,
        calibrator_sha256=calibrator.digest,
        kind="probability",
    )
