"""From a network's outputs to probabilities: the one way in training, calibration, report and prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from strnet import schema
from strnet.config import TaskConfig
from strnet.stats.calibrators import Calibrator
from strnet.stats.coherence import diagnosis_probabilities, ordinal_probabilities
from strnet.stats.inputs import Floats

PLAIN: Final = Calibrator("none")
"""The plain sigmoid: what a logit means without calibration."""


def class_probabilities(logits: npt.ArrayLike, *, ordinal: bool) -> Floats:
    """Probabilities (n, C) of classes; each row sums to 1.

    `logits` are (n, C), or, of an ordinal task, the conditional ones (n, C - 1) or (n,).

    Raises: StatsError: ordinal logits that are not finite.
    """
    from scipy.special import softmax

    # one memory layout, so that a row's probabilities are the same bits whatever table it stands in
    values = np.ascontiguousarray(logits, dtype=np.float64)
    if ordinal:
        values = values.reshape(len(values), -1 if values.size else max(values.shape[1:], default=1))
        return ordinal_probabilities(values) if values.size else np.empty((0, values.shape[1] + 1))
    return np.asarray(softmax(values, axis=1), dtype=np.float64) if values.size else values


def asks_for_diagnosis(tasks: Sequence[TaskConfig]) -> bool:
    """Whether the tasks hold both questions that make the three diagnoses."""
    binary = {task.name for task in tasks if task.kind == "binary"}
    return {schema.BONE_LOSS, schema.OSTEOPOROSIS_GIVEN_LOSS} <= binary


def task_probabilities(task: TaskConfig, output: Floats, calibrator: Calibrator = PLAIN) -> dict[str, Floats]:
    """Columns `prob.<task>`, or `prob.<task>.<class>`, each (n,); none of a regression.

    `output` is as the network gives it: (n,), or (n, C) as in `class_probabilities`.

    Raises: StatsError: logits that are not finite.
    """
    if task.kind == "regression":
        return {}
    if task.kind == "binary":
        return {schema.prob_column(task.name): calibrator.prob(output)}
    values = class_probabilities(output, ordinal=task.kind == "ordinal")
    return {
        schema.prob_column(f"{task.name}.{label}"): values[:, place]
        for place, label in enumerate(task.target.classes or ())
    }


def diagnosis_columns(columns: Mapping[str, Floats]) -> dict[str, Floats]:
    """Columns `prob.<diagnosis>` (n,) from those of the two questions that make them.

    Raises: StatsError: as `diagnosis_probabilities`.
    """
    questions = (schema.BONE_LOSS, schema.OSTEOPOROSIS_GIVEN_LOSS)
    values = diagnosis_probabilities(*(columns[schema.prob_column(task)] for task in questions))
    return {schema.prob_column(name): values[:, place] for place, name in enumerate(schema.DIAGNOSES)}
