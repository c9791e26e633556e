"""How often a site is ever wrongly certified or alarmed, what that costs, and which copies are found.

`python benchmarks/site_certificates.py` looks at 2,000 runs of 2,000 patients after every one of them, at the
floor itself, where either verdict is wrong. It fails if an error is above 5% by three standard errors.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy import special, stats

from strnet.thresholds import certify, fit_threshold
from strnet.thresholds.confidence_sequence import PRIOR, WEIGHTED_PRIOR, PatientMisses, Wealth, stakes
from strnet.thresholds.copied_rows import repetition
from strnet.thresholds.known_rows import BY_CHANCE, PASTED, numbered_rows, remembered, shared_rows

FLOOR, CONFIDENCE, ERROR = "0.86", "0.95", 0.05
MISS_SHARE = 1 - float(FLOOR)
BATCH = 20
"""Runs that are simulated at once."""
Rng = np.random.Generator
Patients = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Films missed, films, and weight of patients, each (runs, n)."""


@dataclass(frozen=True)
class Site:
    """Patients as a site has them, and the largest weight that it declares."""

    name: str
    draw: Callable[[Rng, tuple[int, int], float], Patients]
    max_weight: float | None = None


def single(rng: Rng, shape: tuple[int, int], miss_share: float) -> Patients:
    return (rng.random(shape) < miss_share).astype(int), np.ones(shape, int), np.ones(shape)


def ragged(rng: Rng, shape: tuple[int, int], miss_share: float, *, harder: float = 0.0) -> Patients:
    """1, 2, 4 or 10 films with correlation .8; those with more films may be missed more often."""
    kind = rng.integers(4, size=shape)
    films = np.array([1, 2, 4, 10])[kind]
    limit = special.ndtri(miss_share * (1 + harder * np.array([-1, -0.5, 0.5, 1])))[kind]
    chance = special.ndtr((limit - 0.8**0.5 * rng.normal(size=shape)) / 0.2**0.5)
    return rng.binomial(films, chance), films, np.ones(shape)


def ten_to_one(rng: Rng, shape: tuple[int, int], miss_share: float) -> Patients:
    """30% weigh 10 and are missed more often than the others, who weigh 1."""
    heavy, weight = rng.random(shape) < 0.3, np.array([1.0, 10.0])
    of_light = 0.4 * miss_share
    of_heavy = (miss_share * (0.7 + 0.3 * 10) - 0.7 * of_light) / (0.3 * 10)
    missed = rng.random(shape) < np.where(heavy, of_heavy, of_light)
    return missed.astype(int), np.ones(shape, int), weight[heavy.astype(int)]


SITES = (
    Site("one film each", single),
    Site("1 to 10 films, size unrelated", ragged),
    Site("1 to 10 films, more are harder", partial(ragged, harder=0.6)),
    Site("weights 10 : 1, heavy are harder", ten_to_one, 10.0),
)


def first_looks(
    site: Site, rng: Rng, shape: tuple[int, int], miss_share: float, *, for_fewer: bool
) -> Iterator[int]:
    """The number of patients, from 1, at which each run is decided; 0 where it never is."""
    prior = np.log(PRIOR if site.max_weight is None else WEIGHTED_PRIOR)
    stake, target = stakes(MISS_SHARE, for_fewer=for_fewer), -np.log(ERROR)
    for _ in range(0, shape[0], BATCH):
        missed, films, weight = site.draw(rng, (BATCH, shape[1]), miss_share)
        excess = weight / (site.max_weight or 1.0) * (missed / films - MISS_SHARE)
        gains = np.cumsum(np.log1p(stake[:, None, None] * excess), axis=2)
        wealth = special.logsumexp(prior[:, None, None] + gains, axis=0)
        require_same_wealth(site, missed / films, weight, wealth, for_fewer=for_fewer)
        reached = wealth >= target
        yield from np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, 0).tolist()


def require_same_wealth(
    site: Site, share: np.ndarray, weight: np.ndarray, wealth: np.ndarray, *, for_fewer: bool
) -> None:
    """Raise unless the running wealth of the first run ends at what the package says of all its patients."""
    weights = (None, None) if site.max_weight is None else (weight[0], site.max_weight)
    whole = Wealth(PatientMisses(share[0], *weights), MISS_SHARE, for_fewer=for_fewer).log()
    np.testing.assert_allclose(whole, wealth[0, -1], rtol=1e-9, atol=1e-9)


def errors(rng: Rng, runs: int, patients: int) -> bool:
    """Print how often each site is ever decided at the floor itself; whether that is too often."""
    print(f"\nEver decided at the floor itself ({FLOOR}), {runs} runs of {patients} patients, each a look\n")
    print("| site | ever certified | ever alarmed |\n| --- | --- | --- |")
    broken = False
    for site in SITES:
        shares = []
        for for_fewer in (True, False):
            looks = list(first_looks(site, rng, (runs, patients), MISS_SHARE, for_fewer=for_fewer))
            shares.append(np.count_nonzero(looks) / len(looks))
        broken |= any(map(partial(too_often, runs=runs), shares))
        print(f"| {site.name} | {shares[0]:.4f} | {shares[1]:.4f} |", flush=True)
    return broken


def too_often(share: float, runs: int) -> bool:
    return share > ERROR + 3 * (ERROR * (1 - ERROR) / runs) ** 0.5


def one_look(rng: Rng, runs: int) -> bool:
    """Print how often `certify` decides at the floor itself, asked once; whether that is too often."""
    print(f"\nOne look of `certify` at the floor itself, {runs} runs: certified / alarmed\n")
    print("| site | patients | anytime | fixed |\n| --- | --- | --- | --- |")
    score, target = np.arange(200.0), np.arange(200) >= 80
    point = replace(fit_threshold(target, score), threshold=0.0)
    broken = False
    for site, patients in [(SITES[2], n) for n in (40, 72, 150)] + [(SITES[3], n) for n in (60, 136, 400)]:
        verdicts = {test: [] for test in ("anytime", "fixed")}
        for _ in range(runs):
            drawn = [column[0] for column in site.draw(rng, (1, patients), MISS_SHARE)]
            for test in verdicts if site.max_weight is None else ("anytime",):
                rows = films_of(*drawn, site.max_weight)
                verdicts[test].append(certify(point, test=test, **rows).verdict)
        cells = []
        for given in filter(None, verdicts.values()):
            shares = [given.count(word) / runs for word in ("certified", "alarm")]
            broken |= any(map(partial(too_often, runs=runs), shares))
            cells.append(f"{shares[0]:.4f} / {shares[1]:.4f}")
        print(f"| {site.name} | {patients} | {' | '.join([*cells, 'none'][:2])} |", flush=True)
    return broken


def films_of(missed: np.ndarray, films: np.ndarray, weight: np.ndarray, max_weight: float | None) -> dict:
    """Arguments of `certify` for patients of whose `films` so many were `missed` by a threshold of 0."""
    at = np.arange(films.sum()) - np.repeat(np.cumsum(films) - films, films)
    found = at >= np.repeat(missed, films)
    rows = {"target": np.ones(found.size), "score": np.where(found, 1.0, -1.0) + at / 100}
    if max_weight is None:
        return rows | {"clusters": np.repeat(np.arange(films.size), films)}
    return rows | {"weights": weight, "max_weight": max_weight}


def needed_by_fixed_test(sensitivity: float, power: float, *, for_fewer: bool) -> int:
    patients = np.arange(20, 20_000)
    if for_fewer:
        allowed = stats.binom.ppf(ERROR, patients, MISS_SHARE)
        allowed -= stats.binom.cdf(allowed, patients, MISS_SHARE) > ERROR
        chance = stats.binom.cdf(allowed, patients, 1 - sensitivity)
    else:
        chance = stats.binom.sf(stats.binom.ppf(1 - ERROR, patients, MISS_SHARE), patients, 1 - sensitivity)
    return int(patients[np.flatnonzero(chance < power)[-1] + 1])


def cost(rng: Rng, runs: int) -> None:
    """Print the patients that the anytime test takes beside the fixed one."""
    print(f"\nPatients (one film each) until a floor of {FLOOR} is decided with 80% chance, {runs} runs\n")
    print("| true sensitivity | verdict | fixed test | anytime: 80% decided by | half decided by | ratio |")
    print("| --- | --- | --- | --- | --- | --- |")
    for sensitivity in (0.90, 0.92, 0.95, 0.80, 0.75):
        for_fewer = sensitivity > float(FLOOR)
        fixed = needed_by_fixed_test(sensitivity, 0.8, for_fewer=for_fewer)
        shape = (runs, 4 * fixed)
        looks = first_looks(SITES[0], rng, shape, 1 - sensitivity, for_fewer=for_fewer)
        most, half = np.quantile([look or np.inf for look in looks], [0.8, 0.5])
        verdict = "certified" if for_fewer else "alarm"
        print(
            f"| {sensitivity} | {verdict} | {fixed} | {most:.0f} | {half:.0f} | {most / fixed:.2f} |",
            flush=True,
        )


SCORES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as computed": lambda score: score,
    "3 decimals": lambda score: np.round(score, 3),
    "2 decimals": lambda score: np.round(score, 2),
    "1 decimal": lambda score: np.round(score, 1),
    "probability, 2 decimals": lambda score: np.round(special.expit(3 * score - 3), 2),
    "0 to 100": lambda score: np.clip(np.round(15 * score + 30), 0, 100),
    "0 to 10": lambda score: np.clip(np.round(2 * score + 3), 0, 10),
}


def rows_of(
    rng: Rng, rows: int, written: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    target = rng.random(rows) < 0.6
    return target, written(rng.normal(size=rows) + 2.119 * target)


def copies(rng: Rng, runs: int) -> bool:
    """Print how often rows without ids are refused as known or pasted; whether honest ones are too often."""
    print(f"\nRefused without ids, {runs} runs: another site, nine tenths known, any one table, one pasted\n")
    print("| scores | first site | second site | another | known | any | pasted |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    broken = False
    for name, written in SCORES.items():
        for sizes in ((226, 226), (1000, 1000), (226, 60)):
            counts = np.sum([copied(rng, written, *sizes) for _ in range(runs)], axis=0) / runs
            broken |= counts[0] > 1e-3 or counts[2] > 1e-3
            cells = " | ".join(f"{share:.4f}" for share in counts)
            print(f"| {name} | {sizes[0]} | {sizes[1]} | {cells} |", flush=True)
    return broken


def copied(rng: Rng, written: Callable[[np.ndarray], np.ndarray], first: int, second: int) -> list[bool]:
    chosen, other = rows_of(rng, first, written), rows_of(rng, second, written)
    known = remembered(numbered_rows(*chosen))
    again = min(first, int(0.9 * second))
    mixed = [np.concatenate([old[:again], new[again:second]]) for old, new in zip(chosen, other, strict=True)]
    tables = numbered_rows(*other), numbered_rows(*mixed)
    twice = numbered_rows(*(np.tile(column, 2)[:-1] for column in chosen))
    return [
        *(shared_rows(known, table).chance <= BY_CHANCE for table in tables),
        *(repetition(table.counts).chance <= PASTED for table in (numbered_rows(*chosen), twice)),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--patients", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    start, rng = time.perf_counter(), np.random.default_rng(options.seed)
    broken = errors(rng, options.runs, options.patients)
    broken |= one_look(rng, options.runs)
    cost(rng, options.runs)
    broken |= copies(rng, options.runs)
    print(f"\n{'BROKEN' if broken else 'held'}; {time.perf_counter() - start:.0f} s")
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
