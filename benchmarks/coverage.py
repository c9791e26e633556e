"""How often the promise is kept: P(true sensitivity >= floor) of every method, and the specificity it pays.

Scores are of unit normals whose AUROC is 0.933, so that the true sensitivity and specificity of a fitted
threshold are known without a test set. Every row of the table calls the public functions.

    python benchmarks/coverage.py [--runs 2000] [--processes 2] [--seed 0]

Ends with exit code 1 if a status `guaranteed` stays below its confidence by more than three standard errors.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy.special import ndtr, ndtri

from strnet.errors import ImpossibleError
from strnet.thresholds import OperatingPoint, fit_cascade, fit_threshold

FLOOR = 0.86
SEPARATION = float(np.sqrt(2) * ndtri(0.933))
BEST = float(ndtr(SEPARATION - ndtri(FLOOR)))
CLUSTER_METHODS = ("korn_graubard", "one_per_cluster", "betting", "worst")
CHUNK = 25


@dataclass(frozen=True)
class Truth:
    """What a threshold does in the population."""

    sensitivity: float
    specificity: float
    held: bool


@dataclass(frozen=True)
class Outcome:
    """One fit in one run."""

    scenario: str
    method: str
    status: str
    confidence: float
    truth: Truth | None  # None: the request was impossible


Draw = Callable[[np.random.Generator], Iterator[Outcome]]


def found(threshold: float, shift: float = 0.0) -> float:
    """The true sensitivity among positives whose scores lie `shift` higher."""
    return float(ndtr(SEPARATION + shift - threshold))


def plainly(threshold: float, shift: float = 0.0) -> Truth:
    sensitivity = found(threshold, shift)
    return Truth(sensitivity, float(ndtr(threshold - shift)), sensitivity >= FLOOR)


def fitted(
    scenario: str, name: str, truth: Callable[[OperatingPoint], Truth], target, score, /, **options
) -> Outcome:
    try:
        point = fit_threshold(target, score, min_sensitivity=str(FLOOR), **options)
    except ImpossibleError:
        return Outcome(scenario, name, "impossible", float("nan"), None)
    return Outcome(scenario, name, point.status, point.confidence, truth(point))


def independent(rng: np.random.Generator) -> Iterator[Outcome]:
    target = rng.random(226) < 0.6
    score = rng.normal(size=226) + SEPARATION * target
    asked = {
        "empirical": {"method": "empirical"},
        "crc": {"method": "crc"},
        "exact 0.90": {"confidence": "0.9"},
        "exact 0.95": {},
        "exact 0.95, midgap": {"anchor": "midgap"},
    }
    for method, options in asked.items():
        yield fitted("226 films", method, lambda p: plainly(p.threshold), target, score, **options)


def tied(rng: np.random.Generator) -> Iterator[Outcome]:
    target = rng.random(226) < 0.6
    score = np.round(2 * (rng.normal(size=226) + SEPARATION * target)) / 2
    for method in ("empirical", "exact"):
        yield fitted(
            "scores in steps of 0.5",
            method,
            lambda p: plainly(p.threshold - 0.25),
            target,
            score,
            method=method,
        )


def few(rng: np.random.Generator) -> Iterator[Outcome]:
    target = np.repeat([True, False], [20, 20])
    score = rng.normal(size=40) + SEPARATION * target
    yield fitted("20 positives", "exact 0.95", lambda p: plainly(p.threshold), target, score)


def weighted(rng: np.random.Generator) -> Iterator[Outcome]:
    """Mild cases are half of the population but a fifth of the rows."""
    target = rng.random(400) < 0.6
    mild = target & (rng.random(400) < 0.2)
    score = rng.normal(size=400) + SEPARATION * target + np.where(mild, -0.5, 0.3) * target
    weights = np.where(target, np.where(mild, 2.5, 0.625), 1.0)

    def truth(point: OperatingPoint) -> Truth:
        sensitivity = (found(point.threshold, -0.5) + found(point.threshold, 0.3)) / 2
        return Truth(sensitivity, float(ndtr(point.threshold)), sensitivity >= FLOOR)

    for method in ("empirical", "exact"):
        yield fitted("weights 4 : 1", method, truth, target, score, weights=weights, method=method)


def knees(rng: np.random.Generator) -> Iterator[Outcome]:
    target = np.repeat(rng.random(113) < 0.6, 2)
    score = correlated(rng, 113, 2) + SEPARATION * target
    patients = np.repeat(np.arange(113), 2)
    scenario = "113 patients, two knees, r .8"
    wrong = fitted(scenario, "films as independent", lambda p: plainly(p.threshold), target, score)
    yield replace(wrong, status="misused")
    for method in CLUSTER_METHODS:
        options = {"clusters": patients, "cluster_method": method, "seed": int(rng.integers(1 << 31))}
        yield fitted(scenario, method, lambda p: plainly(p.threshold), target, score, **options)


def ragged(rng: np.random.Generator) -> Iterator[Outcome]:
    """One, two or four films: the sicker, the more. Films and patients then have different sensitivities."""
    films, shifts, shares = np.array([1, 2, 4]), np.array([-0.4, 0.0, 0.6]), np.array([0.4, 0.4, 0.2])
    kind = rng.choice(3, 150, p=shares)
    patients = np.repeat(np.arange(150), films[kind])
    target = (rng.random(150) < 0.6)[patients]
    person, own = rng.normal(size=150)[patients], rng.normal(size=patients.size)
    score = 0.8**0.5 * person + 0.2**0.5 * own + (SEPARATION + shifts[kind][patients]) * target

    def truth(weights: np.ndarray) -> Callable[[OperatingPoint], Truth]:
        def at(point: OperatingPoint) -> Truth:
            each = [found(point.threshold, shift) for shift in shifts]
            sensitivity = float(np.average(each, weights=weights))
            return Truth(sensitivity, float(ndtr(point.threshold)), sensitivity >= FLOOR)

        return at

    for method in CLUSTER_METHODS:
        of = shares * films if method == "korn_graubard" else shares
        options = {"clusters": patients, "cluster_method": method, "seed": int(rng.integers(1 << 31))}
        yield fitted("150 patients, 1 to 4 films, r .8", method, truth(of), target, score, **options)


SITES = {"a": 0.0, "b": -0.6, "c": 0.3}


def of_sites(point: OperatingPoint) -> Truth:
    """Held where every certified site keeps the floor."""
    rows = [row for row in point.groups if row.threshold is not None]
    each = [found(row.threshold, SITES[row.name]) for row in rows]
    held = all(value >= FLOOR for value, row in zip(each, rows, strict=True) if row.certified)
    return Truth(float(np.mean(each)), float(np.mean([ndtr(row.threshold) for row in rows])), held)


def sites(rng: np.random.Generator) -> Iterator[Outcome]:
    for scenario, sizes in (("3 sites of 150", (150, 150, 150)), ("3 sites, one of 20", (150, 150, 20))):
        site = np.repeat(list(SITES), sizes)
        target = rng.random(site.size) < 0.6
        score = rng.normal(size=site.size) + (SEPARATION + np.array([SITES[s] for s in site])) * target
        for policy in ("common", "per_group"):
            yield fitted(scenario, policy, of_sites, target, score, groups=site, group_policy=policy)


def sites_of_knees(rng: np.random.Generator) -> Iterator[Outcome]:
    patients = np.repeat(np.arange(240), 2)
    site = np.repeat(np.repeat(list(SITES), 80), 2)
    target = np.repeat(rng.random(240) < 0.6, 2)
    score = correlated(rng, 240, 2) + (SEPARATION + np.array([SITES[s] for s in site])) * target
    for method in CLUSTER_METHODS:
        options = {"clusters": patients, "cluster_method": method, "seed": int(rng.integers(1 << 31))}
        yield fitted(
            "3 sites of 80, two knees", f"common, {method}", of_sites, target, score, groups=site, **options
        )


FIRST, SECOND, LINK = np.array([0.0, 2.4, 3.2]), np.array([0.0, 0.0, 2.4]), 0.5
NODES, WEIGHTS = np.polynomial.legendre.leggauss(200)


def cascade(rng: np.random.Generator) -> Iterator[Outcome]:
    level = rng.choice(3, 400, p=[0.4, 0.3, 0.3])
    errors = rng.normal(size=(400, 2))
    yield from cascaded(
        rng, "cascade, 400 films", level, errors, {"empirical": {"method": "empirical"}, "exact": {}}
    )


def cascade_of_knees(rng: np.random.Generator) -> Iterator[Outcome]:
    level = np.repeat(rng.choice(3, 250, p=[0.4, 0.3, 0.3]), 2)
    errors = np.stack([correlated(rng, 250, 2), correlated(rng, 250, 2)], axis=1)
    patients = {"clusters": np.repeat(np.arange(250), 2), "seed": int(rng.integers(1 << 31))}
    asked = {method: {**patients, "cluster_method": method} for method in CLUSTER_METHODS}
    yield from cascaded(rng, "cascade, 250 patients, two knees", level, errors, asked)


def cascaded(rng, scenario: str, level, errors, asked: dict[str, dict]) -> Iterator[Outcome]:
    first = errors[:, 0] + FIRST[level]
    second = LINK * errors[:, 0] + (1 - LINK**2) ** 0.5 * errors[:, 1] + SECOND[level]
    for method, options in asked.items():
        try:
            point = fit_cascade(level > 0, level == 2, first, second, min_sensitivity=str(FLOOR), **options)
        except ImpossibleError:
            yield Outcome(scenario, method, "impossible", float("nan"), None)
            continue
        t1, t2 = point.bone_loss.threshold, point.osteoporosis.threshold
        loss = float(np.mean(ndtr(FIRST[1:] - t1)))
        severe = end_to_end(t1, t2)
        truth = Truth(min(loss, severe), float(ndtr(t1)), loss >= FLOOR and severe >= FLOOR)
        yield Outcome(scenario, method, point.status, point.confidence, truth)


def end_to_end(t1: float, t2: float) -> float:
    """P(both scores of an osteoporosis case reach their thresholds), by quadrature over the first error."""
    low, high = t1 - FIRST[2], 9.0
    z = low + (NODES + 1) / 2 * (high - low)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    inner = ndtr((SECOND[2] + LINK * z - t2) / (1 - LINK**2) ** 0.5)
    return float((high - low) / 2 * np.sum(WEIGHTS * density * inner))


def correlated(rng: np.random.Generator, patients: int, films: int, correlation: float = 0.8) -> np.ndarray:
    person = np.repeat(rng.normal(size=patients), films)
    return correlation**0.5 * person + (1 - correlation) ** 0.5 * rng.normal(size=patients * films)


SCENARIOS: tuple[Draw, ...] = (
    *(independent, tied, few, weighted, knees, ragged),
    *(sites, sites_of_knees, cascade, cascade_of_knees),
)


def chunk(seed: np.random.SeedSequence) -> list[Outcome]:
    """The outcomes of 25 runs of every scenario."""
    rng = np.random.default_rng(seed)
    return [outcome for _ in range(CHUNK) for scenario in SCENARIOS for outcome in scenario(rng)]


def simulate(runs: int, processes: int, seed: int) -> dict[tuple[str, str], list[Outcome]]:
    seeds = np.random.SeedSequence(seed).spawn(-(-runs // CHUNK))
    table: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    with ProcessPoolExecutor(processes) as pool:
        for outcomes in pool.map(chunk, seeds):
            for outcome in outcomes:
                table[outcome.scenario, outcome.method].append(outcome)
    return table


def row(key: tuple[str, str], outcomes: list[Outcome]) -> tuple[str, bool]:
    """One line of the table, and whether a guarantee in it was broken."""
    truths = [outcome.truth for outcome in outcomes if outcome.truth]
    status, confidence = next((o.status, o.confidence) for o in outcomes if o.truth)
    held = np.array([truth.held for truth in truths])
    error = max(held.std(), (confidence * (1 - confidence)) ** 0.5) / held.size**0.5
    broken = status == "guaranteed" and held.mean() < confidence - 3 * error
    sensitivity = np.mean([truth.sensitivity for truth in truths])
    specificity = np.mean([truth.specificity for truth in truths])
    scenario, method = key
    asked = "-" if status == "point only" else f"{confidence:.2f}"
    cells = (
        f"{scenario:33} | {method:23} | {status:11} | {asked:4} | {held.mean():.3f} ({error:.3f}) "
        f"| {sensitivity:.3f} | {specificity:.3f} | {len(outcomes) - held.size:5d}"
    )
    return f"| {cells} | {'BROKEN' if broken else ''} |", broken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    start = time.perf_counter()
    table = simulate(options.runs, options.processes, options.seed)
    print(f"Floor {FLOOR}, {options.runs} runs, best possible specificity of 226 films {BEST:.3f}\n")
    print(
        "| scenario | method | status | asked | P(holds) (s.e.) | sensitivity | specificity | impossible | |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    lines = [row(key, outcomes) for key, outcomes in table.items()]
    print("\n".join(line for line, _ in lines))
    print(
        "\nA cascade shows the lower of its two sensitivities, end to end, and the specificity of its first"
    )
    print(
        "step; sites show means, and hold if every certified site does. Impossible requests are not counted."
    )
    print(f"{time.perf_counter() - start:.0f} s")
    return int(any(broken for _, broken in lines))


if __name__ == "__main__":
    sys.exit(main())
