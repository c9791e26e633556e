"""How often each promise is kept, and what it pays in specificity: every method, every case.

Scores are of unit normals whose AUROC is 0.933, so that the true sensitivity and specificity of a fitted
threshold are known without a test set. Every row of the table calls the public functions.

The cases are in `coverage_cases.py`. Tables of other floors, of updates at a new site, of verified samples
and of counts alone follow, each of a module that also runs by itself.

    python benchmarks/coverage.py [--runs 2000] [--processes 2] [--seed 0] [--only TEXT]

Each point is judged by its own promise: `if_answered` by how many of the answers keep the floor,
`wrong_or_silent` by how many of the requests end in an answer that breaks it. Ends with exit code 1 if a
`guaranteed` promise is broken by more than three standard errors, or an `approximate` one by more than one
point.
"""

from __future__ import annotations

import os
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import coverage_floors
import coverage_update
import coverage_verification
import numpy as np
from coverage_cases import FLOOR, Outcome, scenarios
from scipy.special import ndtr, ndtri
from simulation import SEPARATION, Report, exit_code, options

BEST = float(ndtr(SEPARATION - ndtri(FLOOR)))
APPROXIMATELY = 0.01


def row(key: tuple[str, str], outcomes: list[Outcome]) -> tuple[str, bool]:
    """One line of the table, and whether a promise in it was broken."""
    scenario, method = key
    answers = [outcome for outcome in outcomes if outcome.truth]
    if not answers:
        return f"| {scenario:38} | {method:22} | impossible | | | | | | | {len(outcomes):5d} | |", False
    status, promise, confidence = answers[0].status, answers[0].promise, answers[0].confidence
    held = np.array([outcome.truth.held for outcome in answers if outcome.truth])
    wrong = np.count_nonzero(~held) / len(outcomes)
    judged, count = (1 - wrong, len(outcomes)) if promise == "wrong_or_silent" else (held.mean(), held.size)
    error = (max(judged * (1 - judged), confidence * (1 - confidence)) / count) ** 0.5
    slack = {"guaranteed": 3 * error, "approximate": APPROXIMATELY}.get(status, 1.0)
    broken = promise is not None and judged < confidence - slack
    sensitivity = np.mean([outcome.truth.sensitivity for outcome in answers if outcome.truth])
    specificity = np.mean([outcome.truth.specificity for outcome in answers if outcome.truth])
    cells = (
        f"{scenario:38} | {method:22} | {status:11} | {promise or '-':15} "
        f"| {held.mean():.3f} | {wrong:.3f} | {error:.3f} "
        f"| {sensitivity:.3f} | {specificity:.3f} | {len(outcomes) - held.size:5d} of {len(outcomes)}"
    )
    return f"| {cells} | {'BROKEN' if broken else ''} |", broken


REPORT = Report(
    scenarios,
    key=lambda outcome: (outcome.scenario, outcome.method),
    row=row,
    header="| scenario | method | status | promise | held if answered | answered and wrong | s.e. "
    "| sensitivity | specificity | no answer | |",
    above=f"Floor {FLOOR}, confidence 0.95, {{runs}} runs; the best specificity at it is {BEST:.3f}",
    below="A cascade shows the lower of its two sensitivities, end to end, and the specificity of its first\n"
    "step; sites show means, and hold if every certified site does.",
)


def main() -> int:
    """Print every table; 1 if a promise in one was broken."""
    start = time.perf_counter()
    others = (coverage_floors, coverage_update, coverage_verification)
    code = exit_code([REPORT, *(part.REPORT for part in others)], options(__doc__, runs=2000))
    print(f"{time.perf_counter() - start:.0f} s")
    return code


if __name__ == "__main__":
    sys.exit(main())
