"""What a table says of films beside their labels: as much of it as a prediction takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from strnet.cohort.columns import BY_NAME, meant_column
from strnet.cohort.findings import LINE
from strnet.cohort.importers.labels import LabelTable
from strnet.cohort.validation import validated
from strnet.errors import ManifestError
from strnet.schema import CASE_ID, IDENTITY_COLUMNS, IMAGE_ID, PATIENT_ID

_NAMING = ("path", IMAGE_ID, PATIENT_ID)
_IDENTITY = tuple(name for name in IDENTITY_COLUMNS if name != CASE_ID)
_HASHES = ("sop_instance_uid", "file_sha256", "pixel_sha256")


def film_facts(table: LabelTable, clinical: Sequence[str]) -> pl.DataFrame:
    """The rows of `table`: what films or patients they are about, and the columns that `clinical` names.

    Cells are checked and typed as the manifest's. Labels and all other columns are left out, and equal rows
    count once. A `path` becomes absolute where it leads to a file from the table's folder.

    Raises: ManifestError: no column to tie rows by, another name of a column that is wanted, or cells that
        break a rule, each with its line.
    """
    names = table.frame.columns
    _require_mapped(table, clinical)
    if not {*_NAMING, *_HASHES} & set(names):
        raise ManifestError(
            f"{table.path}: none of the columns {', '.join(_NAMING)}: rows cannot be tied to films. Map one, "
            f"such as --column {IMAGE_ID}=COLUMN. Found: {', '.join(names)}."
        )
    wanted = dict.fromkeys((*_NAMING, *_IDENTITY, *_HASHES, *clinical))
    kept = [name for name in wanted if name in names]
    frame = table.frame.select(kept).with_columns(table.lines.alias(LINE))
    frame = frame.unique(subset=kept, keep="first", maintain_order=True)
    lines = frame[LINE]
    # The manifest's rules ask for names of image, patient and file; this table need not have them all.
    stand_in = pl.format("__row_{}__", pl.col(LINE))
    filled = frame.with_columns(
        pl.coalesce(name, stand_in).alias(name) if name in kept else stand_in.alias(name) for name in _NAMING
    )
    checked = validated(filled.drop(LINE), str(table.path), lines=lines, line_word=table.line_word)
    named = [frame[name] for name in _NAMING if name in kept]
    rows = checked.select(kept).with_columns(named)
    if "path" not in kept:
        return rows
    located = [_located(cell, table.path.parent) for cell in rows["path"]]
    return rows.with_columns(pl.Series("path", located, dtype=pl.String))


def _located(cell: str | None, folder: Path) -> str | None:
    there = None if cell is None else folder / cell.replace("\\", "/")
    return cell if there is None or not there.is_file() else str(there.absolute())


def _require_mapped(table: LabelTable, clinical: Sequence[str]) -> None:
    """Raise if a wanted column is absent and another one means it: it would be unknown in silence.

    Raises: ManifestError: with the options that map them.
    """
    wanted = {*clinical, *_NAMING} & set(BY_NAME)
    names = table.frame.columns
    absent = wanted - set(names)
    if set(_NAMING) & set(names):
        absent -= set(_NAMING)
    meant = {ours: name for name in names if (ours := meant_column(name, names)) in absent}
    if meant:
        listing = ", ".join(f"'{theirs}'" for theirs in meant.values())
        options = " ".join(f"--column {ours}='{theirs}'" for ours, theirs in meant.items())
        raise ManifestError(
            f"{table.path}: {listing} may be what is wanted of the table. Say so: {options}; or rename "
            "what is something else."
        )
