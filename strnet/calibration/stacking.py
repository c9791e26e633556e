"""Logistic stacks of members, fitted on validation cases only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Final

import numpy as np

from strnet.calibration.combined_answers import Combination, Stack
from strnet.calibration.member_scores import MemberScores
from strnet.config import CombinationConfig, TaskConfig
from strnet.errors import ConfigError, StatsError
from strnet.stats.inputs import Bools, Floats
from strnet.stats.logistic import fit_logistic

MOST_MEMBERS: Final = 6
"""Members of a stack where some may be missing: each set of those present has coefficients of its own."""


def fit_stacks(
    scores: MemberScores,
    targets: Sequence[Floats],
    tasks: Sequence[TaskConfig],
    wanted: CombinationConfig,
    members: Sequence[str],
) -> Combination:
    """The combination with a stack per binary task, fitted on the cases given, which are validation cases.

    `targets` holds (cases,) per task, NaN where unknown. Where members may be missing there is a stack for
    every set of them, fitted on all cases in which these spoke, whoever else did.

    Raises: ConfigError: too many members that may be missing. StatsError: cases that give no finite
        coefficients, such as members that separate the classes.
    """
    if wanted.missing == "allow" and len(members) > MOST_MEMBERS:
        raise ConfigError(
            f"combine: a stack of {len(members)} members of which some may be missing, expected at most "
            f"{MOST_MEMBERS}. Take the rule mean, or refuse cases with a missing member."
        )
    stacks = [
        _fit(task, scores.values[:, :, at.start], scores.spoke, target, pattern, members)
        for task, at, target in zip(tasks, scores.places, targets, strict=True)
        if task.kind == "binary"
        for pattern in _patterns(len(members), wanted.missing == "allow")
    ]
    return Combination(**wanted.model_dump(), members=tuple(members), stacks=tuple(stacks))


def _patterns(size: int, some_missing: bool) -> Iterator[tuple[int, ...]]:
    """Places of the members that speak: all of them, and then every smaller set."""
    for present in range(size, 0 if some_missing else size - 1, -1):
        yield from combinations(range(size), present)


def _fit(
    task: TaskConfig,
    logits: Floats,
    spoke: Bools,
    target: Floats,
    pattern: Sequence[int],
    members: Sequence[str],
) -> Stack:
    names = tuple(members[place] for place in pattern)
    used = spoke[list(pattern)].all(axis=0) & ~np.isnan(target)
    positive = target[used] == 1
    if positive.all() or not positive.any():
        raise StatsError(
            f"combine: task {task.name}: {int(positive.sum())} positives among {positive.size} validation "
            f"cases in which {', '.join(names)} spoke, expected both classes. Take the rule mean."
        )
    design = np.column_stack([np.ones(positive.size), *(logits[place][used] for place in pattern)])
    try:
        intercept, *coefficients = fit_logistic(design, positive, np.zeros(positive.size)).coefficients
    except StatsError as error:
        raise StatsError(
            f"combine: task {task.name}, {positive.size} validation cases in which {', '.join(names)} spoke: "
            f"{error} Take the rule mean, or more validation cases."
        ) from error
    return Stack(
        task=task.name,
        members=names,
        intercept=float(intercept),
        coefficients=tuple(float(value) for value in coefficients),
        count=positive.size,
        positives=int(positive.sum()),
    )
