"""What would make figures fit where no table of the stated cohort prints them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import combinations
from typing import Final

import numpy as np

from strnet.errors import StatsError
from strnet.published.confusion_tables import FittingTables, fitting_tables
from strnet.published.figures import PublishedTable
from strnet.published.names import COUNTS, SPANS
from strnet.published.printed import Rounded
from strnet.published.sentences import first_table, listed
from strnet.published.verdicts import Finding

FARTHEST: Final = 200
"""Other sizes of the cohort are tried up to this far, and up to half of the stated size."""
MOST_PAIRS: Final = 100_000_000
"""Positives with true positives that are tried for all other sizes together: fewer sizes of large cohorts."""
MOST_PAIRS_EACH: Final = 3_000_000
"""Those of one attempt, beyond which no other is made."""

Fit = Callable[[Mapping[str, Rounded], int | None], FittingTables]
"""The tables of the stated cohort that print changed figures, with so many positives or any number."""


def remedies(published: PublishedTable, n: int, *, other_sizes: bool = True) -> Iterator[Finding]:
    """Digits cut off, other positives, two figures exchanged, one left out, another size: whichever fits."""
    figures = published.counted
    if _pairs(published, n) > MOST_PAIRS_EACH:
        text = f"What would make them fit is not tried in {n} cases without the positives or the sensitivity."
        yield Finding("untried", text, {})
        return

    def fit(changed: Mapping[str, Rounded], positives: int | None) -> FittingTables:
        shares = published.fractions
        kept = {name: share for name, share in shares.items() if changed.get(name) is figures[name]}
        return fitting_tables(n, positives, changed, kept)

    try:
        for remedy in (_cut_off, _other_positives, _exchanged, _left_out):
            yield from remedy(published, figures, fit)
        if other_sizes:
            yield _other_sizes(published, n)
    except StatsError as error:
        yield Finding("untried", f"Whether they fit otherwise was not tried to the end: {error}", {})


def _pairs(published: PublishedTable, n: int) -> float:
    """About as many positives with true positives as are tried."""
    sensitivity = published.counted.get("sensitivity")
    width = 1.0 if sensitivity is None else float(sensitivity.high - sensitivity.low)
    return width * (n**2 / 2 if published.positives is None else published.positives)


def _cut_off(published: PublishedTable, figures: Mapping[str, Rounded], fit: Fit) -> Iterator[Finding]:
    cut = fit({name: figure.truncated() for name, figure in figures.items()}, published.positives)
    if cut.count:
        text = f"They fit if digits were cut off, not rounded: {first_table(cut)}."
        yield Finding("truncated", text, {"count": cut.count})


def _other_positives(
    published: PublishedTable, figures: Mapping[str, Rounded], fit: Fit
) -> Iterator[Finding]:
    if published.positives is None:
        return
    other = fit(figures, None)
    if other.count:
        numbers = np.unique(other.positives).tolist()
        text = f"They fit with {listed(numbers, 'or')} positives instead of {published.positives}"
        details = {"positives": numbers}
        yield Finding("positives", f"{text}: {first_table(other)}.", details, doubt=("positives",))


def _exchanged(published: PublishedTable, figures: Mapping[str, Rounded], fit: Fit) -> Iterator[Finding]:
    for first, second in combinations([name for name in figures if name not in COUNTS], 2):
        if SPANS[first] is not SPANS[second]:
            continue
        exchanged = fit({**figures, first: figures[second], second: figures[first]}, published.positives)
        if exchanged.count:
            names = f"{published.label(first)} and {published.label(second)}"
            text = f"They fit if {names} are exchanged: {first_table(exchanged)}."
            details = {"figures": [first, second], "count": exchanged.count}
            yield Finding("swapped", text, details, doubt=(first, second))


def _left_out(published: PublishedTable, figures: Mapping[str, Rounded], fit: Fit) -> Iterator[Finding]:
    for left_out in figures if len(figures) > 2 else ():
        rest = fit(
            {name: figure for name, figure in figures.items() if name != left_out}, published.positives
        )
        if rest.count:
            text = f"They fit without {published.label(left_out)}: {first_table(rest)}."
            details = {"figure": left_out, "count": rest.count}
            yield Finding("without", text, details, doubt=(left_out,))


def _other_sizes(published: PublishedTable, n: int) -> Finding:
    """The sizes near the stated one that fit, with any number of positives."""
    each = max(1.0, _pairs(replace(published, positives=None), n))
    reach = max(2, min(max(10, n // 2), FARTHEST, int(MOST_PAIRS / each / 2)))
    sizes = [size for size in range(max(2, n - reach), n + reach + 1) if size != n]
    fitting = [found for size in sizes if (found := _at_size(published, size)).count]
    numbers = [found.n for found in fitting]
    if not fitting:
        text = f"No cohort of {sizes[0]} to {sizes[-1]} cases gives them either."
        return Finding("other_n", text, {"n": numbers})
    nearest = min(fitting, key=lambda found: abs(found.n - n))
    only = "only " if len(numbers) == 1 else ""
    text = f"Between {sizes[0]} and {sizes[-1]} cases they fit {only}{listed(numbers)}"
    return Finding("other_n", f"{text}: {first_table(nearest)}.", {"n": numbers}, doubt=("n",))


def smallest_cohort(published: PublishedTable) -> FittingTables | None:
    """The tables of the smallest cohort that prints the figures; None if none of up to `FARTHEST` does."""
    found = (_at_size(published, size) for size in range(2, FARTHEST + 1))
    return next((fitting for fitting in found if fitting.count), None)


def _at_size(published: PublishedTable, size: int) -> FittingTables:
    return fitting_tables(size, None, published.counted, published.fractions)
