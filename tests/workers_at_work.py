"""What the processes of `test_workers.py` do; each of them imports this module, so it stays light."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from pathlib import Path

from strnet.errors import ConfigError


class UnsendableError(Exception):
    def __init__(self, first, second):
        super().__init__(f"{first} and {second}")


def _spin():
    while True:
        pass


def _mistake():
    raise ConfigError("this film is a mistake")


def _unsendable():
    raise UnsendableError(1, 2)


def _memory():
    raise MemoryError


DEEDS = {
    "segfault": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "abort": os.abort,
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "exit": lambda: os._exit(3),
    "sleep": lambda: time.sleep(3600),
    "spin": _spin,
    "mistake": _mistake,
    "unsendable": _unsendable,
    "unsendable result": threading.Lock,
    "memory": _memory,
}


def do(item):
    return DEEDS[item]() if item in DEEDS else f"done {item}"


def sleep(item):
    number, seconds = item
    time.sleep(seconds)
    return number


def process_id(_item):
    return os.getpid()


def answer_to_ctrl_c(_item):
    return signal.getsignal(signal.SIGINT)


def slow_process_id(_item):
    time.sleep(0.1)
    return os.getpid()


class SlowToImport:
    """A function that takes a second to arrive in the other process."""

    def __reduce__(self):
        return _arrive_slowly, ()

    def __call__(self, prefix, item):
        return f"{prefix}{item}"


def _arrive_slowly():
    time.sleep(1)
    return SlowToImport()


def crash_the_first_time(mark: Path):
    if mark.exists():
        return "the second time"
    mark.touch()
    os.kill(os.getpid(), signal.SIGKILL)
    return None


def allocate(size):
    return len(bytearray(size))


def allocate_or_abort(size):
    """As a library in C that does not check what malloc returned, or C++ that nobody catches."""
    try:
        return allocate(size)
    except MemoryError:
        os.abort()


def leave_a_mark(path):
    path.touch()


def many_bytes(size):
    return bytes(size)


def _mark(path):
    # In one step: whoever sees the file sees the number in it.
    half = Path(f"{path}.half")
    half.write_text(str(os.getpid()))
    half.rename(path)


def mark_and_sleep(path):
    _mark(path)
    time.sleep(3600)


def mark_and_spin(path):
    _mark(path)
    _spin()


def mark_and_sleep_in_c(path):
    """As a decoder that never returns and does not let go of Python's lock."""
    _mark(path)
    ctypes.PyDLL(None).sleep(3600)


def mark_and_rest(path):
    """The process is idle when its caller dies, unless it is the last one."""
    _mark(path)
    if path.endswith("1"):
        time.sleep(3600)
