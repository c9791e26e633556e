"""Which figures belong to a task: drawn from its evaluation and the rows it was made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt

from strnet import schema, stats
from strnet.report.figures import against_reference, discrimination, probability
from strnet.report.figures.canvas import Drawing, draw, shortened
from strnet.report.figures.discrimination import MarkedPoint, ScoreCurve
from strnet.report.figures.probability import BenefitCurve
from strnet.report.folds import Calibration, probabilities
from strnet.report.measures import Measure
from strnet.report.probabilities import PLAIN
from strnet.report.task_results import (
    BinaryEvaluation,
    CategoricalEvaluation,
    RegressionEvaluation,
    ScorerResult,
)
from strnet.report.task_rows import NETWORK, OBSERVER, Floats, TaskRows, numbers
from strnet.report.wording import group_name, scorer_name, task_name
from strnet.stats import Calibrator

_GROUPS: Final = (
    ("normal", "normal"),
    ("osteopenia", "osteopenia"),
    ("osteoporosis", "osteoporosis"),
    ("osteopenia", "bone loss, severity unknown"),
    ("normal", "negative"),
    ("osteoporosis", "positive"),
)
"""Colour and label of each class of rows in a histogram, in order."""


_REFERRAL: Final = np.round(np.arange(0.01, 1.0, 0.01), 2)


def binary_drawings(task: BinaryEvaluation, rows: TaskRows, split: str) -> Iterator[Drawing]:
    """ROC, precision-recall, scores by class, reliability, decision curve and AUROCs side by side."""
    if not 0 < task.positives < task.rows:
        return
    marked = _marked(task, split)
    calibration = calibration_of(task)
    prob = probabilities(calibration, rows.scores[NETWORK], rows.frame)
    yield from _curve_drawings(task, rows, marked)
    yield draw(
        f"{task.task}_scores",
        "Scores by class",
        f"{_prob_words(task)} per reference class, on a logit scale; vertical lines are the thresholds.",
        partial(
            discrimination.scores_by_class,
            by_class(rows, prob),
            list(_thresholds(marked, calibration)),
            f"{_prob_words(task)} of {task_name(task.task)}",
        ),
    )
    yield from _probability_drawings(task, rows, prob)
    if len(task.groups) > 1 or len(task.scorers) > 1:
        yield draw(
            f"{task.task}_auroc",
            "AUROC side by side",
            "Every scorer on all rows, then the network group by group; lines are intervals.",
            partial(discrimination.areas_side_by_side, _areas(task)),
        )


def regression_drawings(task: RegressionEvaluation, rows: TaskRows, name: str) -> Iterator[Drawing]:
    """Scatter and Bland-Altman plot of the network's values."""
    if not rows.target.size:
        return
    predicted, result = rows.scores[NETWORK], task.scorers[0]
    t_score = task.task == schema.T_SCORE
    yield draw(
        f"{task.task}_scatter",
        "Predicted against reference",
        "The line is identity." + (" Thin lines are the WHO cut-offs, −2.5 and −1.0." if t_score else ""),
        partial(against_reference.scatter, rows.target, predicted, result, name=name, t_score=t_score),
    )
    yield draw(
        f"{task.task}_bland_altman",
        "Bland-Altman plot",
        "Bias and 95% limits of agreement; bands are their intervals."
        + (" Colours as in the scatter." if t_score else ""),
        partial(
            against_reference.bland_altman,
            rows.target,
            predicted,
            result,
            name=name,
            t_score=t_score,
        ),
    )


def confusion_drawing(task: CategoricalEvaluation) -> Drawing:
    """The confusion matrix of several classes."""
    return draw(
        f"{task.task}_confusion",
        "Confusion matrix",
        "Films by reference class (rows) and most probable class (columns); the shade is the share of a row.",
        partial(against_reference.confusion, task),
    )


def by_class(rows: TaskRows, prob: Floats) -> list[tuple[str, str, Floats]]:
    """Colour, label and `prob` (n,) of each class: three diagnoses if the rows tell, else two classes."""
    labels = _class_labels(rows)
    return [(role, label, prob[labels == label]) for role, label in _GROUPS if (labels == label).any()]


def _marked(task: BinaryEvaluation, split: str) -> list[MarkedPoint]:
    return [
        MarkedPoint(point, decisions)
        for point in task.points
        for decisions in point.on
        if decisions.split == split
    ]


def _curve_drawings(
    task: BinaryEvaluation, rows: TaskRows, marked: Sequence[MarkedPoint]
) -> Iterator[Drawing]:
    markers = " Markers are operating points, with the intervals of both rates." if marked else ""
    # an ideal observer is in the evaluation but not in these rows where its truth table was not given again
    scorers = [result for result in task.scorers if result.auroc.value is not None]
    scorers = [result for result in scorers if result.scorer in rows.scores]
    yield draw(
        f"{task.task}_roc",
        "ROC curve",
        f"Beside each name its AUROC and interval.{markers}",
        partial(discrimination.roc, [_curve(result, rows, "auroc") for result in scorers], marked),
    )
    yield draw(
        f"{task.task}_precision_recall",
        "Precision-recall curve",
        f"Beside each name its area (AUPRC) and interval.{markers}",
        partial(
            discrimination.precision_recall, [_curve(result, rows, "auprc") for result in scorers], marked
        ),
    )


def _curve(result: ScorerResult, rows: TaskRows, area: str) -> ScoreCurve:
    score = rows.scores[result.scorer]
    known = np.isfinite(score)
    return ScoreCurve(
        result.scorer,
        scorer_name(result.scorer),
        rows.positive[known],
        score[known],
        result.auroc if area == "auroc" else result.auprc,
    )


def _probability_drawings(task: BinaryEvaluation, rows: TaskRows, prob: Floats) -> Iterator[Drawing]:
    if any(stage.bins for stage in task.calibration):
        yield draw(
            f"{task.task}_calibration",
            "Calibration",
            "Bins of equally many films, with their intervals. Below, how the probabilities are spread.",
            partial(
                probability.reliability,
                task.calibration,
                prob,
                outcome=task_name(task.task),
            ),
        )

    yield draw(
        f"{task.task}_decision_curve",
        "Decision curve",
        "What referring on each scorer's probability is worth, by the probability from which one refers.",
        partial(probability.decision_curves, list(_benefits(rows, prob))),
    )


def _benefits(rows: TaskRows, network: Floats) -> Iterator[BenefitCurve]:
    """Net benefit of the network and of each baseline; an ideal observer is nobody's choice."""
    for scorer, score in rows.scores.items():
        if scorer != OBSERVER:
            known = np.isfinite(score)
            # a baseline's logit is a logistic model's own; the calibrator is the network's
            prob = network[known] if scorer == NETWORK else PLAIN.prob(score[known])
            curve = stats.decision_curve(rows.positive[known], prob, _REFERRAL)
            yield BenefitCurve(scorer, scorer_name(scorer), curve)


def calibration_of(task: BinaryEvaluation) -> Calibration:
    """The calibrator, or those of the folds, that the evaluation holds; where none, the plain sigmoid."""
    numbers = task.calibrator
    if numbers is None or "method" in numbers:
        return PLAIN if numbers is None else Calibrator.from_dict(numbers)
    return {int(fold): Calibrator.from_dict(own) for fold, own in numbers.items()}


def _prob_words(task: BinaryEvaluation) -> str:
    return "Probability" if task.calibrator is None else "Calibrated probability"


def _thresholds(marked: Sequence[MarkedPoint], calibration: Calibration) -> Iterator[tuple[str, float]]:
    """Names and thresholds, as probabilities, of the points that have one threshold for all rows."""
    for point in marked:
        result = point.result
        if result.threshold is None:
            continue
        if result.score.startswith("prob."):
            yield result.name, result.threshold
        elif isinstance(calibration, Calibrator):
            yield result.name, float(calibration.prob(np.array([result.threshold]))[0])


def _areas(task: BinaryEvaluation) -> list[tuple[str, str, Measure]]:
    rows = [
        (result.scorer, f"{shortened(scorer_name(result.scorer))}\nn = {result.rows}", result.auroc)
        for result in task.scorers
    ]
    return rows + [
        (NETWORK, f"{shortened(group_name(group.column, group.value))}\nn = {group.rows}", group.auroc)
        for group in task.groups
    ]


def _class_labels(rows: TaskRows) -> npt.NDArray[np.str_]:
    """The class of each row (n,), in the words of `_GROUPS`."""
    positive = rows.positive
    if rows.task == schema.OSTEOPOROSIS_GIVEN_LOSS:
        return np.where(positive, schema.OSTEOPOROSIS, schema.OSTEOPENIA)
    if rows.task != schema.BONE_LOSS:
        return np.where(positive, "positive", "negative")
    column = schema.target_column(schema.OSTEOPOROSIS_GIVEN_LOSS)
    known = column in rows.frame.columns
    severe = numbers(rows.frame, column) if known else np.full(positive.size, np.nan)
    by_severity = np.where(severe == 1, schema.OSTEOPOROSIS, schema.OSTEOPENIA)
    with_loss = np.where(np.isnan(severe), "bone loss, severity unknown", by_severity)
    return np.where(positive, with_loss, schema.NORMAL)
