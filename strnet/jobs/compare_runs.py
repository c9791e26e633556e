"""Several trained networks judged on the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Final, Literal, get_args

import polars as pl

from strnet.config import EnsembleRecipe, Recipe, TaskConfig, load_run_recipe
from strnet.errors import ConfigError, TrainingError, unknown_name
from strnet.files import write_json
from strnet.inference import open_bundle
from strnet.jobs.external_record import EXTERNAL, external_remarks
from strnet.report import (
    Table,
    TaskComparison,
    compare_networks,
    comparison_rows,
    comparison_table,
    rows_to_compare,
)
from strnet.schema import BUNDLE_FOLDER, EXAM_ID, FOLD, IMAGE_ID, PATIENT_ID, SPLIT, WEIGHTS_SHA256
from strnet.tables import write_table
from strnet.training import RunFolder, fold_folder, read_run

Unit = Literal["image", "examination", "patient"]
UNITS: Final = get_args(Unit)
_KEYS: Final = {"image": IMAGE_ID, "examination": EXAM_ID, "patient": PATIENT_ID}
_USED: Final = {"validation": ("train",)}
"""Parts whose rows must not be judged, by the part that is; for others training and validation rows."""


@dataclass(frozen=True)
class ComparedRuns:
    """What the comparison of several runs found, a part per task, and how it is to be read."""

    comparisons: tuple[TaskComparison, ...]
    notes: tuple[str, ...]

    @property
    def content(self) -> dict[str, Any]:
        """Everything as JSON values."""
        return {"comparisons": [asdict(one) for one in self.comparisons], "notes": list(self.notes)}

    @property
    def tables(self) -> tuple[Table, ...]:
        """A table per task."""
        return tuple(comparison_table(one) for one in self.comparisons)


@dataclass(frozen=True)
class _Run:
    name: str
    folder: RunFolder
    recipe: Recipe | EnsembleRecipe
    table: pl.DataFrame
    folds: int
    """0 for a run that is no cross-validation."""


def compare(
    runs: Sequence[Path],
    *,
    split: str = "test",
    tasks: Sequence[str] = (),
    against: str | None = None,
    by: Unit = "image",
    common: bool = False,
    out: Sequence[Path] = (),
) -> ComparedRuns:
    """Each network's figure on the rows of `split`, and all paired differences with Holm's correction.

    `runs` are folders of `train`, `crossval` (out-of-fold rows) or `combine`, all judged on the same rows,
    matched by image, examination or patient. With `against`, the name of a run, each other one is compared
    with it only. `tasks` are those that all runs share, unless some are named. `out` are files to write: CSV,
    TSV or Parquet with a row per comparison, or JSON. Rows that only some networks answer, as where a
    region was not found, are an error, or with `common` left out and counted.

    Raises: ConfigError: fewer than two runs, an unknown name. ManifestError: rows, patients or targets that
        differ. TrainingError: no complete run, one run twice, or a run that was trained on what is judged.
    """
    _require_writable(out)
    if by not in UNITS:
        raise ConfigError(unknown_name("unit", by, UNITS))
    found = _read(runs)
    names = [run.name for run in found]
    if against is not None and against not in names:
        raise ConfigError(f"--against: {unknown_name('run', against, names)}")
    if split == "train":
        raise TrainingError("Training rows judge no network. Compare on test, external or validation rows.")
    shared, left_out = _shared_tasks(found, tasks)
    tables = {run.name: run.table for run in found}
    apart: list[str] = []
    if common:
        tables, apart = _of_all(tables, split, _KEYS[by])
    frames = rows_to_compare(tables, split, _KEYS[by], [task.name for task in shared])
    for run in found:
        _require_unseen(run, frames[run.name], split)
    notes = [*apart, *_same_weights(frames, shared), *left_out, *_unrecorded(found)]
    notes += _external(found) if split == EXTERNAL else ()
    notes.append(_flattery(split, len(found)))
    done = ComparedRuns(
        tuple(compare_networks(frames, task, against=against) for task in shared), tuple(notes)
    )
    for path in out:
        _write(done, path)
    return done


def _of_all(
    tables: Mapping[str, pl.DataFrame], split: str, key: str
) -> tuple[dict[str, pl.DataFrame], list[str]]:
    """The tables without rows of `split` that some other table lacks, and in words how many those were.

    A row that another table has in another part is kept, so that it is noticed: it may have trained there.
    """
    text = pl.col(key).cast(pl.String)
    shared = set.intersection(*(set(table.select(text)[key]) for table in tables.values()))
    apart = (pl.col(SPLIT) == split) & ~text.is_in(shared)
    kept = {name: table.filter(~apart.fill_null(value=False)) for name, table in tables.items()}
    judged = {name: table.filter(pl.col(SPLIT) == split).height for name, table in tables.items()}
    lost = {name: table.height - kept[name].height for name, table in tables.items()}
    told = ", ".join(f"{count} of {judged[name]} of {name}" for name, count in lost.items() if count)
    note = f"Left out are {split} rows that not all networks answer: {told}. They may be the harder ones."
    return kept, [note] if told else []


def _require_writable(out: Sequence[Path]) -> None:
    for path in out:
        if path.suffix not in (".json", ".csv", ".tsv", ".parquet"):
            raise ConfigError(f"{path}: expected a name that ends in .json, .csv, .tsv or .parquet.")


def _write(done: ComparedRuns, path: Path) -> None:
    if path.suffix == ".json":
        write_json(path, done.content)
        return
    rows = [row for one in done.comparisons for row in comparison_rows(one)]
    write_table(pl.DataFrame(rows, infer_schema_length=None), path)


def _read(paths: Sequence[Path]) -> list[_Run]:
    places = [path.resolve() for path in paths]
    if len(places) < 2:
        raise ConfigError(f"found {len(places)} run, expected two or more to compare.")
    for one, two in combinations(places, 2):
        if one == two:
            raise TrainingError(f"{one} is given twice. A network is not compared with itself.")
    plain = [path.name for path in places]
    names = plain if len(set(plain)) == len(plain) else [str(path) for path in paths]
    return [_run(name, path) for name, path in zip(names, places, strict=True)]


def _run(name: str, path: Path) -> _Run:
    folder = RunFolder(path)
    summary = read_run(path)
    recipe, table = load_run_recipe(folder.recipe), pl.read_parquet(folder.predictions)
    return _Run(name, folder, recipe, table, len(summary.get("folds", ())))


def _shared_tasks(runs: Sequence[_Run], asked: Sequence[str]) -> tuple[list[TaskConfig], list[str]]:
    """The tasks to compare, and what is said of those that not all runs answer.

    Raises: ConfigError: a task that was asked for and that not all have, or none in common.
    """
    first = {task.name: task for task in runs[0].recipe.tasks}
    kinds = [{task.name: task.kind for task in run.recipe.tasks} for run in runs]
    shared = [name for name, task in first.items() if all(own.get(name) == task.kind for own in kinds)]
    for name in asked:
        if name not in shared:
            raise ConfigError(f"--task: {unknown_name('task of all these runs', name, shared)}")
    if not shared:
        raise ConfigError("These runs have no task in common, by name and kind.")
    others = sorted({name for own in kinds for name in own} - set(shared))
    notes = [f"Not compared, since not all runs answer it: {', '.join(others)}."] if others else []
    return [first[name] for name in (asked or shared)], notes


def _require_unseen(run: _Run, judged: pl.DataFrame, split: str) -> None:
    """Raise unless no network judges a patient that it was trained on.

    Raises: TrainingError: the first such row.
    """
    used = _USED.get(split, ("train", "validation"))
    if run.folds == 0:
        _require_apart(run.name, judged, run.table.filter(pl.col(SPLIT).is_in(used)))
        return
    if not judged[FOLD].is_in(range(run.folds)).all():
        raise TrainingError(f"{run.name}: rows of no fold, expected folds 0 to {run.folds - 1}.")
    for fold in range(run.folds):
        path = RunFolder(fold_folder(run.folder.path, fold)).predictions
        seen = pl.read_parquet(path, columns=[IMAGE_ID, PATIENT_ID, SPLIT])
        seen = seen.filter(pl.col(SPLIT).is_in(used))
        _require_apart(f"{run.name}, fold {fold}", judged.filter(pl.col(FOLD) == fold), seen)


def _require_apart(name: str, judged: pl.DataFrame, seen: pl.DataFrame) -> None:
    for column in (IMAGE_ID, PATIENT_ID):
        both = judged[column].cast(pl.String).is_in(seen[column].cast(pl.String).implode())
        if both.any():
            raise TrainingError(
                f"{name}: {int(both.sum())} of the rows to be judged are of its training or validation rows. "
                f"The first: {column} '{judged.filter(both)[column][0]}'. It would be judged on what it has "
                "seen: compare runs of one split."
            )


def _same_weights(frames: Mapping[str, pl.DataFrame], tasks: Sequence[TaskConfig]) -> list[str]:
    """What is said of runs that share weights.

    Raises: TrainingError: two that also answer alike: one network under two names.
    """
    notes = []
    for one, two in combinations(frames, 2):
        left, right = frames[one], frames[two]
        if any(WEIGHTS_SHA256 not in f.columns or f[WEIGHTS_SHA256].null_count() for f in (left, right)):
            continue
        if set(left[WEIGHTS_SHA256]) != set(right[WEIGHTS_SHA256]):
            continue
        scores = [
            column
            for column in left.columns
            if column.split(".")[0] in ("logit", "pred") and column.split(".")[1] in {t.name for t in tasks}
        ]
        if all(column in right.columns and left[column].equals(right[column]) for column in scores):
            raise TrainingError(
                f"{one} and {two} have the same weights and the same answers: one network under two names. "
                "Leave one out; it would count as a comparison."
            )
        notes.append(f"{one} and {two} have the same weights and differ in what comes before or after them.")
    return notes


def _unrecorded(runs: Sequence[_Run]) -> list[str]:
    """What cannot be known of the rows that trained a network."""
    notes = []
    for run in runs:
        if run.folds == 0 and not (run.table[SPLIT] == "train").any():
            notes.append(
                f"{run.name}: its table does not hold the rows that trained it, so that nobody can say here "
                "that none of them is judged."
            )
        weights = None if isinstance(run.recipe, EnsembleRecipe) else run.recipe.network.backbone.weights
        if weights is not None:
            notes.append(f"{run.name} began with the weights in {weights}; what trained those is not known.")
    return notes


def _external(runs: Sequence[_Run]) -> list[str]:
    """Record that external rows were scored by each network; what was told of earlier scorings, once."""
    told: list[str] = []
    for run in runs:
        bundle = run.folder.path / BUNDLE_FOLDER
        if bundle.is_dir():
            told += external_remarks(run.folder.path, run.recipe.cohort.split, open_bundle(bundle))
    return list(dict.fromkeys(told))


def _flattery(split: str, count: int) -> str:
    """What choosing among the networks by this table does to the figure of the chosen one."""
    if split == "validation":
        return (
            "Validation rows chose each network's epoch, so that all figures here are flattering. They may "
            "choose a network; what it is worth, rows say that nothing was chosen by."
        )
    return (
        f"The best of {count} networks on these {split} rows looks better than it is, for they chose it. "
        "Choose by --split validation, or judge the chosen one on rows that nothing was chosen by."
    )
