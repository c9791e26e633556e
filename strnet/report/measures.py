"""A figure with its interval and counts, or the reason why there is none: never a sentinel number."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict

from strnet.errors import StatsError
from strnet.stats import Estimate
from strnet.stats.estimates import NO_SPREAD


class Strict:
    """What pydantic reads of every result here: unknown keys and NaN are errors."""

    __slots__ = ()
    __pydantic_config__ = ConfigDict(extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class Measure(Strict):
    """A figure with its interval and counts, or (`value` None) the reason why there is none in `note`.

    `count` cases; `events` of them where the figure is their share; `clusters` patients where patients were
    the unit; `note` also says why an interval is missing.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    method: str = ""
    count: int | None = None
    events: int | None = None
    clusters: int | None = None
    note: str = ""

    @property
    def has_interval(self) -> bool:
        """Whether both limits are there."""
        return self.low is not None and self.high is not None


@dataclass(frozen=True, slots=True)
class AgainstNetwork(Strict):
    """The network minus another scorer on the same rows, with interval and two-sided p-value.

    `quantity` says what is subtracted: an AUROC (more is better) or the mean absolute error (less is better).
    """

    quantity: Literal["auroc", "macro_auroc", "mae"]
    difference: Measure
    p_value: float | None = None


def measured(estimate: Estimate, *, share: bool = False) -> Measure:
    """An estimate as data; what is undefined is left out, with the estimate's note.

    Only a `share` keeps its events: those of an AUROC are its positives, which are no part of it. Limits that
    coincide are no interval: they would claim certainty.
    """
    if not math.isfinite(estimate.value):
        return absent(estimate.note or f"{estimate.method}: undefined on these rows")
    wide = math.isfinite(estimate.low) and math.isfinite(estimate.high) and estimate.low < estimate.high
    return Measure(
        float(estimate.value),
        float(estimate.low) if wide else None,
        float(estimate.high) if wide else None,
        estimate.method,
        estimate.count,
        estimate.events if share else None,
        estimate.clusters,
        estimate.note if wide else f"no interval: {estimate.note or NO_SPREAD}",
    )


def absent(reason: str) -> Measure:
    """The measure of a figure that these rows cannot give."""
    return Measure(note=reason)


def attempt(estimate: Callable[[], Estimate], *, share: bool = False) -> Measure:
    """What `estimate()` returns as data, or its StatsError as the reason why there is no figure."""
    try:
        return measured(estimate(), share=share)
    except StatsError as error:
        return absent(str(error))
