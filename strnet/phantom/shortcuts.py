"""What can be guessed without looking at bone: from clinical variables, or from grey levels alone."""

from __future__ import annotations

import numpy as np

Array = np.ndarray

GREY_PERCENTILES = (1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0)
_WINDOW_PERCENTILES = (0.5, 99.5)
_FOLDS = 5


def grey_level_statistics(pixels: Array) -> Array:
    """Mean, SD and nine percentiles of a film, shape (11,), after its 0.5 and 99.5% points went to 0 and 1.

    `pixels` (H, W) in [0, 1]; taken of the histogram in 4,096 steps.
    """
    levels = np.clip(pixels * np.float32(4095.0) + np.float32(0.5), 0.0, 4095.0).astype(np.uint16)
    share = np.bincount(levels.ravel(), minlength=4096) / levels.size
    below = np.cumsum(share)
    grey = np.arange(4096) / 4095.0
    low, high = (grey[np.searchsorted(below, point / 100.0)] for point in _WINDOW_PERCENTILES)
    shown = np.clip((grey - low) / max(high - low, 1.0 / 4095.0), 0.0, 1.0)
    mean = float(share @ shown)
    deviation = float(np.sqrt(max(share @ (shown - mean) ** 2, 0.0)))
    points = [shown[np.searchsorted(below, point / 100.0)] for point in GREY_PERCENTILES]
    return np.array([mean, deviation, *points])


def cross_validated_auroc(features: Array, target: Array, patients: Array) -> float:
    """AUROC of a logistic model of `features` (N, K) for `target` (N,); five folds, patients kept whole."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0)
    scores = cross_val_predict(model, features, target, groups=patients, cv=folds, method="decision_function")
    return float(roc_auc_score(target, scores))
