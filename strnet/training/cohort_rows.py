"""The rows a run trains, validates and predicts: manifest joined with certified split, films in the cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from strnet.cohort import read_manifest, read_split
from strnet.config import Recipe, TaskConfig
from strnet.data import SampleCache, Targets, build_cache, check_targets, targets_of
from strnet.data.cache import Progress
from strnet.data.dataset import Samples
from strnet.data.region_choice import RegionChoice, choose_regions
from strnet.data.regions import RegionsTable, manifest_regions, read_regions
from strnet.errors import ConfigError, TrainingError, unknown_name
from strnet.files import sha256_file
from strnet.models import class_labels, encode_clinical, fit_clinical_scaling
from strnet.schema import FOLD, IMAGE_ID, REGION, SPLIT, SPLITS
from strnet.training.row_choice import RowChoice, choose_rows
from strnet.workers import Workers

_ABSENT_SCHEMA = {IMAGE_ID: pl.String, SPLIT: pl.String, "path": pl.String, "reason": pl.String}


@dataclass(frozen=True)
class CohortRows:
    """Rows of a manifest with a part in a split, in the manifest's order."""

    frame: pl.DataFrame
    """The manifest's columns, `split` and `fold`."""
    paths: tuple[Path, ...]
    manifest_sha256: str
    split_sha256: str
    choice: RowChoice | None = None
    """What `cohort.where` left out; None where all rows are used."""
    regions: RegionChoice | None = None
    """What of each film is used; None for whole films. Rows without a region are not among the rows."""
    without_region: pl.DataFrame | None = None
    """The rows (image_id, split, path, reason) that have no region, and so no answer."""

    def of(self, splits: Sequence[str]) -> CohortRows:
        """The rows of some splits only."""
        return self.only(self.frame[SPLIT].is_in(list(splits)))

    def only(self, chosen: pl.Series) -> CohortRows:
        """The rows where `chosen` is true."""
        paths = tuple(path for path, keep in zip(self.paths, chosen, strict=True) if keep)
        return replace(self, frame=self.frame.filter(chosen), paths=paths)


@dataclass(frozen=True)
class PreparedCohort:
    """Rows whose films are in the cache, with targets and clinical values."""

    rows: CohortRows
    cache: SampleCache
    targets: Targets
    clinical: NDArray[np.float64]
    """(rows, the recipe's clinical columns) as measured, NaN where unknown."""

    def samples(self, split: str | None = None) -> Samples:
        """The rows of one split, or all."""
        frame = self.rows.frame
        chosen = np.ones(frame.height, dtype=bool) if split is None else (frame[SPLIT] == split).to_numpy()
        return Samples(
            image_ids=tuple(frame.filter(pl.Series(chosen))[IMAGE_ID]),
            clinical=self.clinical[chosen],
            targets={name: target[chosen] for name, target in self.targets.items()},
            regions=tuple(frame.filter(pl.Series(chosen))[REGION]) if REGION in frame.columns else None,
        )


def read_rows(manifest: Path, split: Path, fold: int | None = None, where: str | None = None) -> CohortRows:
    """The rows of `manifest` that `split` gives a part to; of k folds, with `fold` as the test rows.

    The split is certified for all rows; `where`, an SQL condition over the manifest's columns, then chooses
    among them, so that no patient can change sides by it.

    Raises: SplitError: the split's certificate does not hold. TrainingError: a split with folds and no
    `fold`, or the other way round. Otherwise as `choose_rows`.
    """
    table = read_manifest(manifest)
    parts = read_split(split, table)
    if fold is not None:
        parts = parts.for_fold(fold)
    frame = table.frame.join(
        parts.frame.select(IMAGE_ID, SPLIT, FOLD), on=IMAGE_ID, how="left", maintain_order="left"
    )
    if frame[SPLIT].null_count() == frame.height:
        raise TrainingError(
            f"{split}: no row has a split. A split of k folds is trained one fold at a time (crossval); "
            "for one run make a split by ratios."
        )
    paths = tuple(table.image_path(row) for row in frame.iter_rows(named=True))
    rows = CohortRows(frame, paths, sha256_file(manifest), sha256_file(split))
    rows = rows.of(SPLITS)
    if where is None:
        return rows
    kept, choice = choose_rows(rows.frame, where)
    return replace(rows.only(kept), choice=choice)


def rows_of(
    recipe: Recipe, manifest: Path, split: Path, fold: int | None = None, regions: Path | None = None
) -> CohortRows:
    """The rows that `recipe` trains on and predicts: as `read_rows`, without those that have no region.

    `regions` is the table of a segmenter's findings, where the recipe names a segmenter.

    Raises: as `read_rows`. ManifestError: a regions table that cannot be used. TrainingError: no row has its
        regions.
    """
    rows = read_rows(manifest, split, fold, recipe.cohort.where)
    if not recipe.region.used:
        return rows
    choice = choose_regions(
        _regions_table(recipe, rows, manifest, regions), rows.frame[IMAGE_ID].to_list(), recipe.region
    )
    if not choice.parts:
        reason = next(iter(choice.absent.values()), "no rows")
        raise TrainingError(f"None of {rows.frame.height} films has its regions; the first: {reason}")
    absent = [(*cells, choice.absent[cells[0]]) for cells in _places(rows) if cells[0] in choice.absent]
    table = pl.DataFrame(absent, schema=_ABSENT_SCHEMA, orient="row")
    kept = rows.only(rows.frame[IMAGE_ID].is_in(list(choice.parts)))
    return replace(kept, regions=choice, without_region=table)


def _places(rows: CohortRows) -> list[tuple[str, str, str]]:
    paths = [str(path.absolute()) for path in rows.paths]
    return list(zip(rows.frame[IMAGE_ID], rows.frame[SPLIT], paths, strict=True))


def _regions_table(recipe: Recipe, rows: CohortRows, manifest: Path, regions: Path | None) -> RegionsTable:
    if recipe.region.source == "manifest":
        return manifest_regions(rows.frame, manifest.parent, str(manifest))
    table = regions or Path(recipe.region.source)
    if table.is_dir():
        raise ConfigError(
            f"region.source: {table} is a folder. A segmenter is run by `strnet train` and `crossval`, which "
            "then use the regions table that it writes; here name that table."
        )
    return read_regions(table)


def prepare_cohort(
    recipe: Recipe, rows: CohortRows, films: Path | SampleCache, progress: Progress | None = None
) -> PreparedCohort:
    """`rows` with their films in the cache in the folder `films`; those that cannot be read are left out.

    Where `films` is that cache, made already, no file is looked at again.

    Raises: as `check_rows`. TrainingError: no film could be read.
    """
    check_rows(recipe, rows)
    cache = prepare_films(recipe, rows, films, progress) if isinstance(films, Path) else films
    asked = rows.frame.height
    rows = rows.only(rows.frame[IMAGE_ID].is_in(list(cache.shapes)))
    if not rows.frame.height:
        raise TrainingError(
            f"None of {asked} films could be read; the first: {cache.quarantine['reason'][0]}"
        )
    if recipe.region.several and rows.regions is not None:
        rows = _by_region(rows, rows.regions.names)
    clinical = clinical_values(rows.frame, recipe.clinical_columns)
    return PreparedCohort(rows, cache, targets_of(rows.frame, recipe.tasks), clinical)


def prepare_films(
    recipe: Recipe, rows: CohortRows, folder: Path, progress: Progress | None = None
) -> SampleCache:
    """The films of `rows` in the cache in `folder`; what cannot be read is in its quarantine."""
    files = list(zip(rows.frame[IMAGE_ID], rows.paths, strict=True))
    asked = recipe.cohort
    workers = Workers(asked.workers, asked.file_seconds, asked.file_memory_gib)
    parts = None if rows.regions is None else rows.regions.parts
    return build_cache(files, recipe.preprocessing, folder, parts=parts, workers=workers, progress=progress)


def _by_region(rows: CohortRows, names: Sequence[str]) -> CohortRows:
    """A row of each region for every image, one after the other."""
    frame = rows.frame.join(pl.DataFrame({REGION: list(names)}), how="cross", maintain_order="left_right")
    return replace(rows, frame=frame, paths=tuple(path for path in rows.paths for _ in names))


def check_rows(recipe: Recipe, rows: CohortRows) -> None:
    """Raise unless `rows` can train and judge the tasks, as far as that can be said before any film is read.

    Raises: ConfigError: a column or value that the manifest does not have. TrainingError: a task without the
        rows it needs. ModelError: a clinical column that no training row knows.
    """
    targets = targets_of(rows.frame, recipe.tasks)
    training, validation = ((rows.frame[SPLIT] == split).to_numpy() for split in ("train", "validation"))
    check_targets(
        recipe.tasks,
        {name: target[training] for name, target in targets.items()},
        {name: target[validation] for name, target in targets.items()},
    )
    clinical = clinical_values(rows.frame, recipe.clinical_columns)
    fit_clinical_scaling(recipe.clinical_columns, clinical[training])


def clinical_values(frame: pl.DataFrame, columns: Sequence[str]) -> NDArray[np.float64]:
    """Clinical values (rows, columns) as numbers, NaN where unknown.

    Raises: ConfigError: a column that the manifest does not have, with the nearest one.
    """
    for column in columns:
        if column not in frame.columns:
            raise ConfigError(f"tasks.clinical: {unknown_name('column', column, frame.columns)}")
    values = [encode_clinical(column, frame[column]).astype(np.float64) for column in columns]
    return np.stack(values, axis=1) if values else np.zeros((frame.height, 0))


def balance(tasks: Sequence[TaskConfig], samples: Samples) -> dict[str, Any]:
    """By task: rows, known targets, and rows per class or mean and SD, as JSON values."""
    return {task.name: _balance(task, samples.targets[task.name]) for task in tasks}


def _balance(task: TaskConfig, target: NDArray[np.float64]) -> dict[str, Any]:
    known = target[~np.isnan(target)]
    counts: dict[str, Any] = {"rows": target.size, "known": known.size}
    if task.kind == "regression":
        return counts | ({"mean": float(known.mean()), "sd": float(known.std())} if known.size else {})
    return counts | {label: int((known == index).sum()) for index, label in enumerate(class_labels(task))}
