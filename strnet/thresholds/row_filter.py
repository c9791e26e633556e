"""`--where 'split == "validation"'`: an SQL expression over the columns of a table, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

from strnet.errors import ThresholdError, unknown_name

ROW = "row in the table"
"""Column of row numbers that error messages use; a condition cannot name it."""
QUOTED = re.compile(r"""'(?:[^']|'')*'|"([^"]*)\"""")


def keep_rows(table: pl.LazyFrame, where: str | None) -> pl.LazyFrame:
    """The rows of `table` for which the SQL expression `where` is true; all of them if it is None.

    Text may stand in double quotes too, unless a column has that name. An expression can only compute from
    columns: it reads no file and runs no code.

    Raises: ThresholdError: an expression that cannot be read, names no column, or is not true or false.
    """
    if where is None:
        return table
    schema = table.collect_schema()
    try:
        condition = pl.sql_expr(_with_text_quoted(where, schema.names()))
    except pl.exceptions.PolarsError as error:
        raise ThresholdError(
            f"--where: cannot read {where!r} ({error}). Write an SQL condition such as split = 'validation'."
        ) from error
    _require_columns(where, condition.meta.root_names(), [name for name in schema.names() if name != ROW])
    _require_condition(where, table, condition)
    return table.filter(condition)


def _with_text_quoted(where: str, columns: Sequence[str]) -> str:
    def requoted(match: re.Match[str]) -> str:
        name = match.group(1)
        if name is None or name in columns:
            return match.group(0)
        return "'" + name.replace("'", "''") + "'"

    return QUOTED.sub(requoted, where)


def _require_columns(where: str, used: Sequence[str], columns: Sequence[str]) -> None:
    for name in used:
        if name not in columns:
            raise ThresholdError(
                f"--where: {where!r}: {unknown_name('column', name, columns)} Text stands in quotes."
            )
    if not used:
        raise ThresholdError(f"--where: {where!r} names no column, expected a condition such as fold = 0.")


def _require_condition(where: str, table: pl.LazyFrame, condition: pl.Expr) -> None:
    try:
        # on a row at hand: that a number is compared with text shows only then
        kind = table.head(1).select(condition.alias("condition")).collect()["condition"].dtype
    except pl.exceptions.PolarsError as error:
        problem = str(error).splitlines()[0]
        raise ThresholdError(
            f"--where: {where!r} does not fit the columns ({problem}). Compare like with like: fold = 0, "
            "split = 'validation'."
        ) from error
    if kind != pl.Boolean:
        raise ThresholdError(
            f"--where: {where!r} is {kind}, expected true or false. Write a condition such as split = 'test'."
        )
