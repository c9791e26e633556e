"""Calibrators and operating points of a cross-validation: each row is judged by those of its own fold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

import numpy as np
import polars as pl

from strnet.errors import ManifestError
from strnet.schema import FOLD
from strnet.stats import Calibrator
from strnet.thresholds import OperatingPoint

T = TypeVar("T")
Calibration = Calibrator | Mapping[int, Calibrator]
"""One calibrator for all rows, or one for each fold."""
Point = OperatingPoint | Mapping[int, OperatingPoint]
"""One operating point for all rows, or one for each fold."""


def by_fold(of_fold: Mapping[int, T], frame: pl.DataFrame) -> Iterator[tuple[T, np.ndarray]]:
    """What belongs to each fold, and the rows (n,) of `frame` in it, as bools.

    Raises: ManifestError: rows of a fold that nothing belongs to.
    """
    fold = frame[FOLD] if FOLD in frame.columns else pl.Series([None] * frame.height, dtype=pl.Int64)
    found = fold.unique().sort().to_list()
    if not set(found) <= set(of_fold):
        raise ManifestError(
            f"predictions: column '{FOLD}' holds {found}, expected folds of {sorted(of_fold)}: each has a "
            "calibrator or operating point of its own."
        )
    for name in found:
        yield of_fold[name], (fold == name).to_numpy()


def probabilities(calibration: Calibration, logit: np.ndarray, frame: pl.DataFrame) -> np.ndarray:
    """Probabilities (n,) of `logit` (n,), the network's scores for the rows of `frame`.

    Raises: ManifestError: as `by_fold`.
    """
    if isinstance(calibration, Calibrator):
        return calibration.prob(logit)
    prob = np.empty(len(logit))
    for calibrator, rows in by_fold(calibration, frame):
        prob[rows] = calibrator.prob(logit[rows])
    return prob
