"""Which groups of rows are reported apart: those that every cohort may have, and those asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import polars as pl

from strnet.errors import GroupingError
from strnet.grouping import Grouping, group_labels
from strnet.report.task_rows import Bools
from strnet.schema import FOLD, GROUP_CUTS

USUAL: Final = ("site", "scanner", "sex", "age", FOLD)
"""Columns whose groups are reported unasked where they tell two or more apart."""
UNKNOWN: Final = "unknown"
MOST_UNASKED: Final = 12
MOST_GROUPS: Final = 50


def subgroups(frame: pl.DataFrame, asked: Sequence[Grouping]) -> Iterator[tuple[str, str, Bools]]:
    """Column, group and rows (n,) of every group; a row without a value is in the group `unknown`.

    Of the usual columns those with 2 to `MOST_UNASKED` groups, of sites and folds any number; of a column
    that was `asked` for every group, also a single one.

    Raises: GroupingError: as `group_labels`; more than `MOST_GROUPS` groups of a column that was asked for.
    """
    wanted = {grouping.column: grouping for grouping in asked}
    for column in dict.fromkeys((*USUAL, *wanted)):
        if column not in frame.columns:
            continue
        usual = Grouping(column, each=column not in GROUP_CUTS)
        labels = group_labels(frame[column], wanted.get(column, usual))
        count = labels.n_unique()
        if column in wanted:
            _require_few(column, count)
        elif count < 2 or (count > MOST_UNASKED and column not in ("site", FOLD)):
            continue
        for name in labels.drop_nulls().unique().sort():
            yield column, name, (labels == name).fill_null(value=False).to_numpy()
        if labels.null_count():
            yield column, UNKNOWN, labels.is_null().to_numpy()


def _require_few(column: str, count: int) -> None:
    if count > MOST_GROUPS:
        raise GroupingError(
            f"--group {column}: {count} groups, expected {MOST_GROUPS} or fewer. Group by a column with "
            "fewer values, or cut its numbers."
        )
