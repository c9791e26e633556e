"""A figure as it is printed: the exact values behind its digits."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from fractions import Fraction
from typing import Final

from strnet.errors import StatsError

MOST_DECIMALS: Final = 8
"""Decimals of a figure that are used: with more, products of counts would not fit into 64 bits."""


@dataclass(frozen=True, slots=True)
class Span:
    """The values that a figure can have; `None` where there is no end. Shares may be printed in per cent."""

    low: int | None
    high: int | None
    words: str
    percent: bool = False

    def holds(self, value: Fraction) -> bool:
        """Whether a figure can have this value."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


SHARE: Final = Span(0, 1, "a share between 0 and 1", percent=True)
SIGNED: Final = Span(-1, 1, "a number between -1 and 1", percent=True)
AT_MOST_ONE: Final = Span(None, 1, "a number of 1 or less", percent=True)
AT_LEAST_ZERO: Final = Span(0, None, "a number of 0 or more")
ANY: Final = Span(None, None, "a number")


@dataclass(frozen=True, slots=True)
class Rounded:
    """The values that are printed as `text`: from `low` to `high`, both included, as exact fractions.

    Both ends, since a half is rounded up by one program and to the even digit by another.
    """

    text: str
    low: Fraction
    high: Fraction

    def truncated(self) -> Rounded:
        """The values whose further digits were cut off instead of rounded."""
        if self.low == self.high:
            return self
        middle = (self.low + self.high) / 2
        return Rounded(self.text, middle, middle + (self.high - self.low))


def rounded(text: str, *, name: str, span: Span = SHARE, is_limit: bool = False) -> Rounded:
    """The values behind a printed figure such as `0.82`, `.82`, `82%` or `79.7 %`.

    A limit of an interval may lie outside its span by up to a half, as Wald's do. Decimals beyond
    `MOST_DECIMALS` widen to what those hold.

    Raises: StatsError: no number, or one outside the span, such as 82 for 82%.
    """
    stripped = str(text).strip()
    percent = span.percent and stripped.endswith("%")
    number = _number(stripped.rstrip("% ") if percent else stripped, text, name, span)
    scale = 100 if percent else 1
    value = Fraction(number) / scale
    slack = Fraction(1, 2) if is_limit else Fraction(0)
    if not (span.holds(value) or (is_limit and (span.holds(value + slack) or span.holds(value - slack)))):
        meant = span.percent and not percent and 1 < number <= 100
        hint = f" Write {stripped}% for a percentage." if meant else ""
        raise StatsError(f"{name}: found {text!r}, expected {span.words}.{hint}")
    exponent = int(number.as_tuple().exponent)
    step = Decimal(1).scaleb(max(min(exponent, 0), (2 if percent else 0) - MOST_DECIMALS))
    half = Fraction(step) / 2
    low, high = (Fraction(number.quantize(step, rounding)) for rounding in (ROUND_FLOOR, ROUND_CEILING))
    return Rounded(stripped, (low - half) / scale, (high + half) / scale)


def _number(digits: str, text: str, name: str, span: Span) -> Decimal:
    example = "0.82 or 82%" if span.percent else "3.15"
    kind = "share" if span is SHARE else "number"
    try:
        number = Decimal(digits)
    except InvalidOperation as error:
        raise StatsError(
            f"{name}: found {text!r}, expected a {kind} as printed, such as {example}."
        ) from error
    if not number.is_finite() or not -400 < number.adjusted() < 16:  # beyond, its fraction fills the memory
        raise StatsError(f"{name}: found {text!r}, expected {span.words}.")
    return number


@dataclass(frozen=True, slots=True)
class CountedShare:
    """A share printed as counts: `hits` of `total`."""

    hits: int
    total: int


def counted_share(text: str, *, name: str) -> CountedShare | None:
    """The counts of a figure printed as `173/198`; None of one printed otherwise.

    Raises: StatsError: a slash without two whole numbers, or more hits than there are in all.
    """
    hits, slash, total = (part.strip() for part in str(text).partition("/"))
    if not slash:
        return None
    if not (hits.isdecimal() and total.isdecimal()):
        raise StatsError(f"{name}: found {text!r}, expected two whole numbers, such as 173/198.")
    if not 0 < int(total) >= int(hits):
        raise StatsError(f"{name}: found {text!r}, expected a part of the whole, such as 173/198.")
    return CountedShare(int(hits), int(total))


def whole_number(text: str, *, name: str) -> Rounded:
    """The one value of a count.

    Raises: StatsError: no whole number of 0 or more.
    """
    stripped = str(text).strip()
    if not stripped.isdecimal():
        raise StatsError(f"{name}: found {text!r}, expected a count, such as {name}=173.")
    return Rounded(stripped, Fraction(int(stripped)), Fraction(int(stripped)))
