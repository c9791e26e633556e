"""How often other floors are kept: overlapping groups, specificity, PPV and NPV, grey zones, the best of K.

Each function draws one calibration set from a population whose truth is known, and yields what was promised
of it and whether that held. `wrong_or_silent` counts a request without an answer as kept, `if_answered` does
not count it. Beside a promise stands what people do without one (`misuse`): groups fitted as one, the best of
K taken without a correction, the cut-off whose PPV was seen to suffice, counts taken for the prevalence.

    python benchmarks/coverage_floors.py [--runs 5000] [--processes 2] [--seed 0]

Ends with exit code 1 if a promise stays below its confidence by more than three standard errors.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy.special import ndtr
from simulation import SEPARATION, Report, exit_code, options

from strnet.errors import ImpossibleError
from strnet.thresholds import fit_best, fit_floor, fit_grey, fit_threshold
from strnet.thresholds.fixed_cutoffs import count_at, predictive

FLOOR = 0.86
MISUSE = "misuse"


@dataclass(frozen=True)
class Kept:
    """One request in one run: whether its promise held, None where there was no answer."""

    scenario: str
    promise: str
    confidence: float
    held: bool | None
    worth: float = float("nan")


Draw = Callable[[np.random.Generator], Iterator[Kept]]


def asked(scenario: str, promise: str, confidence: float, answer: Callable[[], tuple[bool, float]]) -> Kept:
    try:
        return Kept(scenario, promise, confidence, *answer())
    except ImpossibleError:
        return Kept(scenario, promise, confidence, None)


def binormal(
    rng: np.random.Generator, rows: int, share: float = 0.5, separation: float = SEPARATION
) -> tuple[np.ndarray, np.ndarray]:
    target = rng.random(rows) < share
    return target, rng.normal(size=rows) + separation * target


def overlapping_groups(rng: np.random.Generator) -> Iterator[Kept]:
    """The hardest group is one of seven that overlap: 3 sites, 2 sexes, 2 age bands."""
    for name, shift in (("one hard", 1.0), ("alike", 0.0)):
        target = rng.random(600) < 0.5
        groups = {
            "site": rng.integers(3, size=600),
            "sex": rng.integers(2, size=600),
            "age": rng.integers(2, size=600),
        }
        score = rng.normal(size=600) + (SEPARATION - shift * (groups["site"] == 2)) * target
        for promise, keywords in (("if_answered", {"groups": groups}), (MISUSE, {})):
            scenario = f"7 overlapping groups, {name}" + ("" if keywords else ", fitted as one")
            t = fit_threshold(target, score, min_sensitivity=str(FLOOR), **keywords).threshold
            by_site = ndtr(SEPARATION - t - np.array([0.0, 0.0, shift]))
            # sex and age say nothing, so that their groups have the mean of the sites
            held = min(by_site.min(), by_site.mean()) >= FLOOR
            yield Kept(scenario, promise, 0.95, bool(held), float(ndtr(t)))


def specificity_floor(rng: np.random.Generator) -> Iterator[Kept]:
    for rows, rounded in ((226, False), (60, False), (226, True)):
        target, score = binormal(rng, rows)
        values = np.round(2 * score) / 2 if rounded else score
        edge = 0.25 if rounded else 0.0  # a rounded score reaches t where the score itself reaches t - edge

        def answer(
            target: np.ndarray = target,
            values: np.ndarray = values,
            edge: float = edge,
            rounded: bool = rounded,
        ) -> tuple[bool, float]:
            t = fit_floor(target, values, min_specificity="0.85").threshold
            # just above a rounded score: the next half reaches it
            at = np.ceil(2 * t) / 2 - edge if rounded else t
            return bool(ndtr(at) >= 0.85), float(ndtr(SEPARATION - at))

        yield asked(f"specificity, {rows} films{', steps' * rounded}", "if_answered", 0.95, answer)


def specificity_of_knees(rng: np.random.Generator) -> Iterator[Kept]:
    """Negative patients with 1, 2, 4 or 10 films; those with more are harder. Patients' specificity."""
    films, shift = np.array([1, 2, 4, 10]), np.array([0.0, 0.1, 0.3, 0.6])
    kind = rng.integers(4, size=160)
    patient = np.repeat(np.arange(160), films[kind])
    target = (rng.random(160) < 0.5)[patient]
    person = rng.normal(size=160)[patient]
    score = 0.8**0.5 * person + 0.2**0.5 * rng.normal(size=patient.size)
    score = score + SEPARATION * target + shift[kind][patient] * ~target
    for method in ("one_per_cluster", "worst", "betting"):

        def answer(method: str = method) -> tuple[bool, float]:
            t = fit_floor(
                target, score, min_specificity="0.8", clusters=patient, cluster_method=method
            ).threshold
            return float(ndtr(t - shift).mean()) >= 0.8, float(ndtr(SEPARATION - t))

        yield asked(f"specificity, ragged patients, {method}", "if_answered", 0.95, answer)


PLATEAU = 0.42
"""PPV of a score that tells no more above 0: the same at all cut-offs there, just below the floor asked."""


def predictive_values(rng: np.random.Generator) -> Iterator[Kept]:
    """Above 0 the score tells nothing more, so that PPV is just below the floor at every cut-off there."""
    prevalence, people = 0.2, 200
    sensitivity = 0.9
    alarms = sensitivity * prevalence * (1 - PLATEAU) / (PLATEAU * (1 - prevalence))
    target = rng.random(1200) < 0.4
    reached = rng.random(1200) < np.where(target, sensitivity, alarms)
    score = np.where(reached, rng.random(1200), -rng.random(1200))
    cutoffs = np.linspace(-0.95, 0.95, 39)
    counted = f"{max(1, rng.binomial(people, prevalence))}/{people}"
    floor = PLATEAU + 0.002

    def truth(threshold: float, share: float) -> float:
        if threshold <= 0:
            hit, alarm = sensitivity + (1 - sensitivity) * -threshold, alarms + (1 - alarms) * -threshold
        else:
            hit, alarm = sensitivity * (1 - threshold), alarms * (1 - threshold)
        return share * hit / (share * hit + (1 - share) * alarm)

    for name, stated in (("known", prevalence), ("counted", counted)):

        def answer(stated: float | str = stated) -> tuple[bool, float]:
            point = fit_floor(target, score, min_ppv=floor, prevalence=stated, cutoffs=cutoffs)
            return truth(point.threshold, prevalence) >= floor, point.sensitivity.value

        yield asked(f"PPV flat below the floor, prevalence {name}", "wrong_or_silent", 0.95, answer)

    def as_seen() -> tuple[bool, float]:
        counts = count_at(cutoffs, score[target], score[~target])
        hit, reject = counts.found / counts.positives, counts.rejected / counts.negatives
        sufficient = np.flatnonzero(predictive(hit, reject, prevalence) >= floor)
        if not sufficient.size:
            raise ImpossibleError("no cut-off")
        return truth(float(cutoffs[sufficient[0]]), prevalence) >= floor, float(hit[sufficient[0]])

    yield asked("PPV flat below the floor, cut-off as it was seen", MISUSE, 0.95, as_seen)


def counted_prevalence(rng: np.random.Generator) -> Iterator[Kept]:
    """20 diseased of 200: the whole error comes from there, with 20,000 rows and one cut-off."""
    prevalence = 0.1
    target, score = binormal(rng, 20_000)
    diseased = int(rng.binomial(200, prevalence))
    hit, alarm = float(ndtr(SEPARATION - 1.2)), float(ndtr(-1.2))
    for of, best in (
        ("ppv", prevalence * hit / (prevalence * hit + (1 - prevalence) * alarm)),
        ("npv", (1 - prevalence) * (1 - alarm) / ((1 - prevalence) * (1 - alarm) + prevalence * (1 - hit))),
    ):
        floor = best + 1e-4  # just out of reach: every answer is a wrong one
        for promise, stated in (("wrong_or_silent", f"{diseased}/200"), (MISUSE, str(diseased / 200))):

            def answer(of: str = of, floor: float = floor, stated: str = stated) -> tuple[bool, float]:
                fit_floor(target, score, prevalence=stated, cutoffs=[1.2], **{f"min_{of}": floor})
                return False, hit

            yield asked(
                f"{of.upper()} out of reach, counts as {'the truth' if promise == MISUSE else 'counts'}",
                promise,
                0.95,
                answer,
            )


def grey_zones(rng: np.random.Generator) -> Iterator[Kept]:
    for name, separation, floors in (
        ("AUROC .93", SEPARATION, {"min_sensitivity": "0.9", "min_specificity": "0.9"}),
        ("AUROC .99, collapsed", 3.3, {"min_sensitivity": "0.9", "min_specificity": "0.9"}),
    ):
        target, score = binormal(rng, 300, separation=separation)

        def answer(
            target: np.ndarray = target,
            score: np.ndarray = score,
            separation: float = separation,
            floors: dict = floors,
        ) -> tuple[bool, float]:
            zone = fit_grey(target, score, **floors)
            kept = ndtr(separation - zone.rule_out) >= 0.9 and ndtr(zone.rule_in) >= 0.9
            return bool(kept), zone.of_rows.grey.value

        yield asked(f"grey zone, {name}", "if_answered", 0.95, answer)


def grey_shares(rng: np.random.Generator) -> Iterator[Kept]:
    """Whether the intervals of the zone's shares hold the true shares, though the rows set the thresholds."""
    target, score = binormal(rng, 300)
    zone = fit_grey(target, score, min_sensitivity="0.9", min_specificity="0.9")
    for name, shares, shift in (
        ("positives", zone.of_positives, SEPARATION),
        ("negatives", zone.of_negatives, 0.0),
    ):
        truth = float(ndtr(zone.rule_in - shift) - ndtr(zone.rule_out - shift))
        held = shares.grey.low <= truth <= shares.grey.high
        yield Kept(f"interval of the grey share, {name}", "interval", 0.95, bool(held), shares.grey.value)


def grey_by_ppv(rng: np.random.Generator) -> Iterator[Kept]:
    target, score = binormal(rng, 500)
    cutoffs, prevalence, floor = np.linspace(-1, 3, 17), 0.15, 0.5

    def answer() -> tuple[bool, float]:
        zone = fit_grey(
            target, score, min_sensitivity="0.9", min_ppv=floor, prevalence=prevalence, cutoffs=cutoffs
        )
        hit, alarm = ndtr(SEPARATION - zone.rule_in), ndtr(-zone.rule_in)
        ppv = prevalence * hit / (prevalence * hit + (1 - prevalence) * alarm)
        return bool(ndtr(SEPARATION - zone.rule_out) >= 0.9 and ppv >= floor), zone.of_rows.grey.value

    yield asked("grey zone, PPV", "wrong_or_silent", 0.95, answer)


def best_of(rng: np.random.Generator) -> Iterator[Kept]:
    """Networks alike in truth, with errors of their own: the one whose threshold is too high looks best."""
    for count, common in ((5, 0.0), (5, 0.5), (20, 0.0)):
        target = rng.random(226) < 0.6
        shared = rng.normal(size=226)
        scores = {
            f"network {k}": common**0.5 * shared
            + (1 - common) ** 0.5 * rng.normal(size=226)
            + SEPARATION * target
            for k in range(count)
        }
        scenario = f"best of {count}, correlation {common:g}"

        def corrected(
            target: np.ndarray = target, scores: dict = scores
        ) -> tuple[tuple[bool, float], tuple[bool, float]]:
            _, point = fit_best(target, scores, min_sensitivity=str(FLOOR))
            true = float(ndtr(point.threshold))
            covered = point.specificity.low <= true <= point.specificity.high
            return (float(ndtr(SEPARATION - point.threshold)) >= FLOOR, true), (covered, true)

        floor, interval = corrected()
        yield Kept(scenario, "if_answered", 0.95, *floor)
        yield Kept(f"{scenario}: interval of its specificity", "interval", 0.95, *interval)
        points = [fit_threshold(target, score, min_sensitivity=str(FLOOR)) for score in scores.values()]
        naive = max(points, key=lambda point: point.specificity.value)
        held = float(ndtr(SEPARATION - naive.threshold)) >= FLOOR
        yield Kept(f"{scenario}, uncorrected", MISUSE, 0.95, held, float(ndtr(naive.threshold)))


SCENARIOS: tuple[Draw, ...] = (
    *(overlapping_groups, specificity_floor, specificity_of_knees, predictive_values, counted_prevalence),
    *(grey_zones, grey_shares, grey_by_ppv, best_of),
)


def scenarios() -> tuple[Draw, ...]:
    """The draw of every case."""
    return SCENARIOS


def row(key: tuple[str, str], all_kept: list[Kept]) -> tuple[str, bool]:
    """One line of the table, and whether the promise in it was broken."""
    scenario, promise = key
    silent = sum(kept.held is None for kept in all_kept)
    counted = [kept for kept in all_kept if kept.held is not None or promise == "wrong_or_silent"]
    held = np.array([kept.held is not False for kept in counted])
    confidence = all_kept[0].confidence
    error = max(held.std(), (confidence * (1 - confidence)) ** 0.5) / max(held.size, 1) ** 0.5
    share = float(held.mean()) if held.size else float("nan")
    broken = promise != MISUSE and share < confidence - 3 * error
    worth = np.nanmean([kept.worth for kept in all_kept]) if silent < len(all_kept) else float("nan")
    cells = (
        f"{scenario:52} | {promise:15} | {confidence:.2f} | {share:.3f} ({error:.3f}) | "
        f"{worth:.3f} | {silent:5d}"
    )
    return f"| {cells} | {'BROKEN' if broken else ''} |", broken


REPORT = Report(
    scenarios,
    key=lambda kept: (kept.scenario, kept.promise),
    row=row,
    header="| scenario | promise | asked | kept (s.e.) | worth | silent | |",
    below="Worth: the true specificity of a sensitivity floor, the true or seen sensitivity of another "
    "floor,\nthe share left in a grey zone.",
)


if __name__ == "__main__":
    sys.exit(exit_code([REPORT], options(__doc__)))
