"""Every film of a cohort opened once: what its header says, what its pixels are, or why it cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from strnet.errors import ImageError
from strnet.files import sha256_file
from strnet.imaging import Acquisition, pixel_sha256, read_radiograph, require_whole
from strnet.workers import AnyWorkers, in_order

Progress = Callable[[int, int], None]
"""Called with (files done, files in all)."""


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
        require_whole(radiograph)
        return Inspection(path, radiograph.source, pixel_sha256(radiograph), sha256_file(path))
    except (ImageError, OSError) as error:
        text = " ".join(str(error).split()) or type(error).__name__
        return _unreadable(path, text.removeprefix(f"{path}: "))


def inspect_files(
    paths: Sequence[Path],
    *,
    workers: AnyWorkers = None,
    progress: Progress | None = None,
    each: Callable[[Inspection], None] | None = None,
) -> list[Inspection]:
    """What is in each file, in order, found by `workers` processes (see `strnet.workers`).

    A file that brings a decoder down or passes a limit is reported like any other unreadable one. `each` is
    called with every inspection as soon as it is there.
    """
    found = []
    for inspection in in_order(inspect_file, paths, _unreadable, workers):
        found.append(inspection)
        if each:
            each(inspection)
        if progress:
            progress(len(found), len(paths))
    return found


def _unreadable(path: Path, reason: str) -> Inspection:
    return Inspection(path, reason=reason)
