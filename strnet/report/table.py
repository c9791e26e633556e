"""A table as data: the same rows for the console, for Markdown and for HTML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from strnet.report.measures import Measure
from strnet.report.wording import estimate_text


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table of words; the first cell of a row names it, and `notes` stand underneath."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def markdown(self) -> str:
        """The table in GitHub's Markdown, its title above and its notes below."""
        lines = [f"**{_escaped(self.title)}**", "", _line(self.columns), _line(["---"] * len(self.columns))]
        lines += [_line(row) for row in self.rows]
        lines += ["", *(f"- {_escaped(note)}" for note in self.notes)] if self.notes else []
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class MeasureRow:
    """One row of figures: the words that lead it, then a figure per remaining column."""

    lead: tuple[str, ...]
    measures: tuple[Measure, ...]


def measure_table(
    title: str, columns: tuple[str, ...], rows: Sequence[MeasureRow], notes: Iterable[str] = ()
) -> Table:
    """A table of figures with intervals; what is said of one, as why it is missing, goes to the notes."""
    cells = tuple((*row.lead, *(estimate_text(measure) for measure in row.measures)) for row in rows)
    return Table(title, columns, cells, (*notes, *_reasons(columns, rows)))


def _reasons(columns: tuple[str, ...], rows: Sequence[MeasureRow]) -> tuple[str, ...]:
    """Each reason once, after the cells it explains."""
    where: dict[str, list[str]] = {}
    for row in rows:
        for column, measure in zip(columns[len(row.lead) :], row.measures, strict=True):
            if measure.note:
                where.setdefault(measure.note, []).append(f"{row.lead[0]}, {column}")
    return tuple(f"{'; '.join(places)}: {reason}" for reason, places in where.items())


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(_escaped(cell) for cell in cells) + " |"


def _escaped(text: str) -> str:
    one_line = " ".join(text.split())
    one_line = re.sub("<(?=[A-Za-z/!?])", "&lt;", one_line)
    return one_line.replace("\\", "\\\\").replace("|", "\\|")
