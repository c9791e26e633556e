"""A confidence sequence for the mean miss of patients: it may be looked at after every patient.

Patient i misses the share L_i of its positive films. Whoever stakes a fixed part of his wealth on every L_i
being less than m has a supermartingale for a wealth as long as E L >= m, so that it ever reaches 1 / delta
with probability at most delta (Ville). The wealth here is a mean over such stakes, each that of a likelihood
ratio of a lower miss share p against m: for one film a patient it is a Bayes factor. It does not depend on
the order of patients, so that nobody can shop for one. With weights, w (L - m) / w_max is bounded like L - m.

The prior over p / m was chosen by the patients that it takes to certify a floor of .86 at true sensitivities
of .90, .92 and .95, against aGRAPA, online Newton steps and other priors.

Source: Waudby-Smith and Ramdas 2024, JRSS B 86:1-27 (betting); Robbins 1970, Ann Math Stat 41:1397
(mixtures); Ville 1939, Etude critique de la notion de collectif.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from scipy import special

from strnet.stats.inputs import Floats

STAKES: Final = 64
RATIOS: Final[Floats] = (np.arange(STAKES) + 0.5) / STAKES
"""Miss shares that the stakes are best for, as shares of the one that is bet against."""
PRIOR: Final[Floats] = RATIOS**2 * (1 - RATIOS) / np.sum(RATIOS**2 * (1 - RATIOS))
WEIGHTED_PRIOR: Final[Floats] = np.full(STAKES, 1 / STAKES)
"""Higher stakes: most patients weigh less than the heaviest that there may be."""
BISECTIONS: Final = 60


@dataclass(frozen=True)
class PatientMisses:
    """Independent patients: the share (n,) of positive films missed in each, and what each weighs (n,).

    Shares lie in [0, 1], weights in (0, max_weight]; `max_weight` was declared by the design, before any
    patient was seen. Both are None where all patients weigh the same.
    """

    share: Floats
    weight: Floats | None = None
    max_weight: float | None = None

    @property
    def patients(self) -> int:
        """Number of patients."""
        return int(self.share.size)

    @cached_property
    def outcomes(self) -> tuple[Floats, Floats, Floats]:
        """The different outcomes (k,): share missed, weight as a share of the largest, patients of each."""
        weight = np.ones(self.patients) if self.weight is None else self.weight / (self.max_weight or 1.0)
        pairs, count = np.unique(self.share + 1j * weight, return_counts=True)
        return pairs.real, pairs.imag, count.astype(np.float64)

    @cached_property
    def miss_share(self) -> float:
        """The weighted mean of the shares; NaN without a patient."""
        share, weight, count = self.outcomes
        total = float(np.sum(weight * count))
        return float(np.sum(share * weight * count)) / total if total else math.nan

    @cached_property
    def mean_weight(self) -> float:
        """The mean weight as a share of the largest; 1 without a patient."""
        _, weight, count = self.outcomes
        return float(np.sum(weight * count) / np.sum(count)) if self.patients else 1.0


def stakes(miss_share: float, *, for_fewer: bool) -> Floats:
    """The stakes (k,) on L - `miss_share`: below 0 on patients being missed less, above 0 on more.

    Source: those under which a patient with one film changes the wealth by the ratio of his likelihoods under
        the miss share p that is bet for, and under `miss_share`; p is `miss_share` times a ratio, or divided.
    """
    bet_for = miss_share * RATIOS if for_fewer else miss_share / (miss_share + (1 - miss_share) * RATIOS)
    found: Floats = (bet_for - miss_share) / (miss_share * (1 - miss_share))
    return found


class Wealth:
    """What betting against one miss share has won, stake by stake, and would win from more patients.

    `for_fewer` bets that patients miss less than `miss_share` (a certificate), otherwise more (an alarm).
    """

    def __init__(self, misses: PatientMisses, miss_share: float, *, for_fewer: bool) -> None:
        """Keep the wealth of `misses` against `miss_share`, strictly between 0 and 1."""
        self._stake = stakes(miss_share, for_fewer=for_fewer)
        self._miss_share = miss_share
        self._log_prior = np.log(PRIOR if misses.weight is None else WEIGHTED_PRIOR)
        share, weight, count = misses.outcomes
        self._won = self._gain(share, weight) @ count
        self._unmissed = self._gain(np.zeros(1), np.full(1, misses.mean_weight))[:, 0]

    def log(self, *, times: float = 1.0, unmissed: float = 0.0) -> float:
        """The log wealth if these patients had come `times` as often, and so many more without a miss."""
        won = self._won * times + self._unmissed * unmissed
        return float(special.logsumexp(self._log_prior + won))

    def _gain(self, share: Floats, weight: Floats) -> Floats:
        return np.log1p(self._stake[:, None] * (weight * (share - self._miss_share)))


def sensitivity_bounds(misses: PatientMisses, delta: float) -> tuple[float, float]:
    """Lower and upper bound of the sensitivity; each is wrong, ever, with probability at most delta."""
    most = _edge(lambda m: _reached(misses, m, delta, for_fewer=True)) if misses.patients else 1.0
    fewest = _edge(lambda m: not _reached(misses, m, delta, for_fewer=False)) if misses.patients else 0.0
    return 1 - most, 1 - fewest


def _reached(misses: PatientMisses, miss_share: float, delta: float, *, for_fewer: bool) -> bool:
    return Wealth(misses, miss_share, for_fewer=for_fewer).log() >= -math.log(delta)


def _edge(holds: Callable[[float], bool]) -> float:
    """The miss share from which the monotone `holds` is true; 1 where it never is."""
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if not 0 < middle < 1:
            break
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
