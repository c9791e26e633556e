"""Unpenalised logistic regression with offset and standard errors, for rows or for patients.

statsmodels has it, but is no dependency of a screening tool for two coefficients; scikit-learn has no errors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from strnet.errors import StatsError
from strnet.stats.inputs import Bools, Clusters, Floats

MAX_STEPS = 100


@dataclass(frozen=True, slots=True)
class LogisticFit:
    """Coefficients, shape (p,), and their covariance, shape (p, p)."""

    coefficients: Floats
    covariance: Floats

    def standard_error(self, index: int) -> float:
        """Of one coefficient."""
        return float(np.sqrt(self.covariance[index, index]))


def fit_logistic(
    design: Floats, target: Bools, offset: Floats, clusters: Clusters | None = None
) -> LogisticFit:
    """The maximum of the likelihood of `target` (n,) given `design` (n, p) and `offset` (n,).

    The covariance is the inverse information, or with `clusters` the sandwich that sums scores by patient.

    Raises: StatsError: no finite maximum, because a combination of the columns separates the classes.
    Source: McCullagh and Nelder 1989, Generalized Linear Models, 2.5 (Newton's method); Liang and Zeger 1986,
        Biometrika 73:13-22 (sandwich).
    """
    coefficients = np.zeros(design.shape[1])
    loss = _loss(design @ coefficients + offset, target)
    for _ in range(MAX_STEPS):
        prob = special.expit(design @ coefficients + offset)
        score = design.T @ (target - prob)
        information = (design.T * (prob * (1 - prob))) @ design
        step = _solve(information, score)
        if float(np.dot(step, score)) < 1e-18 * target.size:
            return LogisticFit(coefficients, _covariance(design, target - prob, information, clusters))
        coefficients, loss = _halved(design, target, offset, coefficients, step, loss)
    raise StatsError(_separated(f"no maximum after {MAX_STEPS} steps"))


def _halved(
    design: Floats, target: Bools, offset: Floats, start: Floats, step: Floats, loss: float
) -> tuple[Floats, float]:
    """The end of the longest of `step`, half of it and so on that does not raise the loss, and its loss."""
    for halvings in range(40):
        end = start + step / 2**halvings
        found = _loss(design @ end + offset, target)
        if found <= loss + 1e-12 * abs(loss):
            return end, found
    raise StatsError(_separated("a likelihood that cannot be raised"))


def _loss(linear: Floats, target: Bools) -> float:
    return float((np.logaddexp(0, linear) - target * linear).sum())


def _solve(information: Floats, score: Floats) -> Floats:
    try:
        step = np.asarray(np.linalg.solve(information, score), dtype=np.float64)
    except np.linalg.LinAlgError as error:
        raise StatsError(_separated("a singular information matrix")) from error
    if not np.isfinite(step).all() or np.abs(step).max() > 1e8:
        raise StatsError(_separated("coefficients without bound"))
    return step


def _covariance(design: Floats, residual: Floats, information: Floats, clusters: Clusters | None) -> Floats:
    inverse = np.asarray(np.linalg.inv(information), dtype=np.float64)
    if clusters is None:
        return inverse
    scores = np.zeros((clusters.count, design.shape[1]))
    np.add.at(scores, clusters.codes, design * residual[:, None])
    sandwich: Floats = inverse @ (scores.T @ scores) @ inverse
    return sandwich


def _separated(found: str) -> str:
    return (
        f"logistic fit: found {found}, expected a finite maximum of the likelihood. The logits separate the "
        "classes or are constant: there is no slope to report on these rows."
    )
