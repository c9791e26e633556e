"""A guarantee on the mean miss of patients with any number of films, by betting against too many misses.

Patient i misses the share L_i(t) of its positive films. If the mean of L(t) is at least a = 1 - floor, the
wealth of a player who pays lambda_i >= 0 for a - L_i(t) is a supermartingale, however lambda_i depends on the
patients before; so it reaches 1 / delta with probability at most delta (Ville). A threshold is held safe once
its wealth has been there. Thresholds are tested upwards and the first failure ends it: no correction.

Source: Waudby-Smith and Ramdas 2024, JRSS B 86:1-27 (capital process for bounded means); Voracek and Orabona
2025, arXiv:2505.22422 (the stake is computed anew from the wealth still missing and the patients to come);
Angelopoulos et al. 2021, arXiv:2110.01052 (fixed-sequence testing).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from strnet.stats.inputs import Floats, Ints

PRIOR_PATIENTS = 30.0
"""Patients that the assumed variance a (1 - a) counts as, before the first one is seen."""
CAUTION = 0.9
"""Share of the stake that would be best were the variance known. Neither constant touches the guarantee."""
BLOCK = 256
"""Thresholds tested in one pass over the patients."""


def safe_misses(
    score: Floats, clusters: Ints, miss_share: float, delta: float, generator: np.random.Generator
) -> int:
    """The most films that may lie below the threshold so that the patients' mean miss is below `miss_share`.

    `score` (n,) of the positive films, `clusters` (n,) their patients. -1 where not even 0 films is proven.
    The order in which patients are read is drawn from `generator`, so that the order of rows plays no part.
    """
    films = _films_in_reading_order(score, clusters, generator)
    target = -math.log(delta)
    proven = -1
    for first in range(0, score.size, BLOCK):
        missed = np.arange(first, min(first + BLOCK, score.size))
        failed = np.flatnonzero(_log_wealth(films, missed, miss_share, target) < target)
        if failed.size:
            return proven + int(failed[0])
        proven = int(missed[-1])
    return proven


def _films_in_reading_order(score: Floats, clusters: Ints, generator: np.random.Generator) -> list[Ints]:
    # equal scores share the rank of the first of them: once one counts as missed, all do, the harder test
    rank = np.searchsorted(np.sort(score), score, side="left")
    order = np.argsort(clusters, kind="stable")
    edges = np.flatnonzero(np.diff(clusters[order])) + 1
    patients = np.split(rank[order], edges)
    return [patients[index] for index in generator.permutation(len(patients))]


def _log_wealth(films: list[Ints], missed: Ints, share: float, target: float) -> Floats:
    """The log wealth (k,) at each of `missed` (k,); it stands still once it has reached `target`."""
    wealth = np.zeros(missed.size)
    total = np.zeros(missed.size)
    squares = np.full(missed.size, PRIOR_PATIENTS * share * (1 - share))
    for patient, loss in enumerate(_losses(films, missed)):
        seen = patient + PRIOR_PATIENTS
        stake = CAUTION * np.sqrt(
            2 * np.maximum(target - wealth, 0.0) / (squares / seen * (len(films) - patient))
        )
        stake = np.minimum(stake, 1 / (1 - share))
        with np.errstate(divide="ignore"):  # a stake of everything can lose everything
            gain = np.log1p(np.maximum(stake * (share - loss), -1.0))
        wealth = np.where(wealth < target, wealth + gain, wealth)
        squares += np.square(loss - (PRIOR_PATIENTS * share + total) / seen)
        total += loss
    return wealth


def _losses(films: list[Ints], missed: Ints) -> Iterator[Floats]:
    for ranks in films:
        yield np.count_nonzero(ranks[:, None] < missed, axis=0) / ranks.size
