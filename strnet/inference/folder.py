"""A folder that is whole or absent: filled under a temporary name beside the target, then exchanged."""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from strnet.errors import BundleError, OutputError
from strnet.files import writing_to

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


@contextmanager
def replace_folder(folder: Path, own_files: Collection[str]) -> Iterator[Path]:
    """A temporary folder beside `folder`; it becomes `folder` when the block ends without an error.

    An existing folder is replaced in one step if it holds `own_files` and nothing else. Until then it stays
    intact, also when the disk is full or the process is killed.

    Raises: BundleError: `folder` is a file, or holds anything that is not among `own_files`. OutputError: see
    `files.writing_to`.
    """
    folder = folder.resolve()
    _refuse_strangers(folder, own_files)
    temporary = folder.with_name(f".{folder.name}-{secrets.token_hex(6)}")
    try:
        with _named_after(folder):
            temporary.mkdir(parents=True)
            yield temporary
            for path in temporary.rglob("*"):
                _sync(path)
            _sync(temporary)
            _move(temporary, folder)
            _sync(folder.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _named_after(folder: Path) -> Iterator[None]:
    """A block that writes in the temporary folder; what the system refuses is said of `folder`."""
    try:
        with writing_to(folder):
            yield
    except OutputError as error:
        raise OutputError(str(folder), error.refusal) from error


def _refuse_strangers(folder: Path, own_files: Collection[str]) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise BundleError(f"{folder}: is a file, and a bundle is a folder. Give another name.")
    strangers = sorted(path.name for path in folder.iterdir() if path.name not in own_files)
    if strangers:
        raise BundleError(
            f"{folder}: would be replaced as a whole, and holds {len(strangers)} file(s) that are no "
            f"part of a bundle, for example '{strangers[0]}'. Move them away, or give another folder."
        )


def _move(temporary: Path, folder: Path) -> None:
    """The new folder stands at `folder`; whatever stood there is now at `temporary`, for removal."""
    if not folder.exists():
        temporary.rename(folder)
    elif not _exchange(temporary, folder):
        _swap_by_renames(temporary, folder)


def _swap_by_renames(temporary: Path, folder: Path) -> None:
    """As `_exchange`, in three steps: a kill between the first two leaves the old folder under `aside`."""
    aside = Path(f"{temporary}-old")
    folder.rename(aside)
    try:
        temporary.rename(folder)
    except OSError:
        aside.rename(folder)
        raise
    aside.rename(temporary)


def _exchange(first: Path, second: Path) -> bool:
    """Whether the two names were swapped in one step; False where the system cannot (then nothing moved)."""
    if not sys.platform.startswith("linux"):
        return False
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    done = rename(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE)
    return bool(done == 0)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
