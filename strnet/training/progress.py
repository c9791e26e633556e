"""What a person at the terminal sees while a run works."""

from __future__ import annotations

import logging
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from strnet.data.cache import Progress

_KNOWN = (
    ".*does not have many workers.*",  # batches are fetched whole, in this process, on purpose
    ".*is smaller than the logging interval.*",  # quantities are logged by epoch
    ".*exists and is not empty.*",  # a resumed run
    ".*LeafSpec.*",  # Lightning's own business with torch
)


@contextmanager
def film_progress(shown: bool, label: str = "Reading films") -> Iterator[Progress | None]:
    """A callback that draws a bar of films done out of all, or None where nothing is to be `shown`."""
    if not shown:
        yield None
        return
    from rich.progress import Progress as Bar

    with Bar(transient=True) as bar:
        line = bar.add_task(label, total=None)

        def draw(done: int, total: int) -> None:
            bar.update(line, completed=done, total=total)

        yield draw


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """A block in which Lightning keeps its banners and the warnings that do not apply here to itself."""
    logger = logging.getLogger("pytorch_lightning")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for message in _KNOWN:
                warnings.filterwarnings("ignore", message)
            yield
    finally:
        logger.setLevel(level)


@contextmanager
def ctrl_c_passed_on() -> Iterator[None]:
    """A block that Ctrl-C leaves as KeyboardInterrupt; Lightning would exit with 1 and deaf to the next one.

    Raises: KeyboardInterrupt: Ctrl-C was pressed.
    """
    try:
        yield
    except SystemExit as error:
        if not isinstance(error.__context__, KeyboardInterrupt):
            raise
        signal.signal(signal.SIGINT, signal.default_int_handler)
        raise KeyboardInterrupt from error
