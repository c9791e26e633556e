"""Columns by their names: each of them once, and those that a job cannot do without."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import polars as pl

from strnet.errors import TableError, unknown_name


def require_columns(frame: pl.DataFrame, names: Iterable[str], where: str) -> None:
    """Raise unless all columns are there.

    Raises: TableError: the first missing column with the nearest one that exists.
    """
    for name in names:
        if name not in frame.columns:
            raise TableError(
                f"{where}: column '{name}' is missing. {unknown_name('column', name, frame.columns)}"
            )


def require_distinct(names: Sequence[str], where: str) -> None:
    """Raise unless no column name stands twice.

    Raises: TableError: the first that does, with its columns.
    """
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        places = ", ".join(str(n) for n, name in enumerate(names, start=1) if name == twice[0])
        raise TableError(
            f"{where}: column '{twice[0]}' stands twice (columns {places}). Keep one, or rename it."
        )
