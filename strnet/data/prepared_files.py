"""Files to prepared films, in processes apart. Torch-free: every worker process imports this."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from strnet.config import Preprocessing
from strnet.errors import StrnetError
from strnet.files import sha256_file
from strnet.imaging import prepare, read_radiograph, require_whole
from strnet.workers import AnyWorkers, in_order


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
    """The film in `path` as (height, width) uint16; no pixels if its SHA-256 is in `known`.

    Raises: MemoryError: there is not enough for this film.
    """
    try:
        status = path.stat()
        digest = sha256_file(path)
        identity = partial(
            PreparedFile, path=path, size=status.st_size, modified_ns=status.st_mtime_ns, sha256=digest
        )
        if digest in known:
            return identity()
        radiograph = read_radiograph(path)
        require_whole(radiograph)
        return identity(pixels=prepare(radiograph.pixels, preprocessing))
    except MemoryError:
        raise
    except (StrnetError, OSError) as error:
        return PreparedFile(path, reason=" ".join(str(error).split()))
    except Exception as error:
        return PreparedFile(path, reason=f"{type(error).__name__}: {' '.join(str(error).split())}")


def prepare_files(
    paths: Sequence[Path],
    preprocessing: Preprocessing,
    known: frozenset[str],
    workers: AnyWorkers = None,
) -> Iterator[PreparedFile]:
    """Each file in turn, made by `workers` processes (see `strnet.workers`).

    A file that brings a decoder down or passes a limit has no pixels, and the reason.
    """
    function = partial(prepare_file, preprocessing=preprocessing, known=known)
    return in_order(function, paths, _unreadable, workers)


def _unreadable(path: Path, reason: str) -> PreparedFile:
    return PreparedFile(path, reason=f"{path}: {reason}")
