"""ROC and precision-recall curves at every distinct score, and the area under a part of the former.

scikit-learn's `roc_curve` drops points by default and with them the optimum of tied scores.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from strnet.errors import StatsError, unknown_name
from strnet.stats.inputs import (
    Floats,
    Ints,
    checked_finite,
    checked_fraction,
    checked_target,
    checked_weights,
    require_both_classes,
    require_same_length,
)


@dataclass(frozen=True, slots=True)
class RocCurve:
    """Points of the curve from nobody called positive to everybody, one per distinct score, descending.

    `threshold[0]` is infinite: no score reaches it. A score of a threshold or more is positive. `precision`
    is 1 where nobody is called. All of shape (points,).
    """

    threshold: Floats
    sensitivity: Floats
    specificity: Floats
    precision: Floats


def roc_curve(
    target: npt.ArrayLike, score: npt.ArrayLike, *, weights: npt.ArrayLike | None = None
) -> RocCurve:
    """The empirical curve with every point, also the collinear ones; `target`, `score`, `weights` are (n,).

    Raises: StatsError: unusable rows, one class only.
    """
    positive, scores = checked_target(target), checked_finite(score)
    require_same_length(positive.size, score=scores)
    require_both_classes(positive, purpose="roc_curve")
    known = np.ones(positive.size) if weights is None else checked_weights(weights, positive.size)
    order = np.argsort(-scores, kind="stable")
    last_of_score = np.append(np.flatnonzero(np.diff(scores[order])), positive.size - 1)
    true = _cumulative(known * positive, order, last_of_score)
    false = _cumulative(known * ~positive, order, last_of_score)
    if true[-1] == 0 or false[-1] == 0:
        raise StatsError(
            "weights: every weight of one class is 0. At least one row of each class must count."
        )
    called = true + false
    return RocCurve(
        threshold=np.concatenate([[np.inf], scores[order][last_of_score]]),
        sensitivity=true / true[-1],
        specificity=1 - false / false[-1],
        precision=np.divide(true, called, out=np.ones_like(called), where=called > 0),
    )


def partial_auroc(
    target: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    at_least: float,
    of: str = "specificity",
    standardised: bool = True,
    weights: npt.ArrayLike | None = None,
) -> float:
    """The area where `of` (`specificity` or `sensitivity`) is `at_least`; its interval: `cluster_bootstrap`.

    Standardised it is 1 for a perfect test and 0.5 for the flip of a coin; otherwise at most 1 - `at_least`.

    Raises: StatsError: as `roc_curve`; `at_least` outside (0, 1), an unknown `of`.
    Source: McClish 1989, Med. Decis. Making 9:190-195; Jiang, Metz, Nishikawa 1996, Radiology 201:745-750.
    """
    width = 1 - checked_fraction(at_least, name="at_least")
    curve = roc_curve(target, score, weights=weights)
    if of == "specificity":
        area = _area_up_to(1 - curve.specificity, curve.sensitivity, width)
    elif of == "sensitivity":  # the same with the classes exchanged
        area = _area_up_to((1 - curve.sensitivity)[::-1], curve.specificity[::-1], width)
    else:
        raise StatsError(unknown_name("part of the ROC curve", of, ("specificity", "sensitivity")))
    if not standardised:
        return area
    chance, best = width**2 / 2, width
    return 0.5 * (1 + (area - chance) / (best - chance))


def _cumulative(weights: Floats, order: Ints, last_of_score: Ints) -> Floats:
    """Sums of the weights of the scores so far, starting at 0 for none."""
    return np.concatenate([[0.0], np.cumsum(weights[order])[last_of_score]])


def _area_up_to(x: Floats, y: Floats, width: float) -> float:
    """The area under a curve of ascending x from 0 to `width`, straight between its points."""
    inside = x <= width
    xs, ys = np.append(x[inside], width), np.append(y[inside], np.interp(width, x, y))
    return float(np.dot(np.diff(xs), (ys[1:] + ys[:-1]) / 2))
