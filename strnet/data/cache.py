"""The sample cache: every film read, cropped and resized once, then mapped from the disk.

Content-addressed: a record belongs to the SHA-256 of a file's bytes and to the digest of the preprocessing
(one folder each), so a renamed file is found again and a changed file is not mistaken for its old self.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from strnet.config import Preprocessing
from strnet.data.building import building_turn
from strnet.data.prepared_files import PreparedFile, prepare_files
from strnet.data.records import (
    INDEX,
    RecordStore,
    append_lines,
    append_records,
    complete_lines,
    drop_torn_tail,
    read_store,
)
from strnet.errors import CacheError, unknown_name
from strnet.files import remove_unfinished, write_json, writing_to
from strnet.schema import IMAGE_ID
from strnet.tables import read_table, write_table
from strnet.workers import AnyWorkers

Progress = Callable[[int, int], None]
"""Called with (files done, files in all)."""
T = TypeVar("T")

_FILES = "files.jsonl"
_PREPROCESSING = "preprocessing.json"
_QUARANTINE = "quarantine.csv"
_QUARANTINE_SCHEMA = {IMAGE_ID: pl.String, "path": pl.String, "reason": pl.String}
_COMMIT_EVERY = 64


@dataclass(frozen=True)
class SampleCache:
    """Prepared films by image_id; `quarantine` (image_id, path, reason) lists the unreadable."""

    store: RecordStore
    numbers: Mapping[str, int]
    quarantine: pl.DataFrame = field(repr=False)

    @cached_property
    def records(self) -> NDArray[np.uint16]:
        """Every record of the preprocessing, (records, height, width) uint16, mapped and read-only."""
        return self.store.open()

    def __len__(self) -> int:
        """Number of images."""
        return len(self.numbers)

    def __contains__(self, image_id: object) -> bool:
        return image_id in self.numbers

    def __iter__(self) -> Iterator[str]:
        return iter(self.numbers)

    def __getitem__(self, image_id: str) -> NDArray[np.uint16]:
        """The film of `image_id`, (height, width) uint16.

        Raises: CacheError: no such image.
        """
        return np.array(self.records[self.rows([image_id])[0]])

    def rows(self, image_ids: Iterable[str]) -> NDArray[np.int64]:
        """Record number of each image, to be fetched together as `cache.records[rows]`.

        Raises: CacheError: an image that the cache does not hold, with its reason if it is in quarantine.
        """
        return np.array([self._number(image_id) for image_id in image_ids], dtype=np.int64)

    def _number(self, image_id: str) -> int:
        if image_id in self.numbers:
            return self.numbers[image_id]
        reasons = self.quarantine.filter(pl.col(IMAGE_ID) == image_id)["reason"].to_list()
        detail = (
            f"It is in quarantine: {reasons[0]}" if reasons else unknown_name("image", image_id, self.numbers)
        )
        raise CacheError(f"{self.store.folder}: the cache holds no film of image '{image_id}'. {detail}")


def build_cache(
    files: Sequence[tuple[str, Path]],
    preprocessing: Preprocessing,
    folder: Path,
    *,
    workers: AnyWorkers = None,
    progress: Progress | None = None,
) -> SampleCache:
    """The cache of `files` (image_id, path) in `folder`, reading only what it does not hold yet.

    `workers` processes read the files (see `strnet.workers`); a file that brings one down or passes a
    limit goes to quarantine. Killed at any moment, the next call goes on where it stopped. While another
    process builds the same cache, it waits, and takes what that one made.

    Raises: CacheError: an image_id with two files. OutputError: a full disk. StrnetError: no locks there.
    """
    paths = _paths_by_id(files)
    home = folder / preprocessing.digest[:16]
    _make_folder(home)
    held = _Held.read(home, (preprocessing.height, preprocessing.width))
    missing = held.missing(paths.values())
    if missing:
        look = _Look(held, missing, _Counter(progress, len(paths)))
        with building_turn(home, look.nothing_left) as ours:
            held = look.again()
            if ours:
                remove_unfinished(home)
                read = partial(prepare_files, preprocessing=preprocessing, workers=workers)
                held, refused = _complete(held, missing, preprocessing, read, look.counter)
                _write_quarantine(home, paths, missing, refused)
    elif progress:
        progress(len(paths), len(paths))
    numbers = {i: n for i, path in paths.items() if (n := held.number(path)) is not None}
    return SampleCache(held.store, numbers, _quarantine(home, paths))


@dataclass(frozen=True)
class _Held:
    """What a folder holds: the records, and which file (by path, size and time) is known to be which."""

    store: RecordStore
    digests: Mapping[Path, tuple[int, int, str]]

    @classmethod
    def read(cls, home: Path, shape: tuple[int, int]) -> _Held:
        entries = [json.loads(line) for line in complete_lines(home / _FILES)]
        digests = {Path(e["path"]): (e["size"], e["modified_ns"], e["sha256"]) for e in entries}
        return cls(read_store(home, shape), digests)

    def missing(self, paths: Iterable[Path]) -> list[Path]:
        """The files to read, each once, in order."""
        return [path for path in dict.fromkeys(paths) if self.number(path) is None]

    def number(self, path: Path) -> int | None:
        """Record of the file as it is now; None if it is unknown or was changed since."""
        size, modified_ns, digest = self.digests.get(path, (-1, -1, ""))
        try:
            status = path.stat()
        except OSError:
            return None
        unchanged = (size, modified_ns) == (status.st_size, status.st_mtime_ns)
        return self.store.numbers.get(digest) if unchanged else None

    def add(self, made: Sequence[PreparedFile]) -> _Held:
        """With the films in `made` on the disk, their records before the lines that name their files."""
        films = {
            f.sha256: f.pixels for f in made if f.pixels is not None and f.sha256 not in self.store.numbers
        }
        read = [f for f in made if f.reason is None]
        with writing_to(self.store.folder):
            store = append_records(self.store, films.items())
            append_lines(self.store.folder / _FILES, [_file_line(f) for f in read])
        return _Held(store, {**self.digests, **{f.path: (f.size, f.modified_ns, f.sha256) for f in read}})


@dataclass(frozen=True)
class _Look:
    """What the folder holds of the `missing` files while another process builds it."""

    held: _Held
    missing: Sequence[Path]
    counter: _Counter

    def again(self) -> _Held:
        """What it holds now."""
        return _Held.read(self.held.store.folder, self.held.store.shape)

    def nothing_left(self) -> bool:
        """Whether it holds them all by now; counts those that it does."""
        left = len(self.again().missing(self.missing))
        self.counter.report(left)
        return left == 0


@dataclass
class _Counter:
    """Reports films done out of all; those the cache held already count as done."""

    progress: Progress | None
    total: int

    def report(self, left: int) -> None:
        if self.progress:
            self.progress(self.total - left, self.total)


def _complete(
    held: _Held,
    missing: list[Path],
    preprocessing: Preprocessing,
    read: Callable[..., Iterator[PreparedFile]],
    counter: _Counter,
) -> tuple[_Held, list[PreparedFile]]:
    """`held` with every readable file in it, and the files that were refused."""
    home = held.store.folder
    missing = held.missing(missing)  # another process may have made some while this one waited
    for journal in (INDEX, _FILES):
        drop_torn_tail(home / journal)
    if not (home / _PREPROCESSING).exists():
        write_json(home / _PREPROCESSING, preprocessing.model_dump(mode="json"))
    refused: list[PreparedFile] = []
    left = len(missing)
    counter.report(left)
    made = read(missing, known=frozenset(held.store.numbers))
    for group in _groups(made, _COMMIT_EVERY):
        held = held.add(group)
        refused += [f for f in group if f.reason is not None]
        left -= len(group)
        counter.report(left)
    return held, refused


def _groups(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while group := list(islice(items, size)):
        yield group


def _make_folder(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CacheError(
            f"{home}: the cache folder cannot be made ({error.strerror}). Name another as cohort.cache."
        ) from error


def _paths_by_id(files: Sequence[tuple[str, Path]]) -> dict[str, Path]:
    paths: dict[str, Path] = {}
    for image_id, path in ((image_id, Path(given).absolute()) for image_id, given in files):
        if paths.setdefault(image_id, path) != path:
            raise CacheError(f"Image '{image_id}' has two files, {paths[image_id]} and {path}. Give it one.")
    return paths


def _file_line(made: PreparedFile) -> str:
    entry = {
        "path": str(made.path),
        "size": made.size,
        "modified_ns": made.modified_ns,
        "sha256": made.sha256,
    }
    return json.dumps(entry) + "\n"


def _write_quarantine(
    home: Path, paths: Mapping[str, Path], missing: Sequence[Path], refused: Sequence[PreparedFile]
) -> None:
    """The table on the disk, with the verdict on the files of `missing` renewed."""
    reasons = {f.path: f.reason for f in refused}
    rows = [(i, str(path), reasons[path]) for i, path in paths.items() if path in reasons]
    fresh = pl.DataFrame(rows, schema=_QUARANTINE_SCHEMA, orient="row")
    renewed = [str(path) for path in missing]
    table = home / _QUARANTINE
    if table.exists():
        earlier = _read_quarantine(table).filter(~pl.col("path").is_in(renewed))
        fresh = pl.concat([earlier, fresh])
    write_table(fresh, table)


def _quarantine(home: Path, paths: Mapping[str, Path]) -> pl.DataFrame:
    """The rows of the table on the disk that concern `paths`."""
    table = home / _QUARANTINE
    if not table.exists():
        return pl.DataFrame(schema=_QUARANTINE_SCHEMA)
    wanted = pl.DataFrame({IMAGE_ID: list(paths), "path": [str(path) for path in paths.values()]})
    return _read_quarantine(table).join(wanted, on=[IMAGE_ID, "path"], how="semi")


def _read_quarantine(table: Path) -> pl.DataFrame:
    return read_table(table).cast(pl.Schema(_QUARANTINE_SCHEMA))
