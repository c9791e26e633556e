"""The threshold that most papers report beside the one that keeps its promise: what each costs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from strnet.stats.estimates import Estimate
from strnet.thresholds.fitting import fit_rows
from strnet.thresholds.point import OperatingPoint
from strnet.thresholds.rows import Rows
from strnet.thresholds.threshold_request import Request


@dataclass(frozen=True, slots=True)
class Comparison:
    """The empirical threshold and the one asked for, on the same rows.

    `chance_empirical_holds` is P(true sensitivity >= floor) of the empirical one, by the exact law;
    `specificity_cost` what the other gives up for its promise (None without negatives).
    """

    empirical: OperatingPoint
    chosen: OperatingPoint
    chance_empirical_holds: float
    specificity_cost: float | None

    def table(self) -> list[tuple[str, str, str]]:
        """Rows for people: what is stated, for the empirical threshold, for the chosen one."""
        return [
            (name, describe_in_words(self.empirical), describe_in_words(self.chosen))
            for name, describe_in_words in STATEMENTS.items()
        ]

    def to_dict(self) -> dict[str, Any]:
        """The figures that stand in neither operating point, as JSON values."""
        return {
            "chance_empirical_holds": self.chance_empirical_holds,
            "specificity_cost": self.specificity_cost,
        }


def compare(rows: Rows, request: Request) -> Comparison:
    """Both operating points for checked rows.

    Raises: as `fit_threshold`, for the one asked for.
    """
    chosen = fit_rows(rows, request)
    # the plain reading of the same sensitivity, with nothing drawn
    mean = request.cluster_method == "one_per_cluster"
    plain = replace(request, method="empirical", cluster_method="betting" if mean else request.cluster_method)
    empirical = chosen if request.method == "empirical" else fit_rows(rows, plain)
    cost = None
    if empirical.specificity is not None and chosen.specificity is not None:
        cost = empirical.specificity.value - chosen.specificity.value
    return Comparison(empirical, chosen, empirical.confidence_reached, cost)


def _threshold(point: OperatingPoint) -> str:
    if point.threshold is None:
        return "one per group"
    return f"{point.operator} {point.threshold!r}"  # in full: rounded up it would miss the case it is set on


def _misses(point: OperatingPoint) -> str:
    return f"{point.misses_made} of {point.positives}"


def _rate(estimate: Estimate | None) -> str:
    return "undefined (no negatives)" if estimate is None else str(estimate)


STATEMENTS = {
    "method": lambda point: point.method,
    "status": lambda point: point.status,
    "promise": lambda point: point.promised,
    "whose sensitivity": lambda point: point.speaks_of,
    "positive if score": _threshold,
    "misses on these rows": _misses,
    "sensitivity on these rows": lambda point: f"{point.observed_sensitivity.value:.3f}",
    "expected sensitivity": lambda point: _rate(point.expected_sensitivity),
    "chance that the floor holds": lambda point: f"{point.confidence_reached:.1%}",
    "specificity": lambda point: _rate(point.specificity),
}
