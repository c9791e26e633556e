"""A player who grows rich when the order of numbers matters: betting on conformal p-values.

The p-value of a new score is its rank among all scores so far, ties broken by a number in (0, 1). If the
scores are exchangeable (patients of one intake come in any order), those p-values are independent and
uniform, whatever the distribution of the scores. So a player who bets on them and owned 1 at the start owns
`limit` at any time with probability at most 1 / limit (Ville), and may look after every patient.

The bets are densities on (0, 1): more high or low scores than there were, or more at both ends or in the
middle. Half of the capital plays from the start, the rest is put in a little at a time, so that a change
after a thousand patients meets fresh money. A player who is handed 1 before every patient instead owns
`limit` after `limit` patients at the earliest, on average (Shiryaev and Roberts).

Source: Vovk, Gammerman, Shafer 2022, Algorithmic Learning in a Random World, 2nd ed., chapters 8 and 9;
Vovk, Nouretdinov, Gammerman 2003, ICML (testing exchangeability on-line); Volkhonskiy et al. 2017, PMLR
60:132-153 (inductive conformal martingales); Vovk 2021, Statist. Sci. 36(4):595-611 (testing randomness
online).
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from typing import Final

import numpy as np

from strnet.stats.inputs import Floats

HIGHER: Final = "higher"
LOWER: Final = "lower"
ENDS: Final = "more at both ends"
MIDDLE: Final = "more in the middle"

BETS: Final = (
    *((LOWER, 1, 0.8), (LOWER, 1, 0.3), (HIGHER, 1, -0.3), (HIGHER, 1, -0.8)),
    *((MIDDLE, 2, -0.6), (ENDS, 2, 1.0)),
)
"""What a bet is on, the degree of its Legendre polynomial on (0, 1), and the stake on it.

No stake can lose everything, and none of these numbers touches the guarantee.
"""
AT_ONCE: Final = 0.5
"""Share of the capital that plays from the first patient on."""
HORIZON: Final = 1000.0
"""Patients after which half of the reserve has been put in."""


@dataclass(frozen=True, slots=True)
class Alarms:
    """What is promised of false alarms where nothing changes; an alarm rings at a wealth of `limit`.

    `ever`: the chance of any alarm, however long one watches, is at most 1 / limit. Otherwise an alarm rings
    once in `limit` patients at most, on average, and the player then begins anew.
    """

    limit: float
    ever: bool = True

    @property
    def promise(self) -> str:
        """What is promised, in words."""
        if self.ever:
            return f"any, ever, with a chance of at most {1 / self.limit:.3g}; look after every patient"
        return f"at most one in {self.limit:g} patients, on average"

    def put_in(self, patient: int) -> float:
        """What the player puts to work before the patient of this number, counted from 0."""
        if not self.ever:
            return 1.0
        kept = self.reserve(patient - 1) if patient else 1.0
        return kept - self.reserve(patient)

    def reserve(self, patient: int) -> float:
        """What is still held back once the patient of this number, counted from 0, has been seen."""
        return (1 - AT_ONCE) * HORIZON / (HORIZON + patient) if self.ever else 0.0


@dataclass(frozen=True, slots=True)
class Game:
    """Capital at work on each of `BETS` (k,), patients since it began, and whether the alarm has rung."""

    capital: tuple[float, ...] = (0.0,) * len(BETS)
    patients: int = 0
    rung: bool = False

    def wealth(self, alarms: Alarms) -> float:
        """What the player owns, at work and in reserve."""
        held = alarms.reserve(self.patients - 1) if self.patients else float(alarms.ever)
        return sum(self.capital) + held

    @property
    def leader(self) -> str:
        """What the richest bet is on."""
        return BETS[self.capital.index(max(self.capital))][0]


def play(game: Game, p_value: float, alarms: Alarms) -> Game:
    """The game after one more patient. Once the alarm has rung, nothing is staked any more."""
    if game.rung:
        return game
    share = alarms.put_in(game.patients) / len(BETS)
    capital = tuple((held + share) * gain for held, gain in zip(game.capital, gains(p_value), strict=True))
    after = Game(capital, game.patients + 1)
    return Game(capital, after.patients, rung=True) if after.wealth(alarms) >= alarms.limit else after


def gains(p_value: float) -> tuple[float, ...]:
    """What one unit staked on each of `BETS` becomes; each is a density, of mean 1 over (0, 1)."""
    polynomials = (2 * p_value - 1, 6 * p_value**2 - 6 * p_value + 1)
    return tuple(1 + stake * polynomials[degree - 1] for _, degree, stake in BETS)


def p_values(known: Floats, scores: Floats, draws: Floats) -> Floats:
    """The p-values (m,) of `scores` (m,), each among `known` (n,) and those before it; small if high.

    `draws` (m,), in (0, 1) and independent of the scores, settle the place among equal ones.

    Source: (#{above} + u #{equal, itself included}) / #{all, itself included}.
    """
    ordered: list[float] = np.sort(known).tolist()
    found = np.empty(len(scores))
    for place, (score, draw) in enumerate(zip(scores.tolist(), draws.tolist(), strict=True)):
        first, last = bisect.bisect_left(ordered, score), bisect.bisect_right(ordered, score)
        above, equal = len(ordered) - last, last - first + 1
        found[place] = (above + draw * equal) / (len(ordered) + 1)
        ordered.insert(last, score)
    return found
