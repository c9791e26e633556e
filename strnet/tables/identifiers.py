"""Ids as text: what one program wrote as 12, another as 12.0 and a third as text names the same."""

from __future__ import annotations

from typing import Final

import polars as pl

_WHOLE: Final = r"^([+-]?\d+)\.0+$"
"""A whole number as programs write it that hold numbers with gaps as floating point."""


def id_texts(ids: pl.Series) -> pl.Series:
    """The text of each id (n,), by which ids of two tables are compared; see `id_text`."""
    return ids.to_frame().select(id_text(ids.name, ids.dtype)).to_series()


def id_text(column: str, kind: pl.DataType) -> pl.Expr:
    """The text of the ids of a column of this `kind`: 12 and 12.0 are "12", while "007" stays as it is.

    Each cell is read by itself, so that an id is the same whatever stands in the other rows. NaN is null.
    """
    ids = pl.col(column)
    if kind == pl.Binary:
        return ids
    if kind.is_integer():
        return ids.cast(pl.String)
    if kind.is_float():
        # as text a large whole number would have an exponent; as Int64 it has all its digits
        whole = pl.when(ids == ids.round()).then(ids).cast(pl.Int64, strict=False).cast(pl.String)
        return pl.coalesce(whole, ids.fill_nan(None).cast(pl.String))
    return ids.cast(pl.String).str.replace(_WHOLE, "${1}")
