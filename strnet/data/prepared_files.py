"""Files to prepared films, in processes apart. Torch-free: every worker process imports this."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from strnet.config import Preprocessing
from strnet.errors import ImageError, StrnetError
from strnet.files import sha256_file
from strnet.imaging import Radiograph, read_radiograph, require_whole
from strnet.imaging.film_parts import FilmPart, FilmShape, film_shape, prepare_part, record_key
from strnet.workers import AnyWorkers, in_order


@dataclass(frozen=True)
class FilmRequest:
    """A file, and what is to be made of it: decoded once, however many parts there are."""

    path: Path
    parts: tuple[FilmPart, ...] = (None,)


@dataclass(frozen=True)
class KnownFilms:
    """What needs not be made again: record keys, and the sizes of films by the SHA-256 of their files."""

    keys: frozenset[str]
    shapes: Mapping[str, FilmShape]


@dataclass(frozen=True)
class PreparedFile:
    """What became of one file: its identity, and its records by key or the reason why it has none."""

    path: Path
    size: int = 0
    modified_ns: int = 0
    sha256: str = ""
    records: Mapping[str, NDArray[np.uint16]] = field(default_factory=dict)
    shape: FilmShape | None = None
    reason: str | None = None


def prepare_file(request: FilmRequest, preprocessing: Preprocessing, known: KnownFilms) -> PreparedFile:
    """The parts of a film, each (height, width) uint16, without those that are `known`.

    Raises: MemoryError: there is not enough for this film.
    """
    path = request.path
    try:
        status = path.stat()
        digest = sha256_file(path)
        identity = partial(
            PreparedFile, path=path, size=status.st_size, modified_ns=status.st_mtime_ns, sha256=digest
        )
        wanted = {record_key(digest, part): part for part in request.parts}
        missing = {key: part for key, part in wanted.items() if key not in known.keys}
        if not missing and digest in known.shapes:
            return identity(shape=known.shapes[digest])
        radiograph = read_radiograph(path)
        require_whole(radiograph)
        records = {key: _prepared(path, part, radiograph, preprocessing) for key, part in missing.items()}
        return identity(records=records, shape=film_shape(radiograph))
    except MemoryError:
        raise
    except (StrnetError, OSError) as error:
        return PreparedFile(path, reason=" ".join(str(error).split()))
    except Exception as error:
        return PreparedFile(path, reason=f"{type(error).__name__}: {' '.join(str(error).split())}")


def prepare_files(
    requests: Sequence[FilmRequest],
    preprocessing: Preprocessing,
    known: KnownFilms,
    workers: AnyWorkers = None,
) -> Iterator[PreparedFile]:
    """Each file in turn, made by `workers` processes (see `strnet.workers`).

    A file that brings a decoder down or passes a limit has no records, and the reason.
    """
    function = partial(prepare_file, preprocessing=preprocessing, known=known)
    return in_order(function, requests, _unreadable, workers)


def _prepared(
    path: Path, part: FilmPart, film: Radiograph, preprocessing: Preprocessing
) -> NDArray[np.uint16]:
    try:
        return prepare_part(film, part, preprocessing)
    except ImageError as error:
        if part is None:
            raise
        raise ImageError(f"{path}: {error}") from error


def _unreadable(request: FilmRequest, reason: str) -> PreparedFile:
    return PreparedFile(request.path, reason=f"{request.path}: {reason}")
