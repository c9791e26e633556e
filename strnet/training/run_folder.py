"""The run folder: what stands where, when it may be started, resumed and called complete.

`run.json` is written last. A folder without it is a run that was interrupted, and can be resumed with the
same recipe, manifest, split and fold only.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strnet.config import Recipe, dump_recipe, load_recipe, override_recipe
from strnet.errors import TrainingError
from strnet.files import is_unfinished, read_json, remove_unfinished, write_json, write_text, writing_to
from strnet.locks import lock_or_none
from strnet.schema import SCHEMA_VERSION

_READING = {"manifest", "split", "cache", "workers", "file_seconds", "file_memory_gib"}
"""Keys of the recipe's `cohort` that say where and how its files are read; hashes say what they are."""
_FINDING = {"source"}
"""Keys of the recipe's `region` that say where regions come from; a hash says what they are."""
_LOCK = ".lock"
_OF_AN_EPOCH = ("weights.safetensors", "metrics.csv", "last.ckpt", "predictions.parquet", "run.json")
"""Files of which the first is written when the first epoch ends, and none before."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunIdentity:
    """What makes two runs the same run."""

    recipe: Recipe
    manifest_sha256: str
    split_sha256: str
    fold: int | None = None
    regions_sha256: str | None = None
    """Of what is taken of the films (`RegionChoice.sha256`); None for whole films."""

    def differences(self, other: Recipe) -> list[str]:
        """Dotted keys in which the recipes differ; where and how films are read does not count."""
        left, right = (
            _flat(r.model_dump(mode="json", exclude={"cohort": _READING, "region": _FINDING}))
            for r in (_anywhere(self.recipe), other)
        )
        return sorted(key for key in left.keys() | right.keys() if left.get(key) != right.get(key))


@dataclass(frozen=True)
class RunFolder:
    """Paths inside a run folder."""

    path: Path

    @property
    def recipe(self) -> Path:
        """The resolved recipe."""
        return self.path / "recipe.yaml"

    @property
    def environment(self) -> Path:
        """Versions, machine, hashes of the inputs."""
        return self.path / "environment.json"

    @property
    def last_checkpoint(self) -> Path:
        """The state after the last whole epoch."""
        return self.path / "checkpoints" / "last.ckpt"

    @property
    def weights(self) -> Path:
        """The weights of the best epoch so far."""
        return self.path / "weights.safetensors"

    @property
    def metrics(self) -> Path:
        """Learning curves, one row per epoch."""
        return self.path / "metrics.csv"

    @property
    def predictions(self) -> Path:
        """The predictions table."""
        return self.path / "predictions.parquet"

    @property
    def region_predictions(self) -> Path:
        """The predictions table with a row for each region of a film, where there are several."""
        return self.path / "predictions_regions.parquet"

    @property
    def picture(self) -> Path:
        """What the training films look like to the network, for the picture layer of the bundle."""
        return self.path / "picture.safetensors"

    @property
    def quarantine(self) -> Path:
        """Films that could not be read (image_id, path, reason)."""
        return self.path / "quarantine.csv"

    @property
    def without_region(self) -> Path:
        """Films that have no region, and so no answer (image_id, split, path, reason)."""
        return self.path / "without_region.csv"

    @property
    def regions(self) -> Path:
        """The regions table of a segmentation; its masks lie in `masks` beside it."""
        return self.path / "regions.parquet"

    @property
    def segmentation(self) -> Path:
        """Figures of a segmentation, by part of the split and label."""
        return self.path / "segmentation.json"

    @property
    def run(self) -> Path:
        """What came of the run; written last."""
        return self.path / "run.json"

    @property
    def started(self) -> bool:
        """Whether this is a run folder, and not a folder that happens to hold a recipe."""
        return self.recipe.is_file() and self.environment.is_file()

    @property
    def complete(self) -> bool:
        """Whether the run came to its end."""
        return self.run.is_file()

    def finish(self, content: dict[str, Any]) -> None:
        """Write `run.json`: the run is complete."""
        write_json(self.run, {"status": "complete", "schema_version": SCHEMA_VERSION, **content})


def holds_an_epoch(folder: RunFolder) -> bool:
    """Whether any epoch was completed in the folder, or in a run below it, such as that of a fold."""
    return any(path.name in _OF_AN_EPOCH for path in folder.path.rglob("*"))


@contextmanager
def open_run(
    path: Path,
    identity: RunIdentity,
    *,
    resume: bool,
    overwrite: bool,
    trained: Callable[[RunFolder], bool] = holds_an_epoch,
) -> Iterator[RunFolder]:
    """The folder of a run that may now be worked in, locked against a second process.

    Where nothing was `trained` yet, an earlier start, of this run or another, gives way to this one.

    Raises: TrainingError: the folder holds another run, or this one and neither `resume` nor `overwrite` is
    asked; or both are.
    """
    if resume and overwrite:
        raise TrainingError(f"{path}: to resume a run keeps it, to overwrite it removes it. Ask for one.")
    folder = RunFolder(path)
    _refuse_foreign(folder)
    with writing_to(path):
        path.mkdir(parents=True, exist_ok=True)
    lock = lock_or_none(path / _LOCK)
    if lock is None:
        raise TrainingError(f"{path}: another process is training in this folder. Wait, or choose another.")
    try:
        for home in (path, *(entry for entry in path.iterdir() if entry.is_dir())):
            remove_unfinished(home)
        if overwrite and folder.started:
            clear_run(folder)
        if not folder.started:
            _start(folder, identity)
        elif trained(folder):
            _check_same(folder, identity, resume=resume)
        elif not resume or _differing(folder, identity):
            _log.warning("%s: nothing was trained here yet, so this start replaces the earlier one.", path)
            _start(folder, identity)
        yield folder
    finally:
        lock.release()


def read_run(path: Path) -> dict[str, Any]:
    """What `run.json` of a complete run says.

    Raises: TrainingError: no complete run there, or one of another schema version.
    """
    folder = RunFolder(path)
    if not folder.complete:
        state = "is not complete; resume it" if folder.started else "is no run folder"
        raise TrainingError(f"{path} {state}.")
    content = dict(read_json(folder.run))
    found = content.get("schema_version")
    if found != SCHEMA_VERSION:
        raise TrainingError(
            f"{folder.run}: schema version {found or 1}, expected {SCHEMA_VERSION}. The run was made by "
            f"{'an older' if (found or 1) < SCHEMA_VERSION else 'a newer'} strnet: train it again with this "
            "one, or use the strnet that made it."
        )
    return content


def _anywhere(recipe: Recipe) -> Recipe:
    """`recipe` with absolute paths: read from the run folder it must mean the same."""
    return override_recipe(recipe, {})


def _refuse_foreign(folder: RunFolder) -> None:
    if folder.path.exists() and not folder.path.is_dir():
        raise TrainingError(f"{folder.path} is a file. Give a new or empty folder for the run.")
    entries = folder.path.iterdir() if folder.path.is_dir() else ()
    held = {entry.name for entry in entries if not is_unfinished(entry)}
    # The environment is written before the recipe, so a start that was cut short leaves it alone.
    if not folder.started and held - {_LOCK, folder.environment.name}:
        raise TrainingError(f"{folder.path} holds files but no run. Give a new or empty folder for the run.")


def _start(folder: RunFolder, identity: RunIdentity) -> None:
    write_json(folder.environment, _hashes(identity))
    write_text(folder.recipe, dump_recipe(_anywhere(identity.recipe)))


def _differing(folder: RunFolder, identity: RunIdentity) -> list[str]:
    """In what the run in the folder differs from `identity`: recipe keys and hashes of the inputs."""
    found = read_json(folder.environment)
    asked = _hashes(identity)
    names = [*asked, *(["regions_sha256"] if "regions_sha256" not in asked else [])]
    hashes = [name for name in names if found.get(name) != asked.get(name)]
    return identity.differences(load_recipe(folder.recipe)) + hashes


def _check_same(folder: RunFolder, identity: RunIdentity, *, resume: bool) -> None:
    differing = _differing(folder, identity)
    if differing:
        raise TrainingError(
            f"{folder.path} holds another run: it differs in {', '.join(differing)}. "
            "Choose another folder, or overwrite it."
        )
    if not resume:
        state = "a complete run" if folder.complete else "an interrupted run"
        raise TrainingError(
            f"{folder.path} holds {state} of this recipe. Resume it, overwrite it, or choose another folder."
        )


def _hashes(identity: RunIdentity) -> dict[str, Any]:
    return {
        "manifest_sha256": identity.manifest_sha256,
        "split_sha256": identity.split_sha256,
        "fold": identity.fold,
        **({} if identity.regions_sha256 is None else {"regions_sha256": identity.regions_sha256}),
    }


def clear_run(folder: RunFolder) -> None:
    """Remove everything in a run folder but its lock."""
    # A kill in between must leave neither a complete run without its files, nor a checkpoint without its
    # weights, nor files without the recipe and environment by which the folder is known as a run.
    first = (folder.run, folder.last_checkpoint.parent)
    last = (folder.recipe, folder.environment)
    others = [entry for entry in folder.path.iterdir() if entry not in (*first, *last)]
    for entry in (*filter(Path.exists, first), *others, *last):
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name != _LOCK:
            entry.unlink()


def _flat(content: Any, prefix: str = "") -> dict[str, str]:
    if not isinstance(content, dict):
        return {prefix: json.dumps(content)}
    return {
        k: v for key, part in content.items() for k, v in _flat(part, f"{prefix}.{key}".lstrip(".")).items()
    }
