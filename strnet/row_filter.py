"""Rows by an SQL condition over the columns of a table, such as `view = 'AP' and age >= 50`.

One reader for `--where` on scores and for `cohort.where` in a recipe. A condition can only compute from
columns: it reads no file and runs no code.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

import polars as pl

from strnet.errors import RowFilterError, unknown_name

ROW = "row in the table"
"""Column of row numbers that error messages use; a condition cannot name it."""
WHERE = "--where"
_TEXT = r"'(?:[^']|'')*'"
_QUOTED = re.compile(rf"""{_TEXT}|"([^"]*)\"""")
_COMPARED = re.compile(
    rf"""(?:"(?P<quoted>[^"]+)"|(?P<bare>[A-Za-z_][\w.]*))\s*
    (?:(?:==?|<>|!=)\s*(?P<one>{_TEXT}) | (?:\bNOT\s+)?\bIN\s*\((?P<several>[^()]*)\))
    | (?P<left>{_TEXT})\s*(?:==?|<>|!=|(?:\bNOT\s+)?\b(?:I?LIKE|IN)\b)\s*\(?\s*{_TEXT} | {_TEXT}""",
    re.VERBOSE | re.IGNORECASE,
)
"""A column compared with text, text compared with text, or text alone: taken whole, not to look inside it."""

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)"
_EQUATED = re.compile(
    rf"""(?:"(?P<quoted>[^"]+)"|(?P<bare>[A-Za-z_][\w.]*))\s*
    (?:(?:==?|<>|!=)\s*(?P<one>{_NUMBER})(?![\w.]|\s*[-+*/%])
    | (?:\bNOT\s+)?\bIN\s*\((?P<several>[^()]*)\))""",
    re.VERBOSE | re.IGNORECASE,
)
"""A column that is to be, or not to be, a number or one of several."""
_FLAGS = {0.0, 1.0}
_ORDERED = re.compile(
    rf"""(?:"(?P<quoted>[^"]+)"|(?P<bare>[A-Za-z_][\w.]*))\s*
    (?:(?:<=?|>=?)\s*(?P<one>{_TEXT}) | (?:\bNOT\s+)?\bBETWEEN\s+(?P<both>{_TEXT}\s+AND\s+{_TEXT}))""",
    re.VERBOSE | re.IGNORECASE,
)
"""A column that is to lie before or after a text."""
ISO_DATE = r"^\d{4}-\d{2}-\d{2}"
"""Dates whose order is that of their text."""


def keep_rows(table: pl.LazyFrame, where: str | None) -> pl.LazyFrame:
    """The rows of `table` for which the SQL expression `where` is true; all of them if it is None.

    Raises: RowFilterError: as `condition_of`.
    """
    return table if where is None else table.filter(condition_of(where, table))


def condition_of(where: str, table: pl.LazyFrame, named: str = WHERE) -> pl.Expr:
    """The SQL expression `where` over the columns of `table`: true, false, or null where a cell is empty.

    Text may stand in double quotes too, unless a column has that name; `==` is `=`. Messages begin with
    `named`.

    Raises: RowFilterError: an expression that cannot be read, names no column or one that is not there, or
        is not true or false.
    """
    columns = table.collect_schema().names()
    try:
        # in brackets: at the start of an expression `view` would be a keyword
        condition = pl.sql_expr(f"({_with_text_quoted(where, columns)}\n)")
    except pl.exceptions.PolarsError as error:
        raise RowFilterError(
            f"{named}: cannot read {where!r} ({error}). Write an SQL condition such as split = 'validation'."
        ) from error
    _require_no_text_for_a_column(where, columns, named)
    used = condition.meta.root_names()
    for name in used:
        if name not in columns or name == ROW:
            valid = [column for column in columns if column != ROW]
            hint = f"Text stands in quotes: '{name}'."
            raise RowFilterError(f"{named}: {where!r}: {unknown_name('column', name, valid)} {hint}")
    if not used:
        raise RowFilterError(f"{named}: {where!r} names no column, expected a condition such as fold = 0.")
    _require_condition(where, table, condition, named)
    return condition


def columns_of(where: str, known: Collection[str] | None = None) -> set[str]:
    """Names of the columns that `where` uses; none if it cannot be read.

    What stands in double quotes is text unless `known` has it, and a column where nothing is known.
    """
    try:
        quoted = where if known is None else _with_text_quoted(where, known)
        return set(pl.sql_expr(f"({quoted}\n)").meta.root_names())
    except pl.exceptions.PolarsError:
        return set()  # `condition_of` says why


def require_held(
    where: str, frame: pl.DataFrame, vocabulary: Mapping[str, Collection[str]], named: str = WHERE
) -> None:
    """Raise unless every text that `where` compares a column with is a value of it.

    A text that no row holds is a slip (`view = 'Ap'`), which would quietly keep no row, or with `<>` all of
    them. What the `vocabulary` of the column knows may be absent. Before and after are for dates such as
    2026-03-31 only: of other texts '9' would come after '10'.

    Raises: RowFilterError: a text that is no value, with the nearest one, or one that has no order.
    """
    _require_order(where, frame, named)
    for column, text in _compared(_with_text_quoted(where, frame.columns)):
        if column not in frame.columns or frame[column].dtype != pl.String:
            continue
        held = frame[column].drop_nulls().unique().to_list()
        if text not in held and text not in vocabulary.get(column, ()):
            near = next((value for value in held if value.strip().lower() == text.strip().lower()), None)
            hint = f"did you mean '{near}'?" if near else unknown_name("value", text, held)
            raise RowFilterError(f"{named}: {where!r}: no row has {column} '{text}': {hint}")


def require_held_numbers(where: str, frame: pl.DataFrame, named: str = WHERE) -> None:
    """Raise unless every number that `where` equates a column with is a value of it, as `require_held` does.

    In a column of 0 and 1 either may be absent: nobody may have had what it says.

    Raises: RowFilterError: a number that is no value, with the values.
    """
    for match in _EQUATED.finditer(re.sub(_TEXT, "''", where)):
        column = match["quoted"] or match["bare"]
        if column not in frame.columns or not frame[column].dtype.is_numeric():
            continue
        held = {float(value) for value in frame[column].drop_nulls().unique()}
        for text in re.findall(_NUMBER, match["one"] or match["several"] or ""):
            if float(text) not in held | (_FLAGS if held <= _FLAGS else set()):
                listing = ", ".join(f"{value:g}" for value in sorted(held)[:20])
                raise RowFilterError(f"{named}: {where!r}: no row has {column} {text}. Found: {listing}.")


def _require_order(where: str, frame: pl.DataFrame, named: str) -> None:
    for match in _ORDERED.finditer(_with_text_quoted(where, frame.columns)):
        column = match["quoted"] or match["bare"]
        if column not in frame.columns or frame[column].dtype != pl.String:
            continue
        asked = [text[1:-1] for text in re.findall(_TEXT, match["one"] or match["both"])]
        texts = pl.concat([frame[column].drop_nulls(), pl.Series(column, asked)])
        other = texts.filter(~texts.str.contains(ISO_DATE))
        if other.len():
            raise RowFilterError(
                f"{named}: {where!r} asks what comes before or after in {column}, which is text such as "
                f"'{other[0]}' and has no order. Expected numbers, in every row, or dates such as 2026-03-31."
            )


def _compared(where: str) -> Iterator[tuple[str, str]]:
    for match in _COMPARED.finditer(where):
        column = match["quoted"] or match["bare"]
        if column is not None:
            for text in re.findall(_TEXT, match["one"] or match["several"] or ""):
                yield column, text[1:-1].replace("''", "'")


def _require_no_text_for_a_column(where: str, columns: Collection[str], named: str) -> None:
    """Raise where text stands for a column: `"veiw" <> 'AP'` would be true of every row."""
    for match in _COMPARED.finditer(_with_text_quoted(where, columns)):
        if match["left"]:
            hint = unknown_name("column", match["left"][1:-1], [name for name in columns if name != ROW])
            raise RowFilterError(f"{named}: {where!r} compares text with text ({match[0]}). {hint}")


def _with_text_quoted(where: str, columns: Collection[str]) -> str:
    def requoted(match: re.Match[str]) -> str:
        name = match.group(1)
        if name is None or name in columns:
            return match.group(0)
        return "'" + name.replace("'", "''") + "'"

    return _QUOTED.sub(requoted, where)


def _require_condition(where: str, table: pl.LazyFrame, condition: pl.Expr, named: str) -> None:
    try:
        # on a row at hand: that a number is compared with text shows only then
        kind = table.head(1).select(condition.alias("condition")).collect()["condition"].dtype
    except pl.exceptions.PolarsError as error:
        problem = str(error).splitlines()[0]
        raise RowFilterError(
            f"{named}: {where!r} does not fit the columns ({problem}). Compare like with like: fold = 0, "
            "split = 'validation'."
        ) from error
    if kind != pl.Boolean:
        raise RowFilterError(
            f"{named}: {where!r} is {kind}, expected true or false. Write a condition such as split = 'test'."
        )
