"""Whether a binary task's probabilities can be taken at their word, before and after calibration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

import numpy as np

from strnet import stats
from strnet.errors import StatsError
from strnet.report.decisions import share_of
from strnet.report.folds import Calibration, probabilities
from strnet.report.measures import Measure, absent, attempt
from strnet.report.settings import INTERVAL, EvaluationSettings
from strnet.report.task_results import CalibrationResult, ReliabilityBin
from strnet.report.task_rows import NETWORK, Floats, TaskRows
from strnet.stats.answers import PLAIN

_BINS: Final = 10
_FILMS_PER_BIN: Final = 10
"""Fewer films than this say nothing of a share, so that small splits get fewer bins."""


def calibration_results(
    calibration: Calibration | None, rows: TaskRows, settings: EvaluationSettings
) -> Iterator[CalibrationResult]:
    """Before calibration, and after where there is a calibrator; nothing where there are no rows."""
    if not rows.target.size:
        return
    logit = rows.scores[NETWORK]
    yield _stage("before", PLAIN.prob(logit), rows, settings)
    if calibration is not None:
        yield _stage("after", probabilities(calibration, logit, rows.frame), rows, settings)


def _stage(
    stage: Literal["before", "after"], prob: Floats, rows: TaskRows, settings: EvaluationSettings
) -> CalibrationResult:
    positive, confidence, clusters = rows.positive, settings.confidence, rows.clusters
    line = _line(prob, rows, settings)
    return CalibrationResult(
        stage=stage,
        brier=attempt(
            lambda: stats.brier(positive, prob, confidence=confidence, interval=INTERVAL, clusters=clusters)
        ),
        slope=line[0],
        intercept=line[1],
        ece=Measure(
            stats.expected_calibration_error(positive, prob),
            method="10 bins of equal width",
            count=int(positive.size),
            note="the expected calibration error has no interval, and is too large where bins hold few films",
        ),
        bins=tuple(_bins(prob, rows, settings)),
    )


def _line(prob: Floats, rows: TaskRows, settings: EvaluationSettings) -> tuple[Measure, Measure]:
    try:
        found = stats.calibration_slope_intercept(
            rows.positive, prob, confidence=settings.confidence, interval=INTERVAL, clusters=rows.clusters
        )
    except StatsError as error:
        return absent(str(error)), absent(str(error))
    return attempt(lambda: found.slope), attempt(lambda: found.in_the_large)


def _bins(prob: Floats, rows: TaskRows, settings: EvaluationSettings) -> Iterator[ReliabilityBin]:
    bins = min(_BINS, max(2, prob.size // _FILMS_PER_BIN))
    curve = stats.reliability_curve(rows.positive, prob, bins=bins, confidence=settings.confidence)
    ends = np.cumsum(curve.count)
    place = np.argsort(np.argsort(prob, kind="stable"), kind="stable")  # a bin is a run of sorted films
    for predicted, start, end in zip(curve.predicted, ends - curve.count, ends, strict=True):
        inside = (start <= place) & (place < end)
        yield ReliabilityBin(float(predicted), share_of(rows.positive, inside, rows.patients, settings))
