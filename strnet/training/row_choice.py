"""Which rows of a cohort a recipe uses (`cohort.where`), and how many each part of the split lost by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from strnet.cohort.columns import VOCABULARY
from strnet.errors import TrainingError
from strnet.row_filter import condition_of, require_held
from strnet.schema import PATIENT_ID, SPLIT, SPLITS

_WHERE = "cohort.where"


@dataclass(frozen=True, slots=True)
class PartCounts:
    """Rows of a part of the split that a condition kept, and why it did not keep the others.

    `unknown` rows have an empty cell in a column of the condition, which then is neither true nor false.
    """

    images: int
    patients: int
    left_out: int
    unknown: int


@dataclass(frozen=True, slots=True)
class RowChoice:
    """A condition, and what it did to each part of the split."""

    where: str
    parts: Mapping[str, PartCounts]

    def as_json(self) -> dict[str, Any]:
        """`where`, and the counts by part, as JSON values."""
        return {"where": self.where, "parts": {name: asdict(counts) for name, counts in self.parts.items()}}


def choose_rows(frame: pl.DataFrame, where: str) -> tuple[pl.Series, RowChoice]:
    """Which rows (n,) of `frame`, with its column `split`, the SQL condition `where` keeps, and the counts.

    Raises: RowFilterError: a condition that cannot be used, or that names a text which no row holds.
        TrainingError: a part of the split of which no row is kept.
    """
    columns = frame.drop(SPLIT, "fold", strict=False)
    truth = columns.select(condition_of(where, columns.lazy(), _WHERE).alias(_WHERE))[_WHERE]
    require_held(where, columns, VOCABULARY, _WHERE)
    parts = {part: _counts(frame, truth, part) for part in SPLITS if (frame[SPLIT] == part).any()}
    for part, counts in parts.items():
        if not counts.images:
            raise TrainingError(
                f"{_WHERE}: {where!r} keeps none of {counts.left_out + counts.unknown} {part} rows "
                f"({counts.unknown} of them have an empty cell in it). Correct the condition, or the split."
            )
    return truth.fill_null(value=False), RowChoice(where, parts)


def _counts(frame: pl.DataFrame, truth: pl.Series, part: str) -> PartCounts:
    inside = frame[SPLIT] == part
    own = truth.filter(inside)
    kept = frame.filter(inside & truth.fill_null(value=False))
    unknown = own.null_count()
    return PartCounts(
        images=kept.height,
        patients=kept[PATIENT_ID].n_unique(),
        left_out=own.len() - kept.height - unknown,
        unknown=unknown,
    )
