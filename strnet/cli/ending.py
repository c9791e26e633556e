"""Signals that end a command: TERM, and the hang-up of its terminal, end it as Ctrl-C does."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

INTERRUPTED = 128 + signal.SIGINT
"""What typer ends with after Ctrl-C."""


@dataclass
class Ending:
    """The signal that ended a command."""

    number: int = signal.SIGINT

    @property
    def exit_code(self) -> int:
        """What shells show for it: 128 and its number."""
        return 128 + self.number


@contextmanager
def ended_like_an_interrupt() -> Iterator[Ending]:
    """A block in which the first TERM or hang-up raises KeyboardInterrupt, as Ctrl-C does.

    A second one ends the process at once. One that is ignored, as under nohup, stays ignored.
    """
    ending = Ending()

    def interrupt(number: int, _frame: FrameType | None) -> None:
        ending.number = number
        signal.signal(number, signal.SIG_DFL)
        raise KeyboardInterrupt

    ours = [number for number in _signals() if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, interrupt)
    try:
        yield ending
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _signals() -> tuple[signal.Signals, ...]:
    names = ("SIGTERM", "SIGHUP")  # Windows has no second one
    return tuple(getattr(signal, name) for name in names if hasattr(signal, name))
