"""Heads: a task's representation and clinical variables to its output."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from strnet.config import TaskConfig
from strnet.errors import ModelError, unknown_name
from strnet.models.target_statistics import TargetStatistics, output_size

_START_SD = 0.01
"""SD of the first weights: outputs begin at the prior, and the first losses do not shake the trunk."""


class TaskHead(nn.Module):
    """A linear map from representation, clinical values and missing indicators to a task's output.

    It computes in the precision of its parameters under any autocast: bfloat16 logits have three digits,
    and would give different patients the same score. Regression is learned in SDs from the training mean
    and comes out in the target's own unit.
    """

    mean: Tensor
    sd: Tensor

    def __init__(
        self, *, features: int, clinical: Sequence[int], start: Sequence[float], mean: float, sd: float
    ) -> None:
        super().__init__()
        self.columns = list(clinical)
        self.representation = nn.Linear(features, len(start))
        self.clinical = nn.Linear(2 * len(self.columns), len(start), bias=False) if self.columns else None
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("sd", torch.tensor(sd))
        nn.init.normal_(self.representation.weight, std=_START_SD)
        with torch.no_grad():
            self.representation.bias.copy_(torch.tensor(start))
        if self.clinical is not None:
            # Clinical variables say nothing at first, and a missing one nothing until training has seen it.
            nn.init.zeros_(self.clinical.weight)

    def forward(self, representation: Tensor, values: Tensor, missing: Tensor) -> Tensor:
        """Output (N,), or (N, outputs) where there are several, of `representation` (N, D).

        `values` and `missing` (N, K) are those of the whole network; the head takes its own columns.
        """
        with torch.autocast(representation.device.type, enabled=False):
            output = self.representation(representation.to(self.representation.weight.dtype))
            if self.clinical is not None:
                known = torch.cat([values[:, self.columns], missing[:, self.columns]], dim=1)
                output = output + self.clinical(known)
            output = output * self.sd + self.mean
        return output.squeeze(1) if output.shape[1] == 1 else output


def build_head(
    task: TaskConfig, *, features: int, columns: Sequence[str], statistics: TargetStatistics | None
) -> TaskHead:
    """The head of `task` on representations of `features` channels, started at the training prior.

    `columns` are the clinical columns of the network's input, in order. Without `statistics` it starts
    at probability one half, or at 0 with SD 1: enough where trained weights are loaded next.

    Raises: ModelError: a clinical column of the task that the network's input lacks.
    """
    absent = [name for name in task.clinical if name not in columns]
    if absent:
        raise ModelError(f"task {task.name}: {unknown_name('clinical column', absent[0], columns)}")
    statistics = statistics or TargetStatistics()
    return TaskHead(
        features=features,
        clinical=[columns.index(name) for name in task.clinical],
        start=prior_logits(task, statistics),
        mean=statistics.mean,
        sd=statistics.sd,
    )


def prior_logits(task: TaskConfig, statistics: TargetStatistics) -> tuple[float, ...]:
    """Logits that give every film the class frequencies of the training rows, or equal ones if balanced.

    Multiclass: log frequencies. Binary and ordinal: the logit of class > k given class >= k, for each k.
    Regression, and classes without statistics: zeros.
    """
    counts = statistics.counts
    if not counts:
        return (0.0,) * output_size(task)
    if task.balance:
        counts = (1,) * len(counts)
    if task.kind == "multiclass":
        return tuple(math.log(count / sum(counts)) for count in counts)
    return tuple(math.log(sum(counts[k + 1 :]) / counts[k]) for k in range(len(counts) - 1))
