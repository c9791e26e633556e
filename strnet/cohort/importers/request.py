"""What a user asked an import for, and the command that asks for it again."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from strnet.workers import AnyWorkers

Progress = Callable[[int, int], None]
Duplicates = Literal["refuse", "keep", "first", "drop"]
DUPLICATES: tuple[str, ...] = get_args(Duplicates)


@dataclass(frozen=True, kw_only=True)
class ImportRequest:
    """A folder of films, the table about them if there is one, and everything said about either."""

    folder: Path
    out: Path
    """The manifest to write."""
    table: Path | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    """Manifest (or further) columns by the table's."""
    ignored: Sequence[str] = ()
    """Columns of the table that are not read."""
    values: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """What a cell of a manifest column stands for; an empty text makes it blank."""
    constants: Mapping[str, str] = field(default_factory=dict)
    """Values for the blank cells of a column."""
    dialect: str | None = None
    patient_id_from: str | None = None
    """A rule that gives each film's patient by its name, see `patient_ids`."""
    one_patient_per_film: bool = False
    duplicates: Duplicates = "refuse"
    """What becomes of identical pictures with different labels."""
    keep_unlisted: bool = False
    """Whether films that the table does not list are kept, with unknown labels."""
    workers: AnyWorkers = None
    progress: Progress | None = None

    @property
    def names_patients(self) -> bool:
        """Whether the request says how a film's name gives its patient."""
        return self.patient_id_from is not None or self.one_patient_per_film

    def command(self, more: Sequence[str] = ()) -> str:
        """The command line that asks for this, with `more` arguments behind it, quoted for a shell."""
        parts = ["strnet", "ingest", str(self.folder), "-o", str(self.out)]
        parts += ["--layout", "dicom"] if self.keep_unlisted and self.table else []
        parts += [part for name, value in self._options() for part in (name, value)]
        parts += ["--one-patient-per-film"] if self.one_patient_per_film else []
        return shlex.join([*parts, *more])

    def _options(self) -> list[tuple[str, str]]:
        duplicates = None if self.duplicates == "refuse" else self.duplicates
        once = {
            "--table": self.table,
            "--csv-dialect": self.dialect,
            "--patient-id-from": self.patient_id_from,
            "--duplicates": duplicates,
        }
        return [
            *((name, str(value)) for name, value in once.items() if value is not None),
            *(("--column", f"{ours}={theirs}") for ours, theirs in self.columns.items()),
            *(("--ignore", theirs) for theirs in self.ignored),
            *(("--value", f"{column}:{theirs}={ours}") for (column, theirs), ours in self.values.items()),
            *(("--set", f"{column}={value}") for column, value in self.constants.items()),
        ]
