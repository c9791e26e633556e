"""Files to prepared films, in this process or in several. Torch-free: every worker process imports this."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from strnet.config import Preprocessing
from strnet.errors import CacheError, StrnetError
from strnet.files import sha256_file
from strnet.imaging import prepare, read_radiograph

_CHUNK = 8


@dataclass(frozen=True)
class PreparedFile:
    """What became of one file: its identity, and its pixels or the reason why it has none."""

    path: Path
    size: int = 0
    modified_ns: int = 0
    sha256: str = ""
    pixels: NDArray[np.uint16] | None = None
    reason: str | None = None


def prepare_file(path: Path, preprocessing: Preprocessing, known: frozenset[str]) -> PreparedFile:
    """The film in `path` as (height, width) uint16; no pixels if its SHA-256 is in `known`."""
    try:
        status = path.stat()
        digest = sha256_file(path)
        identity = partial(
            PreparedFile, path=path, size=status.st_size, modified_ns=status.st_mtime_ns, sha256=digest
        )
        if digest in known:
            return identity()
        return identity(pixels=prepare(read_radiograph(path).pixels, preprocessing))
    except (StrnetError, OSError) as error:
        return PreparedFile(path, reason=" ".join(str(error).split()))
    except Exception as error:
        return PreparedFile(path, reason=f"{type(error).__name__}: {' '.join(str(error).split())}")


def prepare_files(
    paths: Sequence[Path], preprocessing: Preprocessing, known: frozenset[str], workers: int
) -> Iterator[PreparedFile]:
    """Each file in turn, made by `workers` processes; by this one if `workers` is 0.

    Raises: CacheError: a worker process died (out of memory, or a crash inside a codec).
    """
    if workers == 0:
        yield from (prepare_file(path, preprocessing, known) for path in paths)
        return
    # Spawned, not forked: torch and OpenMP threads of this process do not survive a fork.
    with ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), _start_worker, (preprocessing, known)
    ) as pool:
        chunks = (paths[start : start + _CHUNK] for start in range(0, len(paths), _CHUNK))
        window: deque[tuple[Sequence[Path], Future[list[PreparedFile]]]] = deque()
        while True:
            # A bounded window: finished films must not pile up in memory faster than they are written.
            window.extend(
                (c, pool.submit(_prepare_chunk, c)) for c in islice(chunks, 4 * workers - len(window))
            )
            if not window:
                return
            yield from _result(*window.popleft())


def _result(paths: Sequence[Path], future: Future[list[PreparedFile]]) -> list[PreparedFile]:
    try:
        return future.result()
    except BrokenProcessPool as error:
        listing = "\n  ".join(str(path) for path in paths)
        raise CacheError(
            f"A process that reads films died, at or shortly after one of\n  {listing}\n"
            "It ran out of memory, or a decoder crashed. Start again with fewer workers, or without that "
            "file; films already in the cache are kept."
        ) from error


_worker_arguments: tuple[Preprocessing, frozenset[str]]


def _start_worker(preprocessing: Preprocessing, known: frozenset[str]) -> None:
    global _worker_arguments  # noqa: PLW0603 - sent once to each process, not with each file
    cv2.setNumThreads(0)
    _worker_arguments = (preprocessing, known)


def _prepare_chunk(paths: Sequence[Path]) -> list[PreparedFile]:
    return [prepare_file(path, *_worker_arguments) for path in paths]
