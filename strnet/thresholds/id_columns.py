"""Columns of a scores table that hold names and no numbers: patients, films, groups that are not cut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import polars as pl

from strnet.grouping import Grouping, group_labels
from strnet.schema import GROUP_CUTS
from strnet.tables import id_texts

_NUMBER: Final = r"^[+-]?(0|[1-9]\d*)(\.\d+)?$"
"""A number as one writes it; 007 is none."""


def names_asked(asked: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns of names among the options of a job: what a table must be read as text of."""
    return names_in(asked.get("group"), asked.get("cluster"), asked.get("identifier"))


def names_in(group: str | Sequence[str] | None, *columns: str | None) -> tuple[str, ...]:
    """The `columns` that are named, and those by which rows are grouped as they are, not by cuts."""
    groups = () if group is None else (group,) if isinstance(group, str) else group
    return (*(column for column in columns if column is not None), *_uncut(groups))


def named_groups_of(values: pl.Series, grouping: Grouping) -> pl.Series:
    """As `group_labels`; text that holds nothing but numbers is ordered, limited and cut as numbers are.

    Raises: as `group_labels`.
    """
    if values.dtype != pl.String:
        return group_labels(values, grouping)
    names = id_texts(values)
    return group_labels(names.cast(pl.Float64) if names.str.contains(_NUMBER).all() else names, grouping)


def _uncut(groups: Sequence[str]) -> Iterator[str]:
    for group in groups:
        column, _, cuts = group.rpartition(":")
        yield from (name for name in (group, column if cuts == "each" else "") if name not in GROUP_CUTS)
