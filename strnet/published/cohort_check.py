"""The check of figures that a 2 x 2 table decides, in a cohort of known size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from strnet.errors import StatsError
from strnet.published.area_check import area_findings
from strnet.published.conflicts import conflict_finding
from strnet.published.confusion_tables import FittingTables, fitting_tables
from strnet.published.figures import PublishedTable
from strnet.published.intervals import METHOD_NAMES, IntervalMatch, match_auc, match_share
from strnet.published.names import PROPORTIONS
from strnet.published.remedies import remedies
from strnet.published.sentences import (
    LISTED,
    first_table,
    listed,
    numbers_of_positives,
    plural,
    printed_figures,
)
from strnet.published.verdicts import IMPLAUSIBLE, IMPOSSIBLE, Finding, PublishedCheck, named_cells
from strnet.published.whole_hits import whole_hits_findings
from strnet.stats.confusion import Confusion
from strnet.stats.inputs import Ints

MAX_TABLES: Final = 1_000_000
"""Tables whose intervals are compared with the printed ones."""


@dataclass(frozen=True, slots=True)
class AgreeingTables:
    """The tables at which all printed intervals of proportions are those of one method, and these methods."""

    methods: tuple[str, ...]
    tables: FittingTables

    @property
    def names(self) -> str:
        """The methods in words."""
        return listed([METHOD_NAMES[method] for method in self.methods], "or")


def check_cohort(published: PublishedTable, n: int) -> PublishedCheck:
    """Which tables of `n` cases print the figures, what the intervals tell of them, or why there are none.

    The figures alone decide what is possible: that an interval is of one method is an assumption.

    Raises: StatsError: more possibilities than can be tried, because too little is stated.
    """
    fitting = fitting_tables(n, published.positives, published.counted, published.fractions)
    if not fitting.count:
        return PublishedCheck((_refusal(published, n), *_reasons(published, n)))
    agreeing, findings = _agreeing(published, fitting)
    numbers = np.unique(fitting.positives).tolist()
    text = f"Of {_cohort(published, n)} {_fits(fitting, numbers, agreeing)}."
    return PublishedCheck(
        (
            Finding("fits", text, {"n": n, "count": fitting.count}),
            *findings,
            *area_findings(published, fitting),
        ),
        fitting.count,
        _first_tables(fitting),
        tuple(numbers),
    )


def _fits(fitting: FittingTables, numbers: Sequence[int], agreeing: AgreeingTables | None) -> str:
    """`50 tables fit, of 32 to 51 positives; with Wald intervals 1: 177 tp, ...`."""
    count = plural(fitting.count, "table")
    told = f"{count} fits" if fitting.count == 1 else f"{count} fit, of {numbers_of_positives(numbers)}"
    if agreeing is None or agreeing.tables.count == fitting.count:
        return f"{told}: {first_table(fitting)}"
    return f"{told}; with {agreeing.names} intervals {agreeing.tables.count}: {first_table(agreeing.tables)}"


def _first_tables(fitting: FittingTables) -> tuple[Confusion, ...]:
    return tuple(Confusion(*(int(cell) for cell in row)) for row in fitting.cells(LISTED))


def _refusal(published: PublishedTable, n: int) -> Finding:
    names = tuple(published.counted)
    stated = printed_figures(published, names)
    text = f"No table of {_cohort(published, n)} gives {stated}; means over classes or folds need not."
    # one figure alone can only be wrong about the size
    return Finding("no_table", text, {"n": n}, IMPOSSIBLE, names if len(names) == 1 else ())


def _reasons(published: PublishedTable, n: int) -> Iterator[Finding]:
    whatever_size = conflict_finding(published)
    if whatever_size is not None:
        yield whatever_size
    yield from whole_hits_findings(published)
    yield from remedies(published, n, other_sizes=whatever_size is None)


def _agreeing(
    published: PublishedTable, fitting: FittingTables
) -> tuple[AgreeingTables | None, list[Finding]]:
    """The tables at which one method prints all intervals of proportions, and what the intervals tell."""
    if not published.limits:
        return None, []
    if fitting.count > MAX_TABLES:
        raise StatsError(
            f"intervals: {fitting.count} tables fit the figures, too many to compare intervals. Give the "
            "number of positives or more figures."
        )
    cells = fitting.cells(fitting.count)
    matches = [_matched(name, published, cells) for name in published.limits]
    findings = [_interval_finding(match, published) for match in matches]
    shares = [match for match in matches if match.figure in PROPORTIONS]
    joint = {
        method: np.logical_and.reduce([match.methods[method] for match in shares])
        for method in (shares[0].methods if shares else ())
    }
    methods = tuple(method for method, fits in joint.items() if fits.any())
    if not methods:
        return None, findings
    where = np.logical_or.reduce([joint[method] for method in methods])
    agreeing = AgreeingTables(methods, _only(fitting.n, cells[where]))
    others = [METHOD_NAMES[method] for method in joint if method not in methods]
    return agreeing, [_method_finding(agreeing, others), *findings]


def _method_finding(agreeing: AgreeingTables, others: Sequence[str]) -> Finding:
    text = f"All intervals of proportions agree with {agreeing.names}"
    text += f", not with {listed(others, 'or')}." if others else "."
    details = {
        "methods": list(agreeing.methods),
        "count": agreeing.tables.count,
        "tables": [named_cells(table) for table in _first_tables(agreeing.tables)],
    }
    return Finding("one_method", text, details)


def _matched(name: str, published: PublishedTable, cells: Ints) -> IntervalMatch:
    limits = published.limits[name]
    if name in PROPORTIONS:
        return match_share(name, limits, cells, published.confidence)
    if name == "auc" and published.auc is not None:
        return match_auc(published.auc, limits, cells, published.confidence)
    raise StatsError(
        f"intervals: found one of {published.label(name)}, expected one of a proportion of counts "
        f"({', '.join(PROPORTIONS)}), or of a printed AUC."
    )


def _only(n: int, cells: Ints) -> FittingTables:
    tp, fn, _, tn = cells.T
    return FittingTables(n, tp + fn, tp, tn, tn)


def _interval_finding(match: IntervalMatch, published: PublishedTable) -> Finding:
    low, high = published.limits[match.figure]
    printed = f"The interval of {published.label(match.figure)}, {low.text} to {high.text},"
    details = {"figure": match.figure, "methods": list(match.names)}
    if match.names:
        names = listed([METHOD_NAMES[name] for name in match.names], "or")
        return Finding("interval", f"{printed} agrees with {names}.", details)
    nearest = f"nearest is {METHOD_NAMES[match.nearest]}, which misses by {match.miss:.4f}"
    if match.figure == "auc":
        text = f"{printed} is not made from counts but from scores (DeLong, bootstrap), or wrong; {nearest}."
        return Finding("interval", text, details)
    text = (
        f"{printed} is of no known method at counts that fit; {nearest}. A bootstrap, or patients with "
        "several films, would explain it."
    )
    return Finding("interval_unexplained", text, details, IMPLAUSIBLE, (match.figure,))


def _cohort(published: PublishedTable, n: int) -> str:
    stated = "" if published.positives is None else f" with {published.positives} positives"
    return f"{n} cases{stated}"
