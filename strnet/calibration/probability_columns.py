"""The predictions table with what its logits mean: probabilities, and whose they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from strnet import schema
from strnet.config import TaskConfig
from strnet.errors import ManifestError
from strnet.stats import Calibrator
from strnet.stats.answers import PLAIN, asks_for_diagnosis, diagnosis_columns, task_probabilities
from strnet.stats.inputs import Bools, Floats
from strnet.tables import require_columns

WHERE = "predictions"


@dataclass(frozen=True)
class ScoreSource:
    """Where scores come from: weights by their SHA-256 (None: unknown), and a calibrator per binary task."""

    calibrators: Mapping[str, Calibrator] = field(default_factory=dict)
    weights_sha256: str | None = None


def with_probabilities(table: pl.DataFrame, tasks: Sequence[TaskConfig], source: ScoreSource) -> pl.DataFrame:
    """`table` with `prob.*` of every task, as prediction has them, and the columns that say whose they are.

    A row without a logit has no probability. Columns of an earlier calibration are replaced.

    Raises: ManifestError: a missing column, or logits that are not numbers. StatsError: infinite logits.
    """
    columns: dict[str, Floats] = {}
    for task in tasks:
        if task.kind != "regression":
            columns |= _probabilities(table, task, source.calibrators.get(task.name, PLAIN))
    if asks_for_diagnosis(tasks):
        columns |= _diagnoses(columns)
    return table.with_columns(
        *(pl.Series(name, values).fill_nan(None) for name, values in columns.items()),
        pl.lit(source.weights_sha256, pl.String).alias(schema.WEIGHTS_SHA256),
        *(
            pl.lit(source.calibrators.get(task.name, PLAIN).digest).alias(schema.calibrator_column(task.name))
            for task in tasks
            if task.kind == "binary"
        ),
    )


def with_fold_probabilities(
    table: pl.DataFrame, tasks: Sequence[TaskConfig], sources: Mapping[int, ScoreSource]
) -> pl.DataFrame:
    """As `with_probabilities`, each row of an out-of-fold table by the source of its own fold.

    Raises: ManifestError: as `with_probabilities`, or rows of a fold without a source.
    """
    numbered = table.with_row_index("__row__")
    found = set(table[schema.FOLD].to_list())
    if not found <= set(sources):
        raise ManifestError(
            f"{WHERE}: column '{schema.FOLD}' holds {found}, expected folds of {sorted(sources)}."
        )
    parts = [
        with_probabilities(numbered.filter(pl.col(schema.FOLD) == fold), tasks, source)
        for fold, source in sources.items()
    ]
    return pl.concat(parts).sort("__row__").drop("__row__")


def logit_columns(task: TaskConfig) -> list[str]:
    """Where the logits of a task stand; those of an ordinal one under the classes after the first."""
    if task.kind == "binary":
        return [schema.logit_column(task.name)]
    labels = task.target.classes or ()
    asked = labels[1:] if task.kind == "ordinal" else labels
    return [schema.class_logit_column(task.name, label) for label in asked]


def _probabilities(table: pl.DataFrame, task: TaskConfig, calibrator: Calibrator) -> dict[str, Floats]:
    names = logit_columns(task)
    logits = np.column_stack([numbers(table, name) for name in names])
    known = np.asarray(~np.isnan(logits).any(axis=1))
    output = logits[known, 0] if task.kind == "binary" else logits[known]
    return _spread(task_probabilities(task, output, calibrator), known)


def _diagnoses(columns: Mapping[str, Floats]) -> dict[str, Floats]:
    asked = [schema.prob_column(task) for task in (schema.BONE_LOSS, schema.OSTEOPOROSIS_GIVEN_LOSS)]
    known = np.asarray(~np.isnan([columns[name] for name in asked]).any(axis=0))
    return _spread(diagnosis_columns({name: columns[name][known] for name in asked}), known)


def _spread(columns: Mapping[str, Floats], known: Bools) -> dict[str, Floats]:
    """Columns (n,) from those of the `known` (n,) rows, NaN in the others."""
    found = {name: np.full(known.size, np.nan) for name in columns}
    for name, values in columns.items():
        found[name][known] = values
    return found


def numbers(table: pl.DataFrame, column: str) -> Floats:
    """A column (n,), NaN where it is empty.

    Raises: ManifestError: a missing column, or one of something else than numbers.
    """
    require_columns(table, (column,), WHERE)
    if not (table[column].dtype.is_numeric() or table[column].dtype in (pl.Boolean, pl.Null)):
        raise ManifestError(
            f"{WHERE}: column '{column}' holds {table[column].dtype}, expected numbers. "
            "Write numbers, and leave unknown cells empty."
        )
    return table[column].cast(pl.Float64).fill_null(np.nan).to_numpy()
