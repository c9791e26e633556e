"""Calibration rows, checked once and read in chunks, so that 1e7 scores never need a second copy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from strnet.errors import StatsError, ThresholdError
from strnet.stats import inputs
from strnet.stats.inputs import Bools, Floats, Ints
from strnet.thresholds.reading_order import Keys, label_keys

Scores = npt.NDArray[np.floating[Any]]

CHUNK = 1 << 16
"""Rows of one pass: half a megabyte of scores stays in the cache of a core."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels already coded: distinct `names`, the code (n,) of each row among them, and of which column."""

    names: tuple[str, ...]
    codes: Ints
    column: str = ""

    def subset(self, wanted: Bools) -> Labels:
        """The labels of the rows where `wanted` (n,) is true, coded as before."""
        return replace(self, codes=self.codes[wanted])


Groups = npt.ArrayLike | Labels | Mapping[str, npt.ArrayLike | Labels]
"""Labels (n,) of one way to group rows, or of several by the name of their column."""


@dataclass(frozen=True, slots=True)
class ClassRows:
    """Rows of one class: scores (n,) with higher meaning positive, weights (n,), cluster codes (n,).

    `cluster_keys` (k,) has the key of each code, also of those that stand in no row here.
    """

    score: Floats
    weights: Floats | None = None
    clusters: Ints | None = None
    cluster_keys: Keys | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """Checked rows: `target` (n,) bool, finite `score` (n,) as given, and what else is known of each row.

    `sign` is -1 where a lower score means positive. Rows of weight 0 have been left out. Each of `groups`
    divides all rows; a row is in one group of every one of them.
    """

    target: Bools
    score: Scores
    sign: int = 1
    weights: Floats | None = None
    clusters: Ints | None = None
    cluster_keys: Keys | None = None
    groups: tuple[Labels, ...] = ()

    @property
    def positive_count(self) -> int:
        """Number of positive rows."""
        return int(np.count_nonzero(self.target))

    @property
    def negative_count(self) -> int:
        """Number of negative rows."""
        return int(self.target.size) - self.positive_count

    @property
    def cluster_count(self) -> int | None:
        """Number of clusters that stand in these rows; None where there are none."""
        # numpy's own count of distinct numbers is ten times slower
        return None if self.clusters is None else int(np.count_nonzero(np.bincount(self.clusters)))

    def positives(self) -> ClassRows:
        """The positive rows, oriented so that higher means positive; the scores are a copy."""
        return self._of_class(self.target)

    def negatives(self) -> ClassRows:
        """The negative rows, likewise."""
        return self._of_class(~self.target)

    def everyone(self) -> ClassRows:
        """All rows, likewise."""
        score = self.sign * self.score.astype(np.float64)
        return ClassRows(score, self.weights, self.clusters, self.cluster_keys)

    def subset(self, wanted: Bools) -> Rows:
        """The rows where `wanted` (n,) is true."""
        return replace(
            self,
            target=self.target[wanted],
            score=self.score[wanted],
            weights=None if self.weights is None else self.weights[wanted],
            clusters=None if self.clusters is None else self.clusters[wanted],
            groups=tuple(labels.subset(wanted) for labels in self.groups),
        )

    def count_below(self, threshold: float) -> tuple[int, int]:
        """Numbers of rows below `threshold` and at it, in the orientation where higher means positive."""
        edge = np.float64(self.sign * threshold)  # float64 also beside float32 scores: no rounding of t
        below = at = 0
        for chunk in _chunks(self.score):
            below += int(np.count_nonzero(chunk < edge if self.sign > 0 else chunk > edge))
            at += int(np.count_nonzero(chunk == edge))
        return below, at

    def next_below(self, threshold: float) -> float | None:
        """The highest score below `threshold`, oriented so that higher means positive; None without one."""
        best = -np.inf
        for chunk in _chunks(self.score):
            oriented = chunk.astype(np.float64) * self.sign
            best = max(best, float(oriented.max(where=oriented < threshold, initial=-np.inf)))
        return best if np.isfinite(best) else None

    def _of_class(self, chosen: Bools) -> ClassRows:
        score = np.empty(np.count_nonzero(chosen), dtype=np.float64)
        filled = 0
        for start in range(0, chosen.size, CHUNK):
            # compress is twice as fast as a boolean index, but keeps the row numbers: hence the chunks
            part = np.compress(chosen[start : start + CHUNK], self.score[start : start + CHUNK])
            score[filled : filled + part.size] = part
            filled += part.size
        if self.sign < 0:
            np.negative(score, out=score)
        return ClassRows(
            score,
            None if self.weights is None else self.weights[chosen],
            None if self.clusters is None else self.clusters[chosen],
            self.cluster_keys,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RowColumns:
    """What a caller may give beside target and score, each (n,) or None.

    `cluster_keys` (k,) are those of `clusters` that are codes 0..k-1 already; by default they follow from the
    labels.
    """

    weights: npt.ArrayLike | None = None
    clusters: npt.ArrayLike | None = None
    cluster_keys: Keys | None = None
    groups: Groups | None = None
    mixed_clusters: bool = False
    higher_is_positive: bool = True


def checked_rows(target: npt.ArrayLike, score: npt.ArrayLike, columns: RowColumns) -> Rows:
    """The rows of one site or calibration set, checked.

    Raises: ThresholdError: targets other than 0 and 1, scores that are not finite, columns of different
        lengths, a negative weight, a cluster with both targets.
    """
    with as_threshold_error():
        positive = _checked_target(target)
        scores = _checked_score(score, positive.size)
        weights, clusters, keys = _checked_columns(positive, columns)
    rows = Rows(positive, scores, 1 if columns.higher_is_positive else -1, weights, clusters, keys)
    if columns.groups is not None:
        rows = replace(rows, groups=checked_groups(columns.groups, positive.size))
    return rows if weights is None or weights.all() else rows.subset(weights > 0)


def fittable_rows(target: npt.ArrayLike, score: npt.ArrayLike, columns: RowColumns) -> Rows:
    """The rows, checked and fit to choose a threshold from.

    Raises: ThresholdError: as `checked_rows`; no positive row; scores that are all equal.
    """
    rows = checked_rows(target, score, columns)
    if rows.positive_count == 0:
        raise ThresholdError(
            f"target: found no positive among {rows.target.size} rows, expected at least one. "
            "A sensitivity floor needs positives: check how the target was coded."
        )
    if rows.score.size > 1 and all(
        chunk.min() == chunk.max() == rows.score[0] for chunk in _chunks(rows.score)
    ):
        raise ThresholdError(
            f"score: all {rows.score.size} rows have the score {float(rows.score[0])!r}, expected several "
            "values. No threshold separates them: check that the right column was given."
        )
    return rows


def checked_groups(groups: Groups, rows: int) -> tuple[Labels, ...]:
    """The labels of each way to group the rows, with the name of its column if there are names.

    Raises: ThresholdError: another length, or rows without a label.
    """
    if not isinstance(groups, Mapping):
        return (checked_labels(groups, rows, "groups"),)
    return tuple(
        replace(checked_labels(labels, rows, column), column=column) for column, labels in groups.items()
    )


def checked_labels(labels: npt.ArrayLike | Labels, rows: int, name: str) -> Labels:
    """The labels (n,) coded, their names as text.

    Raises: ThresholdError: another length, or rows without a label.
    """
    if isinstance(labels, Labels):
        return labels
    with as_threshold_error(name):
        codes = inputs.checked_clusters(labels, rows)
    values = np.asarray(labels)
    first = np.full(codes.count, rows, dtype=np.int64)
    np.minimum.at(first, codes.codes, np.arange(rows))
    return Labels(tuple(str(value) for value in values[first]), codes.codes)


@contextmanager
def as_threshold_error(name: str = "clusters") -> Iterator[None]:
    """A block whose StatsErrors become ThresholdErrors, `name` standing for `clusters` in their text."""
    try:
        yield
    except StatsError as error:
        raise ThresholdError(str(error).replace("clusters", name, 1)) from error


def _checked_target(target: npt.ArrayLike) -> Bools:
    values = np.asarray(target)
    if values.dtype == np.bool_ or values.dtype.kind not in "iuf" or values.ndim != 1 or not values.size:
        return inputs.checked_target(values)
    positive = np.empty(values.size, dtype=np.bool_)
    negatives = 0
    for start in range(0, values.size, CHUNK):
        chunk = values[start : start + CHUNK]
        np.equal(chunk, 1, out=positive[start : start + CHUNK])
        negatives += int(np.count_nonzero(chunk == 0))
    if np.count_nonzero(positive) + negatives != values.size:
        return inputs.checked_target(values)  # which names the rows that are neither
    return positive


def _checked_score(score: npt.ArrayLike, rows: int) -> Scores:
    values = np.asarray(score)
    if values.dtype not in (np.float32, np.float64):
        values = inputs.checked_finite(values, name="score")
    if values.ndim != 1 or not values.size:
        return inputs.checked_finite(values, name="score")
    inputs.require_same_length(rows, score=values)
    low, high = np.inf, -np.inf
    for chunk in _chunks(values):
        # a NaN is passed on by min and max, an infinity is one of them
        low, high = np.minimum(low, chunk.min()), np.maximum(high, chunk.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        inputs.checked_finite(values, name="score")
    return values


def _checked_columns(target: Bools, columns: RowColumns) -> tuple[Floats | None, Ints | None, Keys | None]:
    weights = None if columns.weights is None else inputs.checked_weights(columns.weights, target.size)
    if columns.clusters is None:
        return weights, None, None
    clusters = inputs.checked_clusters(columns.clusters, target.size)
    if not columns.mixed_clusters:
        _require_one_target(target, clusters)
    if columns.cluster_keys is not None:
        return weights, clusters.codes, columns.cluster_keys
    return weights, clusters.codes, label_keys(_names(columns.clusters, clusters))


def _names(labels: npt.ArrayLike, clusters: inputs.Clusters) -> npt.NDArray[Any]:
    """The label (k,) of each code."""
    values = np.asarray(labels)
    first = np.empty(clusters.count, dtype=np.int64)
    first[clusters.codes[::-1]] = np.arange(values.size)[::-1]
    return values[first]


def _require_one_target(target: Bools, clusters: inputs.Clusters) -> None:
    try:
        inputs.require_one_target_per_cluster(target, clusters)
    except StatsError as error:
        raise ThresholdError(
            f"{error} Where each film has a target of its own, and both may be right, "
            "say mixed_clusters=True (--mixed-clusters)."
        ) from error


def _chunks(values: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    for start in range(0, values.size, CHUNK):
        yield values[start : start + CHUNK]
