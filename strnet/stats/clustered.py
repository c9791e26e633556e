"""Proportions over patients: films of one patient are no independent cases.

statsmodels' GEE finds its interval iteratively; for a single proportion it has the closed form used here. No
Python package has Korn and Graubard's.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

from strnet.errors import StatsError, unknown_name
from strnet.stats.estimates import Estimate
from strnet.stats.inputs import checked_fraction, checked_target
from strnet.stats.means import PatientMean, patient_mean
from strnet.stats.normal import Limits, logit_limits, unit_limits
from strnet.stats.proportions import proportion_bounds

CLUSTERED_METHODS: Final = ("korn_graubard", "gee", "wald")


def clustered_proportion(
    success: npt.ArrayLike,
    clusters: npt.ArrayLike | None = None,
    *,
    weights: npt.ArrayLike | None = None,
    method: str = "korn_graubard",
    confidence: float = 0.95,
) -> Estimate:
    """The share of successes among rows (n,) of 0 and 1 that come by patient, weighted, or both.

    `korn_graubard` is Clopper-Pearson at an effective number of rows and is defined at no and at all
    successes. `gee` is the logit interval of an intercept-only GEE with independence working correlation and
    sandwich error, `wald` the plain one of the linearised error; both are undefined there.

    Raises: StatsError: unusable rows, fewer than two patients, an unknown method.
    Source: Cochran 1977, Sampling Techniques, 3.12 (ratio estimator); Korn and Graubard 1998, Survey
        Methodology 24:193-201; Liang and Zeger 1986, Biometrika 73:13-22.
    """
    if method not in CLUSTERED_METHODS:
        raise StatsError(unknown_name("clustered method", method, CLUSTERED_METHODS))
    hits = checked_target(success, name="success")
    mean = patient_mean(hits.astype(np.float64), clusters, weights)
    if mean.units < 2:
        raise StatsError("clusters: found one patient, expected at least two. A variance needs several.")
    low, high = _limits(mean, hits.size, method, confidence)
    return Estimate(
        value=mean.value,
        low=low,
        high=high,
        confidence=confidence,
        method=method,
        count=hits.size,
        events=int(np.count_nonzero(hits)) if weights is None else None,
        clusters=None if clusters is None else mean.units,
        standard_error=mean.standard_error,
        note="no variance at a share of 0 or 1; method='korn_graubard' is defined" if math.isnan(low) else "",
    )


def korn_graubard_size(
    success: npt.ArrayLike,
    clusters: npt.ArrayLike | None = None,
    *,
    weights: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> float:
    """The number of independent rows that carries as much about the share of successes, 0 < size <= n.

    Where the variance is 0 because all rows agree it is the number of patients, since nothing shows that a
    patient's rows differ.

    Raises: StatsError: as `clustered_proportion`.
    Source: Korn and Graubard 1998, Survey Methodology 24:193-201, with their factor for degrees of freedom.
    """
    hits = checked_target(success, name="success")
    mean = patient_mean(hits.astype(np.float64), clusters, weights)
    if mean.units < 2:
        raise StatsError("clusters: found one patient, expected at least two. A variance needs several.")
    return _effective_size(mean, hits.size, confidence)


def _limits(mean: PatientMean, rows: int, method: str, confidence: float) -> Limits:
    if method == "korn_graubard":
        size = _effective_size(mean, rows, confidence)
        low, high = proportion_bounds(
            min(mean.value, 1.0) * size, size, method="clopper_pearson", confidence=confidence
        )
        return float(low), float(high)
    if mean.value in (0.0, 1.0):
        return math.nan, math.nan
    if method == "wald":
        return unit_limits(mean.value, mean.standard_error, confidence)
    # Liang and Zeger's sandwich has no small-sample factor
    sandwich = mean.standard_error * math.sqrt((mean.units - 1) / mean.units)
    return logit_limits(mean.value, sandwich, confidence)


def _effective_size(mean: PatientMean, rows: int, confidence: float) -> float:
    spread = mean.value * (1 - mean.value)
    if spread <= 0:
        return float(mean.units)
    if mean.standard_error == 0:
        return float(rows)
    tail = (1 - checked_fraction(confidence, name="confidence")) / 2
    wider = special.stdtrit(rows - 1, tail) / special.stdtrit(mean.units - 1, tail)
    return min(float(rows), spread / mean.standard_error**2 * float(wider) ** 2)
