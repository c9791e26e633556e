"""Table 1 of a manifest's patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from strnet.cohort import Manifest, read_manifest, read_split
from strnet.cohort.columns import BY_NAME, COLUMNS, VOCABULARY
from strnet.errors import ManifestError
from strnet.files import write_json, write_text
from strnet.report import Table
from strnet.report.table_one import MOST_CATEGORIES, TableOneRequest, table_one
from strnet.report.table_one_text import table_one_table
from strnet.row_filter import keep_rows, require_held
from strnet.schema import DXA_SITES, FOLD, IMAGE_ID, SPLIT, T_SCORE, bmd_column, t_score_column

UNITS: Mapping[str, str] = {column.name: column.unit for column in COLUMNS if column.unit}
_USUAL = (
    *("age", "sex", "bmi", T_SCORE, *map(bmd_column, DXA_SITES), *map(t_score_column, DXA_SITES)),
    *("diagnosis", "reference_standard", "days_to_reference", "site"),
)


@dataclass(frozen=True, slots=True)
class PatientsTable:
    """Table 1 as JSON values and for a reader."""

    content: dict[str, Any]
    table: Table


def describe(
    manifest: Path,
    *,
    by: str = "diagnosis",
    out: Path | None = None,
    split: Path | None = None,
    where: str | None = None,
    columns: Sequence[str] = (),
    medians: Sequence[str] = (),
    categories: Sequence[str] = (),
) -> PatientsTable:
    """The patients of a manifest by the groups of `by`; with `out` also written there, as JSON or Markdown.

    `split` adds the columns split and fold, `where` chooses images. `columns` are those to show, else what
    is known of patients.

    Raises: ManifestError, SplitError, RowFilterError, GroupingError: what was asked does not fit the files.
    """
    if out is not None and out.suffix.lower() not in (".json", ".md"):
        raise ManifestError(f"{out}: a table 1 is written as .json or .md. Give such a name.")
    cohort = read_manifest(manifest)
    frame = cohort.frame if split is None else with_split(cohort, split)
    if where is not None:
        chosen = keep_rows(frame.lazy(), where).collect()
        require_held(where, frame, VOCABULARY)
        if not chosen.height:
            raise ManifestError(
                f"--where {where!r} keeps none of {frame.height} rows. Correct the condition."
            )
        frame = chosen
    shown = tuple(columns) or usual_columns(frame, by)
    found = table_one(frame, TableOneRequest(by, shown, tuple(medians), tuple(categories)))
    done = PatientsTable(asdict(found), table_one_table(found, UNITS))
    if out is not None and out.suffix.lower() == ".json":
        write_json(out, done.content)
    elif out is not None:
        write_text(out, done.table.markdown())
    return done


def patients_tables(cohort: Manifest, split: Path, chosen: Mapping[str, Any] | None) -> tuple[Table, ...]:
    """Table 1 by diagnosis and by side of the split, of the rows that a run used; without groups, none."""
    frame = with_split(cohort, split)
    if chosen is not None:
        frame = keep_rows(frame.lazy(), chosen["where"]).collect()
    shown = (by for by in ("diagnosis", SPLIT) if frame[by].drop_nulls().n_unique() > 1)
    return tuple(_table(frame, by) for by in shown)


def _table(frame: pl.DataFrame, by: str) -> Table:
    try:
        found = table_one(frame, TableOneRequest(by, usual_columns(frame, by)))
    except ManifestError as error:  # such as two diagnoses of every patient: no reason for no report
        return Table(f"Patients by {by}", ("",), (), (str(error),))
    return table_one_table(found, UNITS)


def with_split(cohort: Manifest, split: Path) -> pl.DataFrame:
    """The rows of a cohort with their split and fold, after the split's certificate was checked.

    Raises: SplitError: it does not hold for this manifest.
    """
    sides = read_split(split, cohort).frame.select(IMAGE_ID, SPLIT, FOLD)
    return cohort.frame.drop(SPLIT, FOLD, strict=False).join(
        sides, on=IMAGE_ID, how="left", maintain_order="left"
    )


def usual_columns(frame: pl.DataFrame, by: str) -> tuple[str, ...]:
    """What is known of patients and differs between them, but for `by`."""
    further = [name for name in frame.columns if name not in BY_NAME and name not in (SPLIT, FOLD)]
    wanted = (name for name in (*_USUAL, *further) if name not in (by, by.partition(":")[0]))
    return tuple(name for name in wanted if _tells(frame[name]))


def _tells(cells: pl.Series) -> bool:
    different = cells.drop_nulls().n_unique()
    return different > 1 and (cells.dtype.is_numeric() or different <= MOST_CATEGORIES)
