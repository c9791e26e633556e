"""How a cell that somebody else wrote is read as a word or number of the manifest, and which cannot be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import polars as pl

from strnet.cohort.columns import BY_NAME, Column
from strnet.imaging.dicom import age_in_years

_SHOWN = 6


def read_cell(name: str, text: str, values: Mapping[tuple[str, str], str]) -> str | None:
    """The manifest's spelling of one cell of column `name`; as it stands where there is none.

    `values` says by (column, cell in lower case) what a cell stands for; an empty text is blank.
    """
    said = values.get((name, text.casefold()))
    if said is not None:
        return said or None
    column = BY_NAME.get(name)
    if column and column.values:
        return column.canonical(text) or text
    if name == "age":
        years = age_in_years(text)
        return text if years is None else repr(years)
    return text


def read_cells(frame: pl.DataFrame, values: Mapping[tuple[str, str], str]) -> pl.DataFrame:
    """The rows, text, with every cell of a manifest column as `read_cell` reads it."""
    folded = {(name, text.casefold()): ours for (name, text), ours in values.items()}
    concerned = [c for c in frame.columns if c in BY_NAME or any(name == c for name, _ in folded)]
    return frame.with_columns(
        pl.Series(
            name,
            [None if text is None else read_cell(name, text, folded) for text in frame[name]],
            dtype=pl.String,
        )
        for name in concerned
    )


def strange_cells(name: str, cells: pl.Series) -> Counter[str]:
    """The cells, already read, that are no word or number of column `name`, with their counts."""
    column = BY_NAME.get(name)
    if column is None or not (column.values or column.kind != "text"):
        return Counter()
    return Counter(text for text in cells.drop_nulls() if not _fits(column, text))


def implausible_cells(name: str, cells: pl.Series) -> int:
    """Cells, already read, that are no word of column `name`, no number, or a number out of its range."""
    column = BY_NAME.get(name)
    strange = strange_cells(name, cells)
    if column is None or column.low is None or column.high is None:
        return strange.total()
    numbers = [float(text) for text in cells.drop_nulls() if text not in strange]
    return strange.total() + sum(not column.low <= number <= column.high for number in numbers)


def described(name: str, cells: pl.Series) -> str:
    """What stands in a column, in a few words: counts of values, or the range of numbers."""
    column = BY_NAME.get(name)
    known = cells.drop_nulls()
    blank = f", {cells.null_count()} blank" if cells.null_count() else ""
    if not known.len():
        return "all blank"
    if column and column.kind != "text":
        numbers = known.cast(pl.Float64, strict=False).drop_nulls().to_list()
        unit = f" {column.unit}" if column.unit else ""
        return (f"{min(numbers):g} to {max(numbers):g}{unit}" if numbers else "no numbers") + blank
    counts = Counter(known.to_list()).most_common()
    if len(counts) > _SHOWN:
        return f"{len(counts)} values, such as {counts[0][0]}{blank}"
    return ", ".join(f"{text} {count}" for text, count in counts) + blank


def _fits(column: Column, text: str) -> bool:
    if column.values:
        return text in column.values
    try:
        float(text)
    except ValueError:
        return False
    return True
