"""Means over rows that come by patient or carry weights, with errors that know it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from strnet.stats.estimates import Estimate
from strnet.stats.inputs import (
    Floats,
    checked_clusters,
    checked_finite,
    checked_weights,
)
from strnet.stats.jackknife import leave_out, student_estimate, sum_by_patient
from strnet.stats.scales import PLAIN, Scale


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
    shares = row_shares(rows.size, weights)
    value = float(np.clip(np.dot(shares, rows), rows.min(), rows.max()))  # shares sum to 1 up to rounding
    terms, units = shares * (rows - value), int(np.count_nonzero(shares))
    if clusters is not None:
        known = checked_clusters(clusters, rows.size)
        units = np.unique(known.codes[shares > 0]).size
        terms = sum_by_patient(terms, known)
    error = math.sqrt(units / (units - 1) * float(np.dot(terms, terms))) if units > 1 else math.nan
    return PatientMean(value, error, units)


def mean_estimate(
    values: npt.ArrayLike, confidence: float, clusters: npt.ArrayLike | None, scale: Scale = PLAIN
) -> Estimate:
    """The mean of values (n,) with Student's interval on `scale`, over patients with `clusters` (n,).

    Patients who bring unequal numbers of rows leave fewer degrees of freedom.

    Raises: StatsError: unusable values or clusters.
    """
    rows = checked_finite(values, name="values")
    known = None if clusters is None else checked_clusters(clusters, rows.size)
    mean = float(rows.mean())
    left = leave_out((rows - mean) / rows.size, known)
    found = replace(left.jackknife, freedom=left.freedom_of_sizes)
    made = student_estimate(mean, found, scale, confidence=confidence, count=rows.size)
    return replace(made, clusters=None if known is None else found.units)


def row_shares(rows: int, weights: npt.ArrayLike | None) -> Floats:
    """Each row's share of the weights, shape (rows,); equal ones without weights.

    Raises: StatsError: unusable weights.
    """
    if weights is None:
        return np.full(rows, 1.0 / rows)
    known = checked_weights(weights, rows)
    shares: Floats = known / known.sum()
    return shares
