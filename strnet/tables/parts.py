"""A folder of parts as one table: equal columns, in whatever order the parts are found."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from strnet.errors import TableError
from strnet.tables.places import KINDS, table_file, table_suffix
from strnet.tables.scanning import scan_file

_SHOWN = 5


def scan_parts(
    folder: Path,
    what: str,
    *,
    dialect: str | None = None,
    unknown: tuple[str, ...] = ("",),
    text: tuple[str, ...] = (),
) -> pl.LazyFrame:
    """The rows of all tables in `folder`, the parts by name.

    Raises: TableError: no table there, tables in folders below it, or a part whose columns differ.
    """
    parts = {
        path.name: scan_file(table_file(path, what), dialect=dialect, unknown=unknown, text=text)
        for path in _parts(folder, what)
    }
    kinds = _kinds(parts, folder, text)
    names = list(kinds)
    return pl.concat(
        [
            part.select(pl.col(name).cast(kinds[name], strict=False) for name in names)
            for part in parts.values()
        ]
    )


def _parts(folder: Path, what: str) -> list[Path]:
    below = [path for path in folder.rglob("*") if _is_part(path)]
    parts = sorted(path for path in below if path.parent == folder)
    deeper = sorted({str(path.parent.relative_to(folder)) for path in below if path.parent != folder})
    if deeper:
        raise TableError(
            f"{folder}: holds tables in folders below it too ({', '.join(deeper[:_SHOWN])}), which would be "
            "left out. Give one of them, or put the parts into one folder."
        )
    if not parts:
        raise TableError(f"{folder}: a folder without tables. Give a {what}, or a folder of its parts.")
    return parts


def _is_part(path: Path) -> bool:
    return table_suffix(path) in KINDS and not path.name.startswith((".", "~$")) and path.is_file()


def _kinds(parts: dict[str, pl.LazyFrame], folder: Path, text: tuple[str, ...]) -> dict[str, pl.DataType]:
    """The columns of all parts, each with the type that holds the values of all of them.

    Raises: TableError: a part with other columns, or with text where another holds numbers.
    """
    schemas = {name: part.collect_schema() for name, part in parts.items()}
    first, columns = next(iter(schemas)), next(iter(schemas.values())).names()
    for name, schema in schemas.items():
        if set(schema.names()) != set(columns):
            raise TableError(
                f"{folder / name}: {_difference(set(schema.names()), set(columns))} than {first}. "
                "Parts of one table have equal columns: move what does not belong to it elsewhere."
            )
    as_text = {c for c in text if any(schema.get(c) == pl.String for schema in schemas.values())}
    return {c: pl.String() if c in as_text else _common_type(c, parts, schemas, folder) for c in columns}


def _difference(here: set[str], there: set[str]) -> str:
    more, less = sorted(here - there)[:_SHOWN], sorted(there - here)[:_SHOWN]
    said = [f"{word} {', '.join(names)}" for word, names in (("with", more), ("without", less)) if names]
    return f"has other columns ({' and '.join(said)})"


def _common_type(
    column: str, parts: dict[str, pl.LazyFrame], schemas: dict[str, pl.Schema], folder: Path
) -> pl.DataType:
    kinds = {name: schema[column] for name, schema in schemas.items()}
    if len(set(kinds.values())) == 1:
        return next(iter(kinds.values()))
    # a column without a single value has no type of its own
    held = {
        n: k for n, k in kinds.items() if parts[n].select(pl.col(column).is_not_null().any()).collect().item()
    }
    if len(set(held.values())) <= 1:
        return next(iter((held or kinds).values()))
    if all(kind.is_numeric() for kind in held.values()):
        return pl.concat(
            [pl.Series([], dtype=kind).to_frame("x") for kind in held.values()], how="vertical_relaxed"
        ).schema["x"]
    (one, a), (other, b) = next((x, y) for x in held.items() for y in held.items() if x[1] != y[1])
    raise TableError(
        f"{folder / other}: column '{column}' holds {b}, and {a} in {one}. Write the column alike in all "
        "parts."
    )
