"""Files and folders to prepared films, in order; what cannot be read comes with its reason. Torch-free."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from strnet.config import Preprocessing
from strnet.errors import DicomError, ImageError, StrnetError
from strnet.imaging import (
    Acquisition,
    picture_faults,
    pixel_sha256,
    read_acquisition,
    read_radiograph,
)
from strnet.imaging.film_parts import FilmPart, FilmShape, film_shape, prepare_part
from strnet.imaging.naming import FILM_ENDINGS
from strnet.imaging.reading import file_format
from strnet.trust import ANY_FILM, Finding, Screen, quality_findings
from strnet.workers import AnyWorkers, in_order

Status = Literal["ok", "refused", "failed", "skipped"]


@dataclass(frozen=True, eq=False)
class Film:
    """What became of one file: prepared pixels (height, width) and its header, or the reason for neither."""

    # A refused film has a header and no pixels.
    path: Path
    status: Status
    reason: str | None = None
    pixels: NDArray[np.uint16] | None = None
    source: Acquisition | None = None
    pixel_sha256: str | None = None
    """Where it was asked for."""
    shape: FilmShape | None = None
    regions: tuple[NDArray[np.uint16], ...] = ()
    """What follows `pixels` where the network looks at several regions of a film, each as large."""
    findings: tuple[Finding, ...] = ()
    """What header and quality say against answering it."""


@dataclass(frozen=True, eq=False)
class RegionPlan:
    """What of each film a network looks at, each part a picture of its own; or why it has no answer."""

    parts: Mapping[Path, tuple[FilmPart, ...]]
    absent: Mapping[Path, str]


@dataclass(frozen=True)
class Found:
    """What the paths lead to: files to be read, and those below folders that are no films at all."""

    files: tuple[Path, ...]
    skipped: tuple[Film, ...]


def as_text(name: Path | str) -> str:
    """The name of a file as valid Unicode; bytes that are no UTF-8 come as backslash escapes."""
    return str(name).encode("utf-8", "backslashreplace").decode()


def find_films(paths: Sequence[Path | str]) -> Found:
    """The files named, and every file below the folders named (sorted), each once.

    A file below a folder that is neither DICOM nor PNG nor JPEG by its first bytes nor by its name is
    skipped, and comes with that reason; a file that was named is always to be read. Links to folders are
    not followed.

    Raises: ImageError: no file at all, or a folder that cannot be listed.
    """
    unique: dict[str, tuple[Path, str | None]] = {}
    for path in map(Path, paths):
        for file, skipped in _below(path) if path.is_dir() else [(path, None)]:
            unique.setdefault(os.path.realpath(file), (file, skipped))
    if not unique:
        given = ", ".join(map(str, paths)) or "an empty list"
        raise ImageError(f"No files in {given}. Name files or folders.")
    return Found(
        files=tuple(file for file, skipped in unique.values() if skipped is None),
        skipped=tuple(Film(file, "skipped", skipped) for file, skipped in unique.values() if skipped),
    )


def read_films(
    files: Sequence[Path],
    preprocessing: Preprocessing,
    workers: AnyWorkers = None,
    *,
    screen: Screen = ANY_FILM,
    hashed: bool = False,
    regions: RegionPlan | None = None,
) -> Iterator[Film]:
    """Each film in turn, read and prepared by `workers` processes (see `strnet.workers`).

    A file that cannot be read, takes its process down with it, or passes a limit, is a failed film; one
    whose header or quality `screen` refuses, a refused one. With `hashed` each film has the hash of its
    pixels. `regions` says what of each film is prepared; one that has no region is a failed film.
    """
    function = partial(read_film, preprocessing=preprocessing, screen=screen, hashed=hashed, regions=regions)
    return in_order(function, files, _failed, workers)


def read_headers(files: Sequence[Path], workers: AnyWorkers = None) -> Iterator[Film]:
    """Each film in turn without its pixels, read as by `read_films`."""
    return in_order(_read_header, files, _failed, workers)


def _read_header(path: Path) -> Film:
    if path.exists() and not path.is_file():
        return _failed(path, "not a regular file.")
    try:
        return Film(path, "ok", source=read_acquisition(path))
    except StrnetError as error:
        return Film(path, "failed", _one_line(error))


def read_film(
    path: Path,
    preprocessing: Preprocessing,
    *,
    screen: Screen = ANY_FILM,
    hashed: bool = False,
    regions: RegionPlan | None = None,
) -> Film:
    """The film of one file, prepared; or refused; or failed, with the reason in one line.

    Raises: MemoryError: there is not enough for this film.
    """
    try:
        if not path.is_file() and path.exists():
            raise ImageError(f"{path}: not a regular file.")
        header = read_acquisition(path)
        findings = screen.header(header)
        if screen.refuses(findings):  # before the pixels, which take much longer
            return Film(path, "refused", source=header, findings=findings)
        radiograph = read_radiograph(path)
        findings += quality_findings((*radiograph.flags, *picture_faults(radiograph.pixels)))
        if screen.refuses(findings):
            return Film(path, "refused", source=radiograph.source, findings=findings)
        digest = pixel_sha256(radiograph) if hashed else None
        found = partial(Film, path, source=radiograph.source, pixel_sha256=digest, findings=findings)
        parts = (None,) if regions is None else regions.parts.get(path)
        if parts is None:
            return found(status="failed", reason=_without_region(path, regions))
        try:
            pixels = [prepare_part(radiograph, part, preprocessing) for part in parts]
        except ImageError as error:
            if regions is None:
                raise
            return found(status="failed", reason=f"{as_text(path)}: {_one_line(error)}")
        first, *others = pixels
        return found(status="ok", pixels=first, regions=tuple(others), shape=film_shape(radiograph))
    except MemoryError:
        raise
    except StrnetError as error:
        return Film(path, "failed", _one_line(error))
    except Exception as error:
        return _failed(path, f"{type(error).__name__}: {_one_line(error)}")


def _without_region(path: Path, regions: RegionPlan | None) -> str:
    told = "nothing says what of it to look at" if regions is None else regions.absent.get(path)
    return f"{as_text(path)}: no answer without its region: {told or 'it was not searched'}"


def _failed(path: Path, reason: str) -> Film:
    return Film(path, "failed", f"{as_text(path)}: {reason}")


def _below(path: Path) -> Iterator[tuple[Path, str | None]]:
    for folder, folders, files in os.walk(path, onerror=_refuse):
        folders.sort()
        yield from ((file, _no_film(file)) for file in (Path(folder, name) for name in sorted(files)))


def _refuse(error: OSError) -> None:
    raise ImageError(f"{error.filename}: the folder cannot be listed ({error.strerror}).") from error


def _no_film(path: Path) -> str | None:
    """Why a file found in a folder is no film at all; None if it has to be tried."""
    if path.name == "DICOMDIR":
        return "a DICOMDIR lists films and is none"
    if path.exists() and not path.is_file():
        return "not a regular file"
    try:
        file_format(path)
    except DicomError:
        # A broken film is still a film: by its name it claims to be one, and reading it says what is wrong.
        return None if path.suffix.lower() in FILM_ENDINGS else "neither DICOM nor PNG nor JPEG"
    except ImageError:
        return None  # it cannot be opened: reading it says why, and fails
    return None


def _one_line(error: Exception) -> str:
    return as_text(" ".join(str(error).split()))
