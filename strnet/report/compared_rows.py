"""Whether several networks are judged on the same rows with the same targets, or the first difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from strnet import schema
from strnet.errors import ManifestError
from strnet.tables import require_columns


def rows_to_compare(
    tables: Mapping[str, pl.DataFrame], split: str, key: str, tasks: Sequence[str]
) -> dict[str, pl.DataFrame]:
    """The rows of `split` of each network's predictions, all in one order, that of the column `key`.

    Raises: ManifestError: the first row, patient or target in which two networks differ, a key that stands
        in two rows of one, or no row at all.
    """
    frames = {name: _rows(table, name, split, key, tasks) for name, table in tables.items()}
    first, *others = frames
    for other in others:
        _require_same_keys(frames, tables, (first, other), split, key)
        _require_same_cells((first, other), frames, key, schema.PATIENT_ID)
        for task in tasks:
            _require_same_cells((first, other), frames, key, schema.target_column(task))
    if frames[first].is_empty():
        raise ManifestError(
            f"{', '.join(frames)}: have no {split} row in common, by {key}. Name a split that they have, or "
            "compare networks of one manifest."
        )
    return frames


def _rows(table: pl.DataFrame, name: str, split: str, key: str, tasks: Sequence[str]) -> pl.DataFrame:
    columns = (key, schema.PATIENT_ID, schema.SPLIT, *map(schema.target_column, tasks))
    require_columns(table, columns, f"predictions of {name}")
    rows = table.filter(pl.col(schema.SPLIT) == split)
    for column in (key, schema.PATIENT_ID):
        if rows[column].null_count():
            raise ManifestError(
                f"{name}: {rows[column].null_count()} {split} rows have no {column}. Rows are matched by it."
            )
    twice = rows.filter(pl.col(key).is_duplicated())[key]
    if twice.len():
        raise ManifestError(
            f"{name}: {key} '{twice[0]}' stands in more than one {split} row. Compare networks by what has "
            "one row each: images, or combine the rows of an examination or patient first."
        )
    return rows.sort(pl.col(key).cast(pl.String))


def _require_same_keys(
    frames: Mapping[str, pl.DataFrame],
    tables: Mapping[str, pl.DataFrame],
    pair: tuple[str, str],
    split: str,
    key: str,
) -> None:
    held = [set(frames[name][key].cast(pl.String)) for name in pair]
    lost = sorted(held[0] ^ held[1])
    if not lost:
        return
    here, there = pair if lost[0] in held[0] else pair[::-1]
    text = pl.col(key).cast(pl.String)
    elsewhere = tables[there].filter(text == lost[0])[schema.SPLIT].to_list()
    where = f"where it is a {elsewhere[0]} row" if elsewhere else "where it is in no row"
    raise ManifestError(
        f"{pair[0]} and {pair[1]}: {len(lost)} {split} rows are of one network only. The first: {key} "
        f"'{lost[0]}' is a {split} row of {here} and not of {there}, {where}. Networks are compared on the "
        "same rows: train them on one manifest and split, and see quarantine.csv in each run for films that "
        "could not be read."
    )


def _require_same_cells(
    pair: tuple[str, str], frames: Mapping[str, pl.DataFrame], key: str, column: str
) -> None:
    one, two = (_cells(frames[name], column) for name in pair)
    differ = one.ne_missing(two)
    if differ.any():
        at = int(differ.arg_true()[0])
        raise ManifestError(
            f"{pair[0]} and {pair[1]}: {column} differs in {int(differ.sum())} rows. The first: {key} "
            f"'{frames[pair[0]][key][at]}' has {one[at]} in {pair[0]} and {two[at]} in {pair[1]}. They were "
            "not trained on one manifest: train them again on one."
        )


def _cells(frame: pl.DataFrame, column: str) -> pl.Series:
    cells = frame[column]
    if cells.dtype.is_numeric() or cells.dtype == pl.Boolean:
        return cells.cast(pl.Float64).fill_nan(None)
    return cells.cast(pl.String)
