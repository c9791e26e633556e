"""What each member says of each case: arrays (members, cases, outputs), from a long predictions table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl

from strnet.calibration.probability_columns import WHERE, logit_columns, numbers
from strnet.config import TaskConfig
from strnet.errors import ManifestError
from strnet.schema import CASE_ID, IMAGE_ID, prediction_column
from strnet.stats.inputs import Bools, Floats

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class MemberScores:
    """The members' scores: `values` (members, cases, outputs) are 0 where a member did not speak.

    `spoke` is (members, cases). `places` holds for each task where its outputs stand.
    """

    values: Floats
    spoke: Bools
    places: tuple[slice, ...]


def output_columns(task: TaskConfig) -> list[str]:
    """Where the outputs of a task stand in a predictions table: its logits, or its value."""
    return [prediction_column(task.name)] if task.kind == "regression" else logit_columns(task)


def spoken_rows(table: pl.DataFrame, tasks: Sequence[TaskConfig]) -> tuple[Floats, Bools]:
    """Outputs (rows, outputs) of all tasks, and which rows (rows,) have them; the others have none at all.

    Raises: ManifestError: a missing column, one of no numbers, infinite outputs, or a row with some outputs
        and not others.
    """
    columns = [name for task in tasks for name in output_columns(task)]
    found = np.column_stack([numbers(table, name) for name in columns])
    empty = np.isnan(found)
    strange = np.isinf(found).any(axis=1) | (empty.any(axis=1) & ~empty.all(axis=1))
    if strange.any():
        row = int(strange.argmax())
        cells = ", ".join(f"{name} {value}" for name, value in zip(columns, found[row], strict=True))
        raise ManifestError(
            f"{WHERE}: the row of {IMAGE_ID} '{table[IMAGE_ID][row]}' holds {cells}; expected finite numbers "
            "in all of them, or in none. Predict the image again."
        )
    return found, np.asarray(~empty.any(axis=1))


def member_scores(
    rows: pl.DataFrame,
    tasks: Sequence[TaskConfig],
    members: Sequence[str],
    column: str,
    *,
    largest: bool = False,
) -> MemberScores:
    """The scores of `members`, named in `column`, for the cases of `rows`.

    `rows` are sorted by `case_id` and are numbered in that order. Several rows of one member for a case (two
    films of one view) first become one: their mean, or, of binary logits where it is so asked, the `largest`.

    Raises: ManifestError: as `spoken_rows`.
    """
    outputs, known = spoken_rows(rows, tasks)
    case = (rows[CASE_ID].rank("dense").to_numpy() - 1).astype(np.int64)
    member = np.array([members.index(name) for name in rows[column]], dtype=np.int64)
    shape = (len(members), int(case.max(initial=-1)) + 1)
    count = np.zeros(shape, dtype=np.int64)
    np.add.at(count, (member[known], case[known]), 1)
    values = np.zeros((*shape, outputs.shape[1]))
    # One row after the other: a case's sum is the same bits whatever table it stands in.
    np.add.at(values, (member[known], case[known]), outputs[known])
    values /= np.maximum(count, 1)[:, :, None]
    places = places_of(tasks)
    if largest:
        at = _binary_outputs(tasks, places)
        top = np.full((*shape, at.size), -np.inf)
        np.maximum.at(top, (member[known], case[known]), outputs[known][:, at])
        values[:, :, at] = np.where(count[:, :, None] > 0, top, 0.0)
    return MemberScores(values, count > 0, places)


def places_of(tasks: Sequence[TaskConfig]) -> tuple[slice, ...]:
    """Where the outputs of each task stand, one task after the other."""
    ends = np.cumsum([0, *(len(output_columns(task)) for task in tasks)])
    return tuple(slice(int(start), int(end)) for start, end in pairwise(ends))


def _binary_outputs(tasks: Sequence[TaskConfig], places: Sequence[slice]) -> Counts:
    starts = [at.start for task, at in zip(tasks, places, strict=True) if task.kind == "binary"]
    return np.array(starts, dtype=np.int64)
