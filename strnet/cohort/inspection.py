"""Every film of a cohort opened once: what its header says, what its pixels are, or why it cannot be read."""

from __future__ import annotations

import multiprocessing
import os
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from strnet.errors import ImageError, StrnetError
from strnet.files import sha256_file
from strnet.imaging import Acquisition, pixel_sha256, read_radiograph

Progress = Callable[[int, int], None]
"""Called with (files done, files in all)."""
_FEW_FILES = 16


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found in one file: all but `path` is None where it cannot be read, and `reason` says why."""

    path: Path
    source: Acquisition | None = None
    pixel_sha256: str | None = None
    file_sha256: str | None = None
    reason: str | None = None


def inspect_file(path: Path) -> Inspection:
    """What is in one film file, pixels included."""
    try:
        radiograph = read_radiograph(path)
        return Inspection(path, radiograph.source, pixel_sha256(radiograph), sha256_file(path))
    except (ImageError, OSError, MemoryError) as error:
        text = " ".join(str(error).split()) or type(error).__name__
        return Inspection(path, reason=text.removeprefix(f"{path}: "))


def inspect_files(
    paths: Sequence[Path],
    *,
    workers: int | None = None,
    progress: Progress | None = None,
    each: Callable[[Inspection], None] | None = None,
) -> list[Inspection]:
    """What is in each file, in order.

    `workers` processes read the files; 0 is this process, None is one per processor from 16 files on. A file
    that brings a decoder down costs one process, and is reported like any other unreadable one.
    `each` is called with every inspection as soon as it is there.
    """
    if workers is None:
        workers = (os.cpu_count() or 1) if len(paths) >= _FEW_FILES else 0
    results = map(inspect_file, paths) if workers == 0 else _inspected_by(workers, paths, window=4 * workers)
    found = []
    for result in results:
        found.append(result)
        if each:
            each(result)
        if progress:
            progress(len(found), len(paths))
    return found


def _inspected_by(workers: int, paths: Iterable[Path], window: int) -> Iterator[Inspection]:
    """Inspections in order, with up to `window` files in flight; a file that crashes alone is unreadable."""
    left = deque(paths)
    while left:
        suspects: list[Path] = []
        with _pool(workers) as pool:
            yield from _until_a_crash(pool, left, window, suspects)
        if len(suspects) == 1:
            yield Inspection(suspects[0], reason="the decoder crashed or ran out of memory on this file.")
        else:
            yield from _inspected_by(1, suspects, window=1)


def _until_a_crash(
    pool: ProcessPoolExecutor, left: deque[Path], window: int, suspects: list[Path]
) -> Iterator[Inspection]:
    """Inspections in order; takes files from `left`, and leaves those in flight at a crash in `suspects`."""
    running: deque[tuple[Path, Future[Inspection]]] = deque()
    try:
        while left or running:
            while left and len(running) < window:
                running.append((left[0], pool.submit(inspect_file, left[0])))
                left.popleft()
            yield running[0][1].result()
            running.popleft()
    except BrokenProcessPool:
        suspects.extend(path for path, _ in running)


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that have started, so that a later crash is a file's fault.

    Raises: StrnetError: they do not start.
    """
    # Spawned, not forked: threads of OpenCV and polars in this process do not survive a fork.
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start_worker) as pool:
        try:
            pool.submit(os.getpid).result()
        except BrokenProcessPool as error:
            raise StrnetError(
                "The processes that read films do not start. In a script, put the call below "
                "`if __name__ == '__main__':`, or read in this process with workers=0."
            ) from error
        yield pool


def _start_worker() -> None:
    import cv2

    cv2.setNumThreads(0)
    warnings.filterwarnings("ignore", module="pydicom")  # a note per odd header value, thousands in a cohort
