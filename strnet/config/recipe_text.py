"""Recipes read from YAML, changed by dotted keys, and written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from strnet.config.ensemble_recipe import EnsembleRecipe
from strnet.config.recipe import Recipe
from strnet.dotted_keys import set_dotted
from strnet.errors import ConfigError
from strnet.yaml_text import explain, read_yaml, read_yaml_file


def load_recipe(path: Path | str, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """The recipe in a YAML file, with dotted `overrides` such as {"trainer.max_epochs": 5} applied.

    Relative paths inside are relative to the file's folder, those in `overrides` to the working folder; all
    of them are absolute in the recipe that comes back, so that it means the same wherever it is written.

    Raises: ConfigError: unreadable file, unknown key (with the nearest valid one), or invalid value.
    """
    content = _content(Path(path))
    for dotted, value in (overrides or {}).items():
        set_dotted(content, dotted, value)
    _resolve_paths(content, Path.cwd())
    return parse_recipe(content, source=str(path))


def load_run_recipe(path: Path | str) -> Recipe | EnsembleRecipe:
    """The recipe in a run folder: of a network, or of an ensemble, which is known by its `combination`.

    Raises: ConfigError: as `load_recipe`.
    """
    content = _content(Path(path))
    if "combination" not in content:
        return parse_recipe(content, source=str(path))
    try:
        return EnsembleRecipe.model_validate(content)
    except ValidationError as error:
        lines = explain(error, EnsembleRecipe)
        raise ConfigError(f"{path}: {len(lines)} problem(s).\n  " + "\n  ".join(lines)) from error


def parse_recipe(content: Mapping[str, Any], source: str = "recipe") -> Recipe:
    """The recipe in a mapping.

    Raises: ConfigError: each problem with its key; an unknown key comes with the nearest valid one.
    """
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        lines = explain(error, Recipe)
        raise ConfigError(
            f"{source}: {len(lines)} problem(s) in the recipe.\n  " + "\n  ".join(lines)
        ) from error


def override_recipe(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """`recipe` with dotted `changes` such as {"trainer.learning_rate": 3e-4} applied.

    Raises: ConfigError: unknown key (with the nearest valid one), or invalid value.
    """
    content = recipe.model_dump(mode="json")
    for dotted, value in changes.items():
        set_dotted(content, dotted, value)
    _resolve_paths(content, Path.cwd())
    return parse_recipe(content, source=f"recipe {recipe.name}")


def parse_override(text: str) -> tuple[str, Any]:
    """Key and value of `trainer.max_epochs=5`; the value is read as YAML.

    Raises: ConfigError: no `=`, or a value that is not YAML.
    """
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set {text}: expected KEY=VALUE, for example trainer.max_epochs=5.")
    return key.strip(), read_yaml(value, where=f"--set {text}")


def dump_recipe(recipe: Recipe | EnsembleRecipe) -> str:
    """YAML of every field of `recipe`, defaults included; `load_recipe` reads it back."""
    import yaml

    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _content(path: Path) -> dict[str, Any]:
    """The mapping in a recipe file, its paths relative to the file's folder resolved."""
    content = read_yaml_file(path)
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: a recipe is a mapping of keys, found {type(content).__name__}.")
    _resolve_paths(content, path.parent)
    return content


_PATHS = (
    ("cohort", "manifest"),
    ("cohort", "split"),
    ("cohort", "cache"),
    ("network", "backbone", "weights"),
    ("region", "source"),
)
_NO_PATHS: Mapping[tuple[str, ...], tuple[str, ...]] = {("region", "source"): ("none", "manifest")}
"""What a key may say instead of a path."""


def _resolve_paths(content: dict[str, Any], folder: Path) -> None:
    for keys in _PATHS:
        part: Any = content
        for key in keys[:-1]:
            part = part.get(key) if isinstance(part, dict) else None
        found = part.get(keys[-1]) if isinstance(part, dict) else None
        if isinstance(found, str) and found not in _NO_PATHS.get(keys, ()):
            part[keys[-1]] = str(folder.absolute() / Path(found).expanduser())
