"""Validation quantities: what training is judged by, computed once over all validation rows.

Names are `validation/loss`, `validation/<task>_loss` and `validation/<task>_<figure>`: figures are `auroc`
and `auprc` (binary), `accuracy` and `kappa` (multiclass, ordinal; quadratic weights), `mae` and `pearson`
(regression), `dice` (segmentation; the mean over labels of the mean over films).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from strnet import stats
from strnet.config import TaskConfig, TrainerConfig
from strnet.errors import ConfigError, unknown_name
from strnet.models import TargetStatistics, multi_task_loss
from strnet.stats.answers import class_probabilities
from strnet.stats.coherence import most_probable

_FIGURES = {
    "binary": ("auroc", "auprc"),
    "multiclass": ("accuracy", "kappa"),
    "ordinal": ("accuracy", "kappa"),
    "regression": ("mae", "pearson"),
    "segmentation": ("dice",),
}
_LESS_IS_BETTER = ("loss", "mae")


def quantity_modes(tasks: Sequence[TaskConfig]) -> dict[str, str]:
    """Every validation quantity of `tasks`, and whether its `min` or `max` is best."""
    names = ["validation/loss"]
    for task in tasks:
        names += [f"validation/{task.name}_{figure}" for figure in ("loss", *_FIGURES[task.kind])]
    return {name: "min" if name.endswith(_LESS_IS_BETTER) else "max" for name in names}


def check_monitor(trainer: TrainerConfig, tasks: Sequence[TaskConfig]) -> None:
    """Raise unless the recipe monitors a quantity that there will be, in its right direction.

    Raises: ConfigError: unknown quantity, with the nearest one; or the worst value taken for the best.
    """
    modes = quantity_modes(tasks)
    if trainer.monitor not in modes:
        raise ConfigError(f"trainer.monitor: {unknown_name('quantity', trainer.monitor, modes)}")
    mode = modes[trainer.monitor]
    if trainer.monitor_mode != mode:
        raise ConfigError(
            f"trainer.monitor_mode: {trainer.monitor_mode}, but the best {trainer.monitor} is its "
            f"{mode}imum. Set trainer.monitor_mode: {mode}."
        )


def validation_quantities(
    tasks: Sequence[TaskConfig],
    outputs: Mapping[str, Tensor],
    targets: Mapping[str, Tensor],
    statistics: Mapping[str, TargetStatistics],
) -> dict[str, float]:
    """Each quantity over all validation rows, from outputs and targets as in `multi_task_loss`.

    A figure that these rows do not define (a correlation of constant values) is left out.
    """
    losses = multi_task_loss(outputs, targets, tasks, statistics)
    values = {"validation/loss": float(losses.total)}
    for task in tasks:
        values[f"validation/{task.name}_loss"] = float(losses.per_task[task.name])
        target = targets[task.name].numpy().astype(np.float64)
        known = ~np.isnan(target)
        figures = _figures(task, outputs[task.name].numpy().astype(np.float64)[known], target[known])
        values |= {f"validation/{task.name}_{name}": value for name, value in figures.items()}
    return values


def predicted_class(task: TaskConfig, output: NDArray[np.float64]) -> NDArray[np.int64]:
    """Most likely class (N,) of multiclass logits (N, C) or conditional ordinal logits (N, C - 1)."""
    return most_probable(class_probabilities(output, ordinal=task.kind == "ordinal"))


def _figures(task: TaskConfig, output: NDArray[np.float64], target: NDArray[np.float64]) -> dict[str, float]:
    if task.kind == "binary":
        return {"auroc": stats.auroc(target, output).value, "auprc": stats.auprc(target, output).value}
    if task.kind == "regression":
        figures = {"mae": float(np.abs(output - target).mean())}
        if np.ptp(output) > 0 and np.ptp(target) > 0:
            figures["pearson"] = float(np.corrcoef(output, target)[0, 1])
        return figures
    chosen, classes = predicted_class(task, output), target.astype(np.int64)
    figures = {"accuracy": float((chosen == classes).mean())}
    if np.unique(classes).size > 1:
        matrix = stats.confusion_matrix(classes, chosen, len(task.target.classes or ()))
        figures["kappa"] = stats.cohen_kappa(matrix).value
    return figures
