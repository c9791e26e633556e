"""The ideal observer of the spine: the exact joint posterior of both T-scores given what a film shows.

It knows age, sex, BMI and the planted features that the view shows (not the pixels): no network can do better
on average from that film.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strnet.phantom.lumbar.spine_people import RESIDUAL_COVARIANCE, YOUNG_ADULTS
from strnet.phantom.lumbar.vertebral_planting import FEATURE_SD, Planted
from strnet.phantom.people import MEASUREMENT_SD
from strnet.schema import NORMAL_AT_LEAST, OSTEOPOROSIS_AT_MOST

Array = np.ndarray

_LEAST = 1e-15
"""Least probability that is told from none: cancellation of the joint one leaves about as much."""


@dataclass(frozen=True)
class JointPosterior:
    """Gaussian posterior of the true T-scores as `SITES`: `mean` (2,) and `covariance` (2, 2)."""

    mean: Array
    covariance: Array


def joint_posterior(expected: Array, planted: Planted, features: Sequence[str]) -> JointPosterior:
    """Posterior of both T-scores from their clinical expectation (2,) and the named `features` of `planted`.

    Source: conditional of a joint normal: T ~ N(expected, RESIDUAL_COVARIANCE), score_k = T_lumbar +
    N(0, FEATURE_SD_k^2), the scatter independent.
    """
    precision = np.array([FEATURE_SD[name] ** -2 for name in features])
    scores = np.array([getattr(planted, name) for name in features])
    found, variance = float(precision @ scores / precision.sum()), float(1.0 / precision.sum())
    gain = RESIDUAL_COVARIANCE[:, 0] / (RESIDUAL_COVARIANCE[0, 0] + variance)
    mean = expected + gain * (found - expected[0])
    return JointPosterior(mean, RESIDUAL_COVARIANCE - np.outer(gain, RESIDUAL_COVARIANCE[0]))


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
