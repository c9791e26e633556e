"""How much each row, or each patient, adds to an AUROC: variances and covariances are sums over these.

One form serves all: without weights and clusters it is DeLong's, with clusters Obuchowski's, with weights its
linearisation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from strnet.errors import StatsError
from strnet.stats.inputs import Bools, Clusters, Floats, Ints
from strnet.stats.jackknife import Jackknife, LeftOut, leave_out
from strnet.stats.ranks import placements, sort_classes, sorted_placements, split_classes

ENOUGH: Final = 25
"""With fewer patients of either class the interval of an area is called approximate."""
LEAST_OF_TERMS: Final = 16.0
"""The terms of an area near 1 are few, and most 0: their fourth moment says no more than this."""


@dataclass(frozen=True, slots=True)
class PatientsByClass:
    """The patient of each positive and of each negative, and the number of patients."""

    positives: Ints
    negatives: Ints
    count: int


@dataclass(frozen=True, slots=True)
class ClassesLeftOut:
    """What leaving out each patient's positives does to an area, and each patient's negatives.

    `patients` is the number of patients; None where each row is its own.
    """

    positives: LeftOut
    negatives: LeftOut
    patients: int | None

    @property
    def parts(self) -> tuple[LeftOut, LeftOut]:
        """Both classes."""
        return self.positives, self.negatives

    @property
    def rarer(self) -> int:
        """Patients or rows of the class that has fewer."""
        return min(part.units for part in self.parts)

    @property
    def note(self) -> str:
        """Why an area of so few patients of one class has an approximate interval, or empty."""
        return f"approximate: {self.rarer} patients or films in one class" if self.rarer < ENOUGH else ""

    @property
    def effective_sizes(self) -> tuple[float, float]:
        """How many equally weighted patients the positives are worth, and the negatives."""
        return self.positives.effective_units, self.negatives.effective_units

    @property
    def freedom_of_sizes(self) -> float:
        """Degrees of freedom that the numbers of films alone would leave, in the class with fewer."""
        return min(part.freedom_of_sizes for part in self.parts)

    def jackknife(self) -> Jackknife:
        """The standard error by leaving out patients, with degrees of freedom from both classes.

        Where a few patients make the error they are fewer: the harmonic mean with those of the terms.

        Source: Welch 1947, Biometrika 34:28-35 (two samples).
        """
        variances = [part.variance for part in self.parts]
        units = sum(part.units for part in self.parts) if self.patients is None else self.patients
        if math.isnan(sum(variances)):
            return Jackknife(math.nan, 1.0, 1.0, units)
        together = self._together()
        freedom = _welch(variances, [part.freedom_of_sizes for part in self.parts])
        shown = together.freedom_of_terms(least=LEAST_OF_TERMS)
        freedom = min(freedom, 2 / (1 / freedom + 1 / shown))
        return Jackknife(math.sqrt(together.variance), freedom, self.freedom_of_sizes, units)

    def _together(self) -> LeftOut:
        """Both classes as one: a patient may have films of both, a row has one."""
        joined = np.concatenate if self.patients is None else np.add.reduce
        terms, shares = ([getattr(part, name) for part in self.parts] for name in ("terms", "shares"))
        return LeftOut(joined(terms), joined(shares))


@dataclass(frozen=True, slots=True)
class AurocInfluence:
    """An AUROC and what each row adds to its error; the terms of a class sum to 0.

    `shares` are each row's share of the weights of its class, the positives' and the negatives'; None if
    equal.
    """

    value: float
    positives: Floats
    negatives: Floats
    patients: PatientsByClass | None
    shares: tuple[Floats, Floats] | None = None

    def minus(self, other: AurocInfluence) -> AurocInfluence:
        """The difference of two AUROCs of the same rows, so that its variance is a sum of squares."""
        return AurocInfluence(
            self.value - other.value,
            self.positives - other.positives,
            self.negatives - other.negatives,
            self.patients,
            self.shares,
        )

    def scaled(self, factor: float) -> AurocInfluence:
        """What each row adds on a scale of that slope; the value is left as it is."""
        return replace(self, positives=self.positives * factor, negatives=self.negatives * factor)

    @property
    def standard_error(self) -> float:
        """NaN with fewer than two positive or two negative rows or patients."""
        variance = _independent(self) if self.patients is None else _by_patient(self, self.patients)
        # Obuchowski's three terms have three small-sample factors: their sum can fall below 0 by a hair
        return variance if math.isnan(variance) else math.sqrt(max(variance, 0.0))

    def left_out(self) -> ClassesLeftOut:
        """What leaving out each patient does to the area, by class."""
        shares = self.shares or (None, None)
        patients = self.patients
        if patients is None:
            parts = leave_out(self.positives, None, shares[0]), leave_out(self.negatives, None, shares[1])
            return ClassesLeftOut(*parts, None)
        return ClassesLeftOut(
            leave_out(self.positives, Clusters(patients.positives, patients.count), shares[0]),
            leave_out(self.negatives, Clusters(patients.negatives, patients.count), shares[1]),
            patients.count,
        )


def auroc_influence(
    target: Bools, score: Floats, clusters: Clusters | None, weights: Floats | None
) -> AurocInfluence:
    """The AUROC of checked rows of two classes and the influence of each row.

    Raises: StatsError: a class whose weights are all 0.
    """
    patients = None
    if clusters is not None:
        codes = clusters.codes
        patients = PatientsByClass(
            codes[np.flatnonzero(target)], codes[np.flatnonzero(~target)], clusters.count
        )
    if weights is None:
        parts = placements(target, score)
        value = float(parts.positives.mean())
        return AurocInfluence(
            value, _excess(parts.positives, value), _excess(parts.negatives, value), patients
        )
    above, below = split_classes(target, score)
    share_above, share_below = (_shares(part) for part in split_classes(target, weights))
    placed_above = _share_below(above, below, share_below)
    placed_below = _share_below(-below, -above, share_above)
    value = min(float(np.dot(share_above, placed_above)), 1.0)  # shares sum to 1 up to rounding
    return AurocInfluence(
        value,
        share_above * (placed_above - value),
        share_below * (placed_below - value),
        patients,
        (share_above, share_below),
    )


def _welch(variances: list[float], freedoms: list[float]) -> float:
    """Degrees of freedom of a sum of variances."""
    each = sum(variance**2 / freedom for variance, freedom in zip(variances, freedoms, strict=True))
    return sum(variances) ** 2 / each if each > 0 else 1.0


def unordered_influence(target: Bools, score: Floats) -> AurocInfluence:
    """As `auroc_influence` of independent rows, in no particular order: by sorting values only."""
    parts = sorted_placements(sort_classes(target, score))
    value = float(parts.positives.mean())
    return AurocInfluence(value, _excess(parts.positives, value), _excess(parts.negatives, value), None)


def _excess(placed: Floats, value: float) -> Floats:
    excess = placed - value
    excess /= placed.size
    return excess


def _independent(influence: AurocInfluence) -> float:
    """Source: DeLong 1988."""
    return sum(
        _corrected(part.size) * float(np.dot(part, part))
        for part in (influence.positives, influence.negatives)
    )


def _by_patient(influence: AurocInfluence, patients: PatientsByClass) -> float:
    """Source: Obuchowski 1997, Biometrics 53:567-578; patients with both classes bring the last term."""
    positive = np.bincount(patients.positives, influence.positives, minlength=patients.count)
    negative = np.bincount(patients.negatives, influence.negatives, minlength=patients.count)
    with_positive, with_negative = np.unique(patients.positives).size, np.unique(patients.negatives).size
    return (
        _corrected(with_positive) * float(np.dot(positive, positive))
        + _corrected(with_negative) * float(np.dot(negative, negative))
        + 2 * _corrected(patients.count) * float(np.dot(positive, negative))
    )


def _corrected(units: int) -> float:
    """The small-sample factor k / (k - 1); NaN for a single unit."""
    return units / (units - 1) if units > 1 else math.nan


def _shares(weights: Floats) -> Floats:
    total = weights.sum()
    if total <= 0:
        raise StatsError(
            "weights: every weight of one class is 0. At least one row of each class must count."
        )
    shares: Floats = weights / total
    return shares


def _share_below(values: Floats, others: Floats, shares: Floats) -> Floats:
    """Share of `others` that lies below each of `values`, ties counting one half."""
    order = np.argsort(others)
    cumulative = np.concatenate([[0.0], np.cumsum(shares[order])])
    ordered = others[order]
    left = cumulative[np.searchsorted(ordered, values, side="left")]
    right = cumulative[np.searchsorted(ordered, values, side="right")]
    below: Floats = (left + right) / 2
    return below
