"""Tests with several classes: confusion matrix, figures of each class, and kappa with its standard error.

scikit-learn has kappa without an error; the areas of several classes are in `multiclass_auroc`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from strnet.errors import StatsError, unknown_name
from strnet.stats.confusion import Confusion, table_metrics
from strnet.stats.estimates import Estimate, width_noted
from strnet.stats.inputs import ROWS_SHOWN, Floats, Ints, checked_clusters, require_same_length
from strnet.stats.jackknife import ROUNDING, jackknife_estimate
from strnet.stats.normal import plain_limits
from strnet.stats.scales import FISHER

_DISAGREEMENT: Final[Mapping[str, Callable[[Floats], Floats]]] = MappingProxyType(
    {"none": lambda d: (d != 0).astype(np.float64), "linear": np.abs, "quadratic": np.square}
)
KAPPA_WEIGHTS: Final = tuple(_DISAGREEMENT)
_CONSTANT: Final = "one of both always says the same class: 0 whatever the other says"


def confusion_matrix(target: npt.ArrayLike, predicted: npt.ArrayLike, classes: int) -> Ints:
    """Counts, shape (classes, classes), of rows (n,) coded 0..classes-1: target down, prediction across.

    Raises: StatsError: other codes, other lengths.
    """
    rows = [checked_codes(v, classes, name=n) for v, n in ((target, "target"), (predicted, "predicted"))]
    require_same_length(rows[0].size, predicted=rows[1])
    return np.bincount(rows[0] * classes + rows[1], minlength=classes**2).reshape(classes, classes)


def class_metrics(
    matrix: npt.ArrayLike, *, method: str = "wilson", confidence: float = 0.95
) -> list[dict[str, Estimate]]:
    """For each class against the rest the figures of `table_metrics`.

    Raises: StatsError: not a square matrix of counts.
    """
    counts = _checked_matrix(matrix)
    tables = (_one_against_rest(counts, label) for label in range(len(counts)))
    return [table_metrics(table, method=method, confidence=confidence) for table in tables]


def macro_metrics(matrix: npt.ArrayLike) -> dict[str, float]:
    """Means over classes of sensitivity, specificity, ppv, npv and f1; NaN where one class has none.

    Raises: StatsError: not a square matrix of counts.
    """
    per_class = class_metrics(matrix)
    names = "sensitivity", "specificity", "ppv", "npv", "f1"
    return {name: float(np.mean([found[name].value for found in per_class])) for name in names}


def cohen_kappa(matrix: npt.ArrayLike, *, weights: str = "quadratic", confidence: float = 0.95) -> Estimate:
    """Cohen's kappa of a confusion matrix, weighted for ordered classes, with its large-sample interval.

    `weights`: `none`, `linear` or `quadratic` disagreement.

    Raises: StatsError: not a square matrix of counts, unknown weights, both raters always in one class.
    Source: Fleiss, Cohen, Everitt 1969, Psychol. Bull. 72:323-327.
    """
    counts = _checked_matrix(matrix)
    kappa, influence = _kappa(counts, weights)
    error = float(np.sqrt((counts * influence**2).sum())) / float(counts.sum())
    error = 0.0 if error <= ROUNDING else error  # such as of a rater who always says the same
    low, high = plain_limits(kappa, error, confidence)
    return width_noted(
        Estimate(
            kappa,
            max(low, -1.0),
            min(high, 1.0),
            confidence,
            f"kappa, {weights}",
            int(counts.sum()),
            standard_error=error,
        )
    )


def kappa_of_rows(
    target: npt.ArrayLike,
    predicted: npt.ArrayLike,
    classes: int,
    *,
    weights: str = "quadratic",
    confidence: float = 0.95,
    clusters: npt.ArrayLike | None = None,
) -> Estimate:
    """`cohen_kappa` of rows (n,) coded 0..classes-1, its error by leaving out each patient or row.

    Raises: StatsError: as `confusion_matrix` and `cohen_kappa`; unusable clusters.
    Source: as `cohen_kappa`, whose variance is the mean square of the same terms.
    """
    counts = confusion_matrix(target, predicted, classes).astype(np.float64)
    kappa, influence = _kappa(counts, weights)
    cells = influence[np.asarray(target, dtype=np.int64), np.asarray(predicted, dtype=np.int64)]
    known = None if clusters is None else checked_clusters(clusters, cells.size)
    found = jackknife_estimate(kappa, cells / cells.size, FISHER, confidence=confidence, clusters=known)
    constant = any(np.count_nonzero(counts.sum(axis)) == 1 for axis in (0, 1))
    return replace(found, note=_CONSTANT) if constant else found


def checked_codes(values: npt.ArrayLike, classes: int, *, name: str) -> Ints:
    """Class codes as int64, shape (n,).

    Raises: StatsError: not one-dimensional, empty, or not whole numbers of 0..classes-1.
    """
    array: npt.NDArray[Any] = np.asarray(values)
    if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "biuf":
        raise StatsError(f"{name}: found shape {array.shape} of {array.dtype}, expected class codes, (n,).")
    wrong = ~np.isin(array, np.arange(classes))
    if wrong.any():
        rows = np.flatnonzero(wrong)[:ROWS_SHOWN]
        raise StatsError(
            f"{name}: found {np.count_nonzero(wrong)} values outside 0 to {classes - 1} "
            f"(rows {rows.tolist()}: {array[rows].tolist()}). Code the classes in order from 0."
        )
    return array.astype(np.int64)


def _checked_matrix(matrix: npt.ArrayLike) -> Floats:
    counts = np.asarray(matrix, dtype=np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or len(counts) < 2:
        raise StatsError(f"matrix: found shape {counts.shape}, expected (classes, classes) of two or more.")
    if not (np.isfinite(counts).all() and (counts >= 0).all() and counts.sum() > 0):
        raise StatsError("matrix: expected counts of 0 or more, not all 0.")
    return counts


def _kappa(counts: Floats, weights: str) -> tuple[float, Floats]:
    """Kappa, and what a row in each cell adds to its error, times the number of rows; (classes, classes)."""
    if weights not in _DISAGREEMENT:
        raise StatsError(unknown_name("kappa weighting", weights, KAPPA_WEIGHTS))
    share = counts / counts.sum()
    rows, columns = share.sum(1), share.sum(0)
    index = np.arange(len(counts), dtype=np.float64)
    disagreement = _DISAGREEMENT[weights](index[:, None] - index)
    agreement = 1 - disagreement / disagreement.max()
    observed, expected = float((share * agreement).sum()), float(rows @ agreement @ columns)
    if expected >= 1:
        raise StatsError(
            "kappa: found all rows in one class, expected at least two. Chance agreement is complete."
        )
    kappa = (observed - expected) / (1 - expected)
    # the mean weights of a row and of a column of the matrix
    by_chance = (agreement @ columns)[:, None] + (rows @ agreement)[None, :]
    influence = (agreement - observed - (1 - kappa) * (by_chance - 2 * expected)) / (1 - expected)
    return kappa, influence


def _one_against_rest(counts: Floats, label: int) -> Confusion:
    hit = int(counts[label, label])
    missed, false = int(counts[label].sum()) - hit, int(counts[:, label].sum()) - hit
    return Confusion(hit, missed, false, int(counts.sum()) - hit - missed - false)
