"""One score from those of several members, by a rule that goes into a bundle as plain numbers.

Members are summed one after the other in the order of their names, so that a case has the same bits in
whatever table and company it is combined.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from strnet.calibration.member_scores import MemberScores
from strnet.config import CombinationConfig, Frozen, TaskConfig
from strnet.stats.inputs import Bools, Floats


class Stack(Frozen):
    """A logistic regression of one binary task on the logits of those members that spoke for a case."""

    task: str
    members: tuple[str, ...] = Field(min_length=1)
    intercept: float
    coefficients: tuple[float, ...] = Field(description="of the members, in their order")
    count: int = Field(ge=1, description="validation cases that it was fitted on")
    positives: int = Field(ge=1)

    @model_validator(mode="after")
    def _each_has_one(self) -> Self:
        if len(self.coefficients) != len(self.members):
            raise ValueError(f"{len(self.coefficients)} coefficients for {len(self.members)} members")
        return self


class Combination(CombinationConfig):
    """A rule of combination with the members that it is for, in the order of their names."""

    members: tuple[str, ...] = Field(min_length=1)
    stacks: tuple[Stack, ...] = Field((), description="of the rule stack: by task and members present")

    @model_validator(mode="after")
    def _members_differ_and_are_sorted(self) -> Self:
        if list(self.members) != sorted(set(self.members)):
            raise ValueError(f"members must differ and stand in order, found {', '.join(self.members)}")
        if (self.rule == "stack") < bool(self.stacks):
            raise ValueError(f"the rule {self.rule} has no stacks, found {len(self.stacks)}")
        keys = [(stack.task, stack.members) for stack in self.stacks]
        if len(set(keys)) < len(keys) or any(set(own) - set(self.members) for _, own in keys):
            raise ValueError("a stack stands twice, or is for a member that is none")
        return self

    def stack_of(self, task: str, members: Sequence[str]) -> Stack | None:
        """The stack of a task for cases where just these members spoke; None where there is none."""
        wanted = (task, tuple(members))
        return next((stack for stack in self.stacks if (stack.task, stack.members) == wanted), None)


def combined_outputs(scores: MemberScores, tasks: Sequence[TaskConfig], rule: Combination) -> Floats:
    """Outputs (cases, outputs) of all tasks; NaN where nobody spoke, or no stack is for those who did."""
    combined = mean_of_members(scores.values, scores.spoke)
    for task, at in zip(tasks, scores.places, strict=True):
        if task.kind == "binary" and rule.rule == "largest":
            spoken = np.where(scores.spoke, scores.values[:, :, at.start], -np.inf).max(axis=0)
            combined[:, at.start] = np.where(scores.spoke.any(axis=0), spoken, np.nan)
        elif task.kind == "binary" and rule.rule == "stack":
            combined[:, at.start] = _stacked(scores.values[:, :, at.start], scores.spoke, task.name, rule)
    return combined


def mean_of_members(values: Floats, spoke: Bools) -> Floats:
    """Means (cases, outputs) over the members that spoke; NaN where none did."""
    total = np.zeros(values.shape[1:])
    for own, said in zip(values, spoke, strict=True):
        total += np.where(said[:, None], own, 0.0)
    count = spoke.sum(axis=0)
    return np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], np.nan)


def disagreement(scores: MemberScores) -> dict[int, Floats]:
    """By the place of a task, the SD (cases,) between its members; NaN where fewer than two spoke.

    Of several logits, the root of the mean of their variances.
    """
    mean = mean_of_members(scores.values, scores.spoke)
    squares = np.zeros(mean.shape)
    for own, said in zip(scores.values, scores.spoke, strict=True):
        squares += np.where(said[:, None], (own - mean) ** 2, 0.0)
    count = scores.spoke.sum(axis=0)
    variance = squares / np.maximum(count - 1, 1)[:, None]
    variance[count < 2] = np.nan
    return {place: np.sqrt(variance[:, at].mean(axis=1)) for place, at in enumerate(scores.places)}


def _stacked(logits: Floats, spoke: Bools, task: str, rule: Combination) -> Floats:
    """Logits (cases,) of the stack for the members that spoke in each case."""
    found = np.full(spoke.shape[1], np.nan)
    for pattern in np.unique(spoke, axis=1).T:
        names = [name for name, said in zip(rule.members, pattern, strict=True) if said]
        stack = rule.stack_of(task, names)
        if stack is not None:
            cases = (spoke == pattern[:, None]).all(axis=0)
            found[cases] = stacked_logit(stack, logits[pattern][:, cases])
    return found


def stacked_logit(stack: Stack, logits: Floats) -> Floats:
    """Logits (cases,) of a stack from those of its members, (members, cases)."""
    total = np.full(logits.shape[1], stack.intercept)
    for coefficient, own in zip(stack.coefficients, logits, strict=True):
        total += coefficient * own
    return total
