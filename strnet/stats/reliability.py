"""Do predicted probabilities mean what they say, bin by bin: Brier score and parts, calibration error, curve.

scikit-learn has the Brier score without interval or parts, and a reliability curve without counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

from strnet.errors import StatsError, unknown_name
from strnet.stats.comparisons import HypothesisTest
from strnet.stats.estimates import Estimate, width_noted
from strnet.stats.inputs import (
    Bools,
    Floats,
    Ints,
    checked_clusters,
    checked_predictions,
    checked_weights,
)
from strnet.stats.jackknife import jackknife_estimate
from strnet.stats.means import patient_mean, row_shares
from strnet.stats.normal import unit_limits
from strnet.stats.proportions import proportion_bounds
from strnet.stats.scales import LOGIT

BINNINGS: Final = ("width", "quantile")
BRIER_INTERVALS: Final = ("normal", "jackknife")


@dataclass(frozen=True, slots=True)
class BrierParts:
    """The Brier score as reliability - resolution + uncertainty + `within_bins`; the last is 0 without bins.

    Reliability is small and resolution large for good predictions; uncertainty belongs to the cohort.
    """

    score: float
    reliability: float
    resolution: float
    uncertainty: float
    within_bins: float


@dataclass(frozen=True, slots=True)
class ReliabilityCurve:
    """Bins with rows, ascending: mean prediction, share of positives with Wilson limits, number of rows.

    All of shape (bins with rows,).
    """

    predicted: Floats
    observed: Floats
    low: Floats
    high: Floats
    count: Ints


def brier(
    target: npt.ArrayLike,
    prob: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    interval: str = "normal",
    clusters: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
) -> Estimate:
    """The mean squared difference of `prob` (n,) and `target` (n,), with its interval.

    `normal` is the usual interval of a mean; `jackknife` is made on the logit scale, with degrees of freedom
    that fall where a few rows make the score, and covers in small cohorts.

    Raises: StatsError: unusable rows, probabilities outside [0, 1], an unknown interval.
    Source: Brier 1950, Mon. Weather Rev. 78:1-3.
    """
    positive, predicted = checked_predictions(target, prob)
    squares = (predicted - positive) ** 2
    if interval not in BRIER_INTERVALS:
        raise StatsError(unknown_name("interval of the Brier score", interval, BRIER_INTERVALS))
    if interval == "jackknife":
        known = None if clusters is None else checked_clusters(clusters, positive.size)
        shares = row_shares(positive.size, weights)
        score = float(np.dot(shares, squares))
        return jackknife_estimate(
            score, shares * (squares - score), LOGIT, confidence=confidence, clusters=known, shares=shares,
            events=int(positive.sum()),
        )  # fmt: skip
    mean = patient_mean(squares, clusters, weights)
    low, high = unit_limits(mean.value, mean.standard_error, confidence)
    return width_noted(
        Estimate(
            mean.value,
            low,
            high,
            confidence,
            "normal",
            positive.size,
            events=int(positive.sum()),
            clusters=None if clusters is None else mean.units,
            standard_error=mean.standard_error,
            note="one row has no variance" if np.isnan(low) else "",
        )
    )


def brier_parts(target: npt.ArrayLike, prob: npt.ArrayLike, *, bins: int | None = 10) -> BrierParts:
    """The Brier score taken apart, over bins of equal width, or over distinct predictions with `bins` None.

    Raises: StatsError: as `brier`, fewer than one bin.
    Source: Murphy 1973, J. Appl. Meteor. 12:595-600; Stephenson, Coelho, Jolliffe 2008, Weather and
        Forecasting 23:752-757 (what bins leave over).
    """
    positive, predicted = checked_predictions(target, prob)
    if bins is None:
        codes: Ints = np.unique(predicted, return_inverse=True)[1].reshape(-1)
    else:
        codes = _bin_codes(predicted, _edges(predicted, bins, "width"))
    count, sum_of_target, sum_of_prob = _sums(codes, positive, predicted)
    share, observed, mean = count / positive.size, sum_of_target / count, sum_of_prob / count
    base = float(positive.mean())
    score = float(np.mean((predicted - positive) ** 2))
    reliability = float(np.dot(share, (mean - observed) ** 2))
    resolution = float(np.dot(share, (observed - base) ** 2))
    uncertainty = base * (1 - base)
    return BrierParts(
        score, reliability, resolution, uncertainty, score - (reliability - resolution + uncertainty)
    )


def expected_calibration_error(
    target: npt.ArrayLike,
    prob: npt.ArrayLike,
    *,
    bins: int = 10,
    binning: str = "width",
    weights: npt.ArrayLike | None = None,
) -> float:
    """The mean over rows of |share of positives - mean prediction| of their bin, in [0, 1].

    Bins are closed on the right, the first on both sides. It is biased upwards where bins hold few rows.

    Raises: StatsError: as `brier`, an unknown binning.
    Source: Naeini, Cooper, Hauskrecht 2015, AAAI, 2901-2907.
    """
    positive, predicted = checked_predictions(target, prob)
    known = np.ones(positive.size) if weights is None else checked_weights(weights, positive.size)
    codes = _bin_codes(predicted, _edges(predicted, bins, binning))
    gaps = np.bincount(codes, known * (positive - predicted))
    return float(np.abs(gaps).sum() / known.sum())


def reliability_curve(
    target: npt.ArrayLike,
    prob: npt.ArrayLike,
    *,
    bins: int = 10,
    binning: str = "quantile",
    confidence: float = 0.95,
) -> ReliabilityCurve:
    """Observed against predicted share by bins of `prob`, with Wilson limits; empty bins are left out.

    Raises: StatsError: as `expected_calibration_error`.
    """
    positive, predicted = checked_predictions(target, prob)
    count, sum_of_target, sum_of_prob = _sums(
        _bin_codes(predicted, _edges(predicted, bins, binning)), positive, predicted
    )
    low, high = proportion_bounds(sum_of_target, count, confidence=confidence)
    return ReliabilityCurve(sum_of_prob / count, sum_of_target / count, low, high, count.astype(np.int64))


def hosmer_lemeshow(
    target: npt.ArrayLike, prob: npt.ArrayLike, *, groups: int = 10, same_rows: bool = False
) -> HypothesisTest:
    """The chi-squared test of observed against expected positives over quantile groups of `prob` (n,).

    Degrees of freedom: the number of groups for predictions of new rows, two fewer where the model was fitted
    on the `same_rows`. It has little power in small cohorts and too much in large ones.

    Raises: StatsError: as `brier`; groups whose predictions are all 0 or all 1; too few groups.
    Source: Hosmer and Lemeshow 1980, Commun. Statist. A9:1043-1069; 2013, Applied Logistic Regression, 5.2.2.
    """
    positive, predicted = checked_predictions(target, prob)
    codes = _bin_codes(predicted, _edges(predicted, groups, "quantile"))
    count, observed, expected = _sums(codes, positive, predicted)
    freedom = count.size - (2 if same_rows else 0)
    variance = expected * (1 - expected / count)
    if freedom < 1 or (variance <= 0).any():
        raise StatsError(
            f"hosmer_lemeshow: found {count.size} usable groups of {groups}, expected three or more "
            "whose mean prediction lies between 0 and 1. Use fewer groups, or the calibration slope."
        )
    statistic = float(((observed - expected) ** 2 / variance).sum())
    p_value = float(special.chdtrc(freedom, statistic))
    return HypothesisTest("Hosmer-Lemeshow", statistic, p_value, positive.size, float(freedom))


def _edges(prob: Floats, bins: int, binning: str) -> Floats:
    if binning not in BINNINGS:
        raise StatsError(unknown_name("binning", binning, BINNINGS))
    if bins < 1:
        raise StatsError(f"bins: found {bins}, expected 1 or more.")
    inner = np.linspace(0, 1, bins + 1)
    return inner if binning == "width" else np.unique(np.quantile(prob, inner))


def _bin_codes(prob: Floats, edges: Floats) -> Ints:
    """The bin of each row: closed on the right, the first on both sides."""
    return np.clip(np.searchsorted(edges, prob, side="left") - 1, 0, max(edges.size - 2, 0))


def _sums(codes: Ints, target: Bools, prob: Floats) -> tuple[Floats, Floats, Floats]:
    """Rows, positives and sums of predictions of the bins that have rows."""
    sums = [np.bincount(codes, values) for values in (np.ones(codes.size), target, prob)]
    count, of_target, of_prob = (np.asarray(part, dtype=np.float64)[sums[0] > 0] for part in sums)
    return count, of_target, of_prob
