"""The shift watch over the scores of new patients, kept in a file from one look to the next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Unpack

from strnet.errors import ThresholdError
from strnet.jobs.threshold import source_of
from strnet.local_options import BeginWatch, WatchScores
from strnet.locks import lock_or_none
from strnet.thresholds.shift_watch import Look, read_watch, write_watch
from strnet.thresholds.watch_from_table import begin_from_table, look_from_table


def threshold_watch(
    state: Path, scores: Path | None = None, *, reference: Path | None = None, **asked: Unpack[WatchScores]
) -> Look:
    """What a look at the new patients of `scores` found; the watch in `state` goes on from there.

    `reference` begins the watch, which must then not exist; without `scores` it has seen no new patient yet.

    Raises: ThresholdError: unusable rows, a watch that exists already or does not, or an edited one.
        BundleError: another score than the watch's.
    """
    with _held(state):
        if reference is None:
            _require_goes_on(state, asked, scores)
            watch = read_watch(state)
        else:
            _require_new(state)
            watch = begin_from_table(source_of(reference, asked.get("reference_where")), **asked)
        found = Look(watch, 0, 0, 0, ())
        if scores is not None:
            found = look_from_table(watch, source_of(scores, asked.get("where")), **asked)
        write_watch(found.watch, state)
    return found


@contextmanager
def _held(state: Path) -> Iterator[None]:
    """A block in which no other process looks with this watch: the patients of one would be lost."""
    lock = lock_or_none(state.with_name(f".{state.name}.lock"))
    if lock is None:
        raise ThresholdError(f"{state}: another process looks with this watch. Repeat when it is done.")
    try:
        yield
    finally:
        lock.release()


def _require_new(state: Path) -> None:
    if state.exists():
        raise ThresholdError(
            f"{state}: exists already, and --reference would begin it anew. Leave --reference out to go on, "
            "or name another file."
        )


def _require_goes_on(state: Path, asked: WatchScores, scores: Path | None) -> None:
    if not state.exists():
        raise ThresholdError(
            f"{state}: no such watch. Begin one: --reference TABLE --score COLUMN, with patients from before."
        )
    if scores is None:
        raise ThresholdError("watch: found no table of new patients. Give one behind the watch.")
    given = [name for name in BeginWatch.__annotations__ if asked.get(name) is not None]
    if given:
        option = given[0].replace("_", "-")
        raise ThresholdError(
            f"{state}: found --{option}, which is settled when a watch begins. Leave it out."
        )
