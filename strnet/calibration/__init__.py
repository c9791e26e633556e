"""From predictions to calibrators and operating points. Reads a predictions table only; needs no torch."""

from __future__ import annotations

from strnet.calibration.calibrate import METHODS, Calibrated, calibrate
from strnet.calibration.probability_columns import ScoreSource, with_fold_probabilities, with_probabilities

__all__ = [
    "METHODS",
    "Calibrated",
    "ScoreSource",
    "calibrate",
    "with_fold_probabilities",
    "with_probabilities",
]
