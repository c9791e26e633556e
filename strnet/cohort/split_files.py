"""Split files and certificates on disk, read with every cell and every key checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from strnet.cohort.certificate import FORMAT
from strnet.cohort.manifest import Manifest, located_rows
from strnet.errors import SplitError, StrnetError, unknown_name
from strnet.schema import FOLD, IMAGE_ID, PATIENT_ID, SPLIT, SPLITS
from strnet.sealed import read_sealed
from strnet.tables import id_text, read_table

COLUMNS = (IMAGE_ID, PATIENT_ID, SPLIT, FOLD)


def read_assignment(path: Path, manifest: Manifest | None = None) -> pl.DataFrame:
    """The rows of a split file, with all four columns, each film once and on one side.

    `manifest` gives patient_id where the file has none.

    Raises: SplitError: unreadable, rows that assign nothing, each with its line, or folds not 0, 1, 2, ...
    """
    try:
        table, lines, word = located_rows(read_table(path, "split", as_text=True), path)
    except StrnetError as error:
        raise SplitError(str(error)) from error
    text = _with_all_columns(table, path, manifest)
    frame = text.with_columns(_fold_number())
    unusable = (
        ~pl.col(SPLIT).is_in(SPLITS).fill_null(value=True)
        | (pl.col(SPLIT).is_null() == pl.col(FOLD).is_null())
        | (text[FOLD].is_not_null() & frame[FOLD].is_null())
        | (pl.col(FOLD) < 0).fill_null(value=False)
        | pl.col(IMAGE_ID).is_duplicated()
        | pl.col(IMAGE_ID).is_null()
    )
    wrong = text.fill_null("(blank)").insert_column(0, lines).filter(frame.select(unusable).to_series())
    if wrong.height:
        listing = "\n".join(
            f"  {word} {line}  image {image}  split {split}  fold {fold}"
            for line, image, _, split, fold in wrong.head(20).rows()
        )
        raise SplitError(
            f"{path}: {wrong.height} row(s) cannot be used.\n{listing}\nExpected every film once, with "
            f"either a split ({', '.join(SPLITS)}) or a fold (0, 1, ...)."
        )
    _require_folds_from_zero(frame[FOLD].drop_nulls().unique().sort().to_list(), path)
    return frame


def _with_all_columns(table: pl.DataFrame, path: Path, manifest: Manifest | None) -> pl.DataFrame:
    """The four columns of a split file as text; NaN, as others write an unknown number, is blank."""
    if manifest is not None and PATIENT_ID not in table.columns and IMAGE_ID in table.columns:
        table = table.join(manifest.frame.select(IMAGE_ID, PATIENT_ID), on=IMAGE_ID, how="left")
    for name in (IMAGE_ID, PATIENT_ID):
        if name not in table.columns:
            raise SplitError(
                f"{path}: column '{name}' is missing. {unknown_name('column', name, table.columns)}"
            )
    absent = [pl.lit(None, pl.String).alias(name) for name in (SPLIT, FOLD) if name not in table.columns]
    if len(absent) == 2:
        raise SplitError(f"{path}: no column '{SPLIT}' and no '{FOLD}'. Found: {', '.join(table.columns)}.")
    ids = [id_text(PATIENT_ID, table.schema[PATIENT_ID])]
    if table.schema[IMAGE_ID].is_numeric():
        ids.append(id_text(IMAGE_ID, table.schema[IMAGE_ID]))
    text = table.with_columns(*absent, *ids).select(pl.col(COLUMNS).cast(pl.String))
    return text.with_columns(pl.col(FOLD).replace("NaN", None))


def _fold_number() -> pl.Expr:
    """Whole numbers, also where they are written as 2.0, as is usual in a column with blanks."""
    number = pl.col(FOLD).cast(pl.Float64, strict=False)
    return pl.when(number == number.round()).then(number).cast(pl.Int64, strict=False).alias(FOLD)


def _require_folds_from_zero(folds: Sequence[int], path: Path) -> None:
    """Raise unless every fold can be test, the next one validation, and others remain to train on."""
    if folds and (list(folds) != list(range(len(folds))) or len(folds) < 3):
        raise SplitError(
            f"{path}: the folds are {', '.join(map(str, folds))}; expected 0, 1, 2, ... without a gap, three "
            "(train, validation, test) or more."
        )


def read_certificate(path: Path) -> dict[str, Any]:
    """What a certificate claims, as it was written.

    Raises: SplitError: no certificate, not one, of another version, or edited.
    """
    if not path.is_file():
        raise SplitError(
            f"{path}: no such file: the split has no certificate. Make the split with `strnet split`, or "
            "certify your own assignment."
        )
    claimed = read_sealed(path, FORMAT).content
    request = claimed.get("request")
    if not isinstance(request, dict) or "stratify_by" not in request:
        raise SplitError(f"{path}: does not say what the split was asked for (request). {FORMAT.remake}")
    return claimed
