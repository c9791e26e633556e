"""The check of a published table, and what it finds, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np

from strnet.errors import StatsError
from strnet.published.confusion_tables import FittingTables, fitting_tables
from strnet.published.figures import PublishedTable
from strnet.published.intervals import METHOD_NAMES, SHARES, IntervalMatch, match_auc, match_share
from strnet.stats.confusion import Confusion
from strnet.stats.inputs import Ints

LISTED: Final = 20
"""Tables that a result lists; it counts all."""
MAX_TABLES: Final = 1_000_000
"""Tables whose intervals are compared with the printed ones."""
FARTHEST: Final = 200
"""Other sizes of the cohort are tried up to this far, and up to half of the stated size."""
PROBLEMS: Final = ("interval_unexplained", "auc_impossible")
"""Findings that contradict a table whose figures fit."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found out; `kind` is what a program asks for, `text` what a reader is told.

    Kinds: `fits`, `no_table`, `truncated`, `positives`, `swapped`, `without`, `other_n`, `interval`,
    `interval_unexplained`, `one_method`, `auc_impossible`. `details` holds names and numbers.
    """

    kind: str
    text: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PublishedCheck:
    """Whether tables fit, how many, the first of them, the numbers of positives they have, and the findings.

    Where intervals are printed and some method explains them all, only the tables with those intervals count.
    """

    consistent: bool
    table_count: int
    tables: tuple[Confusion, ...]
    positives: tuple[int, ...]
    findings: tuple[Finding, ...]

    def found(self, kind: str) -> tuple[Finding, ...]:
        """The findings of one kind."""
        return tuple(finding for finding in self.findings if finding.kind == kind)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "consistent": self.consistent,
            "table_count": self.table_count,
            "tables": [_named(table) for table in self.tables],
            "positives": list(self.positives),
            "findings": [{"kind": f.kind, "text": f.text, **f.details} for f in self.findings],
        }


def check_published(published: PublishedTable) -> PublishedCheck:
    """Which whole-number tables print the published figures, or why none does.

    All numbers of positives are tried where none is stated. Where nothing fits, it is told what would:
    digits cut off, two figures exchanged, one figure left out, other positives, another size of the cohort.

    Raises: StatsError: more possibilities than can be tried, because too little is stated.
    """
    fitting = fitting_tables(published.n, published.positives, published.counted)
    if not fitting.count:
        return PublishedCheck(False, 0, (), (), (_refusal(published), *_explanations(published)))
    fitting, findings = _narrowed(published, fitting)
    findings += _auc_findings(published, fitting)
    numbers = np.unique(fitting.positives).tolist()
    fits = "1 table fits" if fitting.count == 1 else f"{fitting.count} tables fit, of {_positives(numbers)}"
    text = f"Of {_cohort(published)} {fits}: {_first(fitting)}."
    return PublishedCheck(
        consistent=not any(finding.kind in PROBLEMS for finding in findings),
        table_count=fitting.count,
        tables=tuple(Confusion(*(int(cell) for cell in row)) for row in fitting.cells(LISTED)),
        positives=tuple(numbers),
        findings=(Finding("fits", text, {"n": published.n, "count": fitting.count}), *findings),
    )


def _refusal(published: PublishedTable) -> Finding:
    stated = ", ".join(f"{published.label(name)} {figure.text}" for name, figure in published.counted.items())
    text = f"No table of {_cohort(published)} gives {stated}; means over classes or folds need not."
    return Finding("no_table", text, {"n": published.n})


def _explanations(published: PublishedTable) -> Iterator[Finding]:
    """What would make the figures fit."""
    n, positives, figures = published.n, published.positives, published.counted
    cut = fitting_tables(n, positives, {name: figure.truncated() for name, figure in figures.items()})
    if cut.count:
        text = f"They fit if digits were cut off, not rounded: {_first(cut)}."
        yield Finding("truncated", text, {"count": cut.count})
    if positives is not None:
        other = fitting_tables(n, None, figures)
        if other.count:
            numbers = np.unique(other.positives).tolist()
            text = f"They fit with {_list(numbers, 'or')} positives instead of {positives}: {_first(other)}."
            yield Finding("positives", text, {"positives": numbers})
    yield from _exchanged(published)
    if len(figures) > 2:
        yield from _left_out(published)
    yield from _other_sizes(published)


def _exchanged(published: PublishedTable) -> Iterator[Finding]:
    figures = published.counted
    for first, second in combinations(figures, 2):
        exchanged = {**figures, first: figures[second], second: figures[first]}
        found = fitting_tables(published.n, published.positives, exchanged)
        if found.count:
            names = f"{published.label(first)} and {published.label(second)}"
            text = f"They fit if {names} are exchanged: {_first(found)}."
            yield Finding("swapped", text, {"figures": [first, second], "count": found.count})


def _left_out(published: PublishedTable) -> Iterator[Finding]:
    figures = published.counted
    for left_out in figures:
        rest = {name: figure for name, figure in figures.items() if name != left_out}
        found = fitting_tables(published.n, published.positives, rest)
        if found.count:
            text = f"They fit without {published.label(left_out)}: {_first(found)}."
            yield Finding("without", text, {"figure": left_out, "count": found.count})


def _other_sizes(published: PublishedTable) -> Iterator[Finding]:
    """The sizes near the stated one that fit, with any number of positives."""
    reach = min(max(10, published.n // 2), FARTHEST)
    sizes = [n for n in range(max(2, published.n - reach), published.n + reach + 1) if n != published.n]
    fitting = [found for n in sizes if (found := fitting_tables(n, None, published.counted)).count]
    numbers = [found.n for found in fitting]
    if not fitting:
        text = f"No cohort of {sizes[0]} to {sizes[-1]} cases gives them either."
    else:
        nearest = min(fitting, key=lambda found: abs(found.n - published.n))
        only = "only " if len(numbers) == 1 else ""
        text = f"Between {sizes[0]} and {sizes[-1]} cases they fit {only}{_list(numbers)}: {_first(nearest)}."
    yield Finding("other_n", text, {"n": numbers})


def _narrowed(published: PublishedTable, fitting: FittingTables) -> tuple[FittingTables, list[Finding]]:
    """The tables at which one method prints all intervals of proportions, and what the intervals tell."""
    if not published.intervals:
        return fitting, []
    if fitting.count > MAX_TABLES:
        raise StatsError(
            f"intervals: {fitting.count} tables fit the figures, too many to compare intervals. "
            "Give the number of positives or more figures."
        )
    cells = fitting.cells(fitting.count)
    matches = [_matched(name, published, cells) for name in published.limits]
    findings = [_interval_finding(match, published) for match in matches]
    shares = [match for match in matches if match.figure in SHARES]
    joint = {
        method: np.logical_and.reduce([match.methods[method] for match in shares])
        for method in (shares[0].methods if shares else ())
    }
    methods = [method for method, fits in joint.items() if fits.any()]
    if not methods:
        return fitting, findings
    others = [METHOD_NAMES[method] for method in joint if method not in methods]
    text = f"All intervals of proportions agree with {_list([METHOD_NAMES[m] for m in methods], 'or')}"
    text += f", not with {_list(others, 'or')}." if others else "."
    return (
        _only(fitting.n, cells[np.logical_or.reduce([joint[method] for method in methods])]),
        [Finding("one_method", text, {"methods": methods}), *findings],
    )


def _matched(name: str, published: PublishedTable, cells: Ints) -> IntervalMatch:
    limits = published.limits[name]
    if name in SHARES:
        return match_share(name, limits, cells, published.confidence)
    if name == "auc" and published.auc is not None:
        return match_auc(published.auc, limits, cells, published.confidence)
    raise StatsError(
        f"intervals: found one of {published.label(name)}, expected one of a proportion of counts "
        f"({', '.join(SHARES)}), or of a printed AUC."
    )


def _only(n: int, cells: Ints) -> FittingTables:
    tp, fn, _, tn = cells.T
    return FittingTables(n, tp + fn, tp, tn, tn)


def _interval_finding(match: IntervalMatch, published: PublishedTable) -> Finding:
    low, high = published.limits[match.figure]
    printed = f"The interval of {published.label(match.figure)}, {low.text} to {high.text},"
    details = {"figure": match.figure, "methods": list(match.names)}
    if match.names:
        names = _list([METHOD_NAMES[name] for name in match.names], "or")
        return Finding("interval", f"{printed} agrees with {names}.", details)
    nearest = f"nearest is {METHOD_NAMES[match.nearest]}, which misses by {match.miss:.4f}"
    if match.figure == "auc":
        text = f"{printed} is not made from counts but from scores (DeLong, bootstrap), or wrong; {nearest}."
        return Finding("interval", text, details)
    text = f"{printed} is of no known method at counts that fit; {nearest}."
    return Finding("interval_unexplained", text, details)


def _auc_findings(published: PublishedTable, fitting: FittingTables) -> list[Finding]:
    """Whether an ROC curve through the printed point can have the printed area.

    The smallest area is that of one step through the point, the largest that of two.
    """
    if published.auc is None:
        return []
    sensitivity, negatives = fitting.true / fitting.positives, fitting.n - fitting.positives
    smallest = float((sensitivity * fitting.lowest / negatives).min())
    largest = float((1 - (1 - sensitivity) * (1 - fitting.highest / negatives)).max())
    if published.auc.high >= smallest and published.auc.low <= largest:
        return []
    text = (
        f"An AUC of {published.auc.text} is impossible: a curve through the printed point has an area of "
        f"{smallest:.3f} to {largest:.3f}."
    )
    return [Finding("auc_impossible", text, {"smallest": smallest, "largest": largest})]


def _cohort(published: PublishedTable) -> str:
    stated = "" if published.positives is None else f" with {published.positives} positives"
    return f"{published.n} cases{stated}"


def _first(fitting: FittingTables) -> str:
    tp, fn, fp, tn = fitting.cells(1)[0]
    more = f", and {_plural(fitting.count - 1, 'more table')}" if fitting.count > 1 else ""
    return f"{tp} tp, {fn} fn, {fp} fp, {tn} tn{more}"


def _positives(numbers: list[int]) -> str:
    if len(numbers) > 5:
        return f"{numbers[0]} to {numbers[-1]} positives"
    return f"{_list(numbers, 'or')} positives"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _list(values: Any, last: str = "and") -> str:
    words = [str(value) for value in values]
    if len(words) > LISTED:
        words = [*words[: LISTED - 1], f"{len(values) - LISTED + 1} more"]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def _named(table: Confusion) -> dict[str, int]:
    return {
        "tp": table.true_positives,
        "fn": table.false_negatives,
        "fp": table.false_positives,
        "tn": table.true_negatives,
    }
