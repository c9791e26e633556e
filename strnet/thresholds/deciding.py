"""Which scores a threshold calls positive."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from strnet.stats import inputs
from strnet.stats.inputs import Bools
from strnet.thresholds.rows import as_threshold_error


def checked_scores(scores: npt.ArrayLike) -> npt.NDArray[np.floating]:
    """The `scores` (n,) as numbers, none of them missing.

    Raises: ThresholdError: scores that are not finite.
    """
    values = np.asarray(scores)
    with as_threshold_error():
        if values.size and (values.dtype != np.float32 or not np.isfinite(values.sum(dtype=np.float64))):
            values = inputs.checked_finite(values, name="score")
    return values


def reaches(scores: npt.ArrayLike, threshold: npt.ArrayLike, operator: str) -> Bools:
    """Which `scores` (n,) are positive: `score operator threshold`, one threshold or one for each score.

    Raises: ThresholdError: scores that are not finite.
    """
    values = checked_scores(scores)
    decide = np.greater_equal if operator == ">=" else np.less_equal
    # in float64 also for float32 scores: the threshold itself is not to be rounded
    positive: Bools = decide(values, np.asarray(threshold, dtype=np.float64))
    return positive
