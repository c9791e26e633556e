"""Statistics beside the packages that offer the same; run: python benchmarks/bench_statistics.py.

The contenders take turns, round by round: a busy machine slows all of them alike. Medians are printed.
Peers that are not installed are left out with a line. pROC is timed inside R.
"""

from __future__ import annotations

import argparse
import importlib
import shutil
import statistics
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from strnet import stats
from strnet.published import PublishedTable, check_published

DRAWS = 2000
DRAWS_OF_LOOP = 10
R_SCRIPT = """
suppressMessages(library(pROC))
a <- commandArgs(TRUE); n <- as.integer(a[2]); f <- file(a[1], "rb")
y <- readBin(f, "double", n); s <- readBin(f, "double", n); t <- readBin(f, "double", n)
took <- function(code) system.time(code)[["elapsed"]]
r <- function(x) roc(y, x, levels = c(0, 1), direction = "<", quiet = TRUE)
cat(took(ci.auc(r(s), method = "delong")), took(roc.test(r(s), r(t), method = "delong", paired = TRUE)))
"""


@dataclass(frozen=True)
class Scores:
    """Two models' scores of rows whose patients have two rows each."""

    target: np.ndarray
    first: np.ndarray
    second: np.ndarray
    patient: np.ndarray


def scores(rows: int) -> Scores:
    rng = np.random.default_rng(1)
    target = (rng.random(rows) < 0.6).astype(np.int64)
    common = rng.normal(size=rows)
    first, second = (common + gain * target + rng.normal(size=rows) for gain in (2.1, 1.6))
    return Scores(target, first, second, np.arange(rows) // 2)


def peer(module: str, name: str) -> Callable | None:
    """A function of a peer, or None with a line if it is not installed."""
    try:
        return getattr(importlib.import_module(module), name)
    except ImportError:
        print(f"{module.split('.', maxsplit=1)[0]}: not installed, left out")
        return None


def has_proc() -> bool:
    found = shutil.which("Rscript") is not None
    if found:
        check = subprocess.run(["Rscript", "-e", "library(pROC)"], capture_output=True, check=False)
        found = check.returncode == 0
    if not found:
        print("pROC: R or the package is not installed, left out")
    return found


def proc_seconds(rows: Scores) -> tuple[float, float]:
    """Seconds of pROC for AUROC with DeLong's interval, and for the paired test."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scores.bin"
        np.concatenate([rows.target.astype(float), rows.first, rows.second]).tofile(path)
        command = ["Rscript", "-e", R_SCRIPT, str(path), str(rows.target.size)]
        printed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    auroc, paired = printed.split()
    return float(auroc), float(paired)


def seconds(job: Callable[[], object]) -> float:
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        job()
    return time.perf_counter() - started


def race(jobs: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Median seconds of each; a job returns its own seconds."""
    taken: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            taken[name].append(job())
    return {name: statistics.median(times) for name, times in taken.items()}


def timed(job: Callable[[], object] | None) -> Callable[[], float] | None:
    return None if job is None else lambda: seconds(job)


def show(title: str, results: dict[int, dict[str, float]]) -> None:
    names = list(dict.fromkeys(name for row in results.values() for name in row))
    print(f"\n{title}, seconds (times slower than strnet)")
    print("rows".rjust(10) + "".join(name.rjust(28) for name in names))
    for rows, row in results.items():
        own = row["strnet"]
        cells = [f"{row[name]:.5f} ({row[name] / own:.1f}x)" if name in row else "-" for name in names]
        print(f"{rows:>10,}" + "".join(cell.rjust(28) for cell in cells))


def bench_delong(sizes: Sequence[int], rounds: int) -> None:
    interval = peer("confidenceinterval", "roc_auc_score")
    paired = peer("MLstatkit.delong", "Delong_test")
    area = peer("sklearn.metrics", "roc_auc_score")
    proc = has_proc()
    single: dict[int, dict[str, float]] = {}
    double: dict[int, dict[str, float]] = {}
    for size in sizes:
        rows = scores(size)
        jobs = {
            "strnet": timed(lambda r=rows: stats.auroc(r.target, r.first)),
            "confidenceinterval": timed(interval and (lambda r=rows: interval(r.target, r.first))),
            "scikit-learn (value only)": timed(area and (lambda r=rows: area(r.target, r.first))),
            "pROC": (lambda r=rows: proc_seconds(r)[0]) if proc else None,
        }
        single[size] = race({name: job for name, job in jobs.items() if job}, rounds)
        jobs = {
            "strnet": timed(lambda r=rows: stats.paired_delong(r.target, r.first, r.second)),
            "MLstatkit": timed(paired and (lambda r=rows: paired(r.target, r.first, r.second))),
            "pROC": (lambda r=rows: proc_seconds(r)[1]) if proc else None,
        }
        double[size] = race({name: job for name, job in jobs.items() if job}, rounds)
    show("AUROC with DeLong's interval", single)
    show("Paired DeLong test", double)


def loop_of_scikit_learn(rows: Scores, area: Callable) -> float:
    """Seconds of `DRAWS` patient-level resamples in a loop, from fewer that were run."""
    rng = np.random.default_rng(1)
    patients = rows.target.size // 2

    def draw() -> None:
        picked = rng.integers(0, patients, patients)
        index = np.concatenate([2 * picked, 2 * picked + 1])
        target, score = rows.target[index], rows.first[index]
        called = score >= 1.0
        area(target, score)
        called[target == 1].mean(), called[target == 0].mean()

    return seconds(lambda: [draw() for _ in range(DRAWS_OF_LOOP)]) * DRAWS / DRAWS_OF_LOOP


def bench_bootstrap(sizes: Sequence[int], rounds: int) -> None:
    area = peer("sklearn.metrics", "roc_auc_score")
    results = {}
    for size in sizes:
        rows = scores(size)
        resampling = stats.Resampling(draws=DRAWS, threads=2)

        def own(r: Scores = rows, how: stats.Resampling = resampling) -> float:
            rng = np.random.default_rng(1)
            return seconds(
                lambda: stats.bootstrap_operating_point(
                    r.target, r.first, 1.0, rng=rng, clusters=r.patient, resampling=how
                )
            )

        jobs = {"strnet": own}
        if area:
            jobs[f"scikit-learn loop (of {DRAWS_OF_LOOP})"] = lambda r=rows: loop_of_scikit_learn(r, area)
        results[size] = race(jobs, rounds)
    show(f"{DRAWS} patient-level bootstraps of AUROC, sensitivity and specificity", results)


def bench_published() -> None:
    papers = {
        "sagittal lumbar, n 23": PublishedTable(
            n=23, figures={"accuracy": ".82", "precision": ".80", "recall": ".86", "f1": ".83"}
        ),
        "AP lumbar, n 963": PublishedTable(
            n=963,
            figures={"sensitivity": "79.7%", "specificity": "66.5%"},
            intervals={"sensitivity": ("74.4%", "85.0%"), "specificity": ("63.1%", "69.9%")},
        ),
        "n 2000, accuracy alone": PublishedTable(n=2000, figures={"accuracy": ".91"}),
    }
    print("\nWhole-number tables behind published figures")
    for name, paper in papers.items():
        took = statistics.median(seconds(lambda p=paper: check_published(p)) for _ in range(3))
        print(f"{name:>28} {took:10.5f} s, {check_published(paper).table_count} tables")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    bench_delong(arguments.rows, arguments.rounds)
    bench_bootstrap([rows for rows in arguments.rows if rows <= 100_000], arguments.rounds)
    bench_published()


if __name__ == "__main__":
    main()
