"""One row per case from a predictions table with a row per member, view or region of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from strnet.calibration.case_rows import described_cases, rows_of_cases
from strnet.calibration.combined_answers import Combination, combined_outputs, disagreement
from strnet.calibration.member_scores import MemberScores, member_scores, output_columns
from strnet.calibration.probability_columns import WHERE, numbers
from strnet.calibration.stacking import fit_stacks
from strnet.config import CombinationConfig, TaskConfig
from strnet.schema import (
    CASE_ID,
    FOLD,
    IDENTITY_COLUMNS,
    MEMBER,
    MEMBERS,
    MISSING_MEMBERS,
    SPLIT,
    disagreement_column,
    member_column,
    target_column,
)
from strnet.tables import require_columns


@dataclass(frozen=True)
class Cases:
    """The cases that are answered, and those that are not: `case_id` and `missing_members` of each."""

    table: pl.DataFrame
    left_out: pl.DataFrame


def fit_combination(
    table: pl.DataFrame,
    tasks: Sequence[TaskConfig],
    wanted: CombinationConfig,
    members: Sequence[str],
    column: str = MEMBER,
) -> Combination:
    """The combination of `members`, which `column` names; only the rule `stack` reads rows, of validation.

    Raises: ManifestError: as `combine`. ConfigError, StatsError: as `fit_stacks`.
    """
    ordered = sorted(members)
    if wanted.rule != "stack":
        return Combination(**wanted.model_dump(), members=tuple(ordered))
    require_columns(table, (SPLIT, *(target_column(task.name) for task in tasks)), WHERE)
    rows = rows_of_cases(table.filter(pl.col(SPLIT) == "validation"), wanted.by, column, ordered)
    scores = member_scores(rows, tasks, ordered, column)
    cases = described_cases(rows, wanted.by, tasks)
    targets = [numbers(cases, target_column(task.name)) for task in tasks]
    return fit_stacks(scores, targets, tasks, wanted, ordered)


def combine(
    table: pl.DataFrame, tasks: Sequence[TaskConfig], combination: Combination, column: str = MEMBER
) -> Cases:
    """The cases of a long table, whose `column` says which member each row is from.

    The rows hold `image_id`, `patient_id`, the outputs of all `tasks` (a row without any says nothing) and
    what else a predictions table has. Several films of one member in a case first become one, by their mean
    (by their largest under that rule). The result has the same columns, sorted by `case_id`, and `members`,
    `missing_members`, `disagreement.*`, and in `member.*` what each member said; probabilities are left to
    `with_probabilities`.

    Raises: ManifestError: rows of no case or no member, or that stand twice, outputs that are not finite,
        rows of one case that are of several patients, splits or folds, or whose targets differ.
    """
    rows = rows_of_cases(table, combination.by, column, combination.members)
    largest = combination.rule == "largest"
    scores = member_scores(rows, tasks, combination.members, column, largest=largest)
    cases = described_cases(rows, combination.by, tasks).with_columns(
        _outputs(scores, tasks, combination), **_who_spoke(scores, combination.members)
    )
    least = len(combination.members) if combination.missing == "refuse" else 1
    answered = pl.col(MEMBERS) >= least
    return Cases(
        table=cases.filter(answered).select(_ordered(cases.columns, tasks)),
        left_out=cases.filter(~answered).select(CASE_ID, MISSING_MEMBERS),
    )


def _outputs(scores: MemberScores, tasks: Sequence[TaskConfig], combination: Combination) -> list[pl.Series]:
    found = combined_outputs(scores, tasks, combination)
    names = [name for task in tasks for name in output_columns(task)]
    spread = disagreement(scores)
    columns = {name: found[:, place] for place, name in enumerate(names)}
    columns |= {disagreement_column(task.name): spread[place] for place, task in enumerate(tasks)}
    for member, own, said in zip(combination.members, scores.values, scores.spoke, strict=True):
        told = np.where(said[:, None], own, np.nan)
        columns |= {member_column(member, name): told[:, place] for place, name in enumerate(names)}
    return [pl.Series(name, values, dtype=pl.Float64).fill_nan(None) for name, values in columns.items()]


def _who_spoke(scores: MemberScores, members: Sequence[str]) -> dict[str, pl.Series]:
    silent = [
        ", ".join(name for name, said in zip(members, spoke, strict=True) if not said) or None
        for spoke in scores.spoke.T
    ]
    counts = scores.spoke.sum(axis=0).astype(np.int64)
    return {MEMBERS: pl.Series(counts), MISSING_MEMBERS: pl.Series(silent, dtype=pl.String)}


def _ordered(found: Sequence[str], tasks: Sequence[TaskConfig]) -> list[str]:
    """The columns of a predictions table in their order, then those of a combination, then the others."""
    first = [*IDENTITY_COLUMNS, SPLIT, FOLD]
    for task in tasks:
        first += [target_column(task.name), *output_columns(task)]
    first += [MEMBERS, MISSING_MEMBERS, *(disagreement_column(task.name) for task in tasks)]
    return [name for name in first if name in found] + [name for name in found if name not in first]
