"""The bootstrap over patients: whole patients are drawn, within strata, and what is undefined is counted.

A statistic is a function of how often each patient was drawn. Those of `counting` work on scores sorted once:
a draw costs a few passes over the rows, where scikit-learn's metrics in a loop take fifty times longer.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from strnet.errors import StatsError
from strnet.stats.estimates import Estimate, width_noted
from strnet.stats.inputs import (
    Clusters,
    Floats,
    Ints,
    checked_clusters,
    checked_fraction,
    require_same_length,
)

CountStatistic = Callable[[Ints], npt.ArrayLike]
"""Takes how often each patient was drawn (k,); returns one or several figures, NaN where undefined."""

CHUNKS = 16
"""Streams of random numbers: fixed, so that figures do not depend on the number of threads."""


@dataclass(frozen=True, slots=True)
class Resampling:
    """How to draw: `draws` resamples of patients, at equal numbers in each stratum if `stratified`.

    `threads` 0 means one per core, at most four.
    """

    draws: int = 2000
    stratified: bool = True
    threads: int = 0

    def __post_init__(self) -> None:
        if self.draws < 1:
            raise StatsError(
                f"draws: found {self.draws}, expected 1 or more; 2000 are usual for an interval."
            )


@dataclass(frozen=True, slots=True)
class BootstrapDraws:
    """Figures of the resamples in which all were defined, (kept, figures), and how many were dropped."""

    values: Floats
    dropped: int

    @property
    def standard_errors(self) -> Floats:
        """Standard deviations over the resamples, shape (figures,)."""
        errors: Floats = self.values.std(axis=0, ddof=1)
        return errors

    def limits(self, confidence: float = 0.95) -> tuple[Floats, Floats]:
        """Percentile limits, each of shape (figures,).

        Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, 13.3.
        """
        tail = (1 - checked_fraction(confidence, name="confidence")) / 2
        low, high = np.quantile(self.values, [tail, 1 - tail], axis=0)
        return low, high

    def estimate(
        self,
        value: float,
        column: int = 0,
        *,
        confidence: float,
        count: int,
        events: int | None = None,
        clusters: int | None = None,
    ) -> Estimate:
        """`value` with the percentile limits of a column; the note says how many resamples were dropped."""
        low, high = (float(limit[column]) for limit in self.limits(confidence))
        drawn = len(self.values) + self.dropped
        return width_noted(
            Estimate(
                value=value,
                low=low,
                high=high,
                confidence=confidence,
                method=f"bootstrap, {drawn} draws",
                count=count,
                events=events,
                clusters=clusters,
                standard_error=float(self.standard_errors[column]),
                note=f"{self.dropped} of {drawn} resamples dropped" if self.dropped else "",
            )
        )


def cluster_bootstrap(
    statistic: Callable[[Ints], npt.ArrayLike],
    rows: int,
    *,
    rng: np.random.Generator,
    clusters: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    resampling: Resampling | None = None,
) -> BootstrapDraws:
    """`statistic` of resampled patients: it takes row numbers, with repeats, and returns its figures.

    `clusters` (n,) patients, each row its own without them; `strata` (n,), the same for all of a patient.
    A statistic that raises is not caught; one that returns NaN has its resample dropped and counted. It is
    called from one thread unless `resampling` asks for more.

    Raises: StatsError: unusable clusters, a patient in two strata, or every resample undefined.
    Source: Davison and Hinkley 1997, Bootstrap Methods and their Application, 3.8 (whole clusters are drawn).
    """
    known = own_clusters(rows, clusters)
    of_patient = None if strata is None else _strata_of_patients(strata, known)
    how = resampling or Resampling()

    def of_counts(counts: Ints) -> npt.ArrayLike:
        return statistic(np.repeat(np.arange(rows), counts[known.codes]))

    return bootstrap_counts(
        of_counts, known.count, of_patient, rng=rng, resampling=replace(how, threads=max(how.threads, 1))
    )


def bootstrap_counts(
    statistic: CountStatistic,
    patients: int,
    strata: Ints | None,
    *,
    rng: np.random.Generator,
    resampling: Resampling,
) -> BootstrapDraws:
    """`statistic` of how often each of `patients` was drawn, `strata` (k,) being the stratum of each.

    Raises: StatsError: every resample undefined.
    """
    members = _members(patients, strata if resampling.stratified else None)
    sizes = [len(part) for part in np.array_split(np.arange(resampling.draws), CHUNKS)]

    def chunk(size: int, stream: np.random.Generator) -> Floats:
        found = [statistic(_draw(members, patients, stream)) for _ in range(size)]
        return np.asarray(found, dtype=np.float64).reshape(size, -1)

    work = [(size, stream) for size, stream in zip(sizes, rng.spawn(CHUNKS), strict=True) if size]
    threads = resampling.threads or min(4, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads) as pool:
        values = np.concatenate(list(pool.map(lambda job: chunk(*job), work)))
    kept = values[~np.isnan(values).any(axis=1)]
    if not len(kept):
        raise StatsError(
            f"bootstrap: all {len(values)} resamples were undefined. A class or value is too rare to be "
            "drawn: use a closed-form interval, or resample within classes."
        )
    return BootstrapDraws(kept, len(values) - len(kept))


def own_clusters(rows: int, clusters: npt.ArrayLike | None) -> Clusters:
    """The patients of the rows, or each row as its own.

    Raises: StatsError: as `checked_clusters`.
    """
    return Clusters(np.arange(rows), rows) if clusters is None else checked_clusters(clusters, rows)


def strata_by_class(codes: Ints, clusters: Clusters, classes: int = 2) -> Ints:
    """For each patient which classes its rows have, as a number, shape (k,): they are drawn apart.

    `codes` (n,) class of each row.
    """
    present = np.zeros((clusters.count, classes), dtype=np.int64)
    present[clusters.codes, codes] = 1
    return present @ (1 << np.arange(classes))


def _strata_of_patients(strata: npt.ArrayLike, clusters: Clusters) -> Ints:
    labels = np.asarray(strata)
    require_same_length(clusters.codes.size, strata=labels)
    codes = checked_clusters(labels, labels.size).codes
    of_patient = np.zeros(clusters.count, dtype=np.int64)
    of_patient[clusters.codes] = codes
    if (of_patient[clusters.codes] != codes).any():
        raise StatsError(
            "strata: found a patient in two strata, expected one. Stratify by something of patients."
        )
    return of_patient


def _members(patients: int, strata: Ints | None) -> list[Ints]:
    if strata is None:
        return [np.arange(patients)]
    return [np.flatnonzero(strata == label) for label in np.unique(strata)]


def _draw(members: list[Ints], patients: int, stream: np.random.Generator) -> Ints:
    """How often each patient is drawn when every stratum is drawn with replacement, shape (patients,)."""
    picks = [stream.integers(0, part.size, size=part.size) for part in members]
    if len(members) == 1:
        return np.bincount(picks[0], minlength=patients)
    drawn = np.concatenate([part[pick] for part, pick in zip(members, picks, strict=True)])
    return np.bincount(drawn, minlength=patients)
