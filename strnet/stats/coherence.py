"""Whether the answers of one network agree: three diagnoses from two conditional questions, and the T-score."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from strnet.errors import StatsError
from strnet.stats.inputs import Floats, checked_finite, checked_probability, require_same_length


def diagnosis_probabilities(bone_loss: npt.ArrayLike, osteoporosis_given_loss: npt.ArrayLike) -> Floats:
    """Probabilities (n, 3) of `schema.DIAGNOSES` in order; each row sums to 1.

    `bone_loss` (n,) is p = P(bone loss), `osteoporosis_given_loss` (n,) is q = P(osteoporosis | bone loss).

    Raises: StatsError: probabilities that are not finite or outside [0, 1], or of different lengths.
    Source: chain rule: P(normal) = 1 - p, P(osteopenia) = p (1 - q), P(osteoporosis) = p q.
    """
    p = checked_probability(bone_loss, name="bone_loss")
    q = checked_probability(osteoporosis_given_loss, name="osteoporosis_given_loss")
    require_same_length(p.size, osteoporosis_given_loss=q)
    return np.stack([1 - p, p * (1 - q), p * q], axis=1)


def ordinal_probabilities(logits: npt.ArrayLike) -> Floats:
    """Probabilities (n, C) of ordered classes from conditional logits (n, C - 1) of class > k given class >= k.

    Raises: StatsError: not two-dimensional, or not finite.
    Source: Shi, Cao, Raschka 2023, Deep Neural Networks for Rank-Consistent Ordinal Regression Based On
        Conditional Probabilities, eq. 3.
    """
    from scipy.special import expit

    values = np.asarray(logits, dtype=np.float64)
    if values.ndim != 2 or values.size == 0:
        raise StatsError(f"logits: found shape {values.shape}, expected rows and one column per question.")
    checked_finite(values.ravel(), name="logits")
    beyond = np.cumprod(expit(values), axis=1)
    reached = np.hstack([np.ones((len(values), 1)), beyond[:, :-1]])
    return np.hstack([reached * expit(-values), beyond[:, -1:]])
