"""How far a figure differs from fold to fold of a cross-validation, beside the figure of all rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strnet.report.measures import Measure, Strict


@dataclass(frozen=True, slots=True)
class FoldSpread(Strict):
    """A figure of a task in each fold, its mean and SD over them, and the figure of all rows together.

    `figure` is dotted: `auroc`, or `exact.sensitivity` for an operating point. `of_folds` holds None where a
    fold has no such figure; then `mean` and `sd` are of the others, and `sd` is None for fewer than two.
    """

    task: str
    figure: str
    of_folds: tuple[float | None, ...]
    mean: float | None
    sd: float | None
    pooled: Measure


def spread_of(task: str, figure: str, of_folds: tuple[Measure, ...], pooled: Measure) -> FoldSpread:
    """The spread of a figure over folds; the SD has the number of folds less one as its divisor."""
    values = tuple(measure.value for measure in of_folds)
    known = np.array([value for value in values if value is not None])
    return FoldSpread(
        task=task,
        figure=figure,
        of_folds=values,
        mean=float(known.mean()) if known.size else None,
        sd=float(known.std(ddof=1)) if known.size > 1 else None,
        pooled=pooled,
    )
