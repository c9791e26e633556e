"""Prepared films of one size in one growing file, and a journal of which are complete.

`records.u16` holds raw little-endian uint16 records of (height, width); `index.txt` holds one line per
record, `<key> <record number>`; the key of a whole film is the SHA-256 of its file. The record is on the
disk before its line is written, so a line that ends in a newline stands for a whole record; a torn last line,
as a kill leaves it, counts for nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RECORDS = "records.u16"
INDEX = "index.txt"
_LINE = re.compile(r"([0-9a-f]{64}) (\d+)")


@dataclass(frozen=True)
class RecordStore:
    """The complete records in `folder`: number of each by the SHA-256 of the file it was made from."""

    folder: Path
    shape: tuple[int, int]
    numbers: Mapping[str, int]

    @property
    def record_bytes(self) -> int:
        """Size of one record, bytes."""
        return 2 * self.shape[0] * self.shape[1]

    def open(self) -> NDArray[np.uint16]:
        """All records, (records, height, width) uint16, mapped from the disk and read-only."""
        if not self.numbers:
            return np.zeros((0, *self.shape), dtype=np.uint16)
        count = max(self.numbers.values()) + 1
        return np.memmap(self.folder / RECORDS, dtype="<u2", mode="r", shape=(count, *self.shape))


def read_store(folder: Path, shape: tuple[int, int]) -> RecordStore:
    """The records in `folder` that are complete; none if the folder is new."""
    store = RecordStore(folder, shape, {})
    records = folder / RECORDS
    held = records.stat().st_size // store.record_bytes if records.exists() else 0
    numbers: dict[str, int] = {}
    for line in complete_lines(folder / INDEX):
        match = _LINE.fullmatch(line)
        if match and int(match[2]) < held:
            numbers[match[1]] = int(match[2])
    return RecordStore(folder, shape, numbers)


def append_records(store: RecordStore, films: Iterable[tuple[str, NDArray[np.uint16]]]) -> RecordStore:
    """`store` with `films` (SHA-256 of the source file, (height, width) uint16) added, also on the disk.

    The caller holds the lock of the folder and has called `drop_torn_tail` on the index.
    """
    numbers = dict(store.numbers)
    following = max(numbers.values(), default=-1) + 1
    records = store.folder / RECORDS
    lines = []
    with records.open("r+b" if records.exists() else "w+b") as stream:
        stream.seek(following * store.record_bytes)
        for digest, film in films:
            stream.write(np.ascontiguousarray(film, dtype="<u2").tobytes())
            lines.append(f"{digest} {following}\n")
            numbers[digest] = following
            following += 1
        stream.flush()
        os.fsync(stream.fileno())
    append_lines(store.folder / INDEX, lines)
    return RecordStore(store.folder, store.shape, numbers)


def complete_lines(path: Path) -> list[str]:
    """The lines of a journal that end in a newline; none if there is no such file."""
    if not path.exists():
        return []
    return path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]


def drop_torn_tail(path: Path) -> None:
    """Cut off a last line without a newline, so that the next line starts afresh."""
    if path.exists():
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(path, whole)


def append_lines(path: Path, lines: Iterable[str]) -> None:
    """Append `lines` (each with its newline) to the journal, on the disk."""
    with path.open("ab") as stream:
        stream.write("".join(lines).encode())
        stream.flush()
        os.fsync(stream.fileno())
