"""What was found in each film, written down at once, so that a stopped import goes on where it was."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from pydantic import TypeAdapter

from strnet import __version__
from strnet.cohort.inspection import Inspection, Progress, inspect_files
from strnet.errors import StrnetError
from strnet.workers import AnyWorkers

_READ_BY = json.dumps({"films read by": f"strnet {__version__}"})
"""First line: another version may read a film in another way, so its findings are not taken over."""
_INSPECTION = TypeAdapter(Inspection)


@dataclass(frozen=True, slots=True)
class _FileState:
    """What must not have changed for a finding to hold."""

    path: str
    size: int
    mtime_ns: int


def journal_path(out: Path) -> Path:
    """Where the findings for the output `out` stand while it is made."""
    return out.with_name(f".{out.name}.inspected.jsonl")


def inspect_with_journal(
    paths: Sequence[Path], journal: Path, *, workers: AnyWorkers = None, progress: Progress | None = None
) -> list[Inspection]:
    """What is in each file, in order; readable files that `journal` knows are not read again.

    A file counts as known while its path, size and time of change are the same. Unreadable files are tried
    again: memory, a disk or a time limit may have been the reason. The journal stays; whoever has written
    what it was for removes it.

    Raises: StrnetError: the journal cannot be written, such as on a full disk.
    """
    states = {path: _state_of(path) for path in paths}
    noted = _read(journal)
    found = {path: noted[state] for path, state in states.items() if state in noted}
    # A table may list a whole archive, of which the folder holds some.
    found |= {path: Inspection(path, reason=_refusal(path)) for path, state in states.items() if not state}
    todo = [path for path in states if path not in found]
    with _Notes(journal, goes_on=bool(noted)) as notes:
        fresh = inspect_files(
            todo,
            workers=workers,
            progress=_shifted(progress, len(found), len(states)),
            each=lambda film: notes.add(states[film.path], film),
        )
    found |= {film.path: film for film in fresh}
    return [found[path] for path in paths]


class _Notes:
    """The journal while it is written, line by line."""

    def __init__(self, path: Path, *, goes_on: bool) -> None:
        self._path = path
        # A last line that was cut off must not run into the next one.
        self._first, self._mode = ("", "a") if goes_on else (_READ_BY, "w")

    def __enter__(self) -> Self:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = self._path.open(self._mode, encoding="utf-8")
        except OSError as error:
            raise self._failure(error) from error
        self._write(self._first)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # a full disk was told by the line that did not fit
            self._stream.close()

    def add(self, state: _FileState | None, film: Inspection) -> None:
        """Write down one readable film."""
        if state is not None and film.reason is None:
            found = _INSPECTION.dump_python(film, mode="json")
            self._write(json.dumps({"file": asdict(state), "found": found}))

    def _write(self, line: str) -> None:
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except OSError as error:
            raise self._failure(error) from error

    def _failure(self, error: OSError) -> StrnetError:
        return StrnetError(
            f"{self._path}: what was found in the films cannot be written down ({error.strerror}). Make room "
            "and give the command again: films that were read are not read again."
        )


def _shifted(progress: Progress | None, before: int, in_all: int) -> Progress | None:
    return progress and (lambda done, _: progress(before + done, in_all))


def _state_of(path: Path) -> _FileState | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return _FileState(str(path.absolute()), status.st_size, status.st_mtime_ns)


def _refusal(path: Path) -> str:
    """Why a file cannot be looked at."""
    try:
        path.stat()
    except OSError as error:
        return f"cannot be read ({error.strerror or error})."
    return "was not there when the import began."


def _read(journal: Path) -> dict[_FileState | None, Inspection]:
    """The findings of a journal of this version; a line that was cut off is no finding."""
    try:
        first, *lines = journal.read_text(encoding="utf-8", errors="replace").splitlines()
    except (OSError, ValueError):
        return {}
    if first != _READ_BY:
        return {}
    return dict(finding for line in lines if (finding := _finding(line)))


def _finding(line: str) -> tuple[_FileState, Inspection] | None:
    try:
        entry = json.loads(line)
        return _FileState(**entry["file"]), _INSPECTION.validate_python(entry["found"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
