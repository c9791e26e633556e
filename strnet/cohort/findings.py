"""What is wrong with the rows of a table, said so that the person who keeps the table can put it right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from strnet.errors import ManifestError

LINE = "__line__"
"""Name of the column that carries each row's line number while a table is checked."""
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """Rows of one table that break one rule."""

    headline: str
    """`{rows}` stands for "2 rows", `{s}` and `{their}` for the singular's "s" and "its"."""
    count: int
    rows: tuple[tuple[str, ...], ...]
    """Line, patient, then what was found; the first rows only."""
    remedy: str


def finding(
    frame: pl.DataFrame, broken: pl.Expr, headline: str, details: Sequence[pl.Expr], remedy: str
) -> Finding | None:
    """The rows of `frame` where `broken` is true; None if there are none.

    `details` are text expressions, one per piece of what was found.
    """
    rows = frame.filter(broken.fill_null(value=False))
    if not rows.height:
        return None
    shown = rows.head(_SHOWN).select(
        pl.col(LINE).cast(pl.String).alias("0"),
        pl.col("patient_id").fill_null("(blank)").alias("1"),
        *(detail.fill_null("(blank)").alias(str(number)) for number, detail in enumerate(details, start=2)),
    )
    return Finding(headline, rows.height, tuple(shown.rows()), remedy)


def named(column: str) -> pl.Expr:
    """Text `column value`, such as `t_score -2.7`; `column (blank)` where unknown."""
    return pl.concat_str(pl.lit(f"{column} "), pl.col(column).cast(pl.String).fill_null("(blank)"))


def raise_findings(where: str, findings: Sequence[Finding], line_word: str = "line") -> None:
    """Raise if there are findings.

    Raises: ManifestError: all of them, the first 20 rows in full and the count of the rest.
    """
    if not findings:
        return
    left = _SHOWN
    parts = []
    for found in findings:
        shown = found.rows[:left]
        left -= len(shown)
        parts.append(_section(found, shown, line_word))
    if len(parts) == 1:
        raise ManifestError(f"{where}: {parts[0]}")
    total = sum(found.count for found in findings)
    raise ManifestError(f"{where}: {len(findings)} kinds of problem in {_rows(total)}.\n" + "\n".join(parts))


def finding_text(found: Finding, line_word: str = "line") -> str:
    """What one finding says: headline, the first rows, and what to do."""
    return _section(found, found.rows, line_word)


def _section(found: Finding, shown: Sequence[tuple[str, ...]], line_word: str) -> str:
    table = [(f"{line_word} {line}", f"patient {patient}", *rest) for line, patient, *rest in shown]
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    lines = ["  " + "  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in table]
    if found.count > len(shown):
        lines.append(f"  ... and {found.count - len(shown)} more")
    one = found.count == 1
    headline = found.headline.format(rows=_rows(found.count), s="s" * one, their="its" if one else "their")
    return "\n".join((headline, *lines, found.remedy))


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"
