"""How often the intervals that a report prints hold the truth, how wide they are, and the level of its tests.

Scores, errors and classes are of normals, so that the truth is known: in closed form, by quadrature, or for
three classes from one large sample. Every interval comes from the public functions, once as papers make it
("before", where the method is still there) and once as the report does ("after").

    python benchmarks/coverage_intervals.py [--cohorts 5000] [--processes 2] [--seed 0]

Ends with exit code 1 where an interval of the report holds the truth less often than the cohort's `required`
share and does not call itself approximate in 95% of them; where its mean width exceeds 1.25 times 3.92
standard deviations of the estimate; or where a test at 5% that is not called approximate rejects other than 4
to 6% (McNemar's test counts whole films and may reject less often; the exact one never more than 5%). Shares
are held against these limits with two standard errors of the simulation.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy.special import expit, ndtr, ndtri

from strnet import stats
from strnet.errors import StatsError
from strnet.stats import Estimate

PREVALENCE = 0.6
SENSITIVITY = 0.9  # of the operating point
CLASS_SHARES, CLASS_MEANS = np.array([0.4, 0.35, 0.25]), np.array([0.0, 1.2, 2.6])
BIAS, SHRINKAGE, SCATTER = 0.2, 0.8, 0.6  # a T-score t is predicted as 0.2 + 0.8 t, with that error
WIDEST, MOSTLY = 1.25, 0.95
CHUNK = 50
SHARES = ("sensitivity", "specificity", "ppv", "npv", "accuracy", "f1")


@dataclass(frozen=True)
class Cell:
    """A kind of cohort: patients, how many films each may have, and the true AUROC."""

    name: str
    patients: int
    films: tuple[int, ...]
    area: float
    required: float

    @property
    def alike(self) -> float:
        """The correlation of a patient's films, given the target."""
        return 0.8 if max(self.films) > 1 else 0.0

    @property
    def separation(self) -> float:
        """How many standard deviations the classes lie apart."""
        return float(np.sqrt(2) * ndtri(self.area))

    @property
    def threshold(self) -> float:
        """The score of the operating point."""
        return self.separation - float(ndtri(SENSITIVITY))


CELLS = (
    Cell("89 patients, 1 or 2 films", 89, (1, 2), 0.92, 0.94),
    Cell("30 patients, 1 or 2 films", 30, (1, 2), 0.92, 0.93),
    Cell("60 patients, 1, 2, 4 or 10 films", 60, (1, 2, 4, 10), 0.92, 0.93),
    *(
        Cell(f"{films} films, AUROC {area}", films, (1,), area, 0.94 if films > 40 else 0.93)
        for area in (0.92, 0.97)
        for films in (40, 126, 224)
    ),
)


@dataclass(frozen=True)
class Rows:
    """The films of one cohort, and a second scorer as good as the first.

    `patients` is None where each has one film.
    """

    target: np.ndarray
    scores: tuple[np.ndarray, np.ndarray]
    prob: np.ndarray
    measured: np.ndarray
    predicted: tuple[np.ndarray, np.ndarray]
    codes: np.ndarray
    chances: tuple[np.ndarray, np.ndarray]
    patients: np.ndarray | None


Named = Iterator[tuple[str, Estimate]]
Outcome = tuple[str, bool, float, float, float, bool]
"""Name, whether before, value (of a test its p-value), limits, whether it calls itself approximate."""


def draw(cell: Cell, rng: np.random.Generator) -> Rows:
    """A cohort in which every class occurs."""
    sick, code = rng.random(cell.patients) < PREVALENCE, rng.choice(3, cell.patients, p=CLASS_SHARES)
    if sick.all() or not sick.any() or np.unique(code).size < 3:
        return draw(cell, rng)
    owner = np.repeat(np.arange(cell.patients), rng.choice(cell.films, cell.patients))
    target, codes = sick[owner], code[owner]

    def error() -> np.ndarray:
        own = rng.normal(size=owner.size)
        return cell.alike**0.5 * rng.normal(size=cell.patients)[owner] + (1 - cell.alike) ** 0.5 * own

    def twice() -> tuple[np.ndarray, np.ndarray]:
        common = error()
        first, second = ((common + error()) / 2**0.5 for _ in range(2))
        return first, second

    scores, levels, measured = twice(), twice(), error()
    predictions = [BIAS + SHRINKAGE * measured + SCATTER * part for part in twice()]
    first, second = (part + cell.separation * target for part in scores)
    return Rows(
        target=target,
        scores=(first, second),
        prob=expit(np.log(PREVALENCE / (1 - PREVALENCE)) + cell.separation * (first - cell.separation / 2)),
        measured=measured,
        predicted=(predictions[0], predictions[1]),
        codes=codes,
        chances=(class_chances(levels[0], codes), class_chances(levels[1], codes)),
        patients=owner if max(cell.films) > 1 else None,
    )


def class_chances(error: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """The true probabilities of three classes, (n, 3)."""
    level = error + CLASS_MEANS[codes]
    density = CLASS_SHARES * np.exp(-((level[:, None] - CLASS_MEANS) ** 2) / 2)
    return density / density.sum(axis=1, keepdims=True)


def binary(rows: Rows, *, before: bool) -> Named:
    """Separation and calibration."""
    of, known = (rows.target, rows.scores[0]), {"clusters": rows.patients}
    yield "AUROC", stats.auroc(*of, interval="delong" if before else "jackknife", **known)
    if rows.patients is None or not before:  # patients were resampled before: too slow for this many cohorts
        yield "AUPRC", stats.auprc(*of, interval="logit" if before else "jackknife", **known)
    yield (
        "Brier",
        stats.brier(rows.target, rows.prob, interval="normal" if before else "jackknife", **known),
    )
    try:
        line = stats.calibration_slope_intercept(
            rows.target, rows.prob, interval="wald" if before else "jackknife", **known
        )
    except StatsError:
        return  # separated classes have no slope, and the report prints none
    yield "calibration slope", line.slope
    yield "calibration in the large", line.in_the_large


def decisions(cell: Cell, rows: Rows, *, before: bool) -> Named:
    """What an operating point decides; before with Korn and Graubard's interval."""
    target, called = rows.target, rows.scores[0] >= cell.threshold
    if rows.patients is None:
        found = stats.binary_metrics(target, called)
        yield from ((name, found[name]) for name in SHARES)
        return
    everyone = np.ones_like(target)
    parts = (
        (called, target),
        (~called, ~target),
        (target, called),
        (~target, ~called),
        (target == called, everyone),
        (target & called, target | called),
    )
    for name, (hits, among) in zip(SHARES, parts, strict=True):
        if np.unique(rows.patients[among]).size > 1:
            method = "korn_graubard" if before else "jeffreys"
            found = stats.clustered_proportion(hits[among], rows.patients[among], method=method)
            yield name, f1_of(found) if name == "f1" else found


def f1_of(share: Estimate) -> Estimate:
    """F1 of the share of hits among those who are positive or called, as the report has it."""
    value, low, high = (2 * part / (1 + part) for part in (share.value, share.low, share.high))
    return replace(share, value=value, low=low, high=high)


def agreement(rows: Rows, *, before: bool) -> Named:
    """T-scores; before also without patients only, where they were resampled or linearised."""
    pair, known = (rows.measured, rows.predicted[0]), {"clusters": rows.patients}
    errors = stats.regression_errors(*pair, interval="student" if before else "jackknife", **known)
    yield from (("MAE", errors["mae"]), ("RMSE", errors["rmse"]), ("bias", errors["bias"]))
    if rows.patients is not None and before:
        return
    limits = stats.bland_altman(*pair, method="bland_altman" if before else "jackknife", **known)
    yield "lower limit of agreement", limits.lower_limit
    yield "upper limit of agreement", limits.upper_limit
    interval = "classical" if before else "jackknife"
    yield "r", stats.pearson(*pair, interval=interval, **known)
    yield "CCC", stats.concordance(*pair, interval=interval, **known)


def classes(rows: Rows, *, before: bool) -> Named:
    """Three classes; before only kappa of independent films, since the areas were resampled."""
    of, named, known = (rows.codes, rows.chances[0]), rows.chances[0].argmax(1), {"clusters": rows.patients}
    if before:
        if rows.patients is None:
            yield "weighted kappa", stats.cohen_kappa(stats.confusion_matrix(rows.codes, named, 3))
        return
    yield "weighted kappa", stats.kappa_of_rows(rows.codes, named, 3, **known)
    yield "macro AUROC", stats.multiclass_auroc(*of, **known)
    yield "AUROC of Hand and Till", stats.multiclass_auroc(*of, average="hand_till", **known)
    yield "macro AUROC difference", stats.paired_multiclass_auroc(*of, rows.chances[1], **known)


def differences(rows: Rows, *, before: bool) -> Named:
    """The network minus another scorer."""
    yield "AUROC difference", paired(rows, before=before).difference
    if not before:
        yield "MAE difference", mean_gain(rows)


def p_values(cell: Cell, rows: Rows, *, before: bool) -> Iterator[tuple[str, float, str]]:
    """Of tests whose null hypothesis is true, each with its note."""
    compared = paired(rows, before=before)
    yield "paired DeLong", compared.test.p_value, compared.difference.note
    right = [(score >= cell.threshold)[rows.target] for score in rows.scores]
    if rows.patients is None:
        yield "McNemar, exact", stats.mcnemar(*right, exact=not before).test.p_value, ""
    elif not before:
        of = rows.patients[rows.target]
        yield "McNemar, patients", stats.mcnemar(*right, clusters=of).test.p_value, ""
    if not before:
        gain = mean_gain(rows)
        yield "MAE difference", 1.0 if gain.low <= 0 <= gain.high else 0.0, gain.note


def paired(rows: Rows, *, before: bool) -> stats.Comparison:
    interval = "delong" if before else "jackknife"
    return stats.paired_delong(rows.target, *rows.scores, interval=interval, clusters=rows.patients)


def mean_gain(rows: Rows) -> Estimate:
    first, second = (np.abs(predicted - rows.measured) for predicted in rows.predicted)
    return stats.mean_estimate(first - second, 0.95, rows.patients)


def outcomes(cell: Cell, rows: Rows) -> Iterator[Outcome]:
    """Everything that is printed of one cohort, before and after."""
    parts = (binary, partial(decisions, cell), agreement, classes, differences)
    for before in (True, False):
        for part in parts:
            for name, found in part(rows, before=before):
                approximate = found.note.startswith("approximate")
                yield name, before, found.value, found.low, found.high, approximate
        for name, p_value, note in p_values(cell, rows, before=before):
            yield f"test: {name}", before, p_value, np.nan, np.nan, note.startswith("approximate")


def truths(cell: Cell) -> dict[str, float]:
    """The figures of the population."""
    x = np.linspace(-12, 12 + cell.separation, 60_001)
    above, alarms = ndtr(cell.separation - x), ndtr(-x)
    positive = normal_density(x - cell.separation)
    mixed = PREVALENCE * positive + (1 - PREVALENCE) * normal_density(x)
    prob = PREVALENCE * positive / mixed
    called = PREVALENCE * above + (1 - PREVALENCE) * alarms
    precision = np.divide(PREVALENCE * above, called, out=np.ones_like(called), where=called > 0)
    return {
        "AUROC": cell.area,
        "AUPRC": float(np.trapezoid(positive * precision, x)),
        "Brier": float(np.trapezoid(mixed * prob * (1 - prob), x)),
        "calibration slope": 1.0,
        "calibration in the large": 0.0,
        **decided(float(ndtr(cell.threshold))),
        **agreed(),
        **CLASS_TRUTHS,
        "macro AUROC difference": 0.0,
        "AUROC difference": 0.0,
        "MAE difference": 0.0,
    }


def decided(specificity: float) -> dict[str, float]:
    found, alarms = PREVALENCE * SENSITIVITY, (1 - PREVALENCE) * (1 - specificity)
    missed, cleared = PREVALENCE - found, 1 - PREVALENCE - alarms
    return {
        "sensitivity": SENSITIVITY,
        "specificity": specificity,
        "ppv": found / (found + alarms),
        "npv": cleared / (cleared + missed),
        "accuracy": found + cleared,
        "f1": 2 * found / (2 * found + alarms + missed),
    }


def agreed() -> dict[str, float]:
    """Of differences that are normal around `BIAS`."""
    variance = (1 - SHRINKAGE) ** 2 + SCATTER**2
    spread = variance**0.5
    predicted = SHRINKAGE**2 + SCATTER**2
    folded = 2 * spread * normal_density(BIAS / spread) + BIAS * (1 - 2 * ndtr(-BIAS / spread))
    half = float(ndtri(0.975)) * spread
    return {
        "MAE": float(folded),
        "RMSE": (variance + BIAS**2) ** 0.5,
        "bias": BIAS,
        "lower limit of agreement": BIAS - half,
        "upper limit of agreement": BIAS + half,
        "r": SHRINKAGE / predicted**0.5,
        "CCC": 2 * SHRINKAGE / (1 + predicted + BIAS**2),
    }


def large_sample(films: int = 3_000_000) -> dict[str, float]:
    """The figures of three classes, to three digits and a half."""
    rng = np.random.default_rng(1)
    codes = rng.choice(3, films, p=CLASS_SHARES)
    chances = class_chances(rng.normal(size=films), codes)
    return {
        "weighted kappa": stats.kappa_of_rows(codes, chances.argmax(1), 3).value,
        "macro AUROC": stats.multiclass_auroc(codes, chances).value,
        "AUROC of Hand and Till": stats.multiclass_auroc(codes, chances, average="hand_till").value,
    }


CLASS_TRUTHS: dict[str, float] = {}


def normal_density(x: np.ndarray | float) -> np.ndarray | float:
    return np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)


def chunk(task: tuple[int, np.random.SeedSequence]) -> tuple[int, dict[tuple[str, bool], np.ndarray]]:
    """The outcomes of `CHUNK` cohorts of a cell, by name and whether before: (cohorts, 4)."""
    index, seed = task
    rng, found = np.random.default_rng(seed), defaultdict(list)
    for _ in range(CHUNK):
        for name, before, *numbers in outcomes(CELLS[index], draw(CELLS[index], rng)):
            found[name, before].append(numbers)
    return index, {key: np.array(rows, dtype=np.float64) for key, rows in found.items()}


def simulate(cohorts: int, processes: int, seed: int) -> list[dict[tuple[str, bool], np.ndarray]]:
    """The outcomes of every cell."""
    chunks = -(-cohorts // CHUNK)
    seeds = np.random.SeedSequence(seed).spawn(chunks * len(CELLS))
    tasks = [(place % len(CELLS), each) for place, each in enumerate(seeds)]
    tables: list[dict[tuple[str, bool], list[np.ndarray]]] = [defaultdict(list) for _ in CELLS]
    with ProcessPoolExecutor(processes) as pool:
        for index, found in pool.map(chunk, tasks):
            for key, rows in found.items():
                tables[index][key].append(rows)
    return [{key: np.concatenate(rows) for key, rows in table.items()} for table in tables]


@dataclass(frozen=True)
class Verdict:
    """Of one figure in one cell: share of intervals that hold, relative width, how many are approximate."""

    held: float
    width: float
    approximate: float
    absent: float
    cohorts: int

    def broken(self, required: float) -> bool:
        """Whether the rule of the module is broken."""
        short = self.held < required - slack(required, self.cohorts)
        return (short and self.approximate < MOSTLY) or self.width > WIDEST


def slack(share: float, cohorts: int) -> float:
    """Two standard errors of a simulated share."""
    return float(2 * np.sqrt(share * (1 - share) / cohorts))


def judged(rows: np.ndarray, truth: float) -> Verdict:
    values, low, high, approximate = rows.T
    there = np.isfinite(low) & np.isfinite(high)
    held = (low <= truth + 1e-12) & (truth <= high + 1e-12)
    width = (high - low)[there].mean() / (2 * ndtri(0.975) * np.std(values))
    return Verdict(held[there].mean(), float(width), approximate[there].mean(), 1 - there.mean(), there.size)


def cell_lines(cell: Cell, table: Mapping[tuple[str, bool], np.ndarray]) -> Iterator[tuple[str, bool]]:
    """One line of the table for each figure, and whether it breaks its rule."""
    known = truths(cell)
    for name in (name for name, before in table if not before and name in known):
        after = judged(table[name, False], known[name])
        old = "–"
        if (name, True) in table:
            before = judged(table[name, True], known[name])
            old = f"{before.held:.3f} ({before.width:.2f})"
        broken = after.broken(cell.required)
        words = [f"approximate in {after.approximate:.0%}"] if after.approximate else []
        words += [f"none in {after.absent:.1%}"] if after.absent > 0.0005 else []
        words += ["BROKEN"] if broken else []
        cells = (cell.name, name, old, f"{after.held:.3f} ({after.width:.2f})", ", ".join(words))
        yield f"| {' | '.join(cells)} |", broken


def level_lines(cell: Cell, table: Mapping[tuple[str, bool], np.ndarray]) -> Iterator[tuple[str, bool]]:
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
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cohorts", type=int, default=5000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    start = time.perf_counter()
    CLASS_TRUTHS.update(large_sample())
    tables = simulate(options.cohorts, options.processes, options.seed)
    held = [line for cell, table in zip(CELLS, tables, strict=True) for line in cell_lines(cell, table)]
    levels = [line for cell, table in zip(CELLS, tables, strict=True) for line in level_lines(cell, table)]
    print(f"{options.cohorts} cohorts a cell. Share of 95% intervals that hold the truth (their mean width")
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
