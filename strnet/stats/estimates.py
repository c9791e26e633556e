"""What a statistic returns: a value that never travels without its interval and its counts."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

NO_SPREAD: Final = "these rows show no spread"
"""Why an estimated error of 0 makes no interval: it would claim certainty."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its interval, how that was made, and on how many cases it rests.

    `low` and `high` are NaN where no interval is defined; `note` then says why, and where they coincide.
    `count` is the number of cases, `events` the successes of a proportion or the positives of a two-class
    statistic, `clusters` the number of patients where patients were the unit. A rate with a weighted
    denominator has no `events`.
    """

    value: float
    low: float
    high: float
    confidence: float
    method: str
    count: int
    events: int | None = None
    clusters: int | None = None
    standard_error: float | None = None
    note: str = ""

    @property
    def has_interval(self) -> bool:
        """Whether both limits are defined."""
        return not (math.isnan(self.low) or math.isnan(self.high))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; what is undefined is None."""
        return {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in asdict(self).items()
        }

    def __str__(self) -> str:
        counts = f"{self.count}" if self.events is None else f"{self.events}/{self.count}"
        if not self.has_interval:
            return f"{self.value:.3f} (no interval: {self.note}; {counts})"
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f}; {counts})"


def width_noted(estimate: Estimate) -> Estimate:
    """The estimate, with a note where its limits coincide and nothing is said of that yet."""
    if estimate.note or estimate.low != estimate.high:
        return estimate
    return replace(estimate, note=f"no width: {NO_SPREAD}")
