"""The three diagnoses from two binary tasks, and whether the predicted T-score agrees with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from strnet import schema, stats
from strnet.report.classes import ClassRows, evaluate_classes
from strnet.report.decisions import share_of
from strnet.report.folds import Calibration, probabilities
from strnet.report.measures import absent
from strnet.report.settings import EvaluationSettings
from strnet.report.task_results import DiagnosisEvaluation
from strnet.report.task_rows import Floats, numbers, patient_codes, require_finite
from strnet.stats.answers import PLAIN
from strnet.stats.coherence import contradicts_t_score, most_probable_diagnosis

DIAGNOSIS: Final = "diagnosis"
_TASKS: Final = (schema.BONE_LOSS, schema.OSTEOPOROSIS_GIVEN_LOSS)


@dataclass(frozen=True, slots=True)
class DiagnosisRows:
    """Rows whose diagnosis is known: their classes, the most probable diagnosis and the T-score, each (n,).

    `t_score` is None where none was predicted.
    """

    classes: ClassRows
    named: npt.NDArray[np.str_]
    t_score: Floats | None


def diagnosis_rows(frame: pl.DataFrame, calibrators: Mapping[str, Calibration]) -> DiagnosisRows | None:
    """The rows of `frame` with a known diagnosis, with coherent probabilities; None without any.

    Raises: ManifestError: a logit or T-score that is not finite.
    """
    loss, severe = (numbers(frame, schema.target_column(task)) for task in _TASKS)
    target = np.where(loss == 0, 0.0, np.where(loss == 1, 1.0 + severe, np.nan))
    known = ~np.isnan(target)
    if not known.any():
        return None
    rows = frame.filter(known)
    prob = stats.diagnosis_probabilities(*(_probability(rows, task, calibrators) for task in _TASKS))
    named = most_probable_diagnosis(prob)
    classes = ClassRows(
        task=DIAGNOSIS,
        kind="ordinal",
        labels=schema.DIAGNOSES,
        target=target[known].astype(np.int64),
        prob=prob,
        predicted=np.array([schema.DIAGNOSES.index(name) for name in named], dtype=np.int64),
        patients=patient_codes(rows),
        unknown=int(np.count_nonzero(~known)),
        frame=rows,
    )
    return DiagnosisRows(classes, named, _t_score(rows))


def evaluate_diagnosis(rows: DiagnosisRows, settings: EvaluationSettings) -> DiagnosisEvaluation:
    """Figures of the three classes, and the share of films whose T-score means another diagnosis."""
    if rows.t_score is None:
        contradictions = absent("no T-score was predicted")
    else:
        contradicting = contradicts_t_score(rows.named, rows.t_score)
        everyone = np.ones(contradicting.size, dtype=np.bool_)
        contradictions = share_of(contradicting, everyone, rows.classes.patients, settings)
    return DiagnosisEvaluation(evaluate_classes(rows.classes, settings), contradictions)


def _probability(frame: pl.DataFrame, task: str, calibrators: Mapping[str, Calibration]) -> Floats:
    column = schema.logit_column(task)
    logit = numbers(frame, column)
    require_finite(frame, logit, column)
    return probabilities(calibrators.get(task, PLAIN), logit, frame)


def _t_score(frame: pl.DataFrame) -> Floats | None:
    column = schema.prediction_column(schema.T_SCORE)
    if column not in frame.columns:
        return None
    t_score = numbers(frame, column)
    require_finite(frame, t_score, column)
    return t_score
