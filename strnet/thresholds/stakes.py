"""A game of bets against too many misses: what has been seen of it, and what to stake next.

Every stake rests on the patients read before only; nothing else is needed for the guarantee. How well it is
chosen decides how many patients a proof takes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtri

from strnet.stats.inputs import Floats

PRIOR_PATIENTS = 30.0
"""Patients that the assumed spread of one miss counts as, before the first one is seen."""
PRIOR_WORTHS = 3.0
"""Patients of the largest worth that are assumed before the first one is seen."""
AIM = 1.3
"""The player aims at AIM / delta: the mean over orders then needs not quite all of them to get there."""
LEAST_SPREAD = 1e-3
"""Of the variance that patients of one film each would have."""


@dataclass(slots=True)
class Game:
    """Bets at several thresholds at once; arrays (o, k) are by order of reading and by threshold.

    `share` is a, the mean miss bet against, `goal` the log wealth aimed at, `left` the patients to come.
    `gained` and `squares` sum w (a - L) and its square over the patients read; `worth` (o, 1) and
    `worth_squares` sum w and w^2. No stake is above `most`; at 1 / (1 - a) a whole miss takes everything.
    """

    share: float
    goal: float
    left: Floats | float
    most: float
    log_wealth: Floats
    gained: Floats = field(init=False)
    squares: Floats = field(init=False)
    worth: Floats = field(init=False)
    worth_squares: Floats = field(init=False)
    read: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.gained = np.zeros_like(self.log_wealth)
        self.squares = np.zeros_like(self.log_wealth)
        self.read, self.worth, self.worth_squares = (np.zeros((len(self.log_wealth), 1)) for _ in range(3))

    @classmethod
    def of(
        cls, orders: int, thresholds: int, *, share: float, delta: float, patients: int, most: float
    ) -> Game:
        """The game before the first of `patients` is read."""
        return cls(share, math.log(AIM / delta), patients, most, np.zeros((orders, thresholds)))

    def stake(self) -> Floats:
        """What to stake (o, k) on each of the next patients.

        Source: Browne 1999, theorem 3.1, with the variance that a mean miss of just `share` would have.
        """
        reached = np.exp(-np.clip(self.goal - self.log_wealth, 1e-9, 600.0))
        z = ndtri(reached)
        steepness = np.exp(-z * z / 2) / (math.sqrt(2 * math.pi) * reached)
        stake: Floats = np.minimum(
            steepness / np.sqrt(self._variance() * np.maximum(self.left, 1)), self.most
        )
        return stake

    def add(
        self, growth: Floats, gained: Floats, squares: Floats, worth: tuple[Floats, Floats, Floats]
    ) -> None:
        """Book patients: their `growth` of log wealth unless the goal is reached, and what sums they add.

        `worth` holds their number, the sum of their worths and that of the squares of these, (o, 1) each.
        """
        self.log_wealth = np.where(self.log_wealth < self.goal, self.log_wealth + growth, self.log_wealth)
        self.gained += gained
        self.squares += squares
        self.read = self.read + worth[0]
        self.worth = self.worth + worth[1]
        self.worth_squares = self.worth_squares + worth[2]
        self.left = self.left - worth[0]

    def _variance(self) -> Floats:
        """That of w (a - L) if its mean were 0: misses seen say how large one is, not how many there are."""
        count = PRIOR_WORTHS + self.read
        mean, square = (PRIOR_WORTHS + self.worth) / count, (PRIOR_WORTHS + self.worth_squares) / count
        missed = self.share * self.worth - self.gained
        excess = self.squares - self.share**2 * self.worth_squares
        prior = PRIOR_PATIENTS * self.share * mean
        each = (prior * (1 - 2 * self.share) * square / mean + excess) / (prior + missed)
        variance = self.share**2 * square + self.share * mean * each
        return np.maximum(variance, LEAST_SPREAD * self.share * (1 - self.share) * square)
