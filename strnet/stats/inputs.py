"""Checked inputs: what is wrong with an array is said once, with the count, the first rows and what to do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from strnet.errors import StatsError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

ROWS_SHOWN = 5
SPARSEST = 4
"""Numbers up to so many times the rows are counted, not sorted."""


@dataclass(frozen=True, slots=True)
class Clusters:
    """Patients as the unit: `codes` (n,) in 0..count-1, one per row."""

    codes: Ints
    count: int


def checked_target(target: npt.ArrayLike, *, name: str = "target") -> Bools:
    """Positives as bools, shape (n,).

    Raises: StatsError: not one-dimensional, empty, or values other than 0 and 1.
    """
    values = _one_dimensional(target, name)
    if values.dtype == np.bool_:
        return values
    if values.dtype.kind not in "iuf":
        raise StatsError(
            f"{name}: found values of type {values.dtype}, expected 0 and 1. "
            "Code the positive class as 1 and the negative class as 0."
        )
    positive: Bools = values == 1
    if np.count_nonzero(positive) + np.count_nonzero(values == 0) != values.size:
        wrong = ~positive & (values != 0)
        advice = "Code the positive class as 1 and the negative class as 0"
        if values.dtype.kind == "f" and np.isnan(values[wrong]).any():
            advice += "; leave out the rows whose target is unknown"
        raise StatsError(f"{name}: {_found(values, wrong, 'values other than 0 and 1')} {advice}.")
    return positive


def checked_finite(values: npt.ArrayLike, *, name: str = "score") -> Floats:
    """Values as float64, shape (n,), all finite; the array itself where nothing had to be converted.

    Raises: StatsError: not one-dimensional, empty, not numeric, NaN or infinite.
    """
    array = _one_dimensional(values, name)
    if array.dtype.kind not in "biuf":
        raise StatsError(f"{name}: found values of type {array.dtype}, expected numbers. Convert the column.")
    array = np.asarray(array, dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        surely_finite = bool(np.isfinite(array.sum()))  # one pass without a temporary for 1e7 rows
    if not surely_finite and not np.isfinite(array).all():
        found = _found(array, ~np.isfinite(array), "NaN or infinite values")
        raise StatsError(
            f"{name}: {found} Every row needs a finite number: leave these rows out, and say so, "
            "or repair what wrote them."
        )
    return array


def checked_probability(values: npt.ArrayLike, *, name: str = "prob") -> Floats:
    """Probabilities as float64, shape (n,), in [0, 1].

    Raises: StatsError: as `checked_finite`, and values outside [0, 1].
    """
    array = checked_finite(values, name=name)
    outside = (array < 0) | (array > 1)
    if outside.any():
        advice = (
            "Divide percentages by 100"
            if array.min() >= 0 and array.max() <= 100
            else "Calibrate logits first"
        )
        raise StatsError(f"{name}: {_found(array, outside, 'values outside [0, 1]')} {advice}.")
    return array


def checked_predictions(target: npt.ArrayLike, prob: npt.ArrayLike) -> tuple[Bools, Floats]:
    """Targets as bools and probabilities in [0, 1], both (n,).

    Raises: StatsError: as `checked_target` and `checked_probability`, or of different lengths.
    """
    positive, predicted = checked_target(target), checked_probability(prob)
    require_same_length(positive.size, prob=predicted)
    return positive, predicted


def checked_pair(measured: npt.ArrayLike, predicted: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Two arrays of finite numbers, both (n,).

    Raises: StatsError: as `checked_finite`, or of different lengths.
    """
    one, two = checked_finite(measured, name="measured"), checked_finite(predicted, name="predicted")
    require_same_length(one.size, predicted=two)
    return one, two


def checked_weights(weights: npt.ArrayLike, rows: int) -> Floats:
    """Weights as float64, shape (n,), none negative, not all 0.

    Raises: StatsError: as `checked_finite`; a negative weight, only zeros, or another length.
    """
    array = checked_finite(weights, name="weights")
    require_same_length(rows, weights=array)
    if (array < 0).any():
        raise StatsError(f"weights: {_found(array, array < 0, 'negative values')} A weight is 0 or more.")
    if not array.any():
        raise StatsError("weights: every weight is 0. At least one row must count.")
    return array


def checked_clusters(clusters: npt.ArrayLike, rows: int) -> Clusters:
    """Cluster codes 0..k-1 of labels of any type, shape (n,).

    Raises: StatsError: another length, or rows without a label.
    """
    labels = _one_dimensional(clusters, "clusters")
    require_same_length(rows, clusters=labels)
    unlabelled = _missing_labels(labels)
    if unlabelled.any():
        raise StatsError(
            f"clusters: {_found(labels, unlabelled, 'missing labels')} Every row needs its patient: "
            "give a row without one a label of its own."
        )
    if labels.dtype == object:
        labels = labels.astype(str)
    if labels.dtype.kind in "iu" and labels.min() >= 0 and labels.max() < SPARSEST * rows:
        return _counted(labels.astype(np.int64))
    distinct, codes = np.unique(labels, return_inverse=True)
    return Clusters(codes.reshape(-1).astype(np.int64), int(distinct.size))


def _counted(labels: Ints) -> Clusters:
    """The codes of small numbers, by counting: sorting them costs more than most figures of the rows."""
    places = np.cumsum(np.bincount(labels) > 0)
    return Clusters(places[labels] - 1, int(places[-1]))


def require_both_classes(target: Bools, *, purpose: str) -> tuple[int, int]:
    """Numbers of positives and negatives.

    Raises: StatsError: one of them is 0.
    """
    positives = int(np.count_nonzero(target))
    negatives = int(target.size) - positives
    if positives == 0 or negatives == 0:
        missing = "negatives" if positives else "positives"
        raise StatsError(
            f"{purpose}: found {positives} positives and {negatives} negatives, expected at least one "
            f"of each. It is undefined without {missing}: add rows, or check how the target was coded."
        )
    return positives, negatives


def require_varied(score: Floats, *, purpose: str) -> None:
    """Raise unless scores differ.

    Raises: StatsError: all scores are equal, so that nothing is ranked or separated.
    """
    if score.min() == score.max():
        raise StatsError(
            f"{purpose}: all {score.size} scores are {float(score[0])!r}, expected several values. "
            "Check that the right column was given."
        )


def require_same_length(rows: int, **arrays: npt.NDArray[Any]) -> None:
    """Raise unless every array has `rows` entries.

    Raises: StatsError: an array of another length than `rows`.
    """
    for name, array in arrays.items():
        if array.size != rows:
            raise StatsError(f"{name}: found {array.size} rows, expected {rows}, one per row of the target.")


def require_one_target_per_cluster(target: Bools, clusters: Clusters) -> None:
    """Raise unless the rows of a cluster share a target.

    Raises: StatsError: a cluster with positive and negative rows.
    """
    positives = np.bincount(clusters.codes[target], minlength=clusters.count)
    sizes = np.bincount(clusters.codes, minlength=clusters.count)
    mixed = np.flatnonzero((positives > 0) & (positives < sizes))
    if mixed.size:
        rows = [int(np.flatnonzero(clusters.codes == code)[0]) for code in mixed[:ROWS_SHOWN]]
        raise StatsError(
            f"clusters: {mixed.size} clusters hold both targets (first rows {rows}), expected one target per "
            "cluster. Correct the target, or name the side or film in the cluster if both are right."
        )


def checked_fraction(value: float, *, name: str) -> float:
    """`value` as a float strictly between 0 and 1.

    Raises: StatsError: outside (0, 1), with a hint where it looks like a percentage.
    """
    number = float(value)
    if not 0 < number < 1:
        hint = f" Write {number / 100:g} for {number:g}%." if 1 < number <= 100 else ""
        raise StatsError(f"{name}: found {number:g}, expected a fraction between 0 and 1.{hint}")
    return number


def _one_dimensional(values: npt.ArrayLike, name: str) -> npt.NDArray[Any]:
    array = np.asarray(values)
    if array.ndim != 1:
        raise StatsError(f"{name}: found an array of shape {array.shape}, expected one value per row, (n,).")
    if array.size == 0:
        raise StatsError(f"{name}: found no rows, expected at least one.")
    return array


def _missing_labels(labels: npt.NDArray[Any]) -> Bools:
    if labels.dtype.kind == "f":
        missing: Bools = np.isnan(labels)
        return missing
    if labels.dtype == object:
        nan = (isinstance(label, float) and math.isnan(label) for label in labels)
        return np.array(
            [label is None or bad for label, bad in zip(labels, nan, strict=True)], dtype=np.bool_
        )
    return np.zeros(labels.shape, dtype=np.bool_)


def _found(values: npt.NDArray[Any], wrong: Bools, what: str) -> str:
    rows = np.flatnonzero(wrong)
    shown = ", ".join(f"row {row}: {values[row]}" for row in rows[:ROWS_SHOWN])
    more = ", ..." if rows.size > ROWS_SHOWN else ""
    return f"found {rows.size} of {values.size} {what} ({shown}{more})."
