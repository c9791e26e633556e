"""A guarantee on the patients' mean miss, whatever their number of films and weights, by betting against it.

At a threshold t patient i misses the share L_i of what it is worth, w_i in [0, 1]. If the weighted mean miss
is at least a = 1 - floor, w_i (a - L_i) is not positive on average, and the wealth of a player who stakes
lambda_i >= 0 on it is a supermartingale, however lambda_i depends on the patients before: worth at most 1 on
average when the player stops. So is the mean over several orders of reading, which reaches 1 / delta with
probability at most delta (Markov). Thresholds are tested upwards and the first failure ends it, without a
correction.

Source: Waudby-Smith and Ramdas 2024, JRSS B 86:1-27 (capital process for bounded means); Browne 1999, Adv.
Appl. Probab. 31:551-577 (the stake that most surely reaches a goal by a deadline); Vovk and Wang 2021, Ann.
Stat. 49:1736-1754 (means of e-values); Angelopoulos et al. 2021, arXiv:2110.01052 (fixed-sequence testing).
"""

from __future__ import annotations

import math

import numpy as np

from strnet.stats.inputs import Floats, Ints
from strnet.thresholds import pilot_betting
from strnet.thresholds.patient_films import PatientFilms
from strnet.thresholds.reading_order import ORDERS, reading_orders
from strnet.thresholds.stakes import Game

FEW_FILMS, FEW_PATIENTS = 3000, 1000
"""Up to so many films, or patients, each score is tested, patient by patient; above, a pilot's, in blocks."""
BATCH = 64
"""Thresholds tested in one pass over the patients."""


def highest_safe(films: PatientFilms, share: float, delta: float, seed: int | None = None) -> float | None:
    """The highest threshold at which the patients' mean miss is proven below `share`; None without one.

    Patients are read in orders that follow from their keys, and from `seed` where one is given.
    """
    if films.score.size > FEW_FILMS and films.patients > FEW_PATIENTS:
        return pilot_betting.highest_safe(films, share, delta, seed)
    orders = reading_orders(films.keys, ORDERS, seed)
    thresholds = np.unique(films.score)
    for first in range(0, thresholds.size, BATCH):
        tested = thresholds[first : first + BATCH]
        failed = np.flatnonzero(mean_wealth(films, tested, orders, share, delta) < 1 / delta)
        if failed.size:
            place = first + int(failed[0]) - 1
            return float(thresholds[place]) if place >= 0 else None
    return float(thresholds[-1])


def mean_wealth(films: PatientFilms, thresholds: Floats, orders: Ints, share: float, delta: float) -> Floats:
    """The mean over `orders` (o, p) of the wealth (k,) that bets at each of `thresholds` (k,) end with."""
    worth = films.worth
    missed = (films.score[:, None] < thresholds) * films.part[:, None]
    brought = share * worth[:, None] - np.add.reduceat(missed, films.first, axis=0)
    game = Game.of(
        len(orders), thresholds.size, share=share, delta=delta, patients=films.patients, most=1 / (1 - share)
    )
    one = np.ones(1)
    for patients in orders.T:
        gained, of = brought[patients], worth[patients, None]
        with np.errstate(divide="ignore"):  # a stake of everything can lose everything
            growth = np.log1p(np.maximum(game.stake() * gained, -1.0))
        game.add(growth, gained, gained * gained, (one, of, of * of))
    mean: Floats = np.exp(game.log_wealth).mean(axis=0)
    return mean


def fewest_patients(share: float, delta: float, mean_worth: float = 1.0) -> int:
    """About how many patients it takes to prove anything, when none is missed, at this `mean_worth`.

    Source: ln(1 / delta) / ln(1 + mean(w) a / (1 - a)), all of the wealth staked on each patient.
    """
    return math.ceil(math.log(1 / delta) / math.log1p(mean_worth * share / (1 - share)))
