"""Films per second of the phantom, files written and read back; run: python benchmarks/phantom_speed.py."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from strnet.phantom import make_knee_cohort


def films_per_second(patients: int, workers: int, folder: Path) -> float:
    started = time.perf_counter()
    cohort = make_knee_cohort(folder, patients=patients, seed=1, workers=workers)
    return cohort.manifest.height / (time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        speed = films_per_second(arguments.patients, arguments.workers, Path(folder) / "cohort")
    print(f"{speed:.1f} films/s, 768 x 640, {arguments.workers} processes, {arguments.patients} patients")


if __name__ == "__main__":
    main()
