"""Coherent answers: the diagnoses from two conditional questions, and whether the T-score agrees."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from strnet import schema
from strnet.errors import StatsError, unknown_name
from strnet.stats.estimates import Estimate
from strnet.stats.inputs import (
    Bools,
    Floats,
    Ints,
    checked_finite,
    checked_probability,
    require_same_length,
)
from strnet.stats.proportions import proportion


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
    """Probabilities (n, C) of ordered classes; each row sums to 1.

    `logits` (n, C - 1) are conditional: column k asks for class > k given class >= k.

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


def most_probable(probabilities: npt.ArrayLike) -> Ints:
    """The class (n,) of the largest of its probabilities (n, C); of equal ones the last.

    In an ordered task that is the sicker one: a screening test errs on the side of the disease.
    """
    values = np.asarray(probabilities)
    last: Ints = values.shape[1] - 1 - values[:, ::-1].argmax(axis=1)
    return last


def most_probable_diagnosis(probabilities: npt.ArrayLike) -> npt.NDArray[np.str_]:
    """The diagnosis (n,) of the largest of its probabilities (n, 3); of equal ones the sicker.

    Raises: StatsError: not one column per diagnosis.
    """
    values = np.asarray(probabilities, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != len(schema.DIAGNOSES):
        raise StatsError(
            f"probabilities: found shape {values.shape}, expected one column for each of "
            f"{', '.join(schema.DIAGNOSES)}."
        )
    return np.asarray(np.array(schema.DIAGNOSES)[most_probable(values)], dtype=np.str_)


def contradicts_t_score(diagnosis: npt.ArrayLike, t_score: npt.ArrayLike) -> Bools:
    """Where (n,) a diagnosis is not the one that the unrounded T-score beside it means.

    Raises: StatsError: a T-score that is not finite, an unknown diagnosis, or different lengths.
    """
    scores = checked_finite(t_score, name="t_score")
    named = np.asarray(diagnosis, dtype=np.str_)
    require_same_length(scores.size, diagnosis=named)
    unknown = sorted(set(named.tolist()) - set(schema.DIAGNOSES))
    if unknown:
        raise StatsError(f"diagnosis: {unknown_name('diagnosis', unknown[0], schema.DIAGNOSES)}")
    meant = np.select(
        [scores <= schema.OSTEOPOROSIS_AT_MOST, scores >= schema.NORMAL_AT_LEAST],
        [schema.OSTEOPOROSIS, schema.NORMAL],
        schema.OSTEOPENIA,
    )
    return np.asarray(meant != named)


def contradiction_share(
    diagnosis: npt.ArrayLike, t_score: npt.ArrayLike, *, confidence: float = 0.95
) -> Estimate:
    """The share of rows whose predicted diagnosis contradicts their predicted T-score, with its interval.

    Raises: StatsError: as `contradicts_t_score`.
    """
    contradictions = contradicts_t_score(diagnosis, t_score)
    return proportion(int(contradictions.sum()), contradictions.size, confidence=confidence)
