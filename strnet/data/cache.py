"""The sample cache: every film read, cropped and resized once, then mapped from the disk.

Content-addressed: a record belongs to the SHA-256 of a file's bytes, to what is made of it (the whole film, a
region, the labels of its mask) and to the digest of the preprocessing (one folder each), so a renamed file is
found again, and neither a changed file nor another region is mistaken for an old one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from strnet.config import Preprocessing
from strnet.data.building import building_turn
from strnet.data.prepared_files import FilmRequest, KnownFilms, PreparedFile, prepare_files
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
from strnet.imaging.film_parts import FilmPart, FilmShape, record_key
from strnet.schema import IMAGE_ID
from strnet.tables import read_table, write_table
from strnet.workers import AnyWorkers

Progress = Callable[[int, int], None]
"""Called with (files done, files in all)."""
T = TypeVar("T")
RowKey = str | tuple[str, str]
"""An image_id, or image_id and name of a part of the image."""
Parts = Mapping[str, Mapping[str, FilmPart]]
"""By image_id and name, what is made of the film; under the empty name stands what the image_id alone is."""
LABELS = "labels"
"""Name of the part of an image that a segmentation learns."""
_WHOLE: Mapping[str, FilmPart] = {"": None}

_FILES = "files.jsonl"
_PREPROCESSING = "preprocessing.json"
_QUARANTINE = "quarantine.csv"
_QUARANTINE_SCHEMA = {IMAGE_ID: pl.String, "path": pl.String, "reason": pl.String}
_COMMIT_EVERY = 64


@dataclass(frozen=True)
class SampleCache:
    """Prepared films by image_id, or by image_id and part; `quarantine` (image_id, path, reason) lists the
    unreadable.
    """

    store: RecordStore
    numbers: Mapping[RowKey, int]
    quarantine: pl.DataFrame = field(repr=False)
    shapes: Mapping[str, FilmShape] = field(default_factory=dict, repr=False)
    """Sizes of each film by image_id."""
    sha256s: Mapping[str, str] = field(default_factory=dict, repr=False)
    """SHA-256 of each film's file by image_id."""

    @cached_property
    def records(self) -> NDArray[np.uint16]:
        """Every record of the preprocessing, (records, height, width) uint16, mapped and read-only."""
        return self.store.open()

    def __len__(self) -> int:
        """Number of records that were asked for."""
        return len(self.numbers)

    def __contains__(self, image_id: object) -> bool:
        return image_id in self.numbers

    def __iter__(self) -> Iterator[RowKey]:
        return iter(self.numbers)

    def __getitem__(self, key: RowKey) -> NDArray[np.uint16]:
        """The film of an image, or a part of it, (height, width) uint16.

        Raises: CacheError: no such image.
        """
        return np.array(self.records[self.rows([key])[0]])

    def rows(self, keys: Iterable[RowKey]) -> NDArray[np.int64]:
        """Record number of each image, to be fetched together as `cache.records[rows]`.

        Raises: CacheError: an image that the cache does not hold, with its reason if it is in quarantine.
        """
        return np.array([self._number(key) for key in keys], dtype=np.int64)

    def _number(self, key: RowKey) -> int:
        if key in self.numbers:
            return self.numbers[key]
        image_id, part = (key, "") if isinstance(key, str) else key
        reasons = self.quarantine.filter(pl.col(IMAGE_ID) == image_id)["reason"].to_list()
        known = {name if isinstance(name, str) else name[0] for name in self.numbers}
        detail = f"It is in quarantine: {reasons[0]}" if reasons else unknown_name("image", image_id, known)
        what = f"{part} " if part else "film "
        raise CacheError(f"{self.store.folder}: the cache holds no {what}of image '{image_id}'. {detail}")


def build_cache(
    files: Sequence[tuple[str, Path]],
    preprocessing: Preprocessing,
    folder: Path,
    *,
    parts: Parts | None = None,
    workers: AnyWorkers = None,
    progress: Progress | None = None,
) -> SampleCache:
    """The cache of `files` (image_id, path) in `folder`, reading only what it does not hold yet.

    `parts` says what is made of each film; without it, and for images that are not in it, the whole film. A
    film is decoded once for all of its parts, and one of which any part cannot be made is in quarantine.

    `workers` processes read the files (see `strnet.workers`); a file that brings one down or passes a
    limit goes to quarantine. Killed at any moment, the next call goes on where it stopped. While another
    process builds the same cache, it waits, and takes what that one made.

    Raises: CacheError: an image_id with two files. OutputError: a full disk. StrnetError: no locks there.
    """
    paths = _paths_by_id(files)
    wanted = {image_id: (parts or {}).get(image_id, _WHOLE) for image_id in paths}
    requests = _requests(paths, wanted)
    home = folder / preprocessing.digest[:16]
    _make_folder(home)
    held = _Held.read(home, (preprocessing.height, preprocessing.width))
    missing = held.missing(requests)
    if missing:
        look = _Look(held, missing, _Counter(progress, len(requests)))
        with building_turn(home, look.nothing_left) as ours:
            held = look.again()
            if ours:
                remove_unfinished(home)
                read = partial(prepare_files, preprocessing=preprocessing, workers=workers)
                held, refused = _complete(held, missing, preprocessing, read, look.counter)
                _write_quarantine(home, paths, [request.path for request in missing], refused)
    elif progress:
        progress(len(requests), len(requests))
    return _cache(held, paths, wanted)


def _requests(paths: Mapping[str, Path], wanted: Parts) -> list[FilmRequest]:
    """Each file once, in order, with all that any image wants of it."""
    by_path: dict[Path, dict[FilmPart, None]] = {}
    for image_id, path in paths.items():
        by_path.setdefault(path, {}).update(dict.fromkeys(wanted[image_id].values()))
    return [FilmRequest(path, tuple(parts)) for path, parts in by_path.items()]


def _cache(held: _Held, paths: Mapping[str, Path], wanted: Parts) -> SampleCache:
    """What is held of the images of which every part is there; the others are in quarantine."""
    numbers: dict[RowKey, int] = {}
    shapes: dict[str, FilmShape] = {}
    digests: dict[str, str] = {}
    for image_id, path in paths.items():
        found = held.numbers(FilmRequest(path, tuple(wanted[image_id].values())))
        if found is not None:
            names = [image_id if name == "" else (image_id, name) for name in wanted[image_id]]
            numbers |= dict(zip(names, found, strict=True))
            shapes[image_id] = held.entries[path].shape
            digests[image_id] = held.entries[path].sha256
    refused = {image_id: path for image_id, path in paths.items() if image_id not in shapes}
    return SampleCache(held.store, numbers, _quarantine(held.store.folder, refused), shapes, digests)


@dataclass(frozen=True)
class _Entry:
    """A file as it was read: size and time by which it is known again, its hash, and its film's sizes."""

    size: int
    modified_ns: int
    sha256: str
    shape: FilmShape


@dataclass(frozen=True)
class _Held:
    """What a folder holds: the records, and which file (by path, size and time) is known to be which."""

    store: RecordStore
    entries: Mapping[Path, _Entry]

    @classmethod
    def read(cls, home: Path, shape: tuple[int, int]) -> _Held:
        entries = map(_entry_of, complete_lines(home / _FILES))
        return cls(read_store(home, shape), dict(entry for entry in entries if entry is not None))

    def missing(self, requests: Iterable[FilmRequest]) -> list[FilmRequest]:
        """The files of which not everything is held."""
        return [request for request in requests if self.numbers(request) is None]

    def numbers(self, request: FilmRequest) -> list[int] | None:
        """Records of the parts of a file as it is now; None if it lacks one, is unknown, or was changed."""
        entry = self.entries.get(request.path)
        try:
            status = request.path.stat()
        except OSError:
            return None
        if entry is None or (entry.size, entry.modified_ns) != (status.st_size, status.st_mtime_ns):
            return None
        found = [self.store.numbers.get(record_key(entry.sha256, part), -1) for part in request.parts]
        return None if -1 in found else found

    @property
    def known(self) -> KnownFilms:
        """What no process has to make again."""
        return KnownFilms(
            frozenset(self.store.numbers), {entry.sha256: entry.shape for entry in self.entries.values()}
        )

    def add(self, made: Sequence[PreparedFile]) -> _Held:
        """With the films in `made` on the disk, their records before the lines that name their files."""
        films = {
            key: pixels for f in made for key, pixels in f.records.items() if key not in self.store.numbers
        }
        read = {f.path: entry for f in made if (entry := _read_entry(f)) is not None}
        with writing_to(self.store.folder):
            store = append_records(self.store, films.items())
            append_lines(self.store.folder / _FILES, [_file_line(p, entry) for p, entry in read.items()])
        return _Held(store, {**self.entries, **read})


@dataclass(frozen=True)
class _Look:
    """What the folder holds of the `missing` files while another process builds it."""

    held: _Held
    missing: Sequence[FilmRequest]
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
    missing: list[FilmRequest],
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
    made = read(missing, known=held.known)
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


def _read_entry(made: PreparedFile) -> _Entry | None:
    if made.reason is not None or made.shape is None:
        return None
    return _Entry(made.size, made.modified_ns, made.sha256, made.shape)


def _entry_of(line: str) -> tuple[Path, _Entry] | None:
    """The file of a line in the journal; None where it does not say how large its film is."""
    found = json.loads(line)
    if "shape" not in found:
        return None
    pixels, grid, turned = found["shape"]
    shape = FilmShape(tuple(pixels), tuple(grid), turned)
    return Path(found["path"]), _Entry(found["size"], found["modified_ns"], found["sha256"], shape)


def _file_line(path: Path, entry: _Entry) -> str:
    return json.dumps({"path": str(path), **asdict(entry)}) + "\n"


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
    if not paths or not table.exists():
        return pl.DataFrame(schema=_QUARANTINE_SCHEMA)
    wanted = pl.DataFrame({IMAGE_ID: list(paths), "path": [str(path) for path in paths.values()]})
    return _read_quarantine(table).join(wanted, on=[IMAGE_ID, "path"], how="semi")


def _read_quarantine(table: Path) -> pl.DataFrame:
    return read_table(table).cast(pl.Schema(_QUARANTINE_SCHEMA))
