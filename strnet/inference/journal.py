"""The films that an unfinished prediction has done, kept beside its results table until that is written.

One line of JSON per batch. A line counts once it ends in a newline, and as long as the files are what they
were: the same, in the same order, with the same size and times. Torch-free.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strnet.errors import OutputError, StrnetError
from strnet.files import write_bytes, writing_to
from strnet.inference.film_files import as_text

Outputs = Mapping[str, NDArray[Any]]
Row = dict[str, Any]

_log = logging.getLogger(__name__)


class PredictionJournal:
    """Rows and outputs of the films done so far, in the order of the files, in memory and on the disk."""

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        """Nothing is read yet; `identity` is what, beside the files, decides the results."""
        self.path = path
        self._head = _line({"unfinished_prediction": 1, **identity})
        self._rows = 0
        self._parts = 0

    def restored(self, files: Sequence[Path], image_ids: Sequence[str]) -> tuple[list[Row], list[Outputs]]:
        """The rows of the first of `files`, and outputs of those of them that were run, from an earlier call.

        Raises: OutputError: see `files.writing_to`.
        """
        rows: list[Row] = []
        parts: list[Outputs] = []
        kept = [self._head]
        for line in self._lines():
            batch = json.loads(line)
            places = slice(len(rows), len(rows) + len(batch["rows"]))
            if _states(files[places], image_ids[places]) != batch["files"]:
                break
            rows += batch["rows"]
            parts += [_arrays(part) for part in batch["outputs"]]
            kept.append(line)
        if rows:
            _log.warning("%s: goes on after the %d films done before.", self.path, len(rows))
        write_bytes(self.path, b"".join(kept))
        self._rows, self._parts = len(rows), len(parts)
        return rows, parts

    def keep(
        self, files: Sequence[Path], image_ids: Sequence[str], rows: Sequence[Row], parts: Sequence[Outputs]
    ) -> None:
        """Keep what is new of `rows` and `parts`, those of the first of `files`.

        Raises: OutputError: see `files.writing_to`.
        """
        places = slice(self._rows, len(rows))
        batch = {
            "files": _states(files[places], image_ids[places]),
            "rows": rows[places],
            "outputs": [_lists(part) for part in parts[self._parts :]],
        }
        with writing_to(self.path), self.path.open("ab") as stream:
            stream.write(_line(batch))
        self._rows, self._parts = len(rows), len(parts)

    def _lines(self) -> Iterator[bytes]:
        """The whole lines after the head; none if that is of another prediction."""
        if not self.path.is_file():
            return
        with self.path.open("rb") as stream:
            if stream.readline() == self._head:
                yield from (line for line in stream if line.endswith(b"\n"))


@contextmanager
def prediction_journal(out: Path, identity: Mapping[str, Any]) -> Iterator[PredictionJournal]:
    """The journal of the prediction that ends in the table `out`: `results.csv.unfinished` beside it.

    It is gone when the block ends, also by an input that cannot be used; it stays where the block was
    interrupted, or the disk is full.
    """
    journal = PredictionJournal(out.with_name(f"{out.name}.unfinished"), identity)
    try:
        yield journal
    except OutputError:
        raise
    except StrnetError:
        journal.path.unlink(missing_ok=True)
        raise
    journal.path.unlink(missing_ok=True)


def _line(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content).encode() + b"\n"


def _lists(part: Outputs) -> dict[str, Any]:
    return {task: output.tolist() for task, output in part.items()}


def _arrays(part: Mapping[str, Any]) -> Outputs:
    # Exact: every float32 is a double, and JSON gives a double back as it was.
    return {task: np.asarray(output, dtype=np.float64) for task, output in part.items()}


def _states(files: Sequence[Path], image_ids: Sequence[str]) -> list[list[Any]]:
    """Of each file where it is, how it is called beside the others, and what tells that it was changed."""
    return [[as_text(file), name, *_times(file)] for file, name in zip(files, image_ids, strict=True)]


def _times(file: Path) -> list[int]:
    """Size and times; that of a change of rights counts, for it may mend a failure. Empty if it is gone."""
    try:
        status = file.stat()
    except OSError:
        return []
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns]
