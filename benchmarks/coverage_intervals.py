"""How often the intervals that a report prints hold the truth, how wide they are, and the level of its tests.

The cohorts are in `interval_cohorts.py`. Every interval comes from the public functions, once as papers make
it ("before", where the method is still there) and once as the report does ("after").

    python benchmarks/coverage_intervals.py [--runs 5000] [--processes 2] [--seed 0] [--only TEXT]

Ends with exit code 1 where an interval of the report holds the truth less often than the cohort's `required`
share and does not call itself approximate in 95% of them; where its mean width exceeds 1.25 (1.35 at an AUROC
of .99) times 3.92 standard deviations of the estimate; or where a test at 5% that is not called approximate
rejects other than 4 to 6% (McNemar's test counts whole films and may reject less often; the exact one never
more than 5%). Shares are held against these limits with two standard errors of the simulation.
"""

from __future__ import annotations

import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from interval_cohorts import CELLS, Cell, draw, large_sample, truths
from interval_figures import outcomes
from scipy.special import ndtri
from simulation import options, tabled

MOSTLY = 0.95
Table = Mapping[tuple[str, bool], np.ndarray]
"""By name and whether before: value, limits and whether approximate of every cohort, (cohorts, 4)."""


@dataclass(frozen=True)
class Cohort:
    """What was printed of one cohort of the kind `scenario`: the keys of a `Table`, and a row for each."""

    scenario: str
    keys: tuple[tuple[str, bool], ...]
    numbers: np.ndarray


def printed(cell: Cell, rng: np.random.Generator) -> Iterator[Cohort]:
    """Everything that is printed of one more cohort of a cell."""
    found = list(outcomes(cell, draw(cell, rng)))
    numbers = np.array([row[2:] for row in found], dtype=np.float64)
    yield Cohort(cell.name, tuple((name, before) for name, before, *_ in found), numbers)


def scenarios() -> Sequence[Callable[[np.random.Generator], Iterator[Cohort]]]:
    """One of each cell."""
    return [partial(printed, cell) for cell in CELLS]


def stacked(cohorts: Sequence[Cohort]) -> Table:
    """The rows of many cohorts, by their keys: not every cohort has every figure."""
    rows: dict[tuple[str, bool], list[np.ndarray]] = defaultdict(list)
    for cohort in cohorts:
        for key, numbers in zip(cohort.keys, cohort.numbers, strict=True):
            rows[key].append(numbers)
    return {key: np.array(found) for key, found in rows.items()}


@dataclass(frozen=True)
class Verdict:
    """Of one figure in one cell: share of intervals that hold, relative width, how many are approximate."""

    held: float
    width: float
    approximate: float
    absent: float
    cohorts: int

    def broken(self, cell: Cell) -> bool:
        """Whether the rule of the module is broken."""
        short = self.held < cell.required - slack(cell.required, self.cohorts)
        return (short and self.approximate < MOSTLY) or self.width > cell.widest


def slack(share: float, cohorts: int) -> float:
    """Two standard errors of a simulated share."""
    return float(2 * np.sqrt(share * (1 - share) / cohorts))


def judged(rows: np.ndarray, truth: float) -> Verdict:
    values, low, high, approximate = rows.T
    there = np.isfinite(low) & np.isfinite(high)
    held = (low <= truth + 1e-12) & (truth <= high + 1e-12)
    width = (high - low)[there].mean() / (2 * ndtri(0.975) * np.std(values))
    return Verdict(held[there].mean(), float(width), approximate[there].mean(), 1 - there.mean(), there.size)


def cell_lines(cell: Cell, known: Mapping[str, float], table: Table) -> Iterator[tuple[str, bool]]:
    """One line of the table for each figure, and whether it breaks its rule."""
    names = (name for name, before in table if not before and name in known)
    for name in (name for name in names if not cell.only_areas or "AU" in name):
        after = judged(table[name, False], known[name])
        old = "–"
        if (name, True) in table:
            before = judged(table[name, True], known[name])
            old = f"{before.held:.3f} ({before.width:.2f})"
        broken = after.broken(cell)
        words = [f"approximate in {after.approximate:.0%}"] if after.approximate else []
        words += [f"none in {after.absent:.1%}"] if after.absent > 0.0005 else []
        words += ["BROKEN"] if broken else []
        cells = (cell.name, name, old, f"{after.held:.3f} ({after.width:.2f})", ", ".join(words))
        yield f"| {' | '.join(cells)} |", broken


def level_lines(cell: Cell, table: Table) -> Iterator[tuple[str, bool]]:
    """One line for each test, and whether it breaks its level."""
    for name in (name for name, before in table if not before and name.startswith("test: ")):
        after = float(np.mean(table[name, False][:, 0] < 0.05))
        before = f"{np.mean(table[name, True][:, 0] < 0.05):.3f}" if (name, True) in table else "–"
        approximate = bool(table[name, False][:, 3].mean() >= MOSTLY)
        least, most = (0.0, 0.06 if "patients" in name else 0.05) if "McNemar" in name else (0.04, 0.06)
        error = slack(0.05, len(table[name, False]))
        broken = not least - error <= after <= most + error and not approximate
        words = "BROKEN" if broken else "approximate" if approximate else ""
        yield f"| {cell.name} | {name.removeprefix('test: ')} | {before} | {after:.3f} | {words} |", broken


def main() -> int:
    """Print both tables; 1 if a rule is broken."""
    start = time.perf_counter()
    asked = options(__doc__)
    of_classes = large_sample()
    table = tabled(scenarios, lambda cohort: cohort.scenario, asked)
    found = [(cell, stacked(table[cell.name])) for cell in CELLS if cell.name in table]
    held = [line for cell, rows in found for line in cell_lines(cell, truths(cell, of_classes), rows)]
    levels = [line for cell, rows in found for line in level_lines(cell, rows)]
    print(f"{asked.runs} cohorts a cell. Share of 95% intervals that hold the truth (their mean width")
    print("over 3.92 standard deviations of the estimate).\n")
    print("| cohort | figure | before | after | |\n| --- | --- | --- | --- | --- |")
    print("\n".join(line for line, _ in held))
    print("\nShare of p-values below 0.05 where nothing differs.\n")
    print("| cohort | test | before | after | |\n| --- | --- | --- | --- | --- |")
    print("\n".join(line for line, _ in levels))
    print(f"\n{time.perf_counter() - start:.0f} s")
    return int(any(broken for _, broken in (*held, *levels)))


if __name__ == "__main__":
    sys.exit(main())
