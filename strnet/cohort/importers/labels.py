"""Tables that somebody keeps about films or patients, renamed and respelt into the manifest's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from strnet.cohort.columns import column_named
from strnet.cohort.importers.cell_readings import read_cells
from strnet.errors import ManifestError, unknown_name
from strnet.tables import read_foreign_table


@dataclass(frozen=True, eq=False)
class LabelTable:
    """A table with the manifest's column names, every cell text, and where each row stands in its file."""

    frame: pl.DataFrame
    path: Path
    lines: pl.Series
    line_word: str


def read_labels(
    path: Path,
    columns: Mapping[str, str] | None = None,
    constants: Mapping[str, str] | None = None,
    *,
    dialect: str | None = None,
) -> LabelTable:
    """The rows of a table in the manifest's words.

    `columns` maps manifest (or further) column names to the table's; `constants` fill the blank cells of
    a column. Spellings that leave no doubt become the manifest's (`female` becomes `F`, `063Y` becomes 63);
    all else is left for the manifest's own checks.

    Raises: ManifestError: unreadable, or a column that neither table nor manifest has.
    """
    table = read_foreign_table(path, dialect=dialect)
    frame = _renamed(table.frame, path, columns or {})
    for name, value in (constants or {}).items():
        column_named(name)
        present = pl.col(name) if name in frame.columns else pl.lit(None, pl.String)
        frame = frame.with_columns(pl.coalesce(present, pl.lit(value)).alias(name))
    return LabelTable(read_cells(frame, {}), path, table.lines, table.line_word)


def _renamed(frame: pl.DataFrame, path: Path, columns: Mapping[str, str]) -> pl.DataFrame:
    for theirs in columns.values():
        if theirs not in frame.columns:
            raise ManifestError(f"{path}: {unknown_name('column', theirs, frame.columns)}")
    others = [name for name in frame.columns if name not in columns and name not in columns.values()]
    return frame.select(*(pl.col(theirs).alias(ours) for ours, theirs in columns.items()), *others)
