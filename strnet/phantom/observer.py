"""The ideal observer: the exact posterior of the T-score given what is planted in a film.

It knows age, sex, BMI and the planted features of this film (not the pixels, not the other films), which is
all that a film and a clinical table can hold about the T-score: no network can do better on average.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strnet.phantom.people import MEASUREMENT_SD, RESIDUAL_SD
from strnet.schema import NORMAL_AT_LEAST, OSTEOPOROSIS_AT_MOST

Array = np.ndarray


@dataclass(frozen=True)
class Posterior:
    """Gaussian posterior of the true T-score: `mean` (N,) and one `variance` for all films."""

    mean: Array
    variance: float


def posterior(expected: Array, scores: Array, feature_sd: Sequence[float], part_sd: float) -> Posterior:
    """Posterior of the true T-score from its clinical expectation (N,) and the feature scores (N, K).

    `feature_sd` (K,) is the scatter of each feature about the T-score of the part that is imaged, `part_sd`
    that part's deviation from the person; both in T-score units.

    Source: conjugate normal model: T ~ N(expected, RESIDUAL_SD^2), part = T + N(0, part_sd^2),
    score_k = part + N(0, feature_sd_k^2), all independent.
    """
    precision = np.array([sd**-2 for sd in feature_sd])
    part_estimate = scores @ precision / precision.sum()
    information = 1.0 / (1.0 / precision.sum() + part_sd**2)
    prior = RESIDUAL_SD**-2
    mean = (prior * np.asarray(expected) + information * part_estimate) / (prior + information)
    return Posterior(mean, float(1.0 / (prior + information)))


def bone_loss_logit(belief: Posterior) -> Array:
    """Logit of P(measured T-score < -1.0 | film), shape (N,)."""
    from scipy.special import log_ndtr

    z = (NORMAL_AT_LEAST - belief.mean) / np.sqrt(belief.variance + MEASUREMENT_SD**2)
    return np.asarray(log_ndtr(z) - log_ndtr(-z))


def osteoporosis_given_loss_logit(belief: Posterior) -> Array:
    """Logit of P(measured T-score <= -2.5 | film, measured T-score < -1.0), shape (N,)."""
    from scipy.special import log_ndtr

    sd = np.sqrt(belief.variance + MEASUREMENT_SD**2)
    osteoporosis = log_ndtr((OSTEOPOROSIS_AT_MOST - belief.mean) / sd)
    loss = log_ndtr((NORMAL_AT_LEAST - belief.mean) / sd)
    # P(osteopenia) = P(loss) (1 - P(osteoporosis) / P(loss)), in logs: both vanish for healthy bone.
    osteopenia = loss + np.log1p(-np.exp(np.minimum(osteoporosis - loss, -1e-12)))
    return np.asarray(osteoporosis - osteopenia)
