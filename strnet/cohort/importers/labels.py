"""Tables that somebody keeps about films or patients, renamed and respelt into the manifest's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from strnet.cohort.columns import BY_NAME, Column, column_named, meant_column
from strnet.cohort.manifest import located_rows
from strnet.errors import ManifestError, unknown_name
from strnet.imaging.dicom import age_in_years
from strnet.schema import IMAGE_ID, PATIENT_ID
from strnet.tables import read_table


@dataclass(frozen=True, eq=False)
class LabelTable:
    """A table with the manifest's column names, every cell text, and where each row stands in its file."""

    frame: pl.DataFrame
    path: Path
    lines: pl.Series
    line_word: str

    @property
    def key(self) -> str:
        """What a row is about: `path` or `image_id` (a film), or `patient_id`.

        Raises: ManifestError: none of them.
        """
        for name in ("path", IMAGE_ID, PATIENT_ID):
            if name in self.frame.columns:
                return name
        names = self.frame.columns
        meant = [f"--column {ours}={name}" for name in names if (ours := meant_column(name, names))]
        raise ManifestError(
            f"{self.path}: none of the columns path, {IMAGE_ID}, {PATIENT_ID}: rows cannot be tied to films. "
            f"Map one, such as {' '.join(meant) or '--column path=COLUMN'}. Found: {', '.join(names)}."
        )


def read_labels(
    path: Path, columns: Mapping[str, str] | None = None, constants: Mapping[str, str] | None = None
) -> LabelTable:
    """The rows of a table in the manifest's words.

    `columns` maps manifest (or further) column names to the table's; `constants` fill the blank cells of
    a column. Spellings that leave no doubt become the manifest's (`female` becomes `F`, `063Y` becomes 63);
    all else is left for the manifest's own checks.

    Raises: ManifestError: unreadable, or a column that neither table nor manifest has.
    """
    table, lines, word = located_rows(read_table(path, "table", as_text=True), path)
    frame = _renamed(
        table.select(pl.all().cast(pl.String).str.strip_chars().replace("", None)), path, columns or {}
    )
    for name, value in (constants or {}).items():
        column_named(name)
        present = pl.col(name) if name in frame.columns else pl.lit(None, pl.String)
        frame = frame.with_columns(pl.coalesce(present, pl.lit(value)).alias(name))
    respelt = [_respelt(BY_NAME[name]) for name in frame.columns if name in BY_NAME and BY_NAME[name].values]
    if "age" in frame.columns:
        respelt.append(pl.col("age").map_elements(_years, return_dtype=pl.String))
    return LabelTable(frame.with_columns(respelt), path, lines, word)


def _renamed(frame: pl.DataFrame, path: Path, columns: Mapping[str, str]) -> pl.DataFrame:
    for theirs in columns.values():
        if theirs not in frame.columns:
            raise ManifestError(f"{path}: {unknown_name('column', theirs, frame.columns)}")
    others = [name for name in frame.columns if name not in columns and name not in columns.values()]
    return frame.select(*(pl.col(theirs).alias(ours) for ours, theirs in columns.items()), *others)


def _respelt(column: Column) -> pl.Expr:
    cell = pl.col(column.name)
    return cell.map_elements(lambda text: column.canonical(text) or text, return_dtype=pl.String)


def _years(text: str) -> str:
    years = age_in_years(text)
    return text if years is None else repr(years)
