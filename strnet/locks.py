"""Files that one process at a time holds; the system takes them back when their holder dies."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

from strnet.errors import OutputError, StrnetError


def lock_or_none(path: Path) -> FileLock | None:
    """The lock file `path`, now held by this process until it is released; None while another holds it.

    Raises: OutputError: a place that cannot be written to. StrnetError: a file system without locks.
    """
    # Without a fallback: a soft lock's mark would stay behind a kill, and shut everybody out.
    lock = FileLock(path, timeout=0, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        return None
    except NotImplementedError as error:
        raise _without_locks(path) from error
    except OSError as error:
        if path.exists():
            raise _without_locks(path, error) from error
        raise OutputError(str(path), error) from error
    return lock


def _without_locks(path: Path, reason: OSError | None = None) -> StrnetError:
    said = f" ({reason.strerror or reason})" if reason else ""
    return StrnetError(
        f"{path}: the file cannot be locked{said}, and two processes would write into each other's files. "
        "Give a place on a file system with locks, such as a local disk; that of the prepared films is "
        "cohort.cache in the recipe."
    )
