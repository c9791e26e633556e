"""YAML that a person wrote (recipes, search spaces): read strictly, its problems told in its own words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from strnet.errors import ConfigError, unknown_name

_IN_YAML = {
    "tuple_type": "Expected a list, such as [a, b]",
    "too_short": "Expected a list of {min_length} or more",
    "model_type": "Expected keys with values below it",
}
"""Pydantic's words, by type of problem, for what YAML calls otherwise."""


def read_yaml_file(path: Path, *, as_written: bool = False) -> Any:
    """What the YAML file at `path` holds.

    Raises: ConfigError: it cannot be read, or as `read_yaml`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}). Give the path of a YAML file."
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: not text in UTF-8 ({error.reason}, byte {error.start}). Give the path of a YAML file."
        ) from error
    return read_yaml(text, where=str(path), as_written=as_written)


def read_yaml(text: str, where: str, *, as_written: bool = False) -> Any:
    """What `text` holds; error messages begin with `where`.

    `as_written` leaves every scalar the string that it is in the file: 0.80 is no 0.8, and .5 no number.

    Raises: ConfigError: not YAML, or a key that stands twice, where YAML would silently keep the last.
    """
    import yaml

    try:
        _refuse_repeated_keys(yaml.compose(text, Loader=yaml.SafeLoader), where)
        return yaml.load(text, Loader=yaml.BaseLoader if as_written else yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ConfigError(f"{where}: not valid YAML: {error}") from error


def _refuse_repeated_keys(node: Any, where: str) -> None:
    if node is None or node.id == "scalar":
        return
    if node.id == "sequence":
        for item in node.value:
            _refuse_repeated_keys(item, where)
        return
    lines: dict[str, int] = {}
    for key, value in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        if name in lines:
            raise ConfigError(
                f"{where}: key '{name}' stands in line {lines[name]} and in line {line}. Keep one."
            )
        lines[name] = line
        _refuse_repeated_keys(value, where)


def explain(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Each problem with its dotted key; an unknown key of `model` comes with the nearest valid one."""
    return [_line(problem, model) for problem in _own_problems(error.errors())]


def _own_problems(problems: Sequence[Any]) -> list[Any]:
    """`problems` without lists that are too short only because their items have problems of their own."""
    return [
        problem
        for problem in problems
        if problem["type"] != "too_short"
        or not any(
            other["loc"][: len(problem["loc"])] == problem["loc"] != other["loc"] for other in problems
        )
    ]


def _line(problem: Any, model: type[BaseModel]) -> str:
    location = [part for part in problem["loc"] if not str(part).startswith("function-")]
    where = ".".join(str(part) for part in location)
    if problem["type"] == "extra_forbidden":
        return f"{where}: {unknown_name('key', str(location[-1]), _keys_at(location[:-1], model))}"
    found = problem.get("input")
    if problem["type"] == "literal_error" and isinstance(found, str):
        valid = [name.strip(" '") for name in problem["ctx"]["expected"].replace(" or ", ", ").split(",")]
        return f"{where}: {unknown_name('value', found, valid)}"
    shown = "" if isinstance(found, dict) else f" Found {found!r}."
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] in _IN_YAML:
        message = _IN_YAML[problem["type"]].format(**problem.get("ctx", {}))
    return f"{where}: {message}.{shown}"


def _keys_at(location: Sequence[Any], model: type[BaseModel]) -> Iterator[str]:
    at: Any = model
    for part in location:
        if not isinstance(part, int):
            at = _model_in(at.model_fields[part].annotation)
    return iter(at.model_fields)


def _model_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _model_in(inner)
        if found is not None:
            return found
    return None
