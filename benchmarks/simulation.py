"""What the simulations of promises share: their options, and many runs in processes."""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import TypeVar

import numpy as np

Drawn = TypeVar("Drawn")
CHUNK = 25
"""Runs that share one stream of random numbers."""


def options(description: str, *, runs: int = 5000) -> argparse.Namespace:
    """The options of a simulation: `runs`, `processes`, `seed`."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--runs", type=int, default=runs)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="Cases whose name holds this text.")
    return parser.parse_args()


def tabled(
    draws: Callable[[], Sequence[Callable[[np.random.Generator], Iterable[Drawn]]]],
    key: Callable[[Drawn], Hashable],
    asked: argparse.Namespace,
) -> dict[Hashable, list[Drawn]]:
    """What many runs of every scenario gave, by `key`.

    `draws` returns the scenarios, in each process anew; one that draws nothing in a run is passed over. Ends
    the process where no case is `asked` for by its name.
    """
    seeds = np.random.SeedSequence(asked.seed).spawn(-(-asked.runs // CHUNK))
    table: dict[Hashable, list[Drawn]] = defaultdict(list)
    with ProcessPoolExecutor(asked.processes) as pool:
        for drawn in pool.map(partial(_chunk, draws, asked.only), seeds):
            for one in drawn:
                table[key(one)].append(one)
    if not table:
        sys.exit(f"--only {asked.only}: no case has a name that holds this text. Leave it out to see all.")
    return table


def _chunk(draws: Callable[[], Sequence[Callable]], only: str, seed: np.random.SeedSequence) -> list:
    scenarios = draws()
    found = []
    for scenario, own in zip(scenarios, seed.spawn(len(scenarios)), strict=True):
        rng = np.random.default_rng(own)
        for _ in range(CHUNK):
            drawn = list(scenario(rng))
            asked_for = [one for one in drawn if only in one.scenario]
            if drawn and not asked_for:
                break  # it draws no such case in the other runs either
            found += asked_for
    return found
