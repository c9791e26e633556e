"""A prevalence as somebody states it: a number, limits, or counts whose own error has to be paid for."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

from strnet.errors import ThresholdError
from strnet.stats.proportions import clopper_pearson_lower, clopper_pearson_upper

_LIMITS = re.compile(r"^\s*([\d.]+)\s*(?:-|to)\s*([\d.]+)\s*$")
_COUNTS = re.compile(r"^\s*(\d+)\s*(?:/|of)\s*(\d+)\s*$")


@dataclass(frozen=True, slots=True)
class StatedPrevalence:
    """The share of the people to be screened who are diseased: `value`, and `low` to `high`, what it may be.

    Limits are taken as they are stated. Counts (`diseased` of `people`, drawn from those to be screened) have
    an error of their own, for which `bounds` takes a share of the whole.
    """

    text: str
    value: float
    low: float
    high: float
    diseased: float | None = None
    people: float | None = None

    @property
    def counted(self) -> bool:
        """Whether it rests on counts, which may mislead."""
        return self.people is not None

    def times(self, factor: float) -> StatedPrevalence:
        """The same share, counted among `factor` times the people where it is counted."""
        if self.diseased is None or self.people is None:
            return self
        return replace(self, diseased=self.diseased * factor, people=self.people * factor)

    def bounds(self, tail: float) -> tuple[float, float]:
        """Limits of the prevalence; each of them is wrong with probability at most `tail`.

        Source: Clopper and Pearson 1934; what is stated without counts is taken as certain.
        """
        if self.diseased is None or self.people is None:
            return self.low, self.high
        low = clopper_pearson_lower(self.diseased, self.people, confidence=1 - tail)
        high = clopper_pearson_upper(self.diseased, self.people, confidence=1 - tail)
        return float(low), float(high)


def read_prevalence(given: str | float) -> StatedPrevalence:
    """The prevalence that `given` states: `0.12`, `0.10-0.15` (limits) or `24/200` (24 diseased of 200).

    Raises: ThresholdError: anything else, a prevalence outside (0, 1), or limits in the wrong order.
    """
    text = str(given).strip()
    counts, limits = _COUNTS.match(text), _LIMITS.match(text)
    if counts:
        diseased, people = (int(part) for part in counts.groups())
        if not 0 < diseased < people:
            raise _unreadable(text, "counts such as 24/200, some of them diseased and not all")
        return StatedPrevalence(text, diseased / people, 0.0, 1.0, diseased, people)
    low, high = (_share(part, text) for part in (limits.groups() if limits else (text, text)))
    if low > high:
        raise _unreadable(text, "the lower limit first")
    return StatedPrevalence(text, low if low == high else (low + high) / 2, low, high)


def _share(part: str, text: str) -> float:
    try:
        share = float(part)
    except ValueError:
        share = math.nan
    if 1 < share < 100:
        raise _unreadable(text, f"shares between 0 and 1: write {part} percent as {share / 100:g}")
    if not 0 < share < 1:
        raise _unreadable(text, "shares strictly between 0 and 1")
    return share


def _unreadable(text: str, expected: str) -> ThresholdError:
    return ThresholdError(
        f"prevalence: found {text!r}, expected {expected}. Give a number (0.12), limits (0.10-0.15), or "
        "counts of the people to be screened (24/200), whose error is then paid for."
    )
