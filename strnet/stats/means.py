"""Means over rows that come by patient or carry weights, with errors that know it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from strnet.stats.estimates import Estimate
from strnet.stats.inputs import (
    Clusters,
    Floats,
    checked_clusters,
    checked_finite,
    checked_fraction,
    checked_weights,
)


@dataclass(frozen=True, slots=True)
class PatientMean:
    """A mean over rows that come by patient, or with weights, and its linearised standard error.

    `units` is the number of patients, or of rows where there are none; the error is NaN for one unit.
    """

    value: float
    standard_error: float
    units: int


def patient_mean(
    values: npt.ArrayLike, clusters: npt.ArrayLike | None = None, weights: npt.ArrayLike | None = None
) -> PatientMean:
    """The mean of values (n,), and its standard error with patients as units of sampling.

    Raises: StatsError: unusable values, clusters or weights.
    Source: Cochran 1977, Sampling Techniques, 3.12; with k / (k - 1) for k patients.
    """
    rows = checked_finite(values, name="values")
    shares = _shares(rows.size, weights)
    value = float(np.dot(shares, rows))
    terms, units = shares * (rows - value), int(np.count_nonzero(shares))
    if clusters is not None:
        known = checked_clusters(clusters, rows.size)
        units = np.unique(known.codes[shares > 0]).size
        terms = sum_by_patient(terms, known)
    error = math.sqrt(units / (units - 1) * float(np.dot(terms, terms))) if units > 1 else math.nan
    return PatientMean(value, error, units)


def mean_estimate(values: npt.ArrayLike, confidence: float, clusters: npt.ArrayLike | None) -> Estimate:
    """The mean of values (n,) with Student's interval, over patients with `clusters` (n,).

    Raises: StatsError: unusable values or clusters.
    """
    rows = checked_finite(values, name="values")
    mean = patient_mean(rows, clusters)
    half = _half_width(mean, confidence)
    return Estimate(
        mean.value,
        mean.value - half,
        mean.value + half,
        confidence,
        "student",
        rows.size,
        clusters=None if clusters is None else mean.units,
        standard_error=mean.standard_error,
        note="one row or patient has no variance" if math.isnan(half) else "",
    )


def student_quantile(freedom: int, confidence: float) -> float:
    """The two-sided quantile of Student's t.

    Raises: StatsError: confidence outside (0, 1).
    """
    return -float(special.stdtrit(freedom, (1 - checked_fraction(confidence, name="confidence")) / 2))


def sum_by_patient(values: Floats, clusters: Clusters) -> Floats:
    """Sums of values (n,) over the rows of each patient, shape (k,)."""
    return np.asarray(np.bincount(clusters.codes, values, minlength=clusters.count), dtype=np.float64)


def _half_width(mean: PatientMean, confidence: float) -> float:
    if mean.units < 2:
        return math.nan
    return student_quantile(mean.units - 1, confidence) * mean.standard_error


def _shares(rows: int, weights: npt.ArrayLike | None) -> Floats:
    if weights is None:
        return np.full(rows, 1.0 / rows)
    known = checked_weights(weights, rows)
    shares: Floats = known / known.sum()
    return shares
