"""What can be had without the image: clinical variables alone, and acquisition metadata alone.

Logistic regression (classes) and ridge regression (values) on standardised inputs, fitted on the training
rows only; a missing number becomes the training median and sets an indicator, a missing category is one of
its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from strnet.config import TaskConfig
from strnet.data.targets import Targets
from strnet.models import class_labels, encode_clinical
from strnet.schema import CLINICAL_COLUMNS, SPLIT, baseline_column

METADATA_NUMBERS = ("rows", "columns", "bits_stored")
METADATA_CATEGORIES = ("file_format", "photometric", "scanner", "site", "film_size")
"""`film_size` is rows x columns as one word: scanners betray themselves by it."""
_RARE = 5
_UNKNOWN = "unknown"


def fit_baselines(
    frame: pl.DataFrame, tasks: Sequence[TaskConfig], targets: Targets, clinical: Sequence[str] = ()
) -> pl.DataFrame:
    """Scores of both baselines for every row of `frame`, one column `baseline.<baseline>.<task>` each.

    Logits for binary tasks, a column `...<task>.<class>` per class for ordered and unordered classes,
    values for regression. `clinical` names columns beyond age, sex and BMI. A baseline whose inputs no
    training row knows has no columns.
    """
    training = (frame[SPLIT] == "train").to_numpy()
    columns: dict[str, NDArray[np.float64]] = {}
    offered = {"clinical": clinical_inputs(frame, clinical), "metadata": metadata_inputs(frame)}
    for baseline, inputs in offered.items():
        known = {name: values for name, values in inputs.items() if _known(values[training])}
        for task in tasks if known else ():
            columns |= _scores(baseline, task, known, targets[task.name], training)
    return pl.DataFrame(columns)


def clinical_inputs(frame: pl.DataFrame, more: Sequence[str] = ()) -> dict[str, NDArray[Any]]:
    """Clinical variables as numbers, NaN where unknown; those the table does not have are left out."""
    names = [name for name in dict.fromkeys((*CLINICAL_COLUMNS, *more)) if name in frame.columns]
    return {name: encode_clinical(name, frame[name]).astype(np.float64) for name in names}


def metadata_inputs(frame: pl.DataFrame) -> dict[str, NDArray[Any]]:
    """What the acquisition gives away: numbers with NaN, and categories as text with `unknown`."""
    inputs: dict[str, NDArray[Any]] = {
        name: frame[name].cast(pl.Float64).to_numpy() for name in METADATA_NUMBERS if name in frame.columns
    }
    if {"rows", "columns"} <= set(frame.columns):
        frame = frame.with_columns(film_size=pl.format("{}x{}", "rows", "columns"))
    for name in METADATA_CATEGORIES:
        if name in frame.columns:
            inputs[name] = frame[name].cast(pl.String).fill_null(_UNKNOWN).to_numpy().astype(object)
    return inputs


def _known(values: NDArray[Any]) -> bool:
    return bool((values != _UNKNOWN).any()) if values.dtype == object else not np.isnan(values).all()


def _scores(
    baseline: str,
    task: TaskConfig,
    inputs: Mapping[str, NDArray[Any]],
    target: NDArray[np.float64],
    training: NDArray[np.bool_],
) -> dict[str, NDArray[np.float64]]:
    table = np.column_stack([values.astype(object) for values in inputs.values()])
    rows = training & ~np.isnan(target)
    name = baseline_column(baseline, task.name)
    if task.kind == "regression":
        return {name: _pipeline(inputs, "ridge").fit(table[rows], target[rows]).predict(table)}
    model = _pipeline(inputs, "logistic").fit(table[rows], target[rows].astype(int))
    scores = model.decision_function(table)
    if task.kind == "binary":
        return {name: scores}
    labels = class_labels(task)
    if scores.ndim == 1:  # two classes: scikit-learn gives the logit of the second
        scores = np.column_stack([np.zeros_like(scores), scores])
    return {f"{name}.{label}": scores[:, index] for index, label in enumerate(labels)}


def _pipeline(inputs: Mapping[str, NDArray[Any]], kind: str) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

    categories = [index for index, values in enumerate(inputs.values()) if values.dtype == object]
    numbers = [index for index in range(len(inputs)) if index not in categories]
    impute = make_pipeline(
        FunctionTransformer(_as_floats),
        SimpleImputer(strategy="median", add_indicator=True),
        StandardScaler(),
    )
    encode = OneHotEncoder(min_frequency=_RARE, handle_unknown="infrequent_if_exist", sparse_output=False)
    parts = ColumnTransformer([("numbers", impute, numbers), ("categories", encode, categories)])
    return make_pipeline(parts, LogisticRegression(max_iter=1000) if kind == "logistic" else Ridge())


def _as_floats(table: NDArray[Any]) -> NDArray[np.float64]:
    return table.astype(np.float64)
