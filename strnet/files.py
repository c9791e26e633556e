"""Files that are whole or absent: written to a temporary name beside the target, then renamed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from strnet.errors import OutputError, StrnetError


@contextmanager
def writing_to(place: Path | str) -> Iterator[None]:
    """A block that writes to `place`; what the system refuses comes as an error that names the place.

    Raises: OutputError: a full disk, a used-up quota, a read-only file system, or no permission.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(str(place), error) from error


@contextmanager
def write_atomically(path: Path | str) -> Iterator[Path]:
    """A temporary path in the folder of `path`; it becomes `path` when the block ends without an error.

    The old file stays intact until the rename, also when the disk is full or the process is killed.

    Raises: OutputError: see `writing_to`.
    """
    with write_together(path) as (temporary,):
        yield temporary


@contextmanager
def write_together(*paths: Path | str) -> Iterator[tuple[Path, ...]]:
    """Temporary paths beside `paths`; they become these, one after the other, once all are on the disk.

    For files that belong to each other: where one does not fit the disk, all stay as they were.

    Raises: OutputError: see `writing_to`.
    """
    wanted = [Path(path) for path in paths]
    made: list[Path] = []
    try:
        for path in wanted:
            with writing_to(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                made.append(_temporary(path))
        with _named_after(wanted, made):
            yield tuple(made)
        for path, temporary in zip(wanted, made, strict=True):
            with writing_to(path):
                _sync(temporary)
        for path, temporary in zip(wanted, made, strict=True):
            with writing_to(path):
                temporary.replace(path)
    finally:
        for temporary in made:
            temporary.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    temporary = path.with_name(f".{path.stem}-{secrets.token_hex(6)}{path.suffix}")
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    return temporary


@contextmanager
def _named_after(wanted: list[Path], made: list[Path]) -> Iterator[None]:
    """A block that fills `made`; an error of writing there names the wanted path."""
    names = {str(temporary): str(path) for path, temporary in zip(wanted, made, strict=True)}
    try:
        yield
    except OutputError as error:
        raise OutputError(names.get(error.place, error.place), error.refusal) from error
    except OSError as error:
        if error.filename is not None and str(error.filename) not in names:
            raise
        # The system does not say of which open file a write failed.
        place = names.get(str(error.filename), ", ".join(map(str, wanted)))
        raise OutputError(place, error) from error


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder beside `folder`; it becomes `folder` when the block ends without an error.

    Raises: OutputError: see `writing_to`; also where `folder` is there already and not empty.
    """
    temporary = folder.with_name(f".{folder.name}-{secrets.token_hex(6)}")
    try:
        with writing_to(folder):
            temporary.mkdir(parents=True)
            yield temporary
            for path in temporary.iterdir():
                _sync(path)
            temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_unfinished(folder: Path) -> None:
    """Remove the temporary files and folders that a killed writer left in `folder`.

    Call it only where nobody else can be writing.
    """
    for temporary in filter(is_unfinished, folder.glob(".*")):
        if temporary.is_dir():
            shutil.rmtree(temporary)
        else:
            temporary.unlink()


def is_unfinished(path: Path) -> bool:
    """Whether `path` has the name of a temporary file or folder, which only a killed writer leaves."""
    return re.fullmatch(r"\..+-[0-9a-f]{12}(\.[^.]*)?", path.name) is not None


def write_bytes(path: Path | str, content: bytes) -> None:
    """Write `content` to `path`: whole, or the file is what it was before."""
    with write_atomically(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path | str, text: str) -> None:
    """Write `text` in UTF-8 to `path`: whole, or the file is what it was before."""
    write_bytes(path, text.encode())


def write_json(path: Path | str, content: Any) -> None:
    """Write strict JSON (no NaN) to `path`: whole, or the file is what it was before."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def read_json(path: Path | str) -> Any:
    """The content of a strict JSON file.

    Raises: StrnetError: unreadable file, invalid JSON, or the non-standard NaN and Infinity.
    """
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except OSError as error:
        raise StrnetError(f"{path}: cannot be read ({error.strerror or error}).") from error
    except ValueError as error:
        raise StrnetError(f"{path}: not strict JSON: {error}.") from error


def canonical_json(content: Any) -> bytes:
    """The one byte form of a JSON value: sorted keys, no spaces, no NaN; what hashes are taken of."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def sha256_bytes(content: bytes) -> str:
    """SHA-256 of `content`, 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def sha256_file(path: Path | str) -> str:
    """SHA-256 of a file's bytes, 64 hexadecimal digits."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _sync(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
