"""Keys such as `trainer.max_epochs` in the nested mappings of a recipe that is not yet checked."""

from __future__ import annotations

from typing import Any

from strnet.errors import ConfigError, unknown_name


def set_dotted(content: dict[str, Any], dotted: str, value: Any) -> None:
    """Set `tasks.bone_loss.weight` or `trainer.max_epochs` in `content`; tasks are addressed by name.

    Raises: ConfigError: a task that is not there, or a key of something that holds none.
    """
    part: Any = content
    keys = dotted.split(".")
    for depth, key in enumerate(keys[:-1]):
        if isinstance(part, list):
            part = _task_named(part, key, dotted)
        elif isinstance(part, dict):
            part = part.setdefault(key, {})
        else:
            raise ConfigError(f"--set {dotted}: '{'.'.join(keys[:depth])}' holds a value, not keys.")
    if not isinstance(part, dict):
        raise ConfigError(
            f"--set {dotted}: '{'.'.join(keys[:-1])}' holds no keys. Address a task as tasks.NAME.KEY."
        )
    part[keys[-1]] = value


def _task_named(tasks: list[Any], name: str, dotted: str) -> Any:
    for task in tasks:
        if isinstance(task, dict) and task.get("name") == name:
            return task
    names = [str(task.get("name")) for task in tasks if isinstance(task, dict)]
    raise ConfigError(f"--set {dotted}: {unknown_name('task', name, names)}")
