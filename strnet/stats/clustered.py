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
from strnet.stats.estimates import Estimate, width_noted
from strnet.stats.inputs import Bools, checked_clusters, checked_fraction, checked_target
from strnet.stats.jackknife import leave_out
from strnet.stats.means import PatientMean, patient_mean, row_shares
from strnet.stats.normal import Limits, around, logit_limits, student_quantile, unit_limits
from strnet.stats.proportions import proportion_bounds

CLUSTERED_METHODS: Final = ("jeffreys", "korn_graubard", "gee", "wald")
PRIOR_PATIENTS: Final = 2
"""As many patients with the rarer outcome as the data show count for films that all agree."""


def clustered_proportion(
    success: npt.ArrayLike,
    clusters: npt.ArrayLike | None = None,
    *,
    weights: npt.ArrayLike | None = None,
    method: str = "jeffreys",
    confidence: float = 0.95,
) -> Estimate:
    """The share of successes among rows (n,) of 0 and 1 that come by patient, weighted, or both.

    `jeffreys` and `korn_graubard` (Clopper-Pearson) take an effective number of rows and are defined at no
    and at all successes. The spread of a few failures says little of how alike a patient's films are, so
    `jeffreys` draws its number towards that of the patients. `gee` is the logit interval of an
    intercept-only GEE with independence working correlation and sandwich error, `wald` the plain one of the
    linearised error; both are undefined there.

    Raises: StatsError: unusable rows, fewer than two patients, an unknown method.
    Source: Cochran 1977, Sampling Techniques, 3.12 (ratio estimator); Korn and Graubard 1998, Survey
        Methodology 24:193-201; Franco, Little, Louis, Slud 2019, J. Surv. Stat. Methodol. 7:334-364 (Jeffreys
        at an effective size); Liang and Zeger 1986, Biometrika 73:13-22.
    """
    if method not in CLUSTERED_METHODS:
        raise StatsError(unknown_name("clustered method", method, CLUSTERED_METHODS))
    hits = checked_target(success, name="success")
    mean = patient_mean(hits.astype(np.float64), clusters, weights)
    if mean.units < 2:
        raise StatsError("clusters: found one patient, expected at least two. A variance needs several.")
    if method == "jeffreys":
        low, high = _jeffreys(hits, clusters, weights, confidence)
    else:
        low, high = _limits(mean, hits.size, method, confidence)
    low, high = around(mean.value, (low, high))  # Jeffreys' limits leave out a share of next to nothing
    return width_noted(
        Estimate(
            value=mean.value,
            low=low,
            high=high,
            confidence=confidence,
            method=method,
            count=hits.size,
            events=int(np.count_nonzero(hits)) if weights is None else None,
            clusters=None if clusters is None else mean.units,
            standard_error=mean.standard_error,
            note="no variance at a share of 0 or 1; method='jeffreys' is defined" if math.isnan(low) else "",
        )
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


def _jeffreys(
    hits: Bools, clusters: npt.ArrayLike | None, weights: npt.ArrayLike | None, confidence: float
) -> Limits:
    """Jeffreys' limits at an effective number of rows; Clopper and Pearson's where all rows agree."""
    known = None if clusters is None else checked_clusters(clusters, hits.size)
    shares = row_shares(hits.size, weights)
    share = float(shares[hits].sum())
    left = leave_out(shares * (hits - share), known, shares)
    patients, counted = left.effective_units, hits[shares > 0]
    if counted.all() or not counted.any():
        return _bounds(float(counted[0]), patients, "clopper_pearson", confidence)
    spread = share * (1 - share)
    rarer = np.flatnonzero((hits != (share > 0.5)) & (shares > 0))
    shown = rarer.size if known is None else np.unique(known.codes[rarer]).size
    unknown = PRIOR_PATIENTS / (PRIOR_PATIENTS + shown)
    size = 1 / ((1 - unknown) * left.variance / spread + unknown / patients)
    # Student's quantile in place of the normal one, as the variance is estimated
    wider = student_quantile(hits.size - 1, confidence) / student_quantile(left.freedom_of_sizes, confidence)
    return _bounds(share, min(size * wider**2, float(hits.size)), "jeffreys", confidence)


def _bounds(share: float, size: float, method: str, confidence: float) -> Limits:
    low, high = proportion_bounds(share * size, size, method=method, confidence=confidence)
    return float(low), float(high)


def _limits(mean: PatientMean, rows: int, method: str, confidence: float) -> Limits:
    if method == "korn_graubard":
        size = _effective_size(mean, rows, confidence)
        return _bounds(mean.value, size, "clopper_pearson", confidence)
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
