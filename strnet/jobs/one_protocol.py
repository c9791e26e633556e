"""One recipe with several values of one key: a run for each, then their comparison."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strnet.cohort import read_manifest, read_split
from strnet.config import Recipe, override_recipe
from strnet.errors import ConfigError
from strnet.jobs.compare_runs import ComparedRuns, compare
from strnet.jobs.cross_validate import crossval
from strnet.jobs.train_network import cohort_files, train
from strnet.training.cohort_rows import check_rows, read_rows
from strnet.training.learning import check_recipe

_OF_A_TASK = ("name", "kind", "target", "given")


@dataclass(frozen=True)
class Protocol:
    """A recipe, and the values of one of its keys that are tried in turn."""

    recipe: Recipe
    key: str
    values: Sequence[Any]

    def variants(self) -> dict[str, Recipe]:
        """The recipe of each value, by the name of its folder.

        Raises: ConfigError: fewer than two values, two of one name, a key or value that the recipe cannot
            take, or a key that changes what the networks are judged by.
        """
        part, *rest = self.key.split(".")
        if part == "cohort" or (part == "tasks" and len(rest) > 1 and rest[1] in _OF_A_TASK):
            raise ConfigError(
                f"--over {self.key}: rows or targets would differ with each value of it, and the networks "
                "could not be compared. Give a key of the network or of its training."
            )
        named = {folder_name(value): value for value in self.values}
        if len(named) < len(self.values) or len(named) < 2:
            raise ConfigError(
                f"--over {self.key}: found {', '.join(map(str, self.values)) or 'no value'}; expected two "
                "or more values with different names."
            )
        return {name: override_recipe(self.recipe, {self.key: value}) for name, value in named.items()}


def train_each(
    protocol: Protocol,
    out: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
    notice: Callable[[str], None] | None = None,
) -> tuple[Mapping[str, Any], ComparedRuns]:
    """What came of the run of each value, by its name, in `out/<name>`, and their comparison.

    All else is the recipe's, the seed included. With a split in folds each is a cross-validation. All
    recipes are checked before the first network is trained.

    Raises: as `train`, `crossval`, `compare`; ConfigError: as `Protocol.variants`.
    """
    variants = protocol.variants()
    manifest, split = cohort_files(protocol.recipe)
    for name, recipe in variants.items():
        try:
            check_recipe(recipe)
        except ConfigError as error:
            raise ConfigError(f"{protocol.key} {name}: {error}") from error
    folds = read_split(split, read_manifest(manifest)).folds
    if not folds:
        check_rows(protocol.recipe, read_rows(manifest, split, where=protocol.recipe.cohort.where))
    done = {}
    for name, recipe in variants.items():
        if notice is not None:
            notice(f"{protocol.key} = {name}")
        job = crossval if folds else train
        done[name] = job(recipe, out / name, resume=resume, overwrite=overwrite, progress=progress)
    return done, compare([out / name for name in variants])


def folder_name(value: Any) -> str:
    """The name of a value's folder: its text, with every other character as `_`."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", str(value)).lstrip(".") or "_"
