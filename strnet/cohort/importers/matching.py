"""Which film a table means: by path, else by a file name that only one film has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from strnet.errors import DicomError, ImageError, ManifestError
from strnet.imaging.reading import file_format


def files_below(folder: Path, *, leave_out: Iterable[Path] = ()) -> list[Path]:
    """Every file in `folder` and below, sorted, but for hidden ones and those in `leave_out`.

    Raises: ManifestError: no such folder.
    """
    if not folder.is_dir():
        raise ManifestError(f"{folder}: no such folder. Give the folder that holds the films.")
    out = {path.resolve() for path in leave_out}
    below = (path for path in folder.rglob("*") if path.is_file() and path.resolve() not in out)
    return sorted(
        path for path in below if not any(p.startswith(".") for p in path.relative_to(folder).parts)
    )


def looks_like_film(path: Path) -> bool:
    """Whether the first bytes are those of DICOM, PNG or JPEG."""
    try:
        file_format(path)
    except (ImageError, DicomError):
        return False
    return True


class FilmFinder:
    """Films below a folder by relative path, by file name, and by name without extension."""

    def __init__(self, folder: Path, films: Sequence[Path]) -> None:
        self._folder = folder
        self._by_key: dict[str, set[Path]] = {}
        for film in films:
            for key in {film.relative_to(folder).as_posix(), film.name, film.stem}:
                self._by_key.setdefault(key, set()).add(film)

    def find(self, key: str) -> Path:
        """The film that `key` means; a path where no film is, if it means none.

        Raises: ManifestError: several films fit, and none of them by its whole relative path.
        """
        exact = self._folder / key
        found = {exact} if exact.is_file() else self._by_key.get(key.replace("\\", "/"), set())
        if len(found) > 1:
            listing = ", ".join(sorted(film.relative_to(self._folder).as_posix() for film in found)[:5])
            raise ManifestError(
                f"'{key}' fits {len(found)} films: {listing}. Give paths relative to {self._folder}."
            )
        return next(iter(found), exact)
