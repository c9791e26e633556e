"""One network's answers to the films of a job, one film after the other: rows, and outputs in batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from strnet import schema
from strnet.inference.film_files import Film, Status, as_text
from strnet.inference.journal import Outputs, PredictionJournal, Row
from strnet.inference.roster import Known, Roster
from strnet.trust import Finding, Screen

RunBatch = Callable[[NDArray[np.uint16], NDArray[np.float32], int], Outputs]
"""Raw outputs of films from their pictures (M, height, width) and clinical values (M, K), so many a call.

A film has one picture, or as many as the network looks at regions, one after the other.
"""

RAN = "ran"
"""Marks the rows of films that the network has seen; no column of the results."""


class FilmSession:
    """What a network said of the first films of a roster; what a journal holds is not done again."""

    def __init__(
        self,
        run: RunBatch,
        roster: Roster,
        screen: Screen,
        batch_size: int,
        journal: PredictionJournal | None = None,
    ) -> None:
        """`rows` and `outputs` now hold what an earlier call did, as far as `journal` kept it."""
        self._run, self._roster, self._screen, self._batch_size = run, roster, screen, batch_size
        self._journal = journal
        self._waiting: list[_Ready] = []
        self.rows: list[Row]
        self.outputs: list[Outputs]
        self.rows, self.outputs = (
            ([], []) if journal is None else journal.restored(roster.files, roster.image_ids)
        )

    def take(self, position: int, film: Film) -> None:
        """Answer the film at `position`, the next one, or pass over one that was done by an earlier call."""
        if position < len(self.rows):
            return
        known = self._roster.known(position, film)
        row, ready = _described(film, known, self._roster.clinical, self._screen)
        self.rows.append(row)
        self._waiting += ready
        last = len(self.rows) == len(self._roster.files)
        if len(self._waiting) == self._batch_size or (self._waiting and last):
            self.outputs.append(self._answers(self._waiting))
            self._waiting = []
        if self._journal is not None and not self._waiting:
            self._journal.keep(self._roster.files, self._roster.image_ids, self.rows, self.outputs)

    def merged(self) -> dict[str, NDArray[np.float32]]:
        """Raw outputs of all films that were run, by task; empty where none was."""
        return {
            task: np.concatenate([part[task] for part in self.outputs])
            for task in (self.outputs[0] if self.outputs else {})
        }

    def _answers(self, films: Sequence[_Ready]) -> Outputs:
        """Outputs of the films, whose rows now also say what the picture layer found."""
        pixels = np.concatenate([film.pixels for film in films])
        clinical = np.concatenate([np.tile(film.clinical, (len(film.pixels), 1)) for film in films])
        outputs = self._run(pixels, clinical, self._batch_size)
        for film, atypicality in zip(films, outputs.get(schema.ATYPICALITY, ()), strict=False):
            findings = (*film.findings, *self._screen.picture(float(atypicality)))
            film.row.update({schema.ATYPICALITY: float(atypicality), **asdict(self._screen.rule(findings))})
        return outputs


@dataclass(frozen=True, eq=False)
class _Ready:
    """A film that can be run: its row, what was found, pixels (regions, height, width), clinical (K,)."""

    row: Row
    findings: tuple[Finding, ...]
    pixels: NDArray[np.uint16]
    clinical: NDArray[np.float32]


def _described(film: Film, known: Known, clinical: Sequence[str], screen: Screen) -> tuple[Row, list[_Ready]]:
    """The identity columns of a film, and the film itself if it can be run."""
    if known.refusal is not None and film.status == "ok":
        reason = f"{as_text(film.path)}: {known.refusal}"
        return {**known.cells, **state(film.path, "failed", reason)}, []
    row: Row = {**known.cells, **state(film.path, film.status, film.reason)}
    if film.source is None or film.status == "failed":
        return row, []
    findings = (*screen.table(film.findings, known.row), *screen.age(known.cells["age"]))
    missing = [name for name, value in zip(clinical, known.values, strict=True) if np.isnan(value)]
    row |= {"body_part": film.source.body_part, "missing_clinical": " ".join(missing)}
    row |= asdict(screen.rule(findings))
    if film.pixels is None or row["status"] != "ok":
        return row, []
    row[RAN] = True
    return row, [_Ready(row, findings, np.stack([film.pixels, *film.regions]), known.values)]


def state(path: Path, status: Status, reason: str | None) -> Row:
    """The cells that say what became of a file."""
    return {"path": as_text(path), "status": status, "reason": reason}
