"""Betting on many films: a few patients fix the thresholds to test, and the others are read in blocks.

Thresholds that depend on the films they are tested on would need every film's; those of the pilot patients,
who are not bet on, are fixed as far as the others are concerned. Within a block the stake stands still, so
that the sums of the first four powers of what the patients bring are all that it takes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from strnet.stats.inputs import Bools, Floats
from strnet.thresholds.patient_films import PatientFilms
from strnet.thresholds.reading_order import ORDERS, Keys, order_keys
from strnet.thresholds.stakes import Game

PILOT, PILOT_SHARE, MOST_SHARE = 200, 50, 10
"""Pilot patients: at least so many, or one in so many, but no more than one in so many."""
GRID = 192
"""The most thresholds tested."""
BATCH = 64
"""Thresholds tested in one pass."""
PACE = 64
"""A block is one part in so many of the patients still to come: stakes change faster towards the end."""
STEEPEST = 0.25
"""The most of the wealth that a miss may take, so that four powers suffice."""
POWERS = 4
_KEY_RANGE = 2.0**64


def highest_safe(films: PatientFilms, share: float, delta: float, seed: int | None) -> float | None:
    """The highest threshold of the pilot's at which the patients' mean miss is proven below `share`."""
    pilot = np.zeros(films.patients, dtype=np.bool_)
    count = max(min(PILOT, films.patients // MOST_SHARE), films.patients // PILOT_SHARE)
    pilot[np.argpartition(order_keys(films.keys, ORDERS, seed), count)[:count]] = True
    thresholds = _thresholds_of(films.of(pilot), films.patients - count, share, delta)
    blocks = Blocks.of(films.keys, pilot, seed)
    safe = None
    for first in range(0, thresholds.size, BATCH):
        tested = thresholds[first : first + BATCH]
        failed = np.flatnonzero(mean_wealth(films, tested, blocks, share, delta) < 1 / delta)
        passed = int(failed[0]) if failed.size else tested.size
        safe = float(tested[passed - 1]) if passed else safe
        if failed.size:
            break
    return safe


@dataclass(frozen=True)
class Blocks:
    """The block (p,) of each patient in every order; those of the pilot stand in one after the last."""

    of_patient: tuple[npt.NDArray[np.int16], ...]
    count: int
    patients: int

    @classmethod
    def of(cls, keys: Keys, pilot: Bools, seed: int | None) -> Blocks:
        """Blocks for the patients with `keys` (p,), of whom `pilot` (p,) are not bet on."""
        patients = int(np.count_nonzero(~pilot))
        edges = _block_edges(patients)
        found = []
        for number in range(ORDERS):
            block = np.searchsorted(edges, order_keys(keys, number, seed), side="right").astype(np.int16)
            block[pilot] = edges.size + 1
            found.append(block)
        return cls(tuple(found), edges.size + 1, patients)


def _thresholds_of(pilot: PatientFilms, others: int, share: float, delta: float) -> Floats:
    """Ascending scores of the pilot about where the proof will end, and one below them all."""
    order = np.argsort(pilot.score, kind="stable")
    score, part = pilot.score[order], pilot.part[order]
    missed = (np.cumsum(part) - part) / pilot.worth.sum()
    spread = math.sqrt(share * (1 - share) * np.square(pilot.worth).mean()) / pilot.worth.mean()
    aim = share - math.sqrt(2 * math.log(1 / delta) / others) * spread
    reach = 3 * spread / math.sqrt(pilot.patients) + 3 * spread / math.sqrt(others)
    levels = np.linspace(max(aim - reach, 0.0), aim + reach, GRID)
    levels = np.concatenate([np.linspace(0.0, levels[0], 8, endpoint=False), levels])
    chosen = score[np.minimum(np.searchsorted(missed, levels), score.size - 1)]
    return np.unique(np.append(chosen, score[0] - np.ptp(score)))


def mean_wealth(
    films: PatientFilms, thresholds: Floats, blocks: Blocks, share: float, delta: float
) -> Floats:
    """The mean over the orders of the wealth (k,) at each of the ascending `thresholds` (k,)."""
    table = _Powers(films, thresholds, share)
    sums = np.empty((blocks.count, POWERS, ORDERS, thresholds.size + 1))
    for number, block in enumerate(blocks.of_patient):
        sums[:, :, number] = table.by_block(block, blocks.count)
    game = Game.of(
        ORDERS,
        thresholds.size,
        share=share,
        delta=delta,
        patients=blocks.patients,
        most=STEEPEST / (1 - share),
    )
    for of_block in sums:
        stake = game.stake()
        gained, squares, cubes, fourths = of_block[:POWERS, :, :-1]
        taken = stake * (1 - share)
        # ln(1 + y) from below: exact signs for y > 0, the rest of the series for -taken <= y < 0
        least = 1 / 4 + taken / (5 * (1 - taken))
        growth = stake * (gained - stake * (squares / 2 - stake * (cubes / 3 - stake * fourths * least)))
        game.add(growth, gained, squares, tuple(of_block[:3, :, -1:]))
    mean: Floats = np.exp(game.log_wealth).mean(axis=0)
    return mean


def _block_edges(patients: int) -> Keys:
    """Keys between one block of patients and the next; each block is 1 / PACE of what is still to come."""
    left, edges = float(patients), []
    while left > PACE:
        left -= left / PACE
        edges.append(1 - left / patients)
    return (np.array(edges) * _KEY_RANGE).astype(np.uint64)


class _Powers:
    """Sums over blocks of patients of the powers of w (a - L), at each threshold."""

    def __init__(self, films: PatientFilms, thresholds: Floats, share: float) -> None:
        self._worth = films.worth
        self._share = share
        self._thresholds = thresholds.size
        missed = films.score < thresholds[-1]  # the others count as found at every threshold
        owner, part = films.owner[missed], films.part[missed]
        # the first threshold at which a film is missed; films of a patient stand in the order of their scores
        self._column = np.searchsorted(thresholds, films.score[missed], side="right").astype(np.int32)
        before = np.cumsum(part) - part
        starts = np.flatnonzero(np.diff(owner, prepend=-1))
        before -= np.repeat(before[starts], np.diff(starts, append=owner.size))
        brought = share * self._worth[owner] - before
        self._owner = owner
        self._jumps = [(brought - part) ** power - brought**power for power in range(1, POWERS + 1)]

    def by_block(self, block: npt.NDArray[np.int16], blocks: int) -> Floats:
        """Sums (blocks, powers, thresholds + 1); the last column is of worths: number, sum and squares."""
        width = self._thresholds + 1
        place = block[self._owner].astype(np.int64) * width + self._column
        sums = np.empty((blocks, POWERS, width))
        for power, jumps in enumerate(self._jumps):
            jumped = np.bincount(place, weights=jumps, minlength=(blocks + 1) * width)
            sums[:, power, :-1] = np.cumsum(jumped[: blocks * width].reshape(blocks, width)[:, :-1], axis=1)
        sums[:, 0, -1] = np.bincount(block, minlength=blocks)[:blocks]
        for power in range(1, POWERS + 1):
            worth = np.bincount(block, weights=self._worth**power, minlength=blocks)[:blocks]
            sums[:, power - 1, :-1] += (self._share**power * worth)[:, None]
            if power < 3:
                sums[:, power, -1] = worth
        return sums
