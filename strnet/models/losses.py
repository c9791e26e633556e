"""Multi-task loss over targets of which any may be unknown (NaN)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from strnet.config import TaskConfig
from strnet.errors import ModelError
from strnet.models.target_statistics import TargetStatistics

_FOCUS = 2.0
"""Exponent of the focal loss. Source: Lin, Goyal, Girshick, He, Dollár 2017, section 5.1."""
_DEFAULTS = {"binary": "bce", "multiclass": "cross_entropy", "ordinal": "corn", "regression": "huber"}


@dataclass(frozen=True)
class Losses:
    """The loss to minimise, and each task's own mean loss before its weight (detached), all shape ()."""

    total: Tensor
    per_task: dict[str, Tensor]


def multi_task_loss(
    outputs: Mapping[str, Tensor],
    targets: Mapping[str, Tensor],
    tasks: Sequence[TaskConfig],
    statistics: Mapping[str, TargetStatistics] | None = None,
) -> Losses:
    """The weighted sum over tasks of the mean loss over the rows whose target is known.

    `targets` (N,) per task: class numbers or values, NaN where unknown. A task unknown in every row
    gives a zero that is connected to the graph. `statistics` of the training rows give the class
    weights of balanced tasks, and the SD in which a regression error is measured (so that the loss does
    not depend on the target's unit); without them the weights are equal and the SD is 1.

    Raises: ModelError: a balanced task without statistics.
    """
    losses = {
        task.name: task_loss(task, outputs[task.name], targets[task.name], (statistics or {}).get(task.name))
        for task in tasks
    }
    total = torch.stack([task.weight * losses[task.name] for task in tasks]).sum()
    return Losses(total=total, per_task={name: loss.detach() for name, loss in losses.items()})


def task_loss(
    task: TaskConfig, output: Tensor, target: Tensor, statistics: TargetStatistics | None = None
) -> Tensor:
    """Mean loss of one task over its known rows, shape (), float32.

    Raises: ModelError: a balanced task without statistics.
    """
    if task.balance and not (statistics and statistics.counts):
        raise ModelError(
            f"task {task.name}: balance needs the class counts of the training rows. "
            "Give the task's target_statistics."
        )
    statistics = statistics or TargetStatistics()
    known = ~torch.isnan(target)
    # Filled before the loss, not masked after it: 0 times NaN is NaN in the backward pass.
    filled = torch.where(known, target, torch.zeros_like(target)).float()
    weight = known.float()
    if task.balance:
        weight = weight * filled.new_tensor(statistics.class_weights)[filled.long()]
    name = _DEFAULTS[task.kind] if task.loss == "default" else task.loss
    if task.kind == "regression":
        loss = _REGRESSION[name](output.float() / statistics.sd, filled / statistics.sd)
    elif task.kind == "ordinal":
        return _ordinal_loss(output.float(), filled, known, weight, per_question=name == "corn")
    else:
        loss = _CLASSIFICATION[name](output.float(), filled)
    return masked_mean(loss, known, weight)


def masked_mean(loss: Tensor, known: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean of `loss` (N,) over the `known` rows, shape (); a graph-connected 0 if none is known.

    Weights multiply the rows' losses but not their number: with weights of mean 1 over the training
    rows the expectation over batches is then the weighted loss of the training rows.
    """
    weighted = loss * (known.float() if weight is None else weight)
    return weighted.sum() / known.sum().clamp(min=1)


def _bce(logit: Tensor, target: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logit, target, reduction="none")


def _focal(logit: Tensor, target: Tensor) -> Tensor:
    """Source: Lin et al. 2017, Focal Loss for Dense Object Detection, eq. 4."""
    cross_entropy = _bce(logit, target)
    # 1 - p(true class) from the logit: 1 - exp(-loss) loses the small values.
    missed = torch.sigmoid(torch.where(target > 0.5, -logit, logit))
    return missed.pow(_FOCUS) * cross_entropy


def _cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    return functional.cross_entropy(logits, target.long(), reduction="none")


def _ordinal_loss(
    logits: Tensor, target: Tensor, known: Tensor, weight: Tensor, *, per_question: bool
) -> Tensor:
    """Loss of conditional logits (N, C - 1): question k is class > k, asked where class >= k.

    The sum over a row's questions is its negative log likelihood; `cross_entropy` is its mean per row,
    `corn` its mean per question asked.
    Source: Shi, Cao, Raschka 2023, Deep Neural Networks for Rank-Consistent Ordinal Regression Based On
    Conditional Probabilities, eq. 5 and 6.
    """
    rank = torch.arange(logits.shape[1], device=logits.device)
    asked = (target[:, None] >= rank) & known[:, None]
    answers = (target[:, None] > rank).float()
    loss = (_bce(logits, answers) * asked).sum(dim=1)
    return (loss * weight).sum() / (asked if per_question else known).sum().clamp(min=1)


_Elementwise = Callable[[Tensor, Tensor], Tensor]
_CLASSIFICATION: dict[str, _Elementwise] = {"bce": _bce, "focal": _focal, "cross_entropy": _cross_entropy}
_REGRESSION: dict[str, _Elementwise] = {
    "huber": lambda output, target: functional.huber_loss(output, target, reduction="none"),
    "mse": lambda output, target: (output - target).square(),
    "mae": lambda output, target: (output - target).abs(),
}
