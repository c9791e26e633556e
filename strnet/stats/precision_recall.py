"""Average precision, the step-wise area under the precision-recall curve, with its interval.

scikit-learn has the value; no package knows what a row adds to its error, which makes resampling superfluous.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

from strnet.errors import StatsError, unknown_name
from strnet.stats.area_limits import approximate, separated_precision, with_pairs
from strnet.stats.bootstrap import Resampling, own_clusters
from strnet.stats.counting import SortedPatients, average_precision_of_counts
from strnet.stats.curves import roc_curve
from strnet.stats.estimates import Estimate
from strnet.stats.influence import auroc_influence
from strnet.stats.inputs import (
    Bools,
    Clusters,
    Floats,
    Ints,
    checked_clusters,
    checked_finite,
    checked_target,
    require_both_classes,
    require_same_length,
)
from strnet.stats.jackknife import leave_out, student_estimate
from strnet.stats.normal import normal_quantile
from strnet.stats.resampled import resample_classes
from strnet.stats.scales import AREA

AUPRC_INTERVALS: Final = ("logit", "bootstrap", "jackknife")
ADDED: Final = 1.0
"""Pairs added to either side: the precision hangs on fewer pairs than the area."""


def auprc(
    target: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    interval: str = "logit",
    clusters: npt.ArrayLike | None = None,
    rng: np.random.Generator | None = None,
    resampling: Resampling | None = None,
) -> Estimate:
    """Average precision, the step-wise area under the precision-recall curve, with its interval.

    `target`, `score`, `clusters` are (n,). `logit` treats rows as independent; `bootstrap` draws patients and
    needs an `rng`; `jackknife` leaves them out, covers where the percentiles of `bootstrap` do not, and costs
    one sort.

    Raises: StatsError: unusable rows, one class only, an unknown interval, `logit` with clusters.
    Source: Boyd, Eng, Page 2013, ECML PKDD, 451-466 (logit interval).
    """
    positive, scores = checked_target(target), checked_finite(score)
    require_same_length(positive.size, score=scores)
    positives, _ = require_both_classes(positive, purpose="auprc")
    if interval not in AUPRC_INTERVALS:
        raise StatsError(unknown_name("AUPRC interval", interval, AUPRC_INTERVALS))
    if interval == "jackknife":
        patients = None if clusters is None else checked_clusters(clusters, positive.size)
        return _left_out(positive, scores, patients, confidence)
    known = own_clusters(positive.size, clusters)
    figure = partial(average_precision_of_counts, SortedPatients(positive, scores, known))
    value = figure(np.ones(known.count, dtype=np.int64))
    counts = {"count": positive.size, "events": positives}
    if interval == "logit":
        if clusters is not None:
            raise StatsError("auprc: the logit interval takes films as independent. Use 'bootstrap'.")
        return _with_logit_interval(value, confidence, **counts)
    if rng is None:
        raise StatsError("auprc: interval='bootstrap' without rng. Pass numpy.random.default_rng(seed).")
    drawn = resample_classes(figure, positive, known, rng=rng, resampling=resampling)
    drawn_of = None if clusters is None else known.count
    return drawn.estimate(value, confidence=confidence, clusters=drawn_of, **counts)


def precision_influence(target: Bools, score: Floats) -> tuple[float, Floats]:
    """The average precision, and what each row (n,) adds to its error, summing to 0.

    A positive adds its own precision; every row changes that of the positives at its score or below.

    Source: Hampel 1974, J. Amer. Statist. Assoc. 69:383-393: the derivative by the weight of a row.
    """
    order = np.argsort(-score, kind="stable")
    place, last = _places(score[order])
    positive = target[order]
    true, false = np.cumsum(positive)[last], np.cumsum(~positive)[last]
    called, positives = true + false, int(true[-1])
    precision = true / called
    here = np.bincount(place, positive) / positives
    value = float(np.dot(here, precision))
    gain, loss = (_from_here_down(here * part / called**2)[place] for part in (false, true))
    terms = np.where(positive, (precision[place] - value) / positives + gain, -loss)
    influence = np.empty(target.size)
    influence[order] = terms
    return value, influence


def average_precision(
    target: npt.ArrayLike, score: npt.ArrayLike, *, weights: npt.ArrayLike | None = None
) -> float:
    """Average precision alone, also of weighted rows (n,).

    Raises: StatsError: as `roc_curve`.
    """
    curve = roc_curve(target, score, weights=weights)
    return float(np.dot(np.diff(curve.sensitivity), curve.precision[1:]))


def _left_out(target: Bools, score: Floats, patients: Clusters | None, confidence: float) -> Estimate:
    """Student's limits on the scale of an area, approximate with few patients of either class."""
    area = auroc_influence(target, score, patients, None)
    left = area.left_out()
    if area.value == 1:
        return separated_precision(area, left, confidence)
    value, influence = precision_influence(target, score)
    found, of_sizes = leave_out(influence, patients).jackknife, left.freedom_of_sizes
    found = replace(found, freedom=min(found.freedom, of_sizes), of_sizes=of_sizes)
    centre = with_pairs(value, left.effective_sizes, ADDED)
    made = student_estimate(value, found, AREA, confidence=confidence, count=target.size, centre=centre)
    clusters = None if patients is None else patients.count
    few = approximate(area.value, left)
    note = few if few and made.has_interval else made.note
    return replace(made, events=area.positives.size, clusters=clusters, note=note)


def _places(scores: Floats) -> tuple[Ints, Ints]:
    """For descending scores (n,) the group of equal ones of each row, and the last place of each group."""
    ends = np.append(np.diff(scores) != 0, True)
    first_place: Ints = np.cumsum(ends) - ends
    return first_place, np.flatnonzero(ends)


def _from_here_down(values: Floats) -> Floats:
    """Sums of values (k,) from each place to the last."""
    return np.cumsum(values[::-1])[::-1]


def _with_logit_interval(value: float, confidence: float, count: int, events: int) -> Estimate:
    if value == 1:
        nan = float("nan")
        note = "the logit of 1; interval='jackknife' is defined"
        return Estimate(value, nan, nan, confidence, "logit", count, events=events, note=note)
    half = normal_quantile(confidence) / np.sqrt(events * value * (1 - value))
    low, high = (float(special.expit(special.logit(value) + sign * half)) for sign in (-1, 1))
    return Estimate(value, low, high, confidence, "logit", count, events=events)
