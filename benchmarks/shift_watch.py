"""False alarms and delays of the shift watch, looked at after every patient.

Scores are of two unit normals whose AUROC is 0.933. Nothing changes, or from one new patient on the share of
the diseased does (sensitivity stays as it was), or the scanner (all scores move, and sensitivity with them).

    python benchmarks/shift_watch.py [--runs 2000] [--patients 2000] [--processes 2] [--seed 0]

Ends with exit code 1 if false alarms exceed what is promised by more than three standard errors.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy.special import ndtr, ndtri
from simulation import SEPARATION

from strnet.thresholds.conformal_martingale import Alarms
from strnet.thresholds.score_identity import UNKNOWN
from strnet.thresholds.shift_watch import begin_watch, look_at
from strnet.thresholds.watched_patients import Patients

THRESHOLD = SEPARATION - float(ndtri(0.9))  # of sensitivity 0.90 before anything changes
EVER = Alarms(limit=20.0)
ON_AVERAGE = Alarms(limit=500.0, ever=False)
CHUNK = 20
NEVER = np.inf
Flags = tuple[float, float]
WITHIN = (100, 300, 1000)
UNCHANGED = 3


@dataclass(frozen=True)
class Intake:
    """Where patients come from: share of the diseased, what the scanner does to scores, their rounding."""

    prevalence: float = 0.3
    moved: float = 0.0
    spread: float = 1.0
    steps: float = 0.0

    def scores(self, rng: np.random.Generator, patients: int) -> np.ndarray:
        """Scores (n,) of patients drawn at random."""
        diseased = rng.random(patients) < self.prevalence
        found = (rng.normal(size=patients) + SEPARATION * diseased) * self.spread + self.moved
        return np.round(found / self.steps) * self.steps if self.steps else found

    @property
    def sensitivity(self) -> float:
        """The sensitivity here of the threshold that has 0.90 where nothing has changed."""
        return float(ndtr(SEPARATION - (THRESHOLD - self.moved) / self.spread))


@dataclass(frozen=True)
class Scenario:
    """A reference of `reference` patients, `before` new ones like it, and all others from `after`."""

    name: str
    after: Intake
    like: Intake = Intake()
    reference: int = 300
    before: int = 0


CHANGES = {
    "share of diseased .30 to .50": Intake(prevalence=0.5),
    "share of diseased .30 to .15": Intake(prevalence=0.15),
    "scanner: all scores 0.5 lower": Intake(moved=-0.5),
    "scanner: all scores 1.0 lower": Intake(moved=-1.0),
    "scanner: spread 1.4 times wider": Intake(spread=1.4),
}
TIED = Intake(steps=1.0)
SCENARIOS = (
    Scenario("nothing, reference of 300", Intake()),
    Scenario("nothing, reference of 20", Intake(), reference=20),
    Scenario("nothing, scores in steps of 1", TIED, TIED),
    *(Scenario(name, after) for name, after in CHANGES.items()),
    *(Scenario(f"{name}, after 1,000", after, before=1000) for name, after in CHANGES.items()),
)


def first_flags(scenario: Scenario, patients: int, rng: np.random.Generator) -> Iterator[tuple[str, Flags]]:
    """When each kind of alarm first rings, and when after the change."""
    reference = of(scenario.like.scores(rng, scenario.reference), rng)
    new = np.concatenate(
        [
            scenario.like.scores(rng, scenario.before),
            scenario.after.scores(rng, patients - scenario.before),
        ]
    )
    arrivals = of(new, rng)
    for kind, alarms in (("ever", EVER), ("on average", ON_AVERAGE)):
        rung = [flag.patient for flag in look_at(begin_watch(reference, alarms, "one"), arrivals).flags]
        yield (
            kind,
            (min(rung, default=NEVER), min((at for at in rung if at > scenario.before), default=NEVER)),
        )


def of(scores: np.ndarray, rng: np.random.Generator) -> Patients:
    """Patients with these scores in this order; random numbers stand for the hashes of their ids."""
    hashes = rng.integers(2**64, size=(scores.size, 4), dtype=np.uint64)
    return Patients(hashes, scores, scores.size, UNKNOWN)


def chunk(seed: np.random.SeedSequence, patients: int) -> list[tuple[str, str, Flags]]:
    rng = np.random.default_rng(seed)
    return [
        (scenario.name, kind, flag)
        for _ in range(CHUNK)
        for scenario in SCENARIOS
        for kind, flag in first_flags(scenario, patients, rng)
    ]


def simulate(runs: int, patients: int, processes: int, seed: int) -> dict[tuple[str, str], np.ndarray]:
    seeds = np.random.SeedSequence(seed).spawn(-(-runs // CHUNK))
    table: dict[tuple[str, str], list[Flags]] = defaultdict(list)
    with ProcessPoolExecutor(processes) as pool:
        for found in pool.map(partial(chunk, patients=patients), seeds):
            for name, kind, flag in found:
                table[name, kind].append(flag)
    return {key: np.array(flags) for key, flags in table.items()}


def row(scenario: Scenario, kind: str, flags: np.ndarray) -> str:
    """One line: flags before the change, and the delay after it."""
    first, after = flags.T
    early = first <= scenario.before
    rest = after[~early] if kind == "ever" else after  # the alarm that rings once has nothing more to say
    delays = np.sort(rest) - scenario.before
    quartiles = delays[[rest.size // 4, rest.size // 2, 3 * rest.size // 4]]
    said = " / ".join("never" if np.isinf(delay) else f"{delay:.0f}" for delay in quartiles)
    within = " | ".join(f"{np.mean(delays <= limit):.3f}" for limit in WITHIN)
    return (
        f"| {scenario.name:43} | {scenario.after.sensitivity:.3f} | {early.mean():.4f} | {within} | {said} |"
    )


def print_table(title: str, kind: str, table: dict[tuple[str, str], np.ndarray]) -> None:
    print(f"\n{title}\n")
    limits = " | ".join(f"within {limit}" for limit in WITHIN)
    print(f"| what changes | sensitivity then | flagged before | {limits} | delay, quartiles |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | --- |")
    for scenario in SCENARIOS:
        print(row(scenario, kind, table[scenario.name, kind]))


def broken(name: str, table: dict[tuple[str, str], np.ndarray], patients: int) -> bool:
    """Whether a promise is, where nothing changes; prints what was found beside it."""
    ever = np.mean(table[name, "ever"][:, 0] != NEVER)
    error = (0.05 * 0.95 / len(table[name, "ever"])) ** 0.5
    times = np.minimum(table[name, "on average"][:, 0], patients)  # cut short where there is no alarm
    spread = times.std() / times.size**0.5
    print(f"{name}: ever flagged {ever:.4f} (s.e. {error:.4f}; promised: at most 0.05);")
    print(f"  {times.mean():.0f} patients to a false alarm (s.e. {spread:.0f}; promised: at least 500)")
    return bool(ever > 0.05 + 3 * error or times.mean() < ON_AVERAGE.limit - 3 * spread)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--patients", type=int, default=2000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    start = time.perf_counter()
    table = simulate(options.runs, options.patients, options.processes, options.seed)
    print(f"{options.runs} runs of {options.patients} new patients")
    print_table("A false alarm ever: at most 0.05", "ever", table)
    print_table("A false alarm once in 500 patients, on average", "on average", table)
    print()
    verdicts = [broken(scenario.name, table, options.patients) for scenario in SCENARIOS[:UNCHANGED]]
    print(f"{time.perf_counter() - start:.0f} s")
    return int(any(verdicts))


if __name__ == "__main__":
    sys.exit(main())
