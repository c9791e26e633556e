"""`fit_threshold` beside np.sort, scikit-learn, torchmetrics and MAPIE, and the command on big tables.

    python benchmarks/bench_thresholds.py [--rounds 5] [--largest 1e7] [--huge]

The contenders take turns, round by round: a busy machine slows all of them alike. Medians are printed.
A peer that is not installed is left out with a line. `--huge` adds the command on 1e8 rows (5 GB of disk).
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from strnet.thresholds import fit_threshold

FLOOR = 0.86
MAPIE_LARGEST = 10**6  # it holds rows x thresholds in memory
ROWS_OF_A_PART = 10**7
CLUSTERED = (10**5, 10**6)

Contender = Callable[[np.ndarray, np.ndarray], object]


def rows(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    target = rng.random(count) < 0.6
    return target.astype(np.int64), rng.normal(size=count) + 2.119 * target


def contenders() -> dict[str, Contender]:
    """Functions of (target, score) by name; peers only if they can be imported."""
    found: dict[str, Contender] = {
        "np.sort of the positives": lambda target, score: np.sort(score[target == 1]),
        "strnet, exact": fit_threshold,
        "strnet, empirical": lambda target, score: fit_threshold(target, score, method="empirical"),
    }
    for name, make in {
        "sklearn": sklearn_curve,
        "torchmetrics": torchmetrics_point,
        "mapie": mapie_control,
    }.items():
        try:
            found[name] = make()
        except ImportError:
            print(f"{name}: not installed, left out")
    return found


def sklearn_curve() -> Contender:
    roc_curve = importlib.import_module("sklearn.metrics").roc_curve

    def fit(target: np.ndarray, score: np.ndarray) -> float:
        false_positive, sensitivity, threshold = roc_curve(target, score, drop_intermediate=False)
        return threshold[np.argmax(np.where(sensitivity >= FLOOR, 1 - false_positive, -1))]

    return fit


def torchmetrics_point() -> Contender:
    torch = importlib.import_module("torch")
    functional = importlib.import_module("torchmetrics.functional.classification")

    def fit(target: np.ndarray, score: np.ndarray) -> object:
        probability = torch.sigmoid(torch.from_numpy(score))  # it would take a sigmoid of other scores itself
        return functional.binary_specificity_at_sensitivity(probability, torch.from_numpy(target), FLOOR)

    return fit


def mapie_control() -> Contender:
    controller = importlib.import_module("mapie.risk_control").BinaryClassificationController

    def two_columns(features: np.ndarray) -> np.ndarray:
        return np.column_stack([1 - features[:, 0], features[:, 0]])

    def fit(target: np.ndarray, score: np.ndarray) -> object:
        control = controller(
            two_columns, "recall", FLOOR, confidence_level=0.95, best_predict_param_choice="fpr"
        )
        return control.calibrate(1 / (1 + np.exp(-score))[:, None], target)

    return fit


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def race(functions: dict[str, Contender], count: int, rounds: int) -> dict[str, float]:
    """Median seconds of each contender on `count` rows."""
    target, score = rows(count)
    positives = score[target == 1]
    taking_part = {name: f for name, f in functions.items() if name != "mapie" or count <= MAPIE_LARGEST}
    taking_part["np.sort of the positives"] = lambda target, score: np.sort(positives)
    times: dict[str, list[float]] = {name: [] for name in taking_part}
    for _ in range(rounds):
        for name, function in taking_part.items():
            times[name].append(seconds(lambda function=function: function(target, score)))
    return {name: statistics.median(values) for name, values in times.items()}


def print_table(columns: dict[int, dict[str, float]]) -> None:
    names = list(next(iter(columns.values())))
    print("\n| seconds | " + " | ".join(f"{count:.0e}" for count in columns) + " |")
    print("| --- |" + " --- |" * len(columns))
    for name in names:
        cells = (f"{times[name]:.5f}" if name in times else "-" for times in columns.values())
        print(f"| {name:24} | " + " | ".join(cells) + " |")
    count, times = list(columns.items())[-1]
    ours = times["strnet, exact"]
    print(
        f"\nAt {count:.0e} rows strnet takes {ours / times['np.sort of the positives']:.2f} np.sort", end=""
    )
    print(
        "".join(
            f", 1/{times[peer] / ours:.0f} of {peer}" for peer in ("sklearn", "torchmetrics") if peer in times
        )
    )


def print_memory(count: int) -> None:
    target, score = rows(count)
    tracemalloc.start()
    fit_threshold(target, score)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"Memory on {count:.0e} rows: {peak / score.nbytes:.2f} copies of the scores")


def write_scores(path: Path, count: int) -> None:
    """Write a table of `count` different rows, two of each patient; rows pasted again are refused."""
    parts = []
    for seed, first in enumerate(range(0, count, ROWS_OF_A_PART)):
        parts.append(path.with_name(f"part{seed}.parquet"))
        scores_of(first, min(count - first, ROWS_OF_A_PART), seed).write_parquet(parts[-1])
    whole = pl.scan_parquet(parts)
    if path.suffix == ".parquet":
        whole.sink_parquet(path)
    else:
        whole.sink_csv(path)
    for part in parts:
        part.unlink()


def scores_of(first: int, count: int, seed: int) -> pl.DataFrame:
    """Rows from number `first` on, the films of one patient of one class."""
    target, score = rows(count, seed)
    of_patient = target[np.arange(count) // 2]
    patient = np.arange(first, first + count) // 2
    return pl.DataFrame({"y": of_patient, "p": score + 2.119 * (of_patient - target), "patient": patient})


def print_command(count: int, folder: Path, suffix: str, *further: str) -> bool:
    """The command on a file, start-up included, with the memory of its process; false where it fails."""
    path = folder / f"{count}{suffix}"
    write_scores(path, count)
    code = (
        "import re, sys; from strnet.cli.main import app\n"
        "try: app(sys.argv[1:])\n"
        "except SystemExit as end: code = end.code\n"
        # getrusage would report the peak of this process, from which the other was forked
        "peak = re.search(r'VmHWM:\\s*(\\d+)', open('/proc/self/status').read())\n"
        "print(int(peak[1]) // 1024, file=sys.stderr); sys.exit(code)"
    )
    asked = ["threshold", "fit", str(path), "--target", "y", "--score", "p", "-o", str(folder / "op.json")]
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *asked, *further], capture_output=True, text=True, check=False
    )
    took = time.perf_counter() - start
    path.unlink()
    named = f"strnet threshold fit {' '.join((*further, ''))}on {count:.0e} rows ({suffix})"
    if done.returncode:
        print(f"{named} failed: {done.stderr.strip()}")
        return False
    print(f"{named}: {took:.2f} s with start-up, {done.stderr.split()[-1]} MB")
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--largest", type=float, default=1e7)
    parser.add_argument("--huge", action="store_true")
    options = parser.parse_args()
    sizes = [count for count in (10**3, 10**5, 10**6, 10**7) if count <= options.largest]
    functions = contenders()
    print_table({count: race(functions, count, options.rounds) for count in sizes})
    print_memory(sizes[-1])
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        sized = [10**3, sizes[-1], *([10**8] if options.huge else [])]
        kept = [print_command(count, place, ".parquet") for count in sized]
        kept += [print_command(count, place, ".csv") for count in (10**3, sizes[-1])]
        for count in (count for count in CLUSTERED if count <= sizes[-1]):
            kept.append(print_command(count, place, ".parquet", "--cluster", "patient"))
    if not all(kept):
        sys.exit("A command failed: these figures are not to be filed.")


if __name__ == "__main__":
    main()
