"""Decimal commas read as points where nothing else can be meant; 1,234 may be a thousand and is refused."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from strnet.errors import TableError

Mark = Literal["point", "comma"]
Row = tuple[str, ...]

_WITH_COMMA = re.compile(r"[+-]?\d*,\d+")
_MARKED = re.compile(r"[+-]?\d*[.,]\d+|[+-]?\d{1,3}([.,]\d{3})+([.,]\d+)?")
"""A number with a decimal mark, or with digits in groups of three."""
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")
"""Three digits behind the mark: a fraction to some, thousands to others."""
_WHOLE = re.compile(r"[+-]?\d+")
_SHOWN = 10


def with_decimal_points(
    header: Sequence[str],
    rows: Sequence[Row],
    lines: Sequence[int],
    where: str,
    *,
    said: Mark | None = None,
    separator: str = "semicolon",
    ignored: Collection[str] = (),
) -> tuple[tuple[Row, ...], Mark]:
    """The rows with decimal points, and the mark they were written with.

    The mark is `said`, or found: a comma that groups no thousands is a decimal comma, except between commas
    as separators, where a quoted "1,5" may as well be a list of two. Cells of text and columns that are
    `ignored` are left alone.

    Raises: TableError: a column whose numbers can be read in two ways.
    """
    read = {n: name for n, name in enumerate(header) if name not in ignored}
    columns = {n: _marked_cells([row[n] for row in rows]) for n in read}
    mark = said or _mark([cell for cells in columns.values() for cell in cells], separator)
    unclear = [n for n, cells in columns.items() if _is_unclear(cells, mark)]
    if unclear:
        examples = [_example(header[n], n, rows, lines) for n in unclear[:_SHOWN]]
        raise TableError(
            f"{where}: {len(unclear)} column(s) hold numbers that can be read in two ways.\n"
            + "\n".join(examples)
            + f"\nSay which: --csv-dialect {separator}/comma or --csv-dialect {separator}/point. Grouped "
            "digits are not read: write 1234, not 1.234 or 1,234. A column that is not needed: --ignore "
            "COLUMN."
        )
    if mark != "comma":
        return tuple(rows), "point"
    concerned = {n for n, cells in columns.items() if cells}
    return tuple(tuple(_pointed(c) if n in concerned else c for n, c in enumerate(r)) for r in rows), "comma"


def _marked_cells(cells: Sequence[str]) -> list[str]:
    """The cells with a mark, if the column holds more numbers than text; else none."""
    held = [cell.strip() for cell in cells if cell.strip()]
    marked = [cell for cell in held if _MARKED.fullmatch(cell)]
    whole = sum(bool(_WHOLE.fullmatch(cell)) for cell in held)
    return marked if 2 * (len(marked) + whole) > len(held) else []


def _mark(cells: Sequence[str], separator: str) -> Mark | None:
    """The decimal mark of all numbers of a table; None where they do not settle it."""
    if not any("," in cell for cell in cells):
        return "point"
    sure = any(_WITH_COMMA.fullmatch(cell) and not _GROUPED.fullmatch(cell) for cell in cells)
    return "comma" if sure and separator != "comma" else None


def _is_unclear(cells: Sequence[str], mark: Mark | None) -> bool:
    """Whether a column's marked cells do not all follow from `mark`."""
    commas, points = (any(sign in cell for cell in cells) for sign in ",.")
    if mark == "comma":
        return points and (commas or any(_GROUPED.fullmatch(cell) for cell in cells))
    # A mark of point that was found means no comma; one that was said leaves a comma to be text.
    return commas and mark is None


def _pointed(cell: str) -> str:
    return cell.strip().replace(",", ".") if _WITH_COMMA.fullmatch(cell.strip()) else cell


def _example(name: str, n: int, rows: Sequence[Row], lines: Sequence[int]) -> str:
    """The first cell of a column that has two readings, with both."""
    cells: Mapping[int, str] = {line: row[n].strip() for line, row in zip(lines, rows, strict=True)}
    marked = [(line, cell) for line, cell in cells.items() if _MARKED.fullmatch(cell)]
    line, cell = next(((line, c) for line, c in marked if _GROUPED.fullmatch(c)), marked[0])
    with_comma, with_point = cell.replace(".", "").replace(",", "."), cell.replace(",", "")
    return f"  line {line}  {name} '{cell}': {with_comma} by a decimal comma, {with_point} by a decimal point"
