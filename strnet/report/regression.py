"""A regression task, evaluated: how predicted values agree with the reference, whose they are, and where."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from strnet import stats
from strnet.errors import StatsError
from strnet.report.measures import AgainstNetwork, Measure, absent, attempt, measured
from strnet.report.settings import INTERVAL, EvaluationSettings
from strnet.report.subgroups import subgroups
from strnet.report.task_results import AgreementResult, RegressionEvaluation, RegressionGroup
from strnet.report.task_rows import NETWORK, Floats, TaskRows
from strnet.stats import Estimate


def evaluate_regression(rows: TaskRows, settings: EvaluationSettings) -> RegressionEvaluation:
    """The evaluation of a regression task on its rows."""
    return RegressionEvaluation(
        task=rows.task,
        kind="regression",
        rows=rows.target.size,
        unknown=rows.unknown,
        patients=np.unique(rows.patients).size,
        scorers=tuple(agreement_result(scorer, rows, settings) for scorer in rows.scores),
        groups=tuple(
            _group(column, value, rows.where(keep), settings)
            for column, value, keep in subgroups(rows.frame, settings.groups)
        ),
    )


def agreement_result(scorer: str, rows: TaskRows, settings: EvaluationSettings) -> AgreementResult:
    """Agreement of one scorer's values, and the network's mean absolute error minus its on the same rows."""
    known = rows.where(np.isfinite(rows.scores[scorer]))
    predicted = known.scores[scorer]
    return AgreementResult(
        scorer=scorer,
        rows=predicted.size,
        **_errors(known, predicted, settings),
        **_correlations(known, predicted, settings),
        **_limits(known, predicted, settings),
        against_network=None if scorer == NETWORK else _against_network(scorer, known, settings),
    )


def _errors(rows: TaskRows, predicted: Floats, settings: EvaluationSettings) -> dict[str, Measure]:
    names = ("mae", "rmse", "bias")
    try:
        found = stats.regression_errors(
            rows.target,
            predicted,
            confidence=settings.confidence,
            interval=INTERVAL,
            clusters=rows.clusters,
        )
    except StatsError as error:
        return dict.fromkeys(names, absent(str(error)))
    return {name: measured(found[name]) for name in names}


def _correlations(rows: TaskRows, predicted: Floats, settings: EvaluationSettings) -> dict[str, Measure]:
    def of(statistic: Callable[..., Estimate]) -> Measure:
        return attempt(
            lambda: statistic(
                rows.target,
                predicted,
                confidence=settings.confidence,
                interval=INTERVAL,
                clusters=rows.clusters,
            )
        )

    return {"r": of(stats.pearson), "ccc": of(stats.concordance)}


def _limits(rows: TaskRows, predicted: Floats, settings: EvaluationSettings) -> dict[str, Measure]:
    """Limits of agreement, which hold 95% of differences whatever the confidence of their intervals."""
    names = ("lower_limit", "upper_limit")
    try:
        found = stats.bland_altman(
            rows.target, predicted, confidence=settings.confidence, method=INTERVAL, clusters=rows.clusters
        )
    except StatsError as error:
        return dict.fromkeys(names, absent(str(error)))
    return {name: measured(getattr(found, name)) for name in names}


def _against_network(scorer: str, rows: TaskRows, settings: EvaluationSettings) -> AgainstNetwork:
    """The difference of absolute errors on the same rows, with Student's interval over patients."""

    def difference() -> Estimate:
        own = np.abs(rows.scores[NETWORK] - rows.target)
        other = np.abs(rows.scores[scorer] - rows.target)
        return stats.mean_estimate(own - other, settings.confidence, rows.clusters)

    return AgainstNetwork("mae", attempt(difference))


def _group(column: str, value: str, rows: TaskRows, settings: EvaluationSettings) -> RegressionGroup:
    result = agreement_result(NETWORK, rows, settings)
    return RegressionGroup(column, value, rows.target.size, result.r, result.mae, result.bias)
