"""Which film a table means: by path, else by a file name that only one film has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from strnet.errors import DicomError, ImageError, ManifestError
from strnet.imaging import image_name, image_names
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
    """The films below a folder with their names, found by the end of their path, with or without ending."""

    def __init__(self, folder: Path, films: Sequence[Path]) -> None:
        self.folder = folder
        self.films = list(films)
        self.names = dict(zip(films, image_names(films), strict=True))
        self._by_name: dict[str, list[Path]] = {}
        for film in films:
            self._by_name.setdefault(image_name(film.name), []).append(film)

    def fitting(self, key: str) -> set[Path]:
        """The films that `key` may mean: a table's paths may begin above the folder, or below it."""
        key = key.replace("\\", "/").removeprefix("./")
        bare = image_name(key)
        alike = {film: film.absolute().as_posix() for film in self._by_name.get(PurePosixPath(bare).name, [])}
        whole = {film for film, path in alike.items() if f"/{path}".endswith(f"/{key}")}
        return whole or {film for film, path in alike.items() if f"/{image_name(path)}".endswith(f"/{bare}")}

    def name_of(self, film: Path) -> str:
        """The name of a film, or of a file that is not there."""
        return self.names.get(film) or image_name(film.name)

    def find(self, key: str) -> Path:
        """The film that `key` means; a path where no film is, if it means none.

        Raises: ManifestError: several films fit, and none of them by its whole relative path.
        """
        exact = self.folder / key
        found = {exact} if exact.is_file() else self.fitting(key)
        if len(found) > 1:
            listing = ", ".join(sorted(film.relative_to(self.folder).as_posix() for film in found)[:5])
            raise ManifestError(
                f"'{key}' fits {len(found)} films: {listing}. Give paths relative to {self.folder}."
            )
        return next(iter(found), exact)
