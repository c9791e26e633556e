"""Printing: tables and progress for people, JSON for machines, errors with their exit code."""

from __future__ import annotations

import json
import math
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from strnet.errors import StrnetError, TableNote
from strnet.files import writing_to

STDOUT = "standard output"
Progress = Callable[[int, int], None]
"""Called with (done, total) as work goes on."""


def print_json(content: Any) -> None:
    """Print strict JSON; a number that is undefined is null."""
    text = json.dumps(_defined(content), indent=2, allow_nan=False, ensure_ascii=False, default=str)
    with writing_to(STDOUT):
        sys.stdout.write(text + "\n")


def print_text(text: str) -> None:
    """Print the text unchanged (no markup is read)."""
    from rich.console import Console

    with writing_to(STDOUT):
        Console(soft_wrap=True).print(text, markup=False, highlight=False)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "") -> None:
    """Print a table, its first column to the left, numbers to the right."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", caption=caption or None, caption_justify="left")
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    with writing_to(STDOUT):
        Console(width=None if sys.stdout.isatty() else 120).print(table, markup=False, highlight=False)


def print_pairs(title: str, pairs: Mapping[str, object]) -> None:
    """Print names and values, one pair a line; nested names are dotted."""
    flat = list(_flat(pairs))
    width = max((len(name) for name, _ in flat), default=0)
    print_text("\n".join([title, *(f"  {name.ljust(width)}  {value}" for name, value in flat)]))


def _flat(pairs: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in pairs.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif value not in (None, [], ()):
            yield prefix + name, _shown(value)


def _shown(value: object) -> object:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return f"{value:.4g}" if isinstance(value, float) else value


def print_notice(text: str) -> None:
    """Print a sentence to standard error, where it disturbs no output for machines."""
    sys.stderr.write(f"Note: {text}\n")


@contextmanager
def notes_printed() -> Iterator[None]:
    """A block in which every `TableNote` is printed as a notice; other warnings come as ever."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", TableNote)
        shown = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *more: Any, **named: Any) -> None:
            if issubclass(category, TableNote):
                print_notice(str(message))
            else:
                shown(message, category, *more, **named)

        warnings.showwarning = show
        yield


def print_error(error: StrnetError, *, as_json: bool) -> None:
    """Print the message to standard error, or as a JSON object to standard output."""
    if as_json:
        print_json({"error": type(error).__name__, "message": str(error), "exit_code": error.exit_code})
    else:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")


@contextmanager
def progress_bar(description: str, *, shown: bool = True) -> Iterator[Progress]:
    """A callback (done, total) that moves a bar on standard error; one that does nothing if not `shown`."""
    if not shown:
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _defined(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {key: _defined(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_defined(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content
