"""Scores out of anybody's table: only the columns that are needed, streamed, every row accounted for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from strnet.errors import TableError, ThresholdError, unknown_name
from strnet.grouping import column_of, read_grouping
from strnet.row_filter import ROW, keep_rows
from strnet.schema import CASE_ID, IMAGE_ID, MEMBERS, PATIENT_ID, target_column
from strnet.stats.inputs import Bools, Floats, Ints
from strnet.tables import id_text, id_texts, scan_table
from strnet.thresholds.id_columns import named_groups_of, names_in
from strnet.thresholds.known_rows import Numbered, numbered_rows
from strnet.thresholds.reading_order import Keys, label_keys
from strnet.thresholds.rows import Labels
from strnet.thresholds.score_identity import (
    UNKNOWN,
    ScoreIdentity,
    candidates,
    identity_in,
    require_in_range,
)
from strnet.thresholds.unusable_cells import (
    SHOWN,
    as_number,
    not_finite,
    note_look_alikes,
    plain_name,
    refuse_cells,
    refuse_scores,
    require_numbers,
    require_told_apart,
)

Source = Path | str | pl.DataFrame | pl.LazyFrame
"""A table as `scan_table` takes it, a run folder (its predictions), or a table at hand."""

PREDICTIONS = "predictions.parquet"
RECIPE = "recipe.yaml"
"""What stands in a run folder, and not beside anybody's scores."""
UNKNOWN_CELLS = ("", "NA")
MOST_IDS = 1_000_000
"""Of a larger table no ids of films are kept: they take more memory than all else."""
_AS_TEXT = "Give the column a name that ends in _id: such columns are read as text"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreColumns:
    """Names of columns; `target` and `score` may also name a task of the predictions table.

    A score that names a task is its probability where the table has it, otherwise its logit or value.
    `score_kind` is what the user says of a column whose name does not. `groups` may cut numbers: `age:50,65`.
    `identifier` must be unique; if not given it is `image_id`, or `case_id` of cases that members answered.
    """

    target: str
    score: str
    cluster: str | None = None
    groups: tuple[str, ...] = ()
    weight: str | None = None
    identifier: str | None = None
    score_kind: str | None = None


@dataclass(frozen=True)
class ScoreRows:
    """The rows of a table that have a target: arrays (n,), how many rows had none, and which score it is.

    `cluster_keys` (k,) are those of the codes in `clusters`; `waiting` (n,) is true where another row of the
    same patient has no target. `films` (n,) are ids, up to `MOST_IDS` of them. `patients_unnamed` where the
    table has patients with several films, and nobody named their column.
    """

    target: Bools
    score: npt.NDArray[np.floating[Any]]
    clusters: Ints | None
    weights: Floats | None
    without_target: int
    groups: dict[str, Labels] = field(default_factory=dict)
    cluster_keys: Keys | None = None
    identity: ScoreIdentity = UNKNOWN
    waiting: Bools | None = None
    films: pl.Series | None = None
    patients_unnamed: bool = False

    @cached_property
    def sha256(self) -> str:
        """What names these rows: see `rows_sha256`."""
        return rows_sha256(self.target, self.score)

    def subset(self, rows: Bools) -> ScoreRows:
        """The rows where `rows` (n,) is true; patients and groups keep their codes."""
        return replace(
            self,
            target=self.target[rows],
            score=self.score[rows],
            clusters=None if self.clusters is None else self.clusters[rows],
            groups={column: labels.subset(rows) for column, labels in self.groups.items()},
            weights=None if self.weights is None else self.weights[rows],
            waiting=None if self.waiting is None else self.waiting[rows],
            films=None if self.films is None else self.films.filter(pl.Series(rows)),
        )

    @cached_property
    def numbered(self) -> Numbered:
        """The rows as numbers, to know them again by."""
        return numbered_rows(self.target, self.score)


def rows_sha256(target: Bools, score: npt.NDArray[np.floating[Any]]) -> str:
    """SHA-256 of targets and scores (n,), whatever the order of rows and the other columns named.

    The same cases are to be known again when somebody sorts the table or adds `--cluster`.
    """
    digest = hashlib.sha256()
    for of_class in (target, ~target):
        ordered = score[of_class].astype("<f8", copy=False)  # the choice of rows is a copy already
        ordered.sort()
        digest.update(ordered.size.to_bytes(8, "little"))
        digest.update(ordered.data)
    return digest.hexdigest()


def read_scores(source: Source, columns: ScoreColumns, where: str | None = None) -> ScoreRows:
    """The rows of `source` that `where` keeps and whose target is known.

    Raises: ThresholdError: unknown columns, a `where` that cannot be read or keeps nothing, targets other
        than 0 and 1, scores or weights that are not finite, rows without patient or group, an id twice.
    """
    table = open_table(source, text=names_in(columns.groups, columns.cluster, columns.identifier))
    names = [name for name in table.collect_schema().names() if name != ROW]
    groupings = {group: read_grouping(group, names) for group in columns.groups}
    columns = _resolved(columns, table)
    _require_types(columns, table)
    _require_once(columns.groups)
    kinds = table.collect_schema()
    numbered = table if ROW in kinds.names() else table.with_row_index(ROW)
    kept = keep_rows(numbered, where)
    with as_table_error():
        frame = kept.select(*_expressions(columns, kinds)).collect(engine="streaming")
    for place, grouping in enumerate(groupings.values()):
        role = _group_role(place)
        frame = frame.with_columns(named_groups_of(frame[role], grouping).alias(role))
    if frame.height == 0:
        raise ThresholdError("scores: found no rows. Check the table and the filter (--where).")
    _require_sound(frame, kept, columns)
    _require_exact(frame, columns, kinds)
    without_target = frame["target"].null_count()
    if without_target == frame.height:
        raise ThresholdError(f"{columns.target}: none of {frame.height} rows has a target. Check the column.")
    rows = replace(
        _arrays(frame, without_target, columns),
        films=_films(kept, columns, frame.height),
        patients_unnamed=columns.cluster is None and _several_films(kept, kinds),
    )
    identity = identity_in(kept, columns.score, columns.score_kind)
    require_in_range(identity, rows.score)
    return replace(rows, identity=identity)


def open_table(source: Source, dialect: str | None = None, text: tuple[str, ...] = ()) -> pl.LazyFrame:
    """The table, not yet read; the columns in `text` hold names, and are text.

    Raises: TableError: no such file, one that does not parse, a run without predictions, or no rows.
    """
    if isinstance(source, pl.DataFrame | pl.LazyFrame):
        return source.lazy()
    path = Path(source)
    if (path / PREDICTIONS).is_file():
        path /= PREDICTIONS
    elif (path / RECIPE).is_file():
        raise TableError(f"{path}: a run without {PREDICTIONS}. Let the training end, or resume it.")
    table = scan_table(path, "scores table", dialect=dialect, unknown=UNKNOWN_CELLS, text=text)
    with as_table_error():
        if table.head(1).collect().is_empty():
            raise TableError(f"{path}: has a header and no rows. Give the table with its scores.")
    return table


def column_named(name: str, table: pl.LazyFrame, *alternatives: str) -> str:
    """The column `name`, or the first of `alternatives` that the table has.

    Raises: ThresholdError: none is there.
    """
    existing = [name for name in table.collect_schema().names() if name != ROW]
    for candidate in (name, *alternatives):
        if candidate in existing:
            return candidate
    raise ThresholdError(f"scores: {unknown_name('column', name, existing)}")


@contextmanager
def as_table_error() -> Iterator[None]:
    """A block whose polars errors become TableErrors."""
    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as error:
        problem = str(error).splitlines()[0]
        raise TableError(
            f"scores: the table cannot be read: {problem.rstrip('.')}. Write it again."
        ) from error


def _resolved(columns: ScoreColumns, table: pl.LazyFrame) -> ScoreColumns:
    def named(column: str | None) -> str | None:
        return None if column is None else column_named(column, table)

    names = table.collect_schema().names()
    # a case of several images has no image_id
    known = CASE_ID if {CASE_ID, MEMBERS} <= set(names) else IMAGE_ID
    own = known if known in names else None
    return ScoreColumns(
        target=column_named(columns.target, table, target_column(columns.target)),
        score=column_named(columns.score, table, *candidates(columns.score)),
        cluster=named(columns.cluster),
        groups=tuple(column_of(group, names) for group in columns.groups),
        weight=named(columns.weight),
        identifier=named(columns.identifier or own),
        score_kind=columns.score_kind,
    )


def _require_once(groups: tuple[str, ...]) -> None:
    twice = sorted({column for column in groups if groups.count(column) > 1})
    if twice:
        raise ThresholdError(
            f"--group: found {', '.join(twice)} twice, expected each column once. Name all cuts of a number "
            "together: age:50,65,80."
        )


def _require_types(columns: ScoreColumns, table: pl.LazyFrame) -> None:
    if columns.target == columns.score:
        raise ThresholdError(
            f"{columns.target}: found as target and as score, expected two columns. "
            "Name the column of the score."
        )
    kinds = table.collect_schema()
    require_numbers(columns.score, kinds[columns.score], "scores")
    if columns.weight is not None:
        require_numbers(columns.weight, kinds[columns.weight], "weights")
    kind = kinds[columns.target]
    if not (kind.is_numeric() or kind == pl.Boolean):
        with as_table_error():
            found = table.select(pl.col(columns.target).unique(maintain_order=True).head(SHOWN)).collect()
        if found.to_series().null_count() == found.height:
            return  # an empty column has no type of its own
        raise ThresholdError(
            f"{columns.target}: found {kind} ({', '.join(map(repr, found.to_series()))}), expected 0 and 1. "
            "Code the positive class as 1 and the negative class as 0, and leave the cell empty where the "
            "target is unknown."
        )


def _require_exact(frame: pl.DataFrame, columns: ScoreColumns, kinds: pl.Schema) -> None:
    """Raise where numbers so large that they are rounded stand for scores or for patients."""
    if kinds[columns.score].is_integer() or kinds[columns.score] == pl.String:
        require_told_apart(columns.score, frame["score"], "scores", "Write smaller numbers")
    if columns.cluster is not None and kinds[columns.cluster].is_float():
        numbers = frame["cluster"].cast(pl.Float64, strict=False)
        require_told_apart(columns.cluster, numbers, "names", _AS_TEXT)


def _expressions(columns: ScoreColumns, kinds: pl.Schema) -> Iterator[pl.Expr]:
    yield (as_number(columns.target) == 1).alias("target")
    yield _wrong_target(columns).alias("wrong target")
    yield as_number(columns.score).alias("score")
    yield _wrong_score(columns).alias("wrong score")
    if columns.weight is not None:
        yield as_number(columns.weight).alias("weight")
        yield not_finite(columns.weight).alias("wrong weight")
    if columns.cluster is not None:
        yield id_text(columns.cluster, kinds[columns.cluster]).alias("cluster")
    for place, column in enumerate(columns.groups):
        yield pl.col(column).alias(_group_role(place))
    if columns.identifier is not None:
        yield id_text(columns.identifier, kinds[columns.identifier]).hash().alias("identifier")
        if kinds[columns.identifier] == pl.String:
            yield plain_name(columns.identifier).hash().alias("plain identifier")


def _wrong_target(columns: ScoreColumns) -> pl.Expr:
    number = as_number(columns.target)
    return (number != 0) & (number != 1)


def _wrong_score(columns: ScoreColumns) -> pl.Expr:
    return pl.col(columns.target).is_not_null() & not_finite(columns.score)


def _require_sound(frame: pl.DataFrame, kept: pl.LazyFrame, columns: ScoreColumns) -> None:
    if frame["wrong target"].any():
        wrong = _wrong_target(columns)
        refuse_cells(kept, columns.target, wrong, "targets other than 0 and 1", "Code them as 0 and 1")
    if frame["wrong score"].any():
        refuse_scores(kept, columns.score, _wrong_score(columns))
    if columns.weight is not None and frame["wrong weight"].any():
        wrong = not_finite(columns.weight)
        refuse_cells(
            kept, columns.weight, wrong, "weights missing, not a number or infinite", "Complete the column"
        )
    groups = {_group_role(place): column for place, column in enumerate(columns.groups)}
    for role, column in {"cluster": columns.cluster, **groups}.items():
        if column is None:
            continue
        if frame[role].null_count():
            wrong = pl.col(column).is_null() | pl.col(column).cast(pl.String).eq("NaN")
            refuse_cells(kept, column, wrong, "empty cells", "Name the patient or group of each row")
        note_look_alikes(frame.lazy(), role, column)
    if columns.identifier is not None:
        _require_unique(kept, columns.identifier, frame)


def _require_unique(kept: pl.LazyFrame, column: str, frame: pl.DataFrame) -> None:
    if not _has_equals(frame["identifier"]):
        if "plain identifier" in frame.columns and _has_equals(frame["plain identifier"]):
            note_look_alikes(kept, column, column)
        return
    ids = id_text(column, kept.collect_schema()[column])
    counts = kept.group_by(ids.alias("id")).len().filter(pl.col("len") > 1).collect()
    if counts.height:  # equal hashes alone may be chance
        shown = ", ".join(
            f"{name} ({times} times)" for name, times in counts.sort("id").head(SHOWN).iter_rows()
        )
        raise ThresholdError(
            f"{column}: {counts.height} ids stand in more than one row: {shown}. Keep one row per film; "
            "films of one patient belong together through the cluster column (--cluster)."
        )


def _has_equals(hashes: pl.Series) -> bool:
    ordered = np.sort(hashes.to_numpy())
    return bool(np.any(ordered[1:] == ordered[:-1]))


def _arrays(whole: pl.DataFrame, without_target: int, columns: ScoreColumns) -> ScoreRows:
    frame = whole.drop_nulls("target") if without_target else whole
    clustered = "cluster" in frame.columns
    return ScoreRows(
        frame["target"].to_numpy(),
        frame["score"].to_numpy(),
        _ranks(frame["cluster"]) if clustered else None,
        frame["weight"].to_numpy() if "weight" in frame.columns else None,
        without_target,
        {column: _labels(frame[_group_role(place)]) for place, column in enumerate(columns.groups)},
        label_keys(frame["cluster"].unique().sort()) if clustered else None,
        waiting=_waiting(whole) if clustered and without_target else None,
    )


def _waiting(whole: pl.DataFrame) -> Bools:
    incomplete = whole.filter(pl.col("target").is_null())["cluster"].unique()
    return whole.drop_nulls("target")["cluster"].is_in(incomplete.implode()).to_numpy()


def _films(kept: pl.LazyFrame, columns: ScoreColumns, rows: int) -> pl.Series | None:
    if columns.identifier is None or rows > MOST_IDS:
        return None
    known = kept.filter(pl.col(columns.target).is_not_null())
    return id_texts(known.select(columns.identifier).collect(engine="streaming").to_series())


def _several_films(kept: pl.LazyFrame, kinds: pl.Schema) -> bool:
    """Whether a column of patients, by the name that strnet gives it, names one twice in the first rows."""
    if PATIENT_ID not in kinds.names():
        return False
    first = kept.select(PATIENT_ID).drop_nulls().head(MOST_IDS).collect(engine="streaming")
    return bool(first.to_series().n_unique() < first.height)


def _ranks(column: pl.Series) -> Ints:
    # codes in the order of the labels, without a Python object per row
    return column.rank("dense").cast(pl.Int64).to_numpy() - 1


def _group_role(place: int) -> str:
    return f"group {place}"


def _labels(column: pl.Series) -> Labels:
    return Labels(tuple(column.unique().sort().to_list()), _ranks(column))
