"""The cohort manifest: one row per film, checked on the way in and on the way out."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from strnet.cohort.findings import LINE, finding, named, raise_findings
from strnet.cohort.validation import lines_of, validated
from strnet.errors import ManifestError
from strnet.files import canonical_json, sha256_bytes
from strnet.schema import IMAGE_ID, PATIENT_ID
from strnet.tables import read_table, write_table

EXTENSIONS = (".csv", ".tsv", ".parquet")
"""A manifest is written, read again and named by lines; a compressed one is not."""


@dataclass(frozen=True, eq=False)
class Manifest:
    """Rows that passed every check, with all manifest columns, and the file they stand in."""

    frame: pl.DataFrame
    path: Path

    def image_path(self, row: Mapping[str, Any]) -> Path:
        """Where the film of a row lies; a relative path counts from the manifest's folder."""
        return self.path.parent / str(row["path"])

    def files(self) -> list[tuple[str, Path]]:
        """(image_id, path) of every film, in order."""
        return [
            (row[IMAGE_ID], self.image_path(row))
            for row in self.frame.select(IMAGE_ID, "path").iter_rows(named=True)
        ]

    def rows_at(self, path: Path) -> pl.DataFrame:
        """The rows as a manifest in `path` must have them: relative files count from its folder."""
        folder = self.path.parent
        return self.frame.with_columns(
            pl.col(name).map_elements(lambda cell: stored_path(folder / cell, path), return_dtype=pl.String)
            for name in ("path", "mask")
        )

    def stored(self, columns: Collection[str]) -> pl.DataFrame:
        """The rows as they are written: `columns`, and every other that holds a value."""
        known = self.frame
        return known.select(c.name for c in known if c.name in columns or c.null_count() < c.len())

    @property
    def identity_sha256(self) -> str:
        """SHA-256 of image_id, patient_id and pixel_sha256 of all rows, whatever their order."""
        identity = self.frame.select(IMAGE_ID, PATIENT_ID, "pixel_sha256").sort(IMAGE_ID)
        return sha256_bytes(canonical_json(identity.rows()))


def read_manifest(path: Path | str, *, check_files: bool = False) -> Manifest:
    """The manifest in a CSV, TSV or Parquet file; with `check_files` every film must be there.

    Raises: ManifestError: unreadable, misspelt columns, or rows that break a rule, each with its line.
    """
    path = Path(path)
    if path.suffix.lower() not in EXTENSIONS:
        raise ManifestError(f"{path}: a manifest is a {', '.join(EXTENSIONS)} file.")
    table = read_table(path, "manifest", as_text=True)
    table, lines, word = located_rows(table, path)
    manifest = Manifest(validated(table, str(path), lines=lines, line_word=word), path)
    if check_files:
        _require_files(manifest, lines, word)
    return manifest


def write_manifest(frame: pl.DataFrame, path: Path | str) -> Manifest:
    """The manifest of `frame`, which now stands in `path`, whole; an invalid one is not written.

    Raises: ManifestError: as `read_manifest`, with row numbers for lines.
    """
    manifest = manifest_of(frame, path)
    write_table(manifest.stored(frame.columns), path)
    return manifest


def manifest_of(frame: pl.DataFrame, path: Path | str) -> Manifest:
    """The manifest of `frame` that is to stand in `path`; nothing is written.

    Raises: ManifestError: as `read_manifest`, with row numbers for lines.
    """
    rows = pl.Series(range(1, frame.height + 1))
    return Manifest(validated(frame, str(path), lines=rows, line_word="row"), Path(path))


def stored_path(image: Path, manifest: Path) -> str:
    """How `manifest` names a film: relative if it lies in the manifest's folder or below, else absolute."""
    image, folder = Path(os.path.abspath(image)), Path(os.path.abspath(manifest)).parent
    return image.relative_to(folder).as_posix() if image.is_relative_to(folder) else str(image)


def beside_manifest(manifest: Path, name: str) -> Path:
    """Where a command leaves `name` with a manifest: `chest.flow.json` beside `chest.csv`."""
    return manifest.with_name(f"{manifest.stem}.{name}")


def located_rows(table: pl.DataFrame, path: Path) -> tuple[pl.DataFrame, pl.Series, str]:
    """The rows that are not blank, where each stands in the file, and what to call that: line or row."""
    suffix = path.suffix.lower()
    delimited = suffix in (".csv", ".tsv")
    first = 2 if suffix == ".xlsx" else 1  # a spreadsheet counts its header, Parquet has none
    places = lines_of(table) if delimited else pl.Series(range(first, table.height + first))
    held = table.with_columns(places.alias(LINE)).filter(~pl.all_horizontal(pl.exclude(LINE).is_null()))
    return held.drop(LINE), held[LINE], "line" if delimited else "row"


def _require_files(manifest: Manifest, lines: pl.Series, word: str) -> None:
    missing = pl.Series([not path.exists() for _, path in manifest.files()], dtype=pl.Boolean)
    found = finding(
        manifest.frame.with_columns(lines.alias(LINE), missing.alias("__missing__")),
        pl.col("__missing__"),
        "{rows} whose film is not there.",
        [named("path")],
        f"Relative paths count from {manifest.path.parent}. Correct the paths, or remove the rows.",
    )
    raise_findings(str(manifest.path), [found] if found else [], word)
