"""The cases of `coverage.py`: each draws a cohort whose truth is known and yields what was fitted on it.

A case is a function of a random generator; it is registered in `SCENARIOS`, at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
from scipy.special import ndtr
from simulation import SEPARATION

from strnet.errors import ImpossibleError
from strnet.thresholds import OperatingPoint, fit_cascade, fit_threshold

FLOOR = 0.86
CLUSTER_METHODS = ("korn_graubard", "one_per_cluster", "betting", "worst")


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
    promise: str | None
    confidence: float
    truth: Truth | None  # None: the request was impossible


Draw = Callable[[np.random.Generator], Iterator[Outcome]]


@dataclass(frozen=True)
class Scenario:
    """A case; a slow one takes part in one run of `every`."""

    draw: Draw
    every: int = 1


def found(threshold: float, shift: float = 0.0) -> float:
    """The true sensitivity among positives whose scores lie `shift` higher."""
    return float(ndtr(SEPARATION + shift - threshold))


def plainly(threshold: float, shift: float = 0.0) -> Truth:
    sensitivity = found(threshold, shift)
    return Truth(sensitivity, float(ndtr(threshold - shift)), sensitivity >= FLOOR)


def mixture(
    shifts: np.ndarray, shares: np.ndarray, floor: float = FLOOR
) -> Callable[[OperatingPoint], Truth]:
    """The truth where `shares` of the positives, or of what they weigh, are shifted by `shifts`."""

    def at(point: OperatingPoint) -> Truth:
        each = [found(point.threshold, shift) for shift in shifts]
        sensitivity = float(np.average(each, weights=shares))
        return Truth(sensitivity, float(ndtr(point.threshold)), sensitivity >= floor)

    return at


def fitted(
    scenario: str, name: str, truth: Callable[[OperatingPoint], Truth], target, score, /, **options
) -> Outcome:
    try:
        point = fit_threshold(target, score, **{"min_sensitivity": str(FLOOR), **options})
    except ImpossibleError:
        return Outcome(scenario, name, "impossible", None, float("nan"), None)
    return Outcome(scenario, name, point.status, point.promise, point.confidence, truth(point))


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
    shifts = np.array([-0.5, 0.3])
    score = rng.normal(size=400) + SEPARATION * target + np.where(mild, *shifts) * target
    weights = np.where(target, np.where(mild, 2.5, 0.625), 1.0)
    coarse = np.round(2 * score) / 2
    coarse_truth = mixture(shifts + 0.25, np.ones(2))
    for name, options in WEIGHTED.items():
        most = {"max_weight": 2.5} if name == "exact, declared" else {}
        asked = {"weights": weights, **options, **most}
        yield fitted("weights 4 : 1", name, mixture(shifts, np.ones(2)), target, score, **asked)
        if most:
            yield fitted("weights 4 : 1, steps of 0.5", name, coarse_truth, target, coarse, **asked)


WEIGHTED: dict[str, dict] = {
    "empirical": {"method": "empirical"},
    "exact, none declared": {},
    "exact, declared": {},
}
HARD = -1.75


def heavy(films: int, share: float, easy: bool = False) -> Draw:
    """Cases that weigh 10 make up `share` of the population and are hard to find, or are the easy ones."""

    def draw(rng: np.random.Generator) -> Iterator[Outcome]:
        target = np.arange(films) < round(0.6 * films)
        tenfold = target & (rng.random(films) < share / (share + 10 * (1 - share)))
        shifts = np.array([0.0, HARD]) if easy else np.array([HARD, 0.0])
        score = rng.normal(size=films) + SEPARATION * target + np.where(tenfold, *shifts) * target
        weights = np.where(tenfold, 10.0, 1.0)
        kind = "easy" if easy else "hard"
        scenario = f"weights 10 : 1, {share:.0%} {kind}, {films} films"
        truth = mixture(shifts, np.array([share, 1 - share]))
        asked = {"weights": weights}
        yield fitted(scenario, "none declared", truth, target, score, **asked)
        yield fitted(scenario, "max_weight 10", truth, target, score, max_weight=10, **asked)

    return draw


def knees(rng: np.random.Generator) -> Iterator[Outcome]:
    target = np.repeat(rng.random(113) < 0.6, 2)
    score = correlated(rng, 113, 2) + SEPARATION * target
    patients = np.repeat(np.arange(113), 2)
    scenario = "113 patients, two knees, r .8"
    wrong = fitted(scenario, "films as independent", lambda p: plainly(p.threshold), target, score)
    yield replace(wrong, status="misused")
    for method in CLUSTER_METHODS:
        options = {"clusters": patients, "cluster_method": method}
        yield fitted(scenario, method, lambda p: plainly(p.threshold), target, score, **options)


def equal(patients: int, films: int, correlation: float) -> Draw:
    """Patients with equally many films: where the effective number is to be good enough."""

    def draw(rng: np.random.Generator) -> Iterator[Outcome]:
        target = np.repeat(np.arange(patients) < round(0.6 * patients), films)
        score = correlated(rng, patients, films, correlation) + SEPARATION * target
        scenario = f"{patients} patients of {films}, r {correlation}"
        clusters = np.repeat(np.arange(patients), films)
        for method in ("korn_graubard", "betting"):
            options = {"clusters": clusters, "cluster_method": method}
            yield fitted(scenario, method, lambda p: plainly(p.threshold), target, score, **options)

    return draw


SIZES = np.array([1, 2, 4, 10])
SHIFTS = {
    "size unrelated": np.zeros(4),
    "larger harder": np.array([0.4, 0.2, -0.1, -0.6]),
    "larger easier": np.array([-0.4, 0.0, 0.2, 0.6]),
}


def ragged(patients: int, kind: str, floor: float = FLOOR, sizes: np.ndarray = SIZES) -> Draw:
    """Patients with very different numbers of films. Films and patients then have different sensitivities."""
    shifts = SHIFTS[kind][: sizes.size]

    def draw(rng: np.random.Generator) -> Iterator[Outcome]:
        size = rng.integers(sizes.size, size=patients)
        clusters = np.repeat(np.arange(patients), sizes[size])
        target = (np.arange(patients) < round(0.6 * patients))[clusters]
        person, own = rng.normal(size=patients)[clusters], rng.normal(size=clusters.size)
        score = 0.8**0.5 * person + 0.2**0.5 * own + (SEPARATION + shifts[size][clusters]) * target
        scenario = f"{patients} patients, 1 to {sizes[-1]} films, {kind}, {floor}"
        for method in CLUSTER_METHODS if patients < 1000 else ("betting",):
            shares = sizes if method == "korn_graubard" else np.ones(sizes.size)
            options = {"clusters": clusters, "cluster_method": method, "min_sensitivity": str(floor)}
            yield fitted(scenario, method, mixture(shifts, shares, floor), target, score, **options)

    return draw


def weighted_patients(rng: np.random.Generator) -> Iterator[Outcome]:
    """Patients of 1 to 10 films, of whom a hard third was sampled at a quarter of the rate."""
    hard = rng.random(300) < 1 / 9
    clusters = np.repeat(np.arange(300), rng.choice(SIZES, 300))
    target = (np.arange(300) < 180)[clusters]
    shifts = np.array([-0.7, 0.0])
    score = 0.8**0.5 * rng.normal(size=300)[clusters] + 0.2**0.5 * rng.normal(size=clusters.size)
    score += (SEPARATION + np.where(hard, *shifts)[clusters]) * target
    options = {"clusters": clusters, "weights": np.where(hard, 4.0, 1.0)[clusters], "max_weight": 4}
    truth = mixture(shifts, np.array([1 / 3, 2 / 3]))
    yield fitted("300 patients, weights 4 : 1", "betting", truth, target, score, **options)


def seeds(rng: np.random.Generator) -> Iterator[Outcome]:
    """What choosing the best of ten seeds would do; by default there is none to choose."""
    target = np.repeat(np.arange(113) < 68, 2)
    score = correlated(rng, 113, 2) + SEPARATION * target
    for method in ("one_per_cluster", "betting"):
        options = {"clusters": np.repeat(np.arange(113), 2), "cluster_method": method}
        tried = [
            fitted(
                "best of ten seeds",
                method,
                lambda p: plainly(p.threshold),
                target,
                score,
                seed=seed,
                **options,
            )
            for seed in range(10)
        ]
        best = min(tried, key=lambda outcome: outcome.truth.sensitivity)
        yield replace(best, status="misused", promise=None)


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
        options = {"clusters": patients, "cluster_method": method}
        yield fitted(
            "3 sites of 80, two knees", f"common, {method}", of_sites, target, score, groups=site, **options
        )


FIRST, SECOND, LINK = np.array([0.0, 2.4, 3.2]), np.array([0.0, 0.0, 2.4]), 0.5
HARDER = np.array([0.0, 2.4, 2.0])
NODES, WEIGHTS = np.polynomial.legendre.leggauss(200)


def cascade(rng: np.random.Generator) -> Iterator[Outcome]:
    level = rng.choice(3, 400, p=[0.4, 0.3, 0.3])
    errors = rng.normal(size=(400, 2))
    yield from cascaded(
        "cascade, 400 films", level, errors, {"empirical": {"method": "empirical"}, "exact": {}}
    )
    scenario = "cascade, osteoporosis harder first"
    yield from cascaded(scenario, level, errors, {"exact": {}}, first_means=HARDER)


def cascade_of_knees(rng: np.random.Generator) -> Iterator[Outcome]:
    level = np.repeat(rng.choice(3, 250, p=[0.4, 0.3, 0.3]), 2)
    errors = np.stack([correlated(rng, 250, 2), correlated(rng, 250, 2)], axis=1)
    patients = {"clusters": np.repeat(np.arange(250), 2)}
    asked = {method: {**patients, "cluster_method": method} for method in CLUSTER_METHODS}
    yield from cascaded("cascade, 250 patients, two knees", level, errors, asked)


def cascaded(
    scenario: str, level, errors, asked: dict[str, dict], first_means: np.ndarray = FIRST
) -> Iterator[Outcome]:
    first = errors[:, 0] + first_means[level]
    second = LINK * errors[:, 0] + (1 - LINK**2) ** 0.5 * errors[:, 1] + SECOND[level]
    for method, options in asked.items():
        try:
            point = fit_cascade(level > 0, level == 2, first, second, min_sensitivity=str(FLOOR), **options)
        except ImpossibleError:
            yield Outcome(scenario, method, "impossible", None, float("nan"), None)
            continue
        t1, t2 = point.bone_loss.threshold, point.osteoporosis.threshold
        loss = float(np.mean(ndtr(first_means[1:] - t1)))
        severe = end_to_end(t1, t2, first_means[2])
        truth = Truth(min(loss, severe), float(ndtr(t1)), loss >= FLOOR and severe >= FLOOR)
        yield Outcome(scenario, method, point.status, point.promise, point.confidence, truth)


def end_to_end(t1: float, t2: float, first_mean: float) -> float:
    """P(both scores of an osteoporosis case reach their thresholds), by quadrature over the first error."""
    low, high = t1 - first_mean, 9.0
    z = low + (NODES + 1) / 2 * (high - low)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    inner = ndtr((SECOND[2] + LINK * z - t2) / (1 - LINK**2) ** 0.5)
    return float((high - low) / 2 * np.sum(WEIGHTS * density * inner))


def correlated(rng: np.random.Generator, patients: int, films: int, correlation: float = 0.8) -> np.ndarray:
    person = np.repeat(rng.normal(size=patients), films)
    return correlation**0.5 * person + (1 - correlation) ** 0.5 * rng.normal(size=patients * films)


SCENARIOS: tuple[Scenario, ...] = (
    *map(Scenario, (independent, tied, few, weighted)),
    *(Scenario(heavy(films, share)) for films, share in ((80, 0.3), (150, 0.3), (300, 0.3), (400, 0.2))),
    Scenario(heavy(400, 0.2, easy=True)),
    Scenario(knees),
    *(Scenario(equal(*sizes)) for sizes in ((60, 4, 0.8), (60, 10, 0.5), (200, 10, 0.2))),
    *(Scenario(ragged(patients, kind)) for patients in (45, 120) for kind in SHIFTS),
    *(Scenario(ragged(200, kind, 0.95)) for kind in SHIFTS),
    Scenario(ragged(3000, "larger harder", sizes=SIZES[:3]), every=5),
    Scenario(weighted_patients),
    Scenario(seeds, every=5),
    *map(Scenario, (sites, sites_of_knees, cascade, cascade_of_knees)),
)
"""Every case, once."""


def scenarios() -> list[Draw]:
    """The draw of every case; that of a slow one draws nothing in most runs."""
    return [scenario.draw if scenario.every == 1 else _seldom(scenario) for scenario in SCENARIOS]


def _seldom(scenario: Scenario) -> Draw:
    runs = count()

    def drawn(rng: np.random.Generator) -> Iterator[Outcome]:
        if next(runs) % scenario.every == 0:
            yield from scenario.draw(rng)

    return drawn
