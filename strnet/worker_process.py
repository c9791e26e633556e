"""One process that calls one function, from both ends: the caller's handle, and what runs in the process.

It is a plain Python process and not one of `multiprocessing`: it does not import the caller's `__main__`, so
a script needs no guard and a start costs the imports of the function alone; and no resource tracker stands
beside it. It ends with the thread that started it, whatever ended that one (on Linux the kernel sees to it,
also inside a decoder that never returns; elsewhere a thread does, as soon as the decoder lets it).
"""

from __future__ import annotations

import ctypes
import os
import pickle
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Literal

from strnet.errors import StrnetError

Reply = tuple[Literal["done", "memory", "raised"], Any]
"""`done` with what the function returned, `raised` with its exception, `memory`: it asked for too much."""

_CODE = (
    "import sys; sys.path[:] = sys.argv[3:]; from strnet.worker_process import serve; "
    "serve(int(sys.argv[1]), int(sys.argv[2]))"
)
_ONE_THREAD = dict.fromkeys(
    (
        *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
        *("OPENCV_FOR_THREADS_NUM", "POLARS_MAX_THREADS"),
    ),
    "1",
)
_PR_SET_PDEATHSIG = 1


class WorkerProcess:
    """The caller's end. All but `kill` belongs to the thread that made it."""

    def __init__(self) -> None:
        """Starts the process.

        Raises: OSError: the system does not start one.
        """
        self._pipe, theirs = Pipe()
        try:
            self._process = _start(theirs)
        except BaseException:
            self._pipe.close()
            raise
        finally:
            theirs.close()

    def prepare(self, function: Callable[[Any], Any], memory_bytes: int | None) -> None:
        """Send the function; a call of it may take `memory_bytes` beyond what the process holds by then.

        Raises: EOFError: the process ended. Whatever importing the function raises.
        """
        state, value = self.ask((function, memory_bytes))
        if state == "raised":
            raise value

    def ask(self, message: Any, seconds: float | None = None) -> Reply:
        """What the function makes of `message`.

        Raises: TimeoutError: no answer in time. EOFError: the process ended.
        """
        try:
            self._pipe.send(message)
            if not self._pipe.poll(seconds):
                raise TimeoutError
            reply: Reply = self._pipe.recv()
        except ConnectionError as error:
            raise EOFError from error
        return reply

    def kill(self) -> None:
        """End the process; an `ask` under way in another thread raises EOFError."""
        self._process.kill()

    def close(self) -> str:
        """How the process ended; ends it if it has not."""
        self._pipe.close()
        try:
            code = self._process.wait(timeout=1)  # its end of the pipe closes a little before it is gone
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        return f"exit code {code}" if code >= 0 else _signal_name(-code)


def _start(theirs: Connection) -> subprocess.Popen[bytes]:
    handle = theirs.fileno()
    passed: Any
    if sys.platform == "win32":
        os.set_handle_inheritable(handle, True)
        passed = {"startupinfo": subprocess.STARTUPINFO(lpAttributeList={"handle_list": [handle]})}
    else:
        passed = {"pass_fds": [handle]}
    return subprocess.Popen(
        # What a library warns of has no file's name beside it here; what matters comes back as a result.
        [sys.executable, "-W", "ignore", "-c", _CODE, str(handle), str(os.getpid()), *map(str, sys.path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # nobody who reads the caller's output waits for a process of its own
        env={**os.environ, **_ONE_THREAD},
        **passed,
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def serve(handle: int, parent: int) -> None:
    """Answer what comes through the pipe `handle`; what the process runs, until the pipe is closed."""
    _end_with(parent)
    # Ctrl-C reaches every process of the terminal; the one that started this one ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pipe = _connection(handle)
    messages: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_receive, args=(pipe, messages), daemon=True).start()
    function, memory_bytes = _prepared(pipe, messages.get())
    _limit_memory(memory_bytes)
    pipe.send(("done", None))
    while True:
        pipe.send_bytes(_answer(function, messages.get()))


def _end_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it was gone before the kernel was asked
            os._exit(1)


def _connection(handle: int) -> Connection:
    if sys.platform == "win32":
        from multiprocessing.connection import PipeConnection

        return PipeConnection(handle)
    return Connection(handle)


def _receive(pipe: Connection, messages: SimpleQueue[bytes]) -> None:
    """Queue what comes; end the process when the caller is gone, also in the middle of a call."""
    try:
        while True:
            messages.put(pipe.recv_bytes())
    finally:
        os._exit(1)


def _prepared(pipe: Connection, message: bytes) -> tuple[Callable[[Any], Any], int | None]:
    try:
        prepared: tuple[Callable[[Any], Any], int | None] = pickle.loads(message)
    except Exception as error:
        pipe.send(("raised", _portable(error)))
        raise
    return prepared


def _limit_memory(memory_bytes: int | None) -> None:
    if memory_bytes is None or sys.platform != "linux":
        return  # macOS accepts such a limit and does not keep it; Windows has none
    import resource

    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = held + memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard < 0 else min(limit, hard), hard))


def _answer(function: Callable[[Any], Any], message: bytes) -> bytes:
    try:
        return pickle.dumps(("done", function(pickle.loads(message))))
    except MemoryError:
        return pickle.dumps(("memory", None))
    except Exception as error:
        return pickle.dumps(("raised", _portable(error)))


def _portable(error: Exception) -> Exception:
    """The error with its traceback as a note; one that does not survive the way as text."""
    error.add_note(f"In a worker process:\n{traceback.format_exc()}")
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return StrnetError(f"{type(error).__name__}: {error}")
    return error
