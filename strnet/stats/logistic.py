"""Unpenalised logistic regression with offset and standard errors, for rows or for patients.

statsmodels has it, but is no dependency of a screening tool for two coefficients; scikit-learn has no errors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from strnet.errors import StatsError
from strnet.stats.inputs import Bools, Clusters, Floats
from strnet.stats.jackknife import sum_by_patient

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
    for _ in range(MAX_STEPS):
        prob = special.expit(design @ coefficients + offset)
        score = design.T @ (target - prob)
        information = (design.T * (prob * (1 - prob))) @ design
        try:
            step = np.asarray(np.linalg.solve(information, score), dtype=np.float64)
        except np.linalg.LinAlgError as error:
            raise StatsError(_separated("a singular information matrix")) from error
        # not the gradient, which also vanishes where separated classes drive the coefficients to infinity
        if np.abs(step).max() < 1e-9 * max(1.0, np.abs(coefficients).max()):
            return LogisticFit(coefficients, _covariance(design, target - prob, information, clusters))
        coefficients = coefficients + _damping(design, target, offset, coefficients, step) * step
    raise StatsError(_separated(f"no maximum after {MAX_STEPS} steps"))


def coefficients_left_out(
    fit: LogisticFit, design: Floats, target: Bools, offset: Floats, clusters: Clusters
) -> Floats:
    """What leaving out each patient changes of the coefficients, one Newton step from them, shape (k, p).

    NaN where the rest does not tell the coefficients apart.

    Source: Pregibon 1981, Ann. Statist. 9:705-724 (one step); Mancl and DeRouen 2001, Biometrics 57:126-134.
    """
    prob = special.expit(design @ fit.coefficients + offset)
    weighted = design * np.sqrt(prob * (1 - prob))[:, None]
    size = design.shape[1]
    products = (weighted[:, :, None] * weighted[:, None, :]).reshape(-1, size * size)
    own = _by_patient(products, clusters).reshape(-1, size, size)
    scores = _by_patient(design * (target - prob)[:, None], clusters)
    try:
        steps = np.linalg.solve(own.sum(axis=0) - own, scores[:, :, None])
    except np.linalg.LinAlgError:
        return np.full(scores.shape, np.nan)
    changes: Floats = steps[:, :, 0]
    return changes


def _by_patient(values: Floats, clusters: Clusters) -> Floats:
    """Sums of values (n, q) over the rows of each patient, shape (k, q)."""
    return np.column_stack([sum_by_patient(part, clusters) for part in values.T])


def _damping(design: Floats, target: Bools, offset: Floats, start: Floats, step: Floats) -> float:
    """The largest of 1, 1/2, 1/4 and so on by which the step does not raise the loss."""

    def loss(size: float) -> float:
        linear = design @ (start + size * step) + offset
        return float((np.logaddexp(0, linear) - target * linear).sum())

    size, before = 1.0, loss(0.0)
    while loss(size) > before * (1 + 1e-12) and size > 1e-9:
        size /= 2
    return size


def _covariance(design: Floats, residual: Floats, information: Floats, clusters: Clusters | None) -> Floats:
    inverse = np.asarray(np.linalg.inv(information), dtype=np.float64)
    if clusters is None:
        return inverse
    scores = _by_patient(design * residual[:, None], clusters)
    sandwich: Floats = inverse @ (scores.T @ scores) @ inverse
    return sandwich


def _separated(found: str) -> str:
    return (
        f"logistic fit: found {found}, expected a finite maximum of the likelihood. The logits separate the "
        "classes or are constant: there is no slope to report on these rows."
    )
