"""Films per second of the phantoms, files written and read back; run: python benchmarks/phantom_speed.py."""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

from strnet.phantom import ANATOMIES, Draw, make_cohort


def cpu_seconds() -> float:
    """Processor time of this process and of those it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def films_per_second(anatomy: str, patients: int, workers: int, folder: Path) -> tuple[float, float]:
    """Films per second of wall time, and per second of processor time."""
    started, cpu = time.perf_counter(), cpu_seconds()
    draw = Draw(1, ANATOMIES[anatomy].size)
    films = make_cohort(anatomy, folder, draw, patients=patients, workers=workers).manifest.height
    return films / (time.perf_counter() - started), films / (cpu_seconds() - cpu)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--anatomy", choices=sorted(ANATOMIES), nargs="+", default=sorted(ANATOMIES))
    parser.add_argument("--patients", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    for anatomy in arguments.anatomy:
        with tempfile.TemporaryDirectory() as folder:
            wall, cpu = films_per_second(
                anatomy, arguments.patients, arguments.workers, Path(folder) / "cohort"
            )
        rows, columns = ANATOMIES[anatomy].size
        print(
            f"{anatomy}: {wall:.1f} films/s, {cpu:.1f} films per CPU second, {rows} x {columns}, "
            f"{arguments.workers} processes, {arguments.patients} patients"
        )


if __name__ == "__main__":
    main()
