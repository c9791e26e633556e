"""Films or volumes per second of the phantoms, files written; run: python benchmarks/phantom_speed.py."""

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


def images_per_second(
    anatomy: str, patients: int, workers: int, folder: Path
) -> tuple[float, float, float | None]:
    """Images per second of wall time, per second of processor time, and slices of a volume on average."""
    started, cpu = time.perf_counter(), cpu_seconds()
    draw = Draw(1, ANATOMIES[anatomy].size, sites=ANATOMIES[anatomy].sites)
    manifest = make_cohort(anatomy, folder, draw, patients=patients, workers=workers).manifest
    wall, used = time.perf_counter() - started, cpu_seconds() - cpu
    slices = float(manifest["slices"].to_numpy().mean()) if "slices" in manifest.columns else None
    return manifest.height / wall, manifest.height / used, slices


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--anatomy", choices=sorted(ANATOMIES), nargs="+", default=sorted(ANATOMIES))
    parser.add_argument("--patients", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    for anatomy in arguments.anatomy:
        with tempfile.TemporaryDirectory() as folder:
            wall, cpu, slices = images_per_second(
                anatomy, arguments.patients, arguments.workers, Path(folder) / "cohort"
            )
        rows, columns = ANATOMIES[anatomy].size
        what = "films" if slices is None else "volumes"
        tall = "" if slices is None else f" x {slices:.0f} slices on average"
        print(
            f"{anatomy}: {wall:.2f} {what}/s, {cpu:.2f} {what} per CPU second, {rows} x {columns}{tall}, "
            f"{arguments.workers} processes, {arguments.patients} patients"
        )


if __name__ == "__main__":
    main()
