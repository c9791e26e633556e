"""Raw task outputs to the columns of the results table, and what each column means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strnet import schema
from strnet.config import TaskConfig
from strnet.inference.bundle import Bundle
from strnet.inference.ensemble_bundle import AnyBundle
from strnet.inference.site_columns import site_columns, site_notes
from strnet.stats.answers import PLAIN, asks_for_diagnosis, diagnosis_columns, task_probabilities
from strnet.stats.coherence import contradicts_t_score, most_probable, most_probable_diagnosis
from strnet.thresholds import OperatingPoint
from strnet.trust import FLAGS, REASONS

Outputs = Mapping[str, NDArray[Any]]
Floats = NDArray[np.float64]
Columns = dict[str, NDArray[Any]]
"""Column name to (N,) values."""

_TABLE_ELSE = "as the clinical table says, else the DICOM header"
IDENTITY_NOTES = {
    schema.IMAGE_ID: "as the clinical table names the film, else the file's name without its ending, with "
    "folders in front where several files share it",
    schema.CASE_ID: "what the decision is about: the image",
    schema.PATIENT_ID: _TABLE_ELSE,
    schema.EXAM_ID: f"{_TABLE_ELSE} (Study Instance UID)",
    "site": f"{_TABLE_ELSE} (institution)",
    "scanner": f"{_TABLE_ELSE} (manufacturer and model)",
    "anatomy": f"{_TABLE_ELSE}, where its word is one of the manifest's",
    "view": f"{_TABLE_ELSE}, as written there",
    "laterality": _TABLE_ELSE,
    "age": f"{_TABLE_ELSE}; years",
    "sex": f"{_TABLE_ELSE}; F or M",
    "sop_instance_uid": "SOP Instance UID of a DICOM file",
}

MISSING_CLINICAL = "clinical inputs that were unknown, joined by spaces"
CLASS = "class"
CONTRADICTION = "t_score_contradicts_class"


def decision_column(point: OperatingPoint) -> str:
    """Name of the decision by an operating point, for example `decision.bone_loss.exact`."""
    return f"decision.{point.score.task}.{point.method}"


def deciding_column(task: str) -> str:
    """Name of the decision by the operating point that decides, for example `decision.bone_loss`."""
    return f"decision.{task}"


def threshold_column(point: OperatingPoint) -> str:
    """Name of the threshold behind a decision, in the unit of its score."""
    return f"threshold.{point.score.task}.{point.method}"


def result_columns(bundle: AnyBundle, outputs: Outputs) -> Columns:
    """Columns of (N,) each from raw outputs per task, (N,) or (N, C); `column_notes` says what they mean."""
    columns: Columns = {}
    for task in bundle.tasks:
        columns |= _task_columns(bundle, task, outputs[task.name].astype(np.float64))
    columns |= site_columns(bundle.tasks, columns)
    columns |= _diagnosis_columns(bundle, columns)
    columns |= _decision_columns(bundle, columns)
    rows = len(next(iter(columns.values())))
    return columns | {name: np.full(rows, digest) for name, digest in _origin(bundle).items()}


def column_notes(bundle: Bundle) -> dict[str, str]:
    """What each column of the bundle's results table means, in the table's order."""
    notes = {
        "path": "the file, as found",
        **IDENTITY_NOTES,
        "body_part": "as the DICOM header says",
        "status": "ok; refused: the network was not made for such a film, and gives no score; failed: it "
        "could not be read, contradicts its row in the clinical table, or lacks the region that the "
        "network looks at; skipped: a file in a folder that is no film",
        "reason_code": "of a refusal, or with accept_anyway of one that was overridden: "
        f"{', '.join(REASONS)}",
        "reason": "in words: why a file was refused, failed or was skipped",
        "flags": f"what is to be known of an answered film, joined by spaces: {', '.join(FLAGS)}",
        "accept_anyway": "whether the job was told to answer films that would have been refused",
        schema.ATYPICALITY: _atypicality_note(bundle),
    }
    notes |= score_notes(bundle)
    if bundle.clinical:
        notes["missing_clinical"] = MISSING_CLINICAL
    return notes | origin_notes(bundle)


def score_notes(bundle: AnyBundle) -> dict[str, str]:
    """What the columns of scores, classes and decisions mean, in the table's order."""
    measured = bundle.provenance.reference_standard
    notes: dict[str, str] = {}
    for task in bundle.tasks:
        notes |= _task_notes(task, str(measured))
    notes |= site_notes(bundle.tasks, str(measured))
    notes |= _diagnosis_notes(bundle)
    notes |= _deciding_note(bundle)
    for point in bundle.operating_points:
        notes[threshold_column(point)] = f"threshold on {point.score.column}, fitted by '{point.method}'"
        notes[decision_column(point)] = f"positive if {point.score.column} {point.operator} the threshold"
    return notes


def origin_notes(bundle: AnyBundle) -> dict[str, str]:
    """What the columns mean that say whose scores these are, and what its labels were."""
    notes = dict.fromkeys(_origin(bundle), "SHA-256, names whose scores these are to `strnet threshold`")
    notes["reference_standard"] = "what the labels were measured with that the network learned from"
    return notes


def _atypicality_note(bundle: Bundle) -> str:
    limit = bundle.applicability.picture
    if limit is None:
        return "how unlike the training films; not known, the bundle has no picture layer"
    beyond = "refused" if bundle.applicability.picture_refuses else "flagged"
    return f"how unlike the training films, about 1 for one of them; above {limit.threshold:.4g} {beyond}"


def _task_columns(bundle: AnyBundle, task: TaskConfig, output: Floats) -> Columns:
    if task.kind == "regression":
        return {schema.prediction_column(task.name): output}
    probs = task_probabilities(task, output, bundle.calibrators.get(task.name, PLAIN))
    if task.kind == "binary":
        return {schema.logit_column(task.name): output, **probs}
    labels = np.array(task.target.classes or ())
    return {**probs, f"{CLASS}.{task.name}": labels[most_probable(np.column_stack([*probs.values()]))]}


def _diagnosis_columns(bundle: AnyBundle, columns: Columns) -> Columns:
    """The three diagnoses, where the network has both questions that make them, and the T-score beside."""
    if not asks_for_diagnosis(bundle.tasks):
        return {}
    probs = diagnosis_columns(columns)
    named = most_probable_diagnosis(np.column_stack([*probs.values()]))
    found: Columns = {**probs, CLASS: named}
    t_score = columns.get(schema.prediction_column(schema.T_SCORE))
    if t_score is not None:
        found[CONTRADICTION] = contradicts_t_score(named, t_score)
    return found


def _decision_columns(bundle: AnyBundle, columns: Columns) -> Columns:
    found: Columns = {}
    for point in bundle.operating_points:
        positive = point.apply(columns[point.score.column or ""])
        found[threshold_column(point)] = np.full(positive.shape, point.threshold)
        found[decision_column(point)] = np.where(positive, "positive", "negative")
    if bundle.deciding is not None:
        found[deciding_column(str(bundle.deciding.score.task))] = found[decision_column(bundle.deciding)]
    return found


def _deciding_note(bundle: AnyBundle) -> dict[str, str]:
    """The column of the decision where the recipe asks for one; it is empty where no point decides."""
    wanted = bundle.recipe.operating_point
    if wanted is None:
        return {}
    told = f"the decision, which is that of '{wanted.method}'"
    return {deciding_column(wanted.task): told if bundle.deciding else f"empty: {bundle.undecided}"}


def _origin(bundle: AnyBundle) -> dict[str, str]:
    """The weights, and the calibrator of each binary task, by the name of their column."""
    calibrators = {
        schema.calibrator_column(task.name): bundle.calibrators.get(task.name, PLAIN).digest
        for task in bundle.tasks
        if task.kind == "binary"
    }
    return {schema.WEIGHTS_SHA256: bundle.scores_sha256, **calibrators}


def _task_notes(task: TaskConfig, measured: str) -> dict[str, str]:
    name = task.name
    if task.kind == "regression":
        unit = f"in {task.unit}" if task.unit else "in its unit"
        about = f"estimate of {task.target.column}, {unit}; its labels were by {measured}"
        return {schema.prediction_column(name): about}
    if task.kind == "binary":
        return {
            schema.logit_column(name): "logit, before calibration",
            schema.prob_column(name): "calibrated probability",
        }
    labels = task.target.classes or ()
    notes = {schema.prob_column(f"{name}.{label}"): f"probability of {label}; sum 1" for label in labels}
    return notes | {f"{CLASS}.{name}": "the most probable class; of equal ones the later"}


def _diagnosis_notes(bundle: AnyBundle) -> dict[str, str]:
    if not asks_for_diagnosis(bundle.tasks):
        return {}
    named = f"p = prob.{schema.BONE_LOSS}, q = prob.{schema.OSTEOPOROSIS_GIVEN_LOSS}"
    formulas = zip(schema.DIAGNOSES, ("1 - p", "p (1 - q)", "p q"), strict=True)
    notes = {schema.prob_column(name): f"{formula}, {named}" for name, formula in formulas}
    notes[CLASS] = "the most probable of the three diagnoses; of equal ones the sicker"
    if any(task.name == schema.T_SCORE for task in bundle.tasks):
        notes[CONTRADICTION] = "whether the estimated T-score lies in another class"
    return notes
