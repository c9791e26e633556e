"""Rows with another number of cells than the header, and what that tells of how they were written."""

from __future__ import annotations

from collections.abc import Sequence

from strnet.errors import TableError

Numbered = Sequence[tuple[int, list[str]]]
"""Rows below the header, each with the line where it begins."""
_SHOWN = 20


def require_even(header: Sequence[str], rows: Numbered, where: str, separator: str) -> None:
    """Raise unless every row has as many cells as the header.

    Raises: TableError: the rows with their lines, and the likely cause.
    """
    uneven = [(line, len(row)) for line, row in rows if len(row) != len(header)]
    if not uneven and not _are_blanks_between(header, rows):
        return
    cause = _cause(header, rows, uneven, separator)
    if not uneven:
        raise TableError(f"{where}: {cause}")
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
    if _are_blanks_between(header, rows):
        return (
            "The cells are separated by blanks. Write them with commas (R: write.csv(x, row.names = FALSE), "
            "not write.table)."
        )
    if len(uneven) == len(rows) and all(cells == len(header) + 1 for _, cells in uneven):
        return _one_more(rows, separator)
    last = rows[-1]
    if len(uneven) == 1 and uneven[0][0] == last[0] and len(last[1]) < len(header):
        return "The last row ends early: the file was cut short. Copy or write it again."
    return "Put a cell that holds a separator in quotes. A short last row is often a file copied in part."


def _one_more(rows: Numbered, separator: str) -> str:
    names = [row[0] for _, row in rows]
    if separator == "," and len(set(names)) < len(names):
        return (
            "Each row has one cell more: a comma that stands for the decimal point looks like that. Write "
            "decimal points, or semicolons between the cells."
        )
    return (
        "Each row begins with a name of its own that the header does not have, as R's write.table leaves it. "
        "Write it without (R: row.names = FALSE)."
    )


def _are_blanks_between(header: Sequence[str], rows: Numbered) -> bool:
    """Whether one column is several, told apart by blanks; each row may begin with a name of its own."""
    words = len(header[0].split())
    if len(header) > 1 or words < 2 or not rows:
        return False
    return all(len(row[0].split()) in (words, words + 1) for _, row in rows)
