"""Which rows of a long predictions table are one case, and what the case is: identity, split, targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from strnet.calibration.probability_columns import WHERE
from strnet.config import TaskConfig
from strnet.errors import ManifestError, unknown_name
from strnet.schema import (
    ATYPICALITY,
    CASE_ID,
    EXAM_ID,
    FOLD,
    IDENTITY_COLUMNS,
    IMAGE_ID,
    PATIENT_ID,
    SPLIT,
    baseline_column,
    target_column,
)
from strnet.tables import require_columns

CASE_OF: Final[Mapping[str, str]] = {"image": IMAGE_ID, "examination": EXAM_ID, "patient": PATIENT_ID}
"""By what rows are combined, the column that names the case."""
_BASELINE: Final = baseline_column("", "").rstrip(".")


def rows_of_cases(table: pl.DataFrame, by: str, column: str, members: Sequence[str]) -> pl.DataFrame:
    """The rows of `table` with `case_id` set, sorted by case, member (named in `column`) and image.

    Raises: ManifestError: a missing column, a row of no case or of no member, a row that stands twice.
    """
    key = CASE_OF[by]
    require_columns(table, (IMAGE_ID, PATIENT_ID, key, column), WHERE)
    _require_named(table, by, key)
    strange = table.filter(~pl.col(column).is_in(members) | pl.col(column).is_null())[column]
    if strange.len():
        raise ManifestError(f"{WHERE}: column '{column}': {unknown_name(column, str(strange[0]), members)}")
    blank_alike = table.with_columns(pl.selectors.float().fill_nan(None))
    rows = blank_alike.with_columns(pl.col(key).cast(pl.String).alias(CASE_ID)).sort(
        CASE_ID, column, IMAGE_ID, maintain_order=True
    )
    twice = rows.filter(pl.struct(CASE_ID, column, IMAGE_ID).is_duplicated())
    if twice.height:
        raise ManifestError(
            f"{WHERE}: {IMAGE_ID} '{twice[IMAGE_ID][0]}' stands more than once for {column} "
            f"'{twice[column][0]}'. Keep one row."
        )
    return rows


def described_cases(rows: pl.DataFrame, by: str, tasks: Sequence[TaskConfig]) -> pl.DataFrame:
    """One row per case, sorted: `case_id`, identity, split, fold and the targets, as far as there are any.

    What differs between the rows of a case is null; a target is the one that its rows agree on. Scores of
    baselines are the mean of the rows', atypicality is the largest.

    Raises: ManifestError: rows of one case that are of several patients, splits or folds, or whose targets
        contradict each other.
    """
    for column in (PATIENT_ID, SPLIT, FOLD):
        _require_agreement(rows, by, column)
    for task in tasks:
        _require_agreement(rows, by, target_column(task.name))
    there = rows.columns
    same = [name for name in IDENTITY_COLUMNS if name in there and name not in (CASE_ID, PATIENT_ID)]
    agreed = [
        name
        for name in (PATIENT_ID, SPLIT, FOLD, *(target_column(task.name) for task in tasks))
        if name in there
    ]
    baselines = [name for name in there if name.startswith(f"{_BASELINE}.")]
    return rows.group_by(CASE_ID, maintain_order=True).agg(
        *(pl.when(pl.col(n).n_unique() == 1).then(pl.col(n).first()).alias(n) for n in same),
        *(_known(name).first().alias(name) for name in agreed),
        *(_known(name).mean().alias(name) for name in baselines),
        *(_known(name).max().alias(name) for name in there if name == ATYPICALITY),
    )


def _known(column: str) -> pl.Expr:
    return pl.col(column).drop_nulls()


def _require_named(table: pl.DataFrame, by: str, key: str) -> None:
    nameless = table.filter(pl.col(key).is_null())
    if nameless.height:
        other = "by image" if by == "patient" else "by image or by patient"
        raise ManifestError(
            f"{WHERE}: {nameless.height} rows have no {key}, such as that of {IMAGE_ID} "
            f"'{nameless[IMAGE_ID][0]}', and are to be combined by {by}. Fill in {key}, or combine {other}."
        )


def _require_agreement(rows: pl.DataFrame, by: str, column: str) -> None:
    if column not in rows.columns:
        return
    # A split or fold that is blank in some rows is another one; a target may be known from one film only.
    told = rows if column in (SPLIT, FOLD) else rows.filter(pl.col(column).is_not_null())
    found = told.group_by(CASE_ID).agg(pl.col(column).unique())
    torn = found.filter(pl.col(column).list.len() > 1).sort(CASE_ID)
    if torn.height:
        values = sorted(str(value) for value in torn[column][0])
        raise ManifestError(
            f"{WHERE}: {by} '{torn[CASE_ID][0]}' has rows of {column} {' and '.join(values)}"
            f"{_further(torn.height - 1)}; the rows of one case must agree. {_remedy(column, by)}"
        )


def _further(count: int) -> str:
    return f" (and {count} more cases differ)" if count else ""


def _remedy(column: str, by: str) -> str:
    if column == PATIENT_ID:
        return f"Give each {by} an id of its own, such as PATIENT-{CASE_OF[by]}, or correct the patient."
    if column in (SPLIT, FOLD):
        return "Split the cohort by patient, and combine members that were trained by one split."
    return f"Correct the label, leave it blank where it is unknown, or do not combine by {by}."
