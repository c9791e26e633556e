"""What the simulations of promises share: their options, and many runs in processes."""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
from scipy.special import ndtri

Drawn = TypeVar("Drawn")
SEPARATION = float(np.sqrt(2) * ndtri(0.933))
"""Of two unit normals whose AUROC is .933."""
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


@dataclass(frozen=True)
class Report:
    """A table of simulated promises: what is drawn, what one line is of, and the line with its verdict."""

    draws: Callable[[], Sequence[Callable[[np.random.Generator], Iterable[Any]]]]
    key: Callable[[Any], Hashable]
    row: Callable[[Any, list[Any]], tuple[str, bool]]
    """A line of the table, and whether the promise in it was broken."""
    header: str
    above: str = ""
    """Where it holds {runs}, their number stands there."""
    below: str = ""


def exit_code(reports: Iterable[Report], asked: argparse.Namespace) -> int:
    """1 if a promise was broken in one of the tables that are now printed, 0 otherwise.

    Ends the process where no case is `asked` for by its name.
    """
    verdicts = [broken for report in reports for broken in printed(report, asked)]
    if not verdicts:
        sys.exit(f"--only {asked.only}: no case has a name that holds this text. Leave it out to see all.")
    return int(any(verdicts))


def printed(report: Report, asked: argparse.Namespace) -> list[bool]:
    """Whether each promise of the table now printed was broken; nothing is printed without a case."""
    table = tabled(report.draws, report.key, asked)
    lines = [report.row(key, drawn) for key, drawn in table.items()]
    if lines:
        columns = report.header.count("|") - 1
        above = [f"{report.above.format(runs=asked.runs)}\n"] if report.above else []
        below = [f"\n{report.below}"] if report.below else []
        rows = [line for line, _ in lines]
        print("\n".join([*above, report.header, "| --- " * columns + "|", *rows, *below, ""]), flush=True)
    return [broken for _, broken in lines]


def tabled(
    draws: Callable[[], Sequence[Callable[[np.random.Generator], Iterable[Drawn]]]],
    key: Callable[[Drawn], Hashable],
    asked: argparse.Namespace,
) -> dict[Hashable, list[Drawn]]:
    """What many runs of every scenario gave, by `key`.

    `draws` returns the scenarios, in each process anew; one that draws nothing in a run is passed over.
    """
    seeds = np.random.SeedSequence(asked.seed).spawn(-(-asked.runs // CHUNK))
    table: dict[Hashable, list[Drawn]] = defaultdict(list)
    with ProcessPoolExecutor(asked.processes) as pool:
        for drawn in pool.map(partial(_chunk, draws, asked.only), seeds):
            for one in drawn:
                table[key(one)].append(one)
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
