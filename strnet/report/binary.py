"""A binary task, evaluated: separation, operating points, probabilities, baselines, groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from strnet import schema, stats
from strnet.errors import ManifestError, StatsError
from strnet.report.decisions import decide
from strnet.report.folds import Calibration, Point, by_fold
from strnet.report.measures import AgainstNetwork, absent, attempt, measured
from strnet.report.probabilities import calibration_results
from strnet.report.settings import INTERVAL, EvaluationSettings
from strnet.report.subgroups import subgroups
from strnet.report.task_results import BinaryEvaluation, BinaryGroup, PointResult, ScorerResult
from strnet.report.task_rows import NETWORK, Bools, Floats, TaskRows
from strnet.stats import Calibrator, Estimate
from strnet.thresholds import OperatingPoint
from strnet.thresholds.score_identity import ScoreIdentity, identity_of

_WEAKER = ("guaranteed", "approximate", "point only")


@dataclass(frozen=True, slots=True)
class BinaryTask:
    """What belongs to one binary task: its calibration and its operating points by name."""

    name: str
    calibration: Calibration | None
    points: Mapping[str, Point]


def evaluate_binary(
    task: BinaryTask, split: str, rows: Mapping[str, TaskRows], settings: EvaluationSettings
) -> BinaryEvaluation:
    """The evaluation of a binary task on `split`; operating points on every split of `rows`."""
    reported = rows[split]
    return BinaryEvaluation(
        task=task.name,
        kind="binary",
        rows=reported.target.size,
        positives=int(reported.positive.sum()),
        unknown=reported.unknown,
        patients=np.unique(reported.patients).size,
        scorers=tuple(score_result(scorer, reported, settings) for scorer in reported.scores),
        points=tuple(
            _point(name, point, task, rows, settings)
            for name, point in task.points.items()
            if reported.target.size
        ),
        calibration=tuple(calibration_results(task.calibration, reported, settings)),
        groups=tuple(_groups(task, split, reported, settings)),
        calibrator=_numbers(task.calibration),
    )


def score_result(scorer: str, rows: TaskRows, settings: EvaluationSettings) -> ScorerResult:
    """AUROC and AUPRC of one scorer, and the network's AUROC minus its on the same rows."""
    known = rows.where(np.isfinite(rows.scores[scorer]))
    score, clusters = known.scores[scorer], known.clusters
    against = None if scorer == NETWORK else _against_network(scorer, known, settings)
    return ScorerResult(
        scorer=scorer,
        rows=score.size,
        auroc=attempt(partial(_auroc, known, score, settings)),
        auprc=attempt(
            lambda: stats.auprc(
                known.positive, score, confidence=settings.confidence, interval=INTERVAL, clusters=clusters
            )
        ),
        against_network=against,
    )


def _auroc(rows: TaskRows, score: Floats, settings: EvaluationSettings) -> Estimate:
    return stats.auroc(
        rows.positive, score, confidence=settings.confidence, interval=INTERVAL, clusters=rows.clusters
    )


def _against_network(scorer: str, known: TaskRows, settings: EvaluationSettings) -> AgainstNetwork:
    try:
        found = stats.paired_delong(
            known.positive, known.scores[NETWORK], known.scores[scorer],
            confidence=settings.confidence, interval=INTERVAL, clusters=known.clusters,
        )  # fmt: skip
    except StatsError as error:
        return AgainstNetwork("auroc", absent(str(error)))
    p_value = found.test.p_value
    return AgainstNetwork("auroc", measured(found.difference), p_value if np.isfinite(p_value) else None)


def _point(
    name: str,
    point: Point,
    task: BinaryTask,
    rows: Mapping[str, TaskRows],
    settings: EvaluationSettings,
) -> PointResult:
    folds = [point] if isinstance(point, OperatingPoint) else list(point.values())
    if any(fold.threshold is None for fold in folds):
        raise ManifestError(
            f"operating point '{name}' of {task.name}: it has one threshold per group. "
            "Evaluate a common threshold."
        )
    decided = [
        decide(split, part.positive, _called(point, task, part), part.clusters, settings.confidence)
        for split, part in rows.items()
        if part.target.size
    ]
    first = folds[0]
    return PointResult(
        name=name,
        score=first.score.column or schema.logit_column(task.name),
        threshold=first.threshold if isinstance(point, OperatingPoint) else None,
        min_sensitivity=first.min_sensitivity,
        method=first.method,
        status=max((fold.status for fold in folds), key=_WEAKER.index),
        confidence=first.confidence,
        on=tuple(decided),
        decides=name == settings.deciding,
    )


def _called(point: Point, task: BinaryTask, rows: TaskRows) -> Bools:
    """Decisions (n,), each by the operating point and the calibrator of its fold."""
    calibration = task.calibration
    if isinstance(point, OperatingPoint):
        return _decided(point, None if isinstance(calibration, Mapping) else calibration, rows)
    called = np.zeros(rows.target.size, dtype=np.bool_)
    for (fold, own), keep in by_fold({fold: (fold, own) for fold, own in point.items()}, rows.frame):
        calibrator = calibration.get(fold) if isinstance(calibration, Mapping) else calibration
        called[keep] = _decided(own, calibrator, rows.where(keep))
    return called


def _decided(point: OperatingPoint, calibrator: Calibrator | None, rows: TaskRows) -> Bools:
    """Decisions (n,) on the score that the point was fitted on.

    Raises: as `decided_score`. BundleError: another calibrator.
    """
    score, source = decided_score(point, calibrator, rows)
    return point.apply(score, source=source)


def decided_score(
    point: OperatingPoint, calibrator: Calibrator | None, rows: TaskRows
) -> tuple[Floats, ScoreIdentity]:
    """The score (n,) that a point decides on, the raw logit or the calibrated probability, and which it is.

    Raises: ManifestError: another score.
    """
    raw, calibrated = schema.logit_column(rows.task), schema.prob_column(rows.task)
    column = point.score.column or raw
    if column not in (raw, calibrated) or (column == calibrated and calibrator is None):
        raise ManifestError(
            f"operating point of {rows.task}: it decides on '{column}', expected '{raw}', or '{calibrated}' "
            "with a calibrator of this task."
        )
    logit = rows.scores[NETWORK]
    if column == raw or calibrator is None:
        return logit, identity_of(raw)
    return calibrator.prob(logit), replace(identity_of(calibrated), calibrator_sha256=calibrator.digest)


def _numbers(calibration: Calibration | None) -> dict[str, Any] | None:
    if isinstance(calibration, Mapping):
        return {str(fold): calibrator.to_dict() for fold, calibrator in calibration.items()}
    return None if calibration is None else calibration.to_dict()


def _groups(
    task: BinaryTask, split: str, rows: TaskRows, settings: EvaluationSettings
) -> Iterator[BinaryGroup]:
    for column, value, keep in subgroups(rows.frame, settings.groups):
        part = rows.where(keep)
        points = [
            (
                name,
                decide(split, part.positive, _called(point, task, part), part.clusters, settings.confidence),
            )
            for name, point in task.points.items()
        ]
        yield BinaryGroup(
            column=column,
            value=value,
            rows=part.target.size,
            positives=int(part.positive.sum()),
            auroc=attempt(partial(_auroc, part, part.scores[NETWORK], settings)),
            points=tuple(points),
        )
