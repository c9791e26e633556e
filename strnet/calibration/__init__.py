"""From predictions to calibrators and operating points. Reads a predictions table only; needs no torch."""

from __future__ import annotations

from strnet.calibration.calibrate import METHODS, Calibrated, calibrate
from strnet.calibration.case_rows import CASE_OF
from strnet.calibration.combine import Cases, combine, fit_combination
from strnet.calibration.combined_answers import Combination
from strnet.calibration.member_scores import output_columns
from strnet.calibration.probability_columns import ScoreSource, with_fold_probabilities, with_probabilities

__all__ = [
    "CASE_OF",
    "METHODS",
    "Calibrated",
    "Cases",
    "Combination",
    "ScoreSource",
    "calibrate",
    "combine",
    "fit_combination",
    "output_columns",
    "with_fold_probabilities",
    "with_probabilities",
]
