"""Which rows train a classifier, and which set its threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold, StratifiedShuffleSplit

Rows = npt.NDArray[np.intp]


def hold_out(labels: npt.NDArray[Any], groups: Any, share: float | str, seed: int) -> tuple[Rows, Rows]:
    """Rows to train on and rows held out, both sorted, stratified by `labels` (n,); no row is in both.

    With `groups` (n,) no patient is in both, and the share held out is the nearest of 1/k and 1 - 1/k.

    Raises: ValueError: a `share` that is none, or too few rows of a class.
    """
    if isinstance(share, str) or not 0 < share < 1:
        raise ValueError(f"calibration_size: found {share!r}, expected a share in (0, 1) or 'prefit'.")
    everything = np.arange(labels.size)
    if groups is None:
        splitter = StratifiedShuffleSplit(n_splits=1, test_size=share, random_state=seed)
        train, held_out = next(splitter.split(everything, labels))
    else:
        folds = round(1 / min(share, 1 - share))
        by_patient = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
        most, fold = next(by_patient.split(everything, labels, groups))
        train, held_out = (most, fold) if share <= 0.5 else (fold, most)
    return np.sort(train), np.sort(held_out)
