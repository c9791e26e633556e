"""Rows with another number of cells than the header, and what that tells of how they were written."""

from __future__ import annotations

import re
from collections.abc import Sequence

from strnet.errors import TableError

Numbered = Sequence[tuple[int, list[str]]]
"""Rows below the header, each with the line where it begins."""
_SHOWN = 5
_LOOKED_AT = 20
_WORD = re.compile(r'"[^"]*"|\S+')


def require_no_blanks_between(text: str, separator: str, where: str) -> None:
    """Raise where blanks separate the cells: as many words in each row, or one more for its name.

    Raises: TableError: they do.
    """
    header, *rows = text.splitlines()[: _LOOKED_AT + 1]
    words, alike = len(_WORD.findall(header)), {len(_WORD.findall(row)) for row in rows}
    if separator not in header and words > 1 and len(alike) == 1 and alike <= {words, words + 1}:
        raise TableError(
            f"{where}: the cells are separated by blanks. Write them with commas (R: write.csv(x, "
            "row.names = FALSE), not write.table)."
        )


def require_even(header: Sequence[str], rows: Numbered, where: str, separator: str) -> None:
    """Raise unless every row has as many cells as the header.

    Raises: TableError: the rows with their lines, and the likely cause.
    """
    uneven = [(line, len(row)) for line, row in rows if len(row) != len(header)]
    if not uneven:
        return
    cause = _cause(header, rows, uneven, separator)
    listing = "\n".join(f"  line {line}  {cells} cells" for line, cells in uneven[:_SHOWN])
    more = f"\n  ... and {len(uneven) - _SHOWN} more" if len(uneven) > _SHOWN else ""
    raise TableError(
        f"{where}: {len(uneven)} row(s) with another number of cells than the header ({len(header)}).\n"
        f"{listing}{more}\n{cause}"
    )


def _cause(header: Sequence[str], rows: Numbered, uneven: Sequence[tuple[int, int]], separator: str) -> str:
    commented = [line for line, row in rows if row[0].lstrip().startswith("#")]
    if header[0].startswith("#"):
        return "The first line is a comment (#). Remove such lines: the names of the columns come first."
    if commented and commented[0] in {line for line, _ in uneven}:
        return f"Line {commented[0]} is a comment (#). Remove such lines."
    if len(uneven) == len(rows) and all(cells == len(header) + 1 for _, cells in uneven):
        return _one_more(rows, separator)
    last = rows[-1]
    if len(uneven) == 1 and uneven[0][0] == last[0] and len(last[1]) < len(header):
        return "The last row ends early: the file was cut short. Copy or write it again."
    return "Put a cell that holds a separator in quotes. A short last row is often a file copied in part."


def _one_more(rows: Numbered, separator: str) -> str:
    if not any(row[-1].strip() for _, row in rows):
        return "Each row ends with a separator that the header does not have. Add it there, or remove it."
    name = (
        "each row begins with a name of its own that the header does not have, as R's write.table leaves it. "
        "Write it without (R: row.names = FALSE)."
    )
    if separator == "," and not any("." in cell for _, row in rows for cell in row):
        return (
            "Either a comma stands for the decimal point: write points, or semicolons between the cells. "
            f"Or {name}"
        )
    return name[0].upper() + name[1:]
