"""Rows of the predictions table as arrays, checked once: what every figure and every number starts from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from strnet import schema
from strnet.errors import ManifestError, unknown_name
from strnet.tables import id_texts, require_columns

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

Kind = Literal["binary", "regression"]

NETWORK = "network"
OBSERVER = "observer"
_OF_BOTH = "observer_of_both"
"""In a truth table, the observer that saw both films of an examination."""
_ROWS_SHOWN = 5
_PATIENT = "__patient__"


@dataclass(frozen=True, slots=True)
class TaskRows:
    """Rows of a task whose target is known.

    `target` (n,) is 0/1 for a binary task, a value for a regression; `scores` holds (n,) per scorer, the
    network first, NaN where a baseline or the observer says nothing of a row; `patients` (n,) are codes.
    """

    task: str
    frame: pl.DataFrame
    target: Floats
    scores: dict[str, Floats]
    patients: Ints
    unknown: int

    @property
    def positive(self) -> Bools:
        """The target of a binary task as bools, shape (n,)."""
        return self.target == 1

    @property
    def clusters(self) -> Ints | None:
        """Patients where any has two films, so that they are the unit; None where films are patients."""
        return clusters_of(self.patients)

    def where(self, keep: Bools) -> TaskRows:
        """The rows that `keep` (n,) names."""
        scores = {scorer: values[keep] for scorer, values in self.scores.items()}
        return TaskRows(
            self.task, self.frame.filter(keep), self.target[keep], scores, self.patients[keep], self.unknown
        )


def patient_codes(frame: pl.DataFrame) -> Ints:
    """The patient of each row as a number (n,): names are read once, and every figure asks for patients."""
    names = frame[schema.PATIENT_ID].cast(pl.String)
    return names.rank("dense").cast(pl.Int64).to_numpy() - 1


def clusters_of(patients: Ints) -> Ints | None:
    """`patients` (n,) if one stands there twice, otherwise None."""
    return patients if np.unique(patients).size < patients.size else None


def rows_of_split(predictions: pl.DataFrame, split: str) -> pl.DataFrame:
    """The rows of one split.

    Raises: ManifestError: a missing column, an image twice, a row without patient, or no rows of that split.
    """
    where = "predictions"
    require_columns(predictions, (schema.IMAGE_ID, schema.PATIENT_ID, schema.SPLIT), where)
    rows = predictions.filter(pl.col(schema.SPLIT) == split)
    if rows.is_empty():
        found = [str(name) for name in predictions[schema.SPLIT].unique().drop_nulls().sort()]
        raise ManifestError(f"{where}: no rows of split '{split}'. {unknown_name('split', split, found)}")
    if rows[schema.PATIENT_ID].null_count():
        raise ManifestError(
            f"{where}: {rows[schema.PATIENT_ID].null_count()} rows of split '{split}' have no patient_id. "
            "Give every film its patient: intervals take patients as the unit."
        )
    _require_one_row_per_image(rows, where)
    return rows


def with_observer(predictions: pl.DataFrame, truth: pl.DataFrame | None) -> pl.DataFrame:
    """The predictions with the `observer.<task>` columns of a truth table, matched by image.

    A case of several images has none: there it is the observer who saw both films of its patient.

    Raises: ManifestError: no such columns, or an image twice.
    """
    if truth is None:
        return predictions
    require_columns(truth, (schema.IMAGE_ID,), "truth table")
    _require_one_row_per_image(truth, "truth table")
    columns = [column for column in truth.columns if _is_observer(column)]
    if not columns:
        raise ManifestError("truth table: no column 'observer.<task>'. Give the truth table of a phantom.")
    rows = predictions.drop(columns, strict=False).with_columns(id_texts(predictions[schema.IMAGE_ID]))
    seen = truth.select(id_texts(truth[schema.IMAGE_ID]), *columns)
    joined = rows.join(seen, on=schema.IMAGE_ID, how="left", maintain_order="left")
    return _with_observer_of_both(joined, truth)


def _with_observer_of_both(rows: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    """`rows` of cases of several images with what the observer of both films says of their patient."""
    columns = {f"{_OF_BOTH}.{name.partition('.')[2]}": name for name in truth.columns if _is_observer(name)}
    of_both = [name for name in columns if name in truth.columns]
    if not of_both or schema.PATIENT_ID not in truth.columns:
        return rows
    # of patients with several examinations nobody can say which of them a case is
    said = (pl.when(pl.col(name).n_unique() == 1).then(pl.col(name).first()).alias(name) for name in of_both)
    by_patient = truth.group_by(id_texts(truth[schema.PATIENT_ID]).alias(_PATIENT)).agg(*said)
    keyed = rows.with_columns(id_texts(rows[schema.PATIENT_ID]).alias(_PATIENT))
    joined = keyed.join(by_patient, on=_PATIENT, how="left", maintain_order="left")
    of_case = pl.col(schema.IMAGE_ID).is_null()
    chosen = (pl.when(of_case).then(name).otherwise(columns[name]).alias(columns[name]) for name in of_both)
    return joined.with_columns(*chosen).drop(_PATIENT, *of_both)


def _is_observer(column: str) -> bool:
    return column.startswith(f"{OBSERVER}.")


def task_rows(frame: pl.DataFrame, task: str, kind: Kind) -> TaskRows:
    """The rows of a binary or regression task with a known target, and every scorer's score for them.

    Raises: ManifestError: a missing column, text for numbers, or a network score that is not finite.
    """
    target_column = schema.target_column(task)
    columns = {NETWORK: score_column(task, kind), **_other_columns(frame, task, kind)}
    require_columns(frame, (target_column, columns[NETWORK]), "predictions")
    target = numbers(frame, target_column)
    known = ~np.isnan(target)
    rows = frame.filter(known)
    scores = {scorer: numbers(rows, column) for scorer, column in columns.items()}
    require_finite(rows, scores[NETWORK], columns[NETWORK])
    if kind == "binary":
        _require_binary(rows, target[known], target_column)
    patients = patient_codes(rows)
    # a baseline that says nothing of any row is no baseline
    said = {
        scorer: score for scorer, score in scores.items() if scorer == NETWORK or np.isfinite(score).any()
    }
    return TaskRows(task, rows, target[known], said, patients, int(np.count_nonzero(~known)))


def score_column(task: str, kind: Kind) -> str:
    """Where the network's score of a binary or regression task stands."""
    return schema.prediction_column(task) if kind == "regression" else schema.logit_column(task)


def numbers(frame: pl.DataFrame, column: str) -> Floats:
    """A column as float64 (n,), NaN where it is empty.

    Raises: ManifestError: a column of something else than numbers or true and false.
    """
    values = frame[column]
    if not (values.dtype.is_numeric() or values.dtype in (pl.Boolean, pl.Null)):
        raise ManifestError(
            f"predictions: column '{column}' holds {values.dtype}, expected numbers. "
            "Write numbers, and leave unknown cells empty."
        )
    return values.cast(pl.Float64).fill_null(np.nan).to_numpy().copy()


def require_finite(frame: pl.DataFrame, values: Floats, column: str) -> None:
    """Raise unless every row has a finite number.

    Raises: ManifestError: rows without a finite number, by their image ids.
    """
    bad = ~np.isfinite(values)
    if bad.any():
        raise ManifestError(
            f"predictions: column '{column}' has no finite number in {int(bad.sum())} of {bad.size} rows "
            f"whose target is known (images {_images(frame, bad)}). Predict them again, or empty the target."
        )


def _other_columns(frame: pl.DataFrame, task: str, kind: Kind) -> dict[str, str]:
    """Observer, baselines and members of a task, by scorer."""
    found = {OBSERVER: f"{OBSERVER}.{task}"} if f"{OBSERVER}.{task}" in frame.columns else {}
    for column in frame.columns:
        first, _, rest = column.partition(".")
        name, _, of_task = rest.partition(".")
        if first == "baseline" and of_task == task:
            found[name] = schema.baseline_column(name, task)
    return found | _members(frame, score_column(task, kind))


def _members(frame: pl.DataFrame, score: str) -> dict[str, str]:
    """Of a combination's table, where each member's own scores stand, by `member <name>`."""
    first, last = schema.member_column("", "").rstrip("."), f".{score}"
    names = [
        column.removeprefix(f"{first}.").removesuffix(last)
        for column in frame.columns
        if column.startswith(f"{first}.") and column.endswith(last)
    ]
    return {f"{schema.MEMBER} {name}": schema.member_column(name, score) for name in names}


def _require_binary(frame: pl.DataFrame, target: Floats, column: str) -> None:
    bad = (target != 0) & (target != 1)
    if bad.any():
        raise ManifestError(
            f"predictions: column '{column}' has values other than 0 and 1 in {int(bad.sum())} rows "
            f"(images {_images(frame, bad)}). Write 1 for positive, 0 for negative, nothing for unknown."
        )


def _require_one_row_per_image(frame: pl.DataFrame, where: str) -> None:
    named = frame[schema.IMAGE_ID].drop_nulls()  # a case of several images has none
    twice = named.filter(named.is_duplicated()).unique(maintain_order=True)
    if twice.len():
        shown = ", ".join(str(name) for name in twice[:_ROWS_SHOWN])
        raise ManifestError(
            f"{where}: {twice.len()} images stand in more than one row ({shown}). Keep one row per image."
        )


def _images(frame: pl.DataFrame, which: Bools) -> str:
    column = schema.CASE_ID if schema.MEMBERS in frame.columns else schema.IMAGE_ID
    names = [str(name) for name in frame.filter(which)[column][:_ROWS_SHOWN]]
    return ", ".join(names) + (", ..." if np.count_nonzero(which) > _ROWS_SHOWN else "")
