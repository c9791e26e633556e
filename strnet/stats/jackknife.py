"""Errors by leaving out each patient in turn, and how many degrees of freedom they have.

What a row adds to a figure (its influence) says what leaving out its patient does, without computing the
figure again. Few patients, or some who bring many more films than others, are a small sample however many
films there are: the degrees of freedom say so, and Student's t answers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy import special

from strnet.stats.estimates import NO_SPREAD, Estimate
from strnet.stats.inputs import Clusters, Floats
from strnet.stats.normal import around, student_quantile
from strnet.stats.scales import Scale

FEW: Final = 4.0
"""With fewer degrees of freedom by the numbers of films than this an interval is called approximate."""
ROUNDING: Final = 1e-12
"""An error below this share of its value, or of its scale, is the rounding of equal numbers."""
LEAST: Final = 8.0
"""The fourth moment of a few terms is itself a guess: it never leaves fewer degrees of freedom than this."""


@dataclass(frozen=True, slots=True)
class Jackknife:
    """A standard error, its degrees of freedom, and the number of patients or rows that it rests on.

    `of_sizes` are the degrees of freedom that the numbers of films alone would leave. The error is NaN with
    fewer than two patients.
    """

    standard_error: float
    freedom: float
    of_sizes: float
    units: int

    def half_width(self, confidence: float) -> float:
        """Student's quantile times the error; NaN for an undefined error.

        Raises: StatsError: confidence outside (0, 1).
        """
        return student_quantile(self.freedom, confidence) * self.standard_error

    def p_value(self, difference: float) -> float:
        """The two-sided p-value that a difference is 0; NaN where it has no variance."""
        if not self.standard_error > 0:
            return math.nan
        return 2 * float(special.stdtr(self.freedom, -abs(difference) / self.standard_error))

    @property
    def note(self) -> str:
        """Why the interval is only approximate, or empty."""
        if not self.standard_error > 0 or self.of_sizes >= FEW:
            return ""
        return f"approximate: as few as {self.of_sizes + 1:.0f} patients with equally many films"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What leaving out each patient changes, and each patient's share of the rows, both (k,).

    The squares of `terms` sum to the variance. Patients without rows have share 0.
    """

    terms: Floats
    shares: Floats

    @property
    def variance(self) -> float:
        """NaN with fewer than two patients."""
        return float(np.dot(self.terms, self.terms)) if self.units > 1 else math.nan

    @property
    def units(self) -> int:
        """Patients with rows."""
        return int(np.count_nonzero(self.shares))

    @property
    def effective_units(self) -> float:
        """How many patients with equally many rows the shares are worth.

        Source: Kish 1965, Survey Sampling.
        """
        return float(1 / np.dot(self.shares, self.shares))

    @property
    def freedom_of_sizes(self) -> float:
        """Degrees of freedom of the variance if only the numbers of rows differ; units - 1 if they do not.

        Source: Satterthwaite 1946, Biometrics Bulletin 2:110-114, with terms of variance proportional to the
            squared share of their patient.
        """
        squares = self.shares**2
        return max(float(squares.sum() ** 2 / np.dot(squares, squares)) - 1, 1.0)

    def freedom_of_terms(self, least: float = LEAST) -> float:
        """Degrees of freedom by the fourth moment of the terms: few where a few patients make the error.

        Source: Satterthwaite 1946; O'Neill 2014, Amer. Statist. 68:282-296 (variance of a variance).
        """
        squares = self.terms**2
        total = float(squares.sum())
        spread = float(np.dot(squares, squares)) - total**2 / self.units
        return max(2 * total**2 / spread, least) if spread > 0 else math.inf

    @property
    def jackknife(self) -> Jackknife:
        """The standard error with the fewer of both degrees of freedom."""
        if self.units < 2:
            return Jackknife(math.nan, 1.0, 1.0, self.units)
        of_sizes = self.freedom_of_sizes
        return Jackknife(
            math.sqrt(self.variance), min(of_sizes, self.freedom_of_terms()), of_sizes, self.units
        )


def leave_out(influence: Floats, clusters: Clusters | None, shares: Floats | None = None) -> LeftOut:
    """What leaving out each patient, or each row without `clusters`, does to a figure.

    `influence` (n,) is what each row adds to the figure's error, summing to 0; `shares` (n,) each row's share
    of the weights, equal ones if None.

    Source: Tukey 1958 (jackknife); Efron 1982, The Jackknife, the Bootstrap and Other Resampling Plans, 3.
    """
    rows = influence.size
    known = np.full(rows, 1 / rows) if shares is None else shares
    if clusters is not None:
        influence, known = (sum_by_patient(part, clusters) for part in (influence, known))
    units = max(int(np.count_nonzero(known)), 1)
    rest = np.maximum(1 - known, 1 / (2 * rows))  # a single patient has none; its error is NaN
    return LeftOut(influence * (math.sqrt((units - 1) / units) / rest), known)


def sum_by_patient(values: Floats, clusters: Clusters) -> Floats:
    """Sums of values (n,) over the rows of each patient, shape (k,)."""
    return np.asarray(np.bincount(clusters.codes, values, minlength=clusters.count), dtype=np.float64)


def jackknife_estimate(
    value: float,
    influence: Floats,
    scale: Scale,
    *,
    confidence: float,
    clusters: Clusters | None = None,
    shares: Floats | None = None,
    events: int | None = None,
) -> Estimate:
    """`value` with Student's limits on `scale`, by the influence (n,) of its rows; patients are the unit.

    Raises: StatsError: confidence outside (0, 1).
    """
    found = leave_out(influence, clusters, shares).jackknife
    made = student_estimate(value, found, scale, confidence=confidence, count=influence.size)
    return replace(made, events=events, clusters=None if clusters is None else found.units)


def student_estimate(
    value: float,
    found: Jackknife,
    scale: Scale,
    *,
    confidence: float,
    count: int,
    centre: float | None = None,
) -> Estimate:
    """`value` with Student's limits on `scale`, made around `centre` where that is another; `count` rows.

    The limits hold the value whatever the centre. An error of 0, up to rounding, makes none.

    Raises: StatsError: confidence outside (0, 1).
    """
    # a kappa of 0 is made of numbers of the size of 1, and has their rounding
    still = found.standard_error <= ROUNDING * max(abs(value), scale.size)
    half = math.nan if still else found.half_width(confidence)
    low, high = around(value, scale.limits(value if centre is None else centre, half))
    return Estimate(
        value=value,
        low=low,
        high=high,
        confidence=confidence,
        method=jackknife_method(scale),
        count=count,
        standard_error=found.standard_error,
        note=_undefined(value, found, scale) if math.isnan(low) else found.note,
    )


def jackknife_method(scale: Scale) -> str:
    """The name of the method in words."""
    return f"jackknife, {scale.name}, Student's t" if scale.name else "jackknife, Student's t"


def _undefined(value: float, found: Jackknife, scale: Scale) -> str:
    if found.units < 2:
        return "one row or patient has no variance"
    if math.isnan(found.standard_error):
        return "without one of the patients the figure is undefined"
    return f"the {scale.name} scale ends at this value" if not scale.low < value < scale.high else NO_SPREAD
