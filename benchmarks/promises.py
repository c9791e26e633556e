"""The promises that were found broken, by a simulation apart from `coverage.py`, beside what was filed.

Scores are powers of uniform numbers, so that P(score < t) = t ** k is known for every kind of case; the
films of a patient repeat its value with a fixed probability and are drawn anew otherwise, so that two of them
have a correlation of 0.8.

    python benchmarks/promises.py [--runs 2000] [--seed 0]

The exit code is 1 where a promise is broken, by more than chance explains.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy.stats import binom

from strnet.errors import ImpossibleError
from strnet.thresholds import fit_cascade, fit_threshold

EASY = 9.0
"""Power of an easy positive: 14% of them lie below 0.80."""

CONFIDENCE = 0.95
BY_CHANCE = 1e-3

Generator = np.random.Generator
Tried = tuple[str, str | None, bool] | None
"""Status, promise and whether the floor holds; None without an answer."""


@dataclass(frozen=True)
class Case:
    """What was filed (held among answers, or silent), one run for a number of positives, and that number."""

    name: str
    filed: str
    positives: int
    attempt: Callable[[Generator, int], Tried]
    floor: str = "0.86"


def powered(rng: Generator, powers: np.ndarray) -> np.ndarray:
    return rng.random(powers.size) ** (1 / powers)


def asked(target, score, miss: Callable[[float], float], floor: str, **options) -> Tried:
    try:
        point = fit_threshold(target, score, min_sensitivity=floor, **options)
    except ImpossibleError:
        return None
    return point.status, point.promise, 1 - miss(point.threshold) >= float(floor)


def with_weights(share: float, **options) -> Callable[[Generator, int], Tried]:
    """Cases that weigh 10 are `share` of the population and a good deal harder."""

    def attempt(rng: Generator, positives: int) -> Tried:
        hard = rng.random(positives) < share / (share + 10 * (1 - share))
        score = powered(rng, np.where(hard, 1.2, EASY))
        return asked(
            np.append(np.ones(positives), 0),
            np.append(score, 0.1),
            lambda t: share * t**1.2 + (1 - share) * t**EASY,
            "0.86",
            weights=np.append(np.where(hard, 10.0, 1.0), 1.0),
            **options,
        )

    return attempt


def of_patients(harder: bool, floor: str, **options) -> Callable[[Generator, int], Tried]:
    """Patients of 1, 2, 4 or 10 films; the sensitivity is that which the method speaks of."""
    films = np.array([1, 2, 4, 10])
    powers = np.array([11.0, 9.0, 7.0, 4.0]) if harder else np.full(4, EASY)
    shares = films / films.sum() if options.get("cluster_method") == "korn_graubard" else np.full(4, 0.25)

    def attempt(rng: Generator, positives: int) -> Tried:
        kind = rng.integers(4, size=positives)
        patient = np.repeat(np.arange(positives), films[kind])
        shared, own = rng.random(positives)[patient], rng.random(patient.size)
        # a film repeats its patient with the root of the correlation, so that two repeat it with 0.8
        value = np.where(rng.random(patient.size) < 0.8**0.5, shared, own)
        score = value ** (1 / powers[kind][patient])
        return asked(
            np.append(np.ones(score.size), 0),
            np.append(score, 0.1),
            lambda t: float(np.sum(shares * t**powers)),
            floor,
            clusters=np.append(patient, positives),
            **options,
        )

    return attempt


def in_cascade(rng: Generator, positives: int) -> Tried:
    """Osteoporosis cases, half of the positives, are harder than the others at the first step."""
    level = np.repeat([0, 1, 2], [positives, positives // 2, positives - positives // 2])
    first = powered(rng, np.array([1.0, 9.0, 6.0])[level])
    second = powered(rng, np.array([1.0, 1.0, 9.0])[level])
    try:
        point = fit_cascade(level > 0, level == 2, first, second)
    except ImpossibleError:
        return None
    t1, t2 = point.bone_loss.threshold, point.osteoporosis.threshold
    loss = 1 - (max(t1, 0) ** 9 + max(t1, 0) ** 6) / 2
    severe = (1 - max(t1, 0) ** 6) * (1 - max(t2, 0) ** 9)
    return point.status, point.promise, min(loss, severe) >= 0.86


def best_of_ten(method: str) -> Callable[[Generator, int], Tried]:
    """Knees; the highest threshold of ten seeds given by hand."""

    def attempt(rng: Generator, positives: int) -> Tried:
        value = np.repeat(rng.random(positives), 2)
        score = np.where(rng.random(value.size) < 0.8**0.5, value, rng.random(value.size)) ** (1 / EASY)
        patient = np.repeat(np.arange(positives), 2)
        options = {"clusters": patient, "cluster_method": method}
        best = max(fit_threshold(np.ones(score.size), score, seed=s, **options).threshold for s in range(10))
        return "misused", None, 1 - best**EASY >= 0.86

    return attempt


def by_default(method: str) -> Callable[[Generator, int], Tried]:
    """The same knees without a seed."""

    def attempt(rng: Generator, positives: int) -> Tried:
        value = np.repeat(rng.random(positives), 2)
        score = np.where(rng.random(value.size) < 0.8**0.5, value, rng.random(value.size)) ** (1 / EASY)
        options = {"clusters": np.repeat(np.arange(positives), 2), "cluster_method": method}
        return asked(np.ones(score.size), score, lambda t: t**EASY, "0.86", **options)

    return attempt


def cases() -> Iterator[Case]:
    for share, filed, positives in ((0.3, ".432 / .883", 90), (0.3, ".533 / .825", 48), (0.2, ".915", 240)):
        name = f"weights 10 : 1, {share:.0%} hard, {positives} positives"
        yield Case(f"{name}, effective number", filed, positives, with_weights(share))
        yield Case(f"{name}, max_weight 10", "", positives, with_weights(share, max_weight=10))
    for patients, harder, floor, filed in (
        (72, False, "0.86", ".938 / .938"),
        (72, True, "0.86", ".923 / .924"),
        (27, True, "0.86", ".795 / .878"),
        (120, False, "0.95", ".890 / .914"),
    ):
        kind = "larger harder" if harder else "size unrelated"
        name = f"{patients} positive patients, {kind}, {floor}"
        old = of_patients(harder, floor, cluster_method="korn_graubard")
        yield Case(f"{name}, korn_graubard", filed, patients, old)
        yield Case(f"{name}, default", "", patients, of_patients(harder, floor))
    yield Case("cascade, osteoporosis harder first", ".868 / .984", 240, in_cascade)
    for method, filed in (("one_per_cluster", ".848"), ("betting", ".853")):
        yield Case(f"best of ten seeds, {method}", filed, 68, best_of_ten(method))
        yield Case(f"no seed, {method}", "", 68, by_default(method))


def possible_from(case: Case, rng: Generator, draws: int = 40) -> int:
    """The fewest positives, to 5%, with which 95% of the requests are answered."""
    low, high = case.positives, 2 * case.positives
    while not _mostly(case, high, rng, draws):
        low, high = high, 2 * high
    while high - low > 0.05 * low:
        middle = (low + high) // 2
        low, high = (low, middle) if _mostly(case, middle, rng, draws) else (middle, high)
    return high


def _mostly(case: Case, positives: int, rng: Generator, draws: int) -> bool:
    return sum(case.attempt(rng, positives) is not None for _ in range(draws)) >= 0.95 * draws


@dataclass(frozen=True)
class Result:
    """What the runs of a case gave, as a row of the table, and whether a promise was broken."""

    row: str
    broken: bool


def result(case: Case, runs: int, rng: Generator) -> Result:
    tried = [case.attempt(rng, case.positives) for _ in range(runs)]
    answers = [one for one in tried if one is not None]
    wrong = sum(not held for *_, held in answers)
    status, promise = answers[0][:2] if answers else ("impossible", None)
    held = f"{1 - wrong / len(answers):.3f}" if answers else "-"
    silent = 1 - len(answers) / runs
    needed = f"{possible_from(case, rng)}" if silent > 0.05 and case.filed == "" else ""
    row = (
        f"| {case.name} | {case.filed} | {status} | {promise or '-'} | {held} | {1 - wrong / runs:.3f} "
        f"| {silent:.3f} | {needed} |"
    )
    among = len(answers) if promise == "if_answered" else runs
    return Result(row, promise is not None and is_broken(wrong, among))


def is_broken(wrong: int, runs: int) -> bool:
    """Whether so many are wrong that a promise of `CONFIDENCE` is broken, by the exact binomial test.

    Over all cases together chance alone says so in at most one of a thousand simulations.
    """
    return runs > 0 and bool(binom.sf(wrong - 1, runs, 1 - CONFIDENCE) < BY_CHANCE / len(list(cases())))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    start = time.perf_counter()
    print("| case | filed: held / or silent | now | promise | held | or silent | no answer | possible from |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    broken = []
    listed = list(cases())
    for case, seed in zip(listed, np.random.SeedSequence(options.seed).spawn(len(listed)), strict=True):
        found = result(case, options.runs, np.random.default_rng(seed))
        print(found.row, flush=True)
        broken += [case.name] if found.broken else []
    print(f"\n{options.runs} runs a case, confidence 0.95; {time.perf_counter() - start:.0f} s")
    if broken:
        sys.exit(f"Broken: {'; '.join(broken)}")


if __name__ == "__main__":
    main()
