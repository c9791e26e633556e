"""Parts of the sentences that findings are told in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from strnet.published.confusion_tables import FittingTables
from strnet.published.figures import PublishedTable

LISTED: Final = 20
"""Things that a sentence or a result lists; it counts all."""


def listed(values: Sequence[object], last: str = "and") -> str:
    """`a, b and c`; after `LISTED` the rest is only counted."""
    words = [str(value) for value in values]
    if len(words) > LISTED:
        words = [*words[: LISTED - 1], f"{len(values) - LISTED + 1} more"]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def plural(count: int, noun: str) -> str:
    """`1 table`, `2 tables`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def printed_figures(published: PublishedTable, names: Sequence[str]) -> str:
    """`recall .86 and accuracy .82`: as the paper calls and prints them."""
    windows = published.windows
    return listed([f"{published.label(name)} {windows[name].text}" for name in names])


def first_table(fitting: FittingTables) -> str:
    """The cells of the first table that fits, and how many more there are."""
    tp, fn, fp, tn = fitting.cells(1)[0]
    more = f", and {plural(fitting.count - 1, 'more table')}" if fitting.count > 1 else ""
    return f"{tp} tp, {fn} fn, {fp} fp, {tn} tn{more}"


def numbers_of_positives(numbers: Sequence[int]) -> str:
    """`52, 83 or 114 positives`, or the range of many."""
    if len(numbers) > 5:
        return f"{numbers[0]} to {numbers[-1]} positives"
    return f"{listed(numbers, 'or')} positives"


def at_most(value: float) -> str:
    """Three decimals, rounded up: true of whatever is at most `value`."""
    return f"{math.ceil(value * 1000 - 1e-6) / 1000:.3f}"


def at_least(value: float) -> str:
    """Three decimals, rounded down: true of whatever is at least `value`."""
    return f"{math.floor(value * 1000 + 1e-6) / 1000:.3f}"
