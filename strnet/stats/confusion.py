"""What a 2 x 2 table says of a test, each figure with its interval and counts; patients and weights known.

scikit-learn has the values without intervals. Likelihood and odds ratios have their logarithmic intervals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from strnet.errors import StatsError
from strnet.stats.clustered import clustered_proportion
from strnet.stats.estimates import Estimate, width_noted
from strnet.stats.inputs import (
    Bools,
    Floats,
    Ints,
    checked_clusters,
    checked_target,
    checked_weights,
    require_same_length,
)
from strnet.stats.normal import normal_quantile
from strnet.stats.proportions import proportion


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts of a two-class test.

    Raises: StatsError: a count below 0, or no row at all.
    """

    true_positives: int
    false_negatives: int
    false_positives: int
    true_negatives: int

    def __post_init__(self) -> None:
        cells = self.true_positives, self.false_negatives, self.false_positives, self.true_negatives
        if min(cells) < 0 or sum(cells) == 0:
            raise StatsError(
                f"confusion: found {cells} (tp, fn, fp, tn), expected counts of 0 or more, not all 0."
            )

    @property
    def positives(self) -> int:
        """Rows with the condition."""
        return self.true_positives + self.false_negatives

    @property
    def negatives(self) -> int:
        """Rows without the condition."""
        return self.false_positives + self.true_negatives

    @property
    def total(self) -> int:
        """All rows."""
        return self.positives + self.negatives


def confusion(target: npt.ArrayLike, called: npt.ArrayLike) -> Confusion:
    """The four counts of `target` (n,) and what the test called positive, `called` (n,), both of 0 and 1.

    Raises: StatsError: values other than 0 and 1, other lengths.
    """
    positive, flagged = checked_target(target), checked_target(called, name="called")
    require_same_length(positive.size, called=flagged)
    true_positives = int(np.count_nonzero(positive & flagged))
    positives, calls = int(np.count_nonzero(positive)), int(np.count_nonzero(flagged))
    false_positives = calls - true_positives
    return Confusion(
        true_positives,
        positives - true_positives,
        false_positives,
        positive.size - positives - false_positives,
    )


def binary_metrics(
    target: npt.ArrayLike,
    called: npt.ArrayLike,
    *,
    method: str = "wilson",
    confidence: float = 0.95,
    clusters: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
) -> dict[str, Estimate]:
    """Sensitivity, specificity, ppv, npv, accuracy and prevalence by name, and those of `table_metrics`.

    `target`, `called` (n,) of 0 and 1. With `clusters` or `weights` (n,) only the six shares are given, their
    intervals are Korn and Graubard's and `method` plays no part. A share of no rows is NaN, with a note.

    Raises: StatsError: unusable rows.
    """
    if clusters is None and weights is None:
        return table_metrics(confusion(target, called), method=method, confidence=confidence)
    positive, flagged = checked_target(target), checked_target(called, name="called")
    require_same_length(positive.size, called=flagged)
    patients = None if clusters is None else checked_clusters(clusters, positive.size).codes
    known_weights = None if weights is None else checked_weights(weights, positive.size)
    everyone = np.ones(positive.size, dtype=np.bool_)
    shares: dict[str, tuple[Bools, Bools]] = {
        "sensitivity": (flagged, positive),
        "specificity": (~flagged, ~positive),
        "ppv": (positive, flagged),
        "npv": (~positive, ~flagged),
        "accuracy": (positive == flagged, everyone),
        "prevalence": (positive, everyone),
    }
    return {
        name: _share_of(hits, rows, patients, known_weights, confidence)
        for name, (hits, rows) in shares.items()
    }


def table_metrics(
    table: Confusion, *, method: str = "wilson", confidence: float = 0.95
) -> dict[str, Estimate]:
    """Six shares, f1, both likelihood ratios and the diagnostic odds ratio, by name; undefined ones are NaN.

    Source: Simel, Samsa, Matchar 1991, J. Clin. Epidemiol. 44:763-770 (likelihood ratios); Woolf 1955 (odds
        ratio); Hand, Christen, Kirielle 2021, Mach. Learn. 110:451-456: F1 = 2 F* / (1 + F*), where F* =
        tp / (tp + fp + fn) is a proportion.
    """
    tp, fn, fp, tn = table.true_positives, table.false_negatives, table.false_positives, table.true_negatives
    shares = {
        "sensitivity": (tp, table.positives),
        "specificity": (tn, table.negatives),
        "ppv": (tp, tp + fp),
        "npv": (tn, tn + fn),
        "accuracy": (tp + tn, table.total),
        "prevalence": (table.positives, table.total),
    }
    found = {name: _proportion(*counts, method, confidence) for name, counts in shares.items()}
    found["f1"] = _f1(tp, tp + fp + fn, method, confidence)
    ratio = _ratio_of_shares
    found["positive_likelihood_ratio"] = ratio((tp, table.positives), (fp, table.negatives), confidence)
    found["negative_likelihood_ratio"] = ratio((fn, table.positives), (tn, table.negatives), confidence)
    found["diagnostic_odds_ratio"] = _odds_ratio(table, confidence)
    return found


def _share_of(
    hits: Bools, rows: Bools, patients: Ints | None, weights: Floats | None, confidence: float
) -> Estimate:
    units = rows.sum() if patients is None else np.unique(patients[rows]).size
    if units < 2 or (weights is not None and not weights[rows].any()):
        return _undefined(confidence, int(rows.sum()), "fewer than two patients or rows with weight")
    return clustered_proportion(
        hits[rows],
        None if patients is None else patients[rows],
        weights=None if weights is None else weights[rows],
        confidence=confidence,
    )


def _proportion(successes: int, total: int, method: str, confidence: float) -> Estimate:
    if total == 0:
        return _undefined(confidence, 0, "no rows to take a share of")
    return proportion(successes, total, method=method, confidence=confidence)


def _undefined(confidence: float, count: int, reason: str) -> Estimate:
    return Estimate(math.nan, math.nan, math.nan, confidence, "undefined", count, note=reason)


def _f1(true_positives: int, union: int, method: str, confidence: float) -> Estimate:
    if union == 0:
        return _undefined(confidence, 0, "no positive and none called")
    share = proportion(true_positives, union, method=method, confidence=confidence)
    value, low, high = (2 * part / (1 + part) for part in (share.value, share.low, share.high))
    return Estimate(value, low, high, confidence, f"{method} of F*", union, events=true_positives)


def _ratio_of_shares(first: tuple[int, int], second: tuple[int, int], confidence: float) -> Estimate:
    """The ratio of two shares given as (successes, total), with its interval on the logarithmic scale."""
    count = first[1] + second[1]
    if first[1] == 0 or second[1] == 0 or second[0] == 0:
        return _undefined(confidence, count, "division by 0")
    value = first[0] / first[1] / (second[0] / second[1])
    if first[0] == 0:
        return Estimate(value, math.nan, math.nan, confidence, "log", count, note="the logarithm of 0")
    error = math.sqrt(sum((1 - hits / total) / hits for hits, total in (first, second)))
    return _log_estimate(value, error, confidence, count)


def _odds_ratio(table: Confusion, confidence: float) -> Estimate:
    cells = table.true_positives, table.true_negatives, table.false_negatives, table.false_positives
    if min(cells) == 0:
        return _undefined(confidence, table.total, "a cell of the table is 0")
    value = cells[0] * cells[1] / (cells[2] * cells[3])
    return _log_estimate(value, math.sqrt(sum(1 / cell for cell in cells)), confidence, table.total)


def _log_estimate(value: float, error: float, confidence: float, count: int) -> Estimate:
    factor = math.exp(normal_quantile(confidence) * error)
    return width_noted(Estimate(value, value / factor, value * factor, confidence, "log", count))
