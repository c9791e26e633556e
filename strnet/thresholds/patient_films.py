"""The positive films of patients: what each patient stakes, and the share of it that a threshold misses."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from strnet.stats.inputs import Bools, Floats, Ints
from strnet.thresholds.reading_order import Keys, content_keys, film_keys
from strnet.thresholds.rows import ClassRows


@dataclass(frozen=True, slots=True)
class PatientFilms:
    """Films (n,) ordered by patient and then by score; patients (p,) in the order of their codes.

    `part` (n,) is what a missed film costs: its weight over the patient's number of films, in units of the
    largest weight that the design can give. `keys` (p,) order the patients, `first` (p,) is where one starts.
    """

    score: Floats
    part: Floats
    first: Ints
    keys: Keys

    @property
    def patients(self) -> int:
        """Number of patients."""
        return int(self.first.size)

    @property
    def films(self) -> Ints:
        """Number of films (p,) of each patient."""
        return np.diff(self.first, append=self.score.size)

    @property
    def owner(self) -> Ints:
        """The patient (n,) of each film."""
        return np.repeat(np.arange(self.patients), self.films)

    @property
    def worth(self) -> Floats:
        """What a patient (p,) counts: the mean weight of its films, in [0, 1]."""
        return np.add.reduceat(self.part, self.first)

    def missed(self, threshold: float) -> Floats:
        """What of each patient's worth (p,) lies below `threshold`."""
        return np.add.reduceat(self.part * (self.score < threshold), self.first)

    def of(self, chosen: Bools) -> PatientFilms:
        """The films of the patients where `chosen` (p,) is true."""
        films = self.films
        kept = np.repeat(chosen, films)
        first = np.concatenate([[0], np.cumsum(films[chosen])[:-1]])
        return replace(
            self, score=self.score[kept], part=self.part[kept], first=first, keys=self.keys[chosen]
        )

    def one_each(self, seed_keys: Keys) -> Floats:
        """The score (p,) of one film of each patient, drawn by `seed_keys` (p,) and the films themselves."""
        drawn = film_keys(np.repeat(seed_keys, self.films), self.score)
        order = np.lexsort((drawn, self.owner))
        return self.score[order[self.first]]


def patient_films(rows: ClassRows, max_weight: float | None) -> PatientFilms:
    """The films of `rows` by patient; each row is a patient of its own where there are no clusters.

    `max_weight` is the largest weight that the design can give, None where rows have none.
    """
    weight = np.ones(rows.score.size) if rows.weights is None else rows.weights / (max_weight or 1.0)
    if rows.clusters is None:
        order = np.lexsort((weight, rows.score))
        score, weight = rows.score[order], weight[order]
        return PatientFilms(score, weight, np.arange(score.size), content_keys(score, weight))
    # by weight last of all: the order of rows must not change a sum
    by = (rows.score, rows.clusters) if rows.weights is None else (weight, rows.score, rows.clusters)
    order = np.lexsort(by)
    codes = rows.clusters[order]
    first = np.flatnonzero(np.diff(codes, prepend=-1))
    films = np.diff(first, append=codes.size)
    assert rows.cluster_keys is not None
    part = weight[order] / np.repeat(films, films)
    return PatientFilms(rows.score[order], part, first, rows.cluster_keys[codes[first]])
