"""One process at a time builds a cache; the others say whom they wait for, and take over where it dies."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from strnet.errors import StrnetError
from strnet.files import read_json, write_json
from strnet.locks import lock_or_none

_LOCK = "lock"
_BUILDER = "builder.json"
_PAUSE_SECONDS = 0.5

_log = logging.getLogger(__name__)


@contextmanager
def building_turn(home: Path, nothing_left: Callable[[], bool]) -> Iterator[bool]:
    """Whether the cache in `home` is this process's to build; False if another one built it meanwhile.

    Waits while another process builds, and says so. `nothing_left` is asked at every look: whether that one
    has made all that is needed here.

    Raises: OutputError, StrnetError: see `lock_or_none`.
    """
    told = False
    while (lock := lock_or_none(home / _LOCK)) is None:
        if nothing_left():
            yield False
            return
        if not told:
            _log.warning(
                "%s: %s builds this cache. Waiting for it; nothing is read twice.", home, _builder(home)
            )
            told = True
        time.sleep(_PAUSE_SECONDS)
    try:
        write_json(home / _BUILDER, {"process": os.getpid(), "host": socket.gethostname()})
        yield True
    finally:
        (home / _BUILDER).unlink(missing_ok=True)
        lock.release()


def _builder(home: Path) -> str:
    try:
        found = read_json(home / _BUILDER)
        return f"process {found['process']} on {found['host']}"
    except (StrnetError, KeyError, TypeError):
        return "another process"
