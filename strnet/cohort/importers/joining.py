"""Label cells tied to films: by the film a row names, or by the patient."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from strnet.cohort.importers.checked_table import CheckedTable
from strnet.cohort.importers.outcome import FILM
from strnet.cohort.inspection import Inspection
from strnet.errors import ManifestError
from strnet.schema import IMAGE_ID, PATIENT_ID
from strnet.tables import id_texts

_KEY = "__key__"
_OF_TABLE = "__table"


def labelled(
    rows: pl.DataFrame, table: CheckedTable | None, films: Sequence[Inspection]
) -> tuple[pl.DataFrame, list[str]]:
    """The rows, one per film, with the table's cells; and what is to be said of the table.

    `rows` have image_id, FILM, and patient_id where the films' names give it.

    Raises: ManifestError: the table fits no film.
    """
    if table is None:
        return rows, []
    by_film = table.key == IMAGE_ID
    keys = rows[FILM] if by_film else id_texts(pl.Series(_patients(rows, films), dtype=pl.String))
    own = table.rows[FILM] if by_film else id_texts(table.rows[PATIENT_ID])
    theirs = table.rows.with_columns(own.alias(_KEY))
    unused = theirs.filter(pl.col(_KEY).is_null() | ~pl.col(_KEY).is_in(keys.drop_nulls().to_list()))
    if films and unused.height == theirs.height:
        raise ManifestError(
            f"{table.path}: no row fits a film by {table.key}. The table has '{unused[0, table.key]}', the "
            f"films '{rows[0, IMAGE_ID] if by_film else keys[0]}'. Map the right column with --column "
            f"{table.key}=COLUMN."
        )
    joined = rows.with_columns(keys.alias(_KEY)).join(
        theirs.drop(IMAGE_ID, FILM, strict=False),
        on=_KEY,
        how="left",
        maintain_order="left",
        suffix=_OF_TABLE,
    )
    if PATIENT_ID + _OF_TABLE in joined.columns:
        joined = joined.with_columns(pl.coalesce(PATIENT_ID, PATIENT_ID + _OF_TABLE).alias(PATIENT_ID))
    return joined.drop(_KEY, PATIENT_ID + _OF_TABLE, strict=False), _notes(table, unused[table.key])


def _patients(rows: pl.DataFrame, films: Sequence[Inspection]) -> list[str | None]:
    """The patient of each film, by its name or its header."""
    headers = [film.source.patient_id if film.source else None for film in films]
    return [named or header for named, header in zip(rows[PATIENT_ID], headers, strict=True)]


def _notes(table: CheckedTable, unused: pl.Series) -> list[str]:
    if not unused.len():
        return []
    more = ", ..." if unused.len() > 10 else ""
    return [
        f"{table.path.name}: {unused.len()} row(s) fit no film: {', '.join(map(str, unused[:10]))}{more}."
    ]
