"""Files and folders to prepared films, in order; what cannot be read comes with its reason. Torch-free."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from strnet.config import Preprocessing
from strnet.errors import DicomError, ImageError, StrnetError
from strnet.imaging import (
    Acquisition,
    Radiograph,
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


@dataclass(frozen=True)
class Wanted:
    """What one network wants of a film: how it is prepared, and which films it answers."""

    preprocessing: Preprocessing
    screen: Screen = ANY_FILM
    regions: RegionPlan | None = None


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
    wanted = (Wanted(preprocessing, screen, regions),)
    for (film,) in read_films_once(files, wanted, workers, hashed=hashed):
        yield film


def read_films_once(
    files: Sequence[Path], wanted: Sequence[Wanted], workers: AnyWorkers = None, *, hashed: bool = False
) -> Iterator[tuple[Film, ...]]:
    """Each film in turn as `read_films` gives it, for every one of several networks, decoded once.

    Networks with the same preprocessing share the prepared pixels.
    """
    function = partial(read_film_once, wanted=tuple(wanted), hashed=hashed)
    return in_order(function, files, partial(_failed_for_all, count=len(wanted)), workers)


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
    (film,) = read_film_once(path, (Wanted(preprocessing, screen, regions),), hashed=hashed)
    return film


def read_film_once(path: Path, wanted: Sequence[Wanted], *, hashed: bool = False) -> tuple[Film, ...]:
    """The film of one file as `read_film` gives it, for every one of several networks, decoded once.

    Raises: MemoryError: there is not enough for this film.
    """
    try:
        if not path.is_file() and path.exists():
            raise ImageError(f"{path}: not a regular file.")
        return _screened(path, wanted, hashed)
    except MemoryError:
        raise
    except StrnetError as error:
        return (Film(path, "failed", _one_line(error)),) * len(wanted)
    except Exception as error:
        return (_failed(path, f"{type(error).__name__}: {_one_line(error)}"),) * len(wanted)


def _screened(path: Path, wanted: Sequence[Wanted], hashed: bool) -> tuple[Film, ...]:
    header = read_acquisition(path)
    told = [one.screen.header(header) for one in wanted]
    refused = [one.screen.refuses(findings) for one, findings in zip(wanted, told, strict=True)]
    if all(refused):  # before the pixels, which take much longer
        return tuple(Film(path, "refused", source=header, findings=findings) for findings in told)
    radiograph = read_radiograph(path)
    quality = quality_findings((*radiograph.flags, *picture_faults(radiograph.pixels)))
    digest = pixel_sha256(radiograph) if hashed else None
    prepared: dict[str, NDArray[np.uint16]] = {}
    films = []
    for one, findings, by_header in zip(wanted, told, refused, strict=True):
        seen = findings if by_header else findings + quality
        if by_header or one.screen.refuses(seen):
            films.append(Film(path, "refused", source=radiograph.source, findings=seen))
            continue
        found = Film(path, "ok", None, None, radiograph.source, digest, findings=seen)
        films.append(_with_pixels(found, radiograph, one, prepared))
    return tuple(films)


def _with_pixels(
    film: Film, radiograph: Radiograph, wanted: Wanted, prepared: dict[str, NDArray[np.uint16]]
) -> Film:
    """The film with what `wanted` looks at; whole films that are `prepared` already are shared."""
    recipe = wanted.preprocessing
    if wanted.regions is None:
        if recipe.digest not in prepared:
            prepared[recipe.digest] = prepare_part(radiograph, None, recipe)
        return replace(film, pixels=prepared[recipe.digest], shape=film_shape(radiograph))
    parts = wanted.regions.parts.get(film.path)
    if parts is None:
        return replace(film, status="failed", reason=_without_region(film.path, wanted.regions))
    try:
        first, *others = [prepare_part(radiograph, part, recipe) for part in parts]
    except ImageError as error:
        return replace(film, status="failed", reason=f"{as_text(film.path)}: {_one_line(error)}")
    return replace(film, pixels=first, regions=tuple(others), shape=film_shape(radiograph))


def _failed_for_all(path: Path, reason: str, *, count: int) -> tuple[Film, ...]:
    return (_failed(path, reason),) * count


def _without_region(path: Path, regions: RegionPlan) -> str:
    told = regions.absent.get(path, "it was not searched")
    return f"{as_text(path)}: no answer without its region: {told}"


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
