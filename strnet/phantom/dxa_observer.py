"""The ideal observer of people with two DXA sites: what a joint posterior of both T-scores says of each task.

The posterior knows age, sex, BMI and the planted features that a film shows (not the pixels): no network can
do better on average from that film.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strnet.phantom.people import MEASUREMENT_SD
from strnet.phantom.scanned_people import SITES, YOUNG_ADULTS
from strnet.schema import (
    BONE_LOSS,
    NORMAL_AT_LEAST,
    OSTEOPOROSIS,
    OSTEOPOROSIS_AT_MOST,
    OSTEOPOROSIS_GIVEN_LOSS,
    T_SCORE,
    bmd_column,
)

Array = np.ndarray

_LEAST = 1e-15
"""Least probability that is told from none: cancellation of the joint one leaves about as much."""


@dataclass(frozen=True)
class JointPosterior:
    """Gaussian posterior of the true T-scores as `SITES`: `mean` (2,) and `covariance` (2, 2)."""

    mean: Array
    covariance: Array


def probability_of_both_above(belief: JointPosterior, cut: float) -> float:
    """P(both measured T-scores > `cut`).

    Source: Owen 1956, Ann. Math. Stat. 27:1075, the bivariate normal by his T function.
    """
    from scipy.special import ndtr, owens_t

    covariance = belief.covariance + MEASUREMENT_SD**2 * np.eye(2)
    sd = np.sqrt(np.diag(covariance))
    r = covariance[0, 1] / (sd[0] * sd[1])
    h, k = ((belief.mean - cut) / sd).tolist()
    # Owen's form divides by h and k; a hair off zero leaves the probability as it is.
    h, k = h or 1e-12, k or 1e-12
    root = np.sqrt(1.0 - r * r)
    apart = 0.5 if h * k < 0 else 0.0
    tails = owens_t(h, (k / h - r) / root) + owens_t(k, (h / k - r) / root)
    return float(np.clip(0.5 * ndtr(h) + 0.5 * ndtr(k) - tails - apart, _LEAST, 1.0 - _LEAST))


def bone_loss_logit(belief: JointPosterior) -> float:
    """Logit of P(lowest measured T-score < -1.0)."""
    above = probability_of_both_above(belief, NORMAL_AT_LEAST)
    return float(np.log1p(-above) - np.log(above))


def osteoporosis_logit(belief: JointPosterior) -> float:
    """Logit of P(lowest measured T-score <= -2.5)."""
    above = probability_of_both_above(belief, OSTEOPOROSIS_AT_MOST)
    return float(np.log1p(-above) - np.log(above))


def osteoporosis_given_loss_logit(belief: JointPosterior) -> float:
    """Logit of P(lowest measured T-score <= -2.5 | it is < -1.0)."""
    osteoporosis = 1.0 - probability_of_both_above(belief, OSTEOPOROSIS_AT_MOST)
    loss = 1.0 - probability_of_both_above(belief, NORMAL_AT_LEAST)
    return float(np.log(osteoporosis) - np.log(max(loss - osteoporosis, _LEAST)))


def expected_lowest(belief: JointPosterior) -> float:
    """Expected lowest of the two measured T-scores.

    Source: Clark 1961, Oper. Res. 9:145, the moments of the greater of two normal variables.
    """
    from scipy.stats import norm

    covariance = belief.covariance + MEASUREMENT_SD**2 * np.eye(2)
    spread = float(np.sqrt(covariance[0, 0] + covariance[1, 1] - 2.0 * covariance[0, 1]))
    lumbar, femur = belief.mean
    z = (femur - lumbar) / spread
    return float(lumbar * norm.cdf(z) + femur * norm.cdf(-z) - spread * norm.pdf(z))


def expected_bmd(belief: JointPosterior) -> tuple[float, float]:
    """Expected BMD by DXA, g/cm2, as `SITES`."""
    lumbar, femur = (
        young.mean + young.sd * score for young, score in zip(YOUNG_ADULTS, belief.mean.tolist(), strict=True)
    )
    return lumbar, femur


def believed(belief: JointPosterior, prefix: str = "observer") -> dict[str, float]:
    """Columns `<prefix>.<task>` of the truth table: a logit or an expected value of each task."""
    lumbar, femur = expected_bmd(belief)
    return {
        f"{prefix}.{BONE_LOSS}": bone_loss_logit(belief),
        f"{prefix}.{OSTEOPOROSIS}": osteoporosis_logit(belief),
        f"{prefix}.{OSTEOPOROSIS_GIVEN_LOSS}": osteoporosis_given_loss_logit(belief),
        f"{prefix}.{T_SCORE}": expected_lowest(belief),
        f"{prefix}.{bmd_column(SITES[0])}": lumbar,
        f"{prefix}.{bmd_column(SITES[1])}": femur,
    }
