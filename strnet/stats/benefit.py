"""Decision curves: what acting on a prediction is worth, in true positives per patient, at each odds of harm.

No dependency has them; the errors are those of a mean over patients.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from strnet.errors import StatsError
from strnet.stats.estimates import Estimate, width_noted
from strnet.stats.inputs import Floats, checked_finite, checked_predictions
from strnet.stats.means import patient_mean
from strnet.stats.normal import plain_limits


@dataclass(frozen=True, slots=True)
class DecisionCurve:
    """Net benefit by threshold probability, all of shape (thresholds,); treating nobody is worth 0.

    `low` and `high` are pointwise limits of `net_benefit`. `treat_all` is that of acting on everyone.
    """

    threshold: Floats
    net_benefit: Floats
    low: Floats
    high: Floats
    treat_all: Floats


def net_benefit(
    target: npt.ArrayLike,
    prob: npt.ArrayLike,
    threshold: float,
    *,
    confidence: float = 0.95,
    clusters: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
) -> Estimate:
    """Net benefit of acting where `prob` (n,) is `threshold` or more, per patient, with a normal interval.

    It is the share of true positives minus that of false positives times the odds of the threshold.

    Raises: StatsError: unusable rows; a threshold outside [0, 1).
    Source: Vickers and Elkin 2006, Med. Decis. Making 26:565-574.
    """
    positive, predicted = checked_predictions(target, prob)
    _require_thresholds(np.array([threshold]))
    worth = np.where(positive, 1.0, -threshold / (1 - threshold)) * (predicted >= threshold)
    mean = patient_mean(worth, clusters, weights)
    return width_noted(
        Estimate(
            mean.value,
            *plain_limits(mean.value, mean.standard_error, confidence),
            confidence,
            "normal",
            positive.size,
            events=int(positive.sum()),
            clusters=None if clusters is None else mean.units,
            standard_error=mean.standard_error,
            note="one row or patient has no variance" if np.isnan(mean.standard_error) else "",
        )
    )


def decision_curve(
    target: npt.ArrayLike,
    prob: npt.ArrayLike,
    thresholds: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    clusters: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
) -> DecisionCurve:
    """`net_benefit` at each of `thresholds` (t,) in [0, 1), beside acting on everyone.

    Raises: StatsError: as `net_benefit`.
    """
    at = checked_finite(thresholds, name="thresholds")
    _require_thresholds(at)

    def benefits(of: npt.ArrayLike) -> list[Estimate]:
        known = partial(net_benefit, target, of, confidence=confidence, clusters=clusters, weights=weights)
        return [known(float(threshold)) for threshold in at]

    model, all_treated = benefits(prob), benefits(np.ones(np.shape(prob)))
    return DecisionCurve(
        at,
        np.array([estimate.value for estimate in model]),
        np.array([estimate.low for estimate in model]),
        np.array([estimate.high for estimate in model]),
        np.array([estimate.value for estimate in all_treated]),
    )


def _require_thresholds(thresholds: Floats) -> None:
    if ((thresholds < 0) | (thresholds >= 1)).any():
        raise StatsError(
            f"thresholds: found {thresholds.min():g} to {thresholds.max():g}, expected probabilities of at "
            "least 0 and below 1, at which acting is worth its harm."
        )
