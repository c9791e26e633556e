"""Many items through one function, in processes apart: a crash, a time-out or a memory hog costs one item.

`workers` means the same everywhere. None: one process per core that this one may use. A number: so many, but
never more than there are items. 0: in this process, to debug or to test; no limit holds there, and a crash
takes it down. A `Workers` says beside the number what one file may take.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, TypeVar

from strnet.errors import ConfigError, StrnetError
from strnet.worker_process import WorkerProcess

Item = TypeVar("Item")
Result = TypeVar("Result")

FILE_SECONDS = 60.0
FILE_MEMORY_GIB = 2.0
_AHEAD = 4
"""So many items per process are under way or wait, done, for an earlier one."""
_ATTEMPTS = 2
_GLANCE_SECONDS = 0.2
_MOST = 1e6


@dataclass(frozen=True)
class Workers:
    """How many processes (None: one per core), and what one file may take (None: no limit).

    `file_seconds` by the clock; `file_memory_gib` beyond what a process holds when it has just started, kept
    on Linux only: macOS accepts such a limit and does not keep it, Windows has none.
    """

    number: int | None = None
    file_seconds: float | None = FILE_SECONDS
    file_memory_gib: float | None = FILE_MEMORY_GIB

    def __post_init__(self) -> None:
        if self.number is not None and self.number < 0:
            raise ConfigError(
                f"workers is {self.number}, expected 1 or more, or 0 for none but this process."
            )
        for name in ("file_seconds", "file_memory_gib"):
            found = getattr(self, name)
            if found is not None and not 0 < found <= _MOST:
                raise ConfigError(f"{name} is {found}, expected more than 0 and at most {_MOST:.0f}.")

    @classmethod
    def of(cls, given: AnyWorkers) -> Workers:
        """`given` itself, or so many with the limits that hold unless others are asked for."""
        return given if isinstance(given, Workers) else cls(given)

    @property
    def file_memory_bytes(self) -> int | None:
        """The limit of memory in bytes."""
        return None if self.file_memory_gib is None else int(self.file_memory_gib * 2**30)


AnyWorkers = Workers | int | None


def in_order(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    failed: Callable[[Item, str], Result],
    workers: AnyWorkers = None,
) -> Iterator[Result]:
    """`function` of each item, in order, made by `workers` processes (see above), also between two results.

    Where a process crashes twice on an item, or a limit is passed, `failed` of the item and the reason stands
    in its place. The function is one that another process can import: of a module, or a `partial` of it. A
    bounded number of items is under way at any time; no process outlives the iteration, or the caller.

    Raises: ConfigError: fewer than 0 workers. StrnetError: a process does not start. All `function` raises.
    """
    workers = Workers.of(workers)
    if workers.number == 0:
        return _here(function, items, failed)
    return _apart(_Crew(function, workers), items, failed, workers.number or usable_cores())


def usable_cores() -> int:
    """The cores that this process may use; in a container they can be fewer than the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _here(
    function: Callable[[Item], Result], items: Iterable[Item], failed: Callable[[Item, str], Result]
) -> Iterator[Result]:
    for item in items:
        try:
            yield function(item)
        except MemoryError:
            yield failed(item, "needs more memory than there is.")


def _apart(
    crew: _Crew[Item, Result], items: Iterable[Item], failed: Callable[[Item, str], Result], number: int
) -> Iterator[Result]:
    # A thread per process, started when there is work for one more; it waits for its process alone.
    threads = ThreadPoolExecutor(number, "strnet-worker")
    under_way: deque[tuple[Item, Future[Result | _Failure]]] = deque()

    def oldest() -> Result:
        item, future = under_way.popleft()
        # In glances: where polars is loaded, Ctrl-C does not wake a thread that waits for good.
        while not wait([future], timeout=_GLANCE_SECONDS).done:
            pass
        found = future.result()
        return failed(item, found.reason) if isinstance(found, _Failure) else found

    try:
        for item in items:
            under_way.append((item, threads.submit(crew.outcome, item)))
            if len(under_way) >= _AHEAD * number:
                yield oldest()
        while under_way:
            yield oldest()
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        crew.end()
        threads.shutdown()
        crew.close()


@dataclass(frozen=True)
class _Failure:
    reason: str


class _Crew(Generic[Item, Result]):
    """The processes, one to each thread that asks for an outcome."""

    def __init__(self, function: Callable[[Item], Result], workers: Workers) -> None:
        self._function = function
        self._workers = workers
        self._processes: dict[int, WorkerProcess] = {}
        self._lock = threading.Lock()
        self._ended = False

    def outcome(self, item: Item) -> Result | _Failure:
        """What the function makes of `item`, or why it makes nothing."""
        ending = ""
        for _ in range(_ATTEMPTS):  # where the memory of the whole machine ran out, the item may be innocent
            try:
                state, value = self._process().ask(item, self._workers.file_seconds)
            except TimeoutError:
                self._dismiss(kill=True)
                return _Failure(
                    f"takes longer than {self._workers.file_seconds:g} s, the limit file_seconds."
                )
            except EOFError:
                ending = self._dismiss()
                continue
            if state == "raised":
                raise value
            if state == "memory":
                self._dismiss(kill=True)
                return _Failure(
                    f"needs more than {self._workers.file_memory_gib:g} GiB, the limit file_memory_gib."
                )
            done: Result = value
            return done
        return _Failure(f"the process at work on it ended twice ({ending}): a crash, or memory ran out.")

    def end(self) -> None:
        """End every process, and start none from now on; a thread that waits for one gets its end."""
        with self._lock:
            self._ended = True
            for process in self._processes.values():
                process.kill()

    def close(self) -> None:
        """Wait until the processes that were ended are gone; no thread may use them any more."""
        for process in self._processes.values():
            process.close()

    def _process(self) -> WorkerProcess:
        """This thread's process, started unless there is one."""
        thread = threading.get_ident()
        if thread in self._processes:
            return self._processes[thread]
        with self._lock:
            if self._ended:
                raise StrnetError("The work was ended.")
            process = self._processes[thread] = _started()
        try:
            process.prepare(self._function, self._workers.file_memory_bytes)
        except EOFError as error:
            raise _no_start(f"it ended with {self._dismiss()} before its first item") from error
        except Exception as error:
            self._dismiss(kill=True)
            raise _no_start(f"it cannot import the function ({type(error).__name__}: {error})") from error
        return process

    def _dismiss(self, *, kill: bool = False) -> str:
        """How this thread's process ended, which is no longer its process."""
        with self._lock:
            process = self._processes.pop(threading.get_ident())
        if kill:
            process.kill()
        return process.close()


def _started() -> WorkerProcess:
    try:
        return WorkerProcess()
    except OSError as error:
        raise _no_start(error.strerror or str(error)) from error


def _no_start(reason: str) -> StrnetError:
    return StrnetError(
        f"A worker process does not start: {reason}. Give fewer workers, or 0 for none but this process; a "
        "function of your own must stand in a module that can be imported, not in a script or a notebook."
    )
