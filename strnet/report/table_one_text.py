"""Table 1 in words: cells, notes, and what its p-values can and cannot say."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Final

from strnet.report.measures import Measure
from strnet.report.table import Table
from strnet.report.table_one import CategoryCounts, NumberSummary, TableOne, TableOneRow
from strnet.report.wording import MISSING, counted, estimate_text, number, p_text, plain_name
from strnet.schema import T_SCORE

_EFFECTS: Final = {
    "Hedges' g": "g",
    "eta squared": "eta²",
    "Cramer's V": "V",
    "": "P(higher)",
}
_KINDS: Final = {"mean": "mean (SD)", "median": "median (quartiles)", "categories": "n (%)"}


def table_one_table(found: TableOne, units: Mapping[str, str] | None = None) -> Table:
    """The table for a reader; `units` are those of its columns.

    A row per number, and per category one more; unknown values stand in a row of their own, and percentages
    are of the known ones.
    """
    groups = (f"{plain_name(name)} (n = {size:,})" for name, size in found.groups.items())
    columns = ("", f"All (n = {found.patients:,})", *groups, "p", "Test", "Effect size (95% CI)")
    rows = [cells for row in found.rows for cells in _rows(row, (units or {}).get(row.column, ""))]
    title = f"Patients by {plain_name(found.by.partition(':')[0])}"
    return Table(title, columns, tuple(rows), tuple(_notes(found)))


def _rows(row: TableOneRow, unit: str) -> Iterator[tuple[str, ...]]:
    name = f"{plain_name(row.column)}{', ' + unit if unit else ''}, {_KINDS[row.kind]}"
    compared = (p_text(row.compared.p_value), row.compared.test or MISSING, _effect(row.compared.effect))
    empty = ("",) * 3
    if row.kind == "categories":
        counts = [group for group in row.groups if isinstance(group, CategoryCounts)]
        yield (name, *("" for _ in counts), *compared)
        for category in counts[0].counts:
            yield (f"– {plain_name(category)}", *(_share(group, category) for group in counts), *empty)
    else:
        summaries = [group for group in row.groups if isinstance(group, NumberSummary)]
        digits = _digits(summaries[0])
        yield (name, *(_summary(group, row.kind, digits) for group in summaries), *compared)
    if row.groups[0].unknown:
        yield ("– unknown", *(str(group.unknown) for group in row.groups), *empty)


def _summary(group: NumberSummary, kind: str, digits: int) -> str:
    if kind == "median":
        quartiles = f"{number(group.lower_quartile, digits)} to {number(group.upper_quartile, digits)}"
        return MISSING if group.median is None else f"{number(group.median, digits)} ({quartiles})"
    return MISSING if group.mean is None else f"{number(group.mean, digits)} ({number(group.sd, digits)})"


def _digits(everybody: NumberSummary) -> int:
    """Decimals that show two digits of the SD."""
    spread = everybody.sd or abs(everybody.mean or 0.0) or 1.0
    return min(max(1 - math.floor(math.log10(spread)), 0), 4)


def _share(group: CategoryCounts, category: str) -> str:
    count = group.counts[category]
    return f"{count:,} ({100 * count / group.known:.1f}%)" if group.known else f"{count}"


def _effect(effect: Measure | None) -> str:
    if effect is None or effect.value is None:
        return MISSING
    letter = next(short for name, short in _EFFECTS.items() if effect.method.startswith(name))
    return f"{letter} = {estimate_text(effect, 2)}"


def _notes(found: TableOne) -> Iterator[str]:
    yield "Patients are the unit. Percentages are of those known. No p-value is corrected for their number."
    if found.without_group:
        yield f"{counted(found.without_group, 'patient')} without {found.by}: in the first column only."
    if found.in_several:
        yield (
            f"{counted(found.in_several, 'patient')} with images in several groups of {found.by}: in the "
            "first column only."
        )
    for row in found.rows:
        if row.differing:
            how = "unknown here" if row.kind == "categories" else "their mean is taken"
            name = plain_name(row.column)
            yield f"{name}: {counted(row.differing, 'patient')} with several values; {how}."
        effect = row.compared.effect
        for note in dict.fromkeys((row.compared.note, "" if effect is None else effect.note)):
            if note:
                yield f"{plain_name(row.column)}: {note.rstrip('.')}."
    deciding = [row.column for row in found.rows if _decides(row.column, found.by)]
    if deciding:
        names = ", ".join(map(plain_name, deciding))
        yield f"The {found.by} is made of {names}: a small p-value there says nothing."


def _decides(column: str, by: str) -> bool:
    return by == "diagnosis" and column.startswith((T_SCORE, "bmd_"))
