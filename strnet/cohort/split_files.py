"""Split files and certificates on disk, read with every cell and every key checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from strnet.cohort.certificate import FORMAT, VERSION
from strnet.cohort.manifest import Manifest
from strnet.errors import SplitError, StrnetError, unknown_name
from strnet.files import read_json
from strnet.schema import FOLD, IMAGE_ID, PATIENT_ID, SPLIT, SPLITS
from strnet.tables import read_table

COLUMNS = (IMAGE_ID, PATIENT_ID, SPLIT, FOLD)


def read_assignment(path: Path, manifest: Manifest | None = None) -> pl.DataFrame:
    """The rows of a split file, with all four columns, each film once and on one side.

    Raises: SplitError: unreadable, or rows that assign nothing; each with its line.
    """
    try:
        table = read_table(path, "split", as_text=True)
    except StrnetError as error:
        raise SplitError(str(error)) from error
    if manifest is not None and PATIENT_ID not in table.columns and IMAGE_ID in table.columns:
        table = table.join(manifest.frame.select(IMAGE_ID, PATIENT_ID), on=IMAGE_ID, how="left")
    for name in (IMAGE_ID, PATIENT_ID):
        if name not in table.columns:
            raise SplitError(
                f"{path}: column '{name}' is missing. {unknown_name('column', name, table.columns)}"
            )
    absent = [pl.lit(None, pl.String).alias(name) for name in (SPLIT, FOLD) if name not in table.columns]
    text = table.with_columns(absent).select(COLUMNS)
    frame = text.with_columns(pl.col(FOLD).cast(pl.Int64, strict=False))
    wrong = (
        ~pl.col(SPLIT).is_in(SPLITS).fill_null(value=True)
        | (pl.col(SPLIT).is_null() == pl.col(FOLD).is_null())
        | (pl.col(FOLD) < 0).fill_null(value=False)
        | pl.col(IMAGE_ID).is_duplicated()
        | pl.col(IMAGE_ID).is_null()
    )
    lines = text.with_row_index("line", offset=2).filter(frame.select(wrong).to_series())
    if lines.height:
        listing = "\n".join(
            f"  line {row[0]}  image {row[1]}  split {row[3]}  fold {row[4]}" for row in lines.head(20).rows()
        )
        raise SplitError(
            f"{path}: {lines.height} row(s) cannot be used.\n{listing}\nExpected every film once, with "
            f"either a split ({', '.join(SPLITS)}) or a fold (0, 1, ...)."
        )
    return frame


def read_certificate(path: Path) -> dict[str, Any]:
    """What a certificate claims, of this version, with a `request` that names `stratify_by`.

    Raises: SplitError: no certificate, or not one.
    """
    if not path.is_file():
        raise SplitError(
            f"{path}: no such file: the split has no certificate. Make the split with `strnet split`, or "
            "certify your own assignment."
        )
    try:
        claimed: dict[str, Any] = read_json(path)
    except StrnetError as error:
        raise SplitError(str(error)) from error
    request = claimed.get("request") if isinstance(claimed, dict) else None
    if not isinstance(request, dict) or "stratify_by" not in request or claimed.get("format") != FORMAT:
        raise SplitError(f"{path}: not a split certificate. Make the split anew.")
    if claimed.get("version") != VERSION:
        raise SplitError(f"{path}: certificate version {claimed.get('version')}, expected {VERSION}.")
    return claimed
