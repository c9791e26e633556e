"""The rows that chose a threshold, as 64-bit numbers: so that they are known again when they come back.

A row is its target and score; a film with an id of its own is that id as well. All are kept up to `KEPT`
different ones; of more, those with the lowest numbers, which is a sample whatever the scores mean.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from strnet.errors import BundleError, ThresholdError
from strnet.stats.inputs import Bools, Ints
from strnet.thresholds.copied_rows import chance_of_sharing, repetition
from strnet.thresholds.reading_order import Keys, mixed

KEPT: Final = 100_000
BY_CHANCE: Final = 1e-3
"""Two independent tables are taken for copies with at most this probability."""
PASTED: Final = 1e-5
"""A table is taken for one pasted several times if its rows repeat so at most with this probability."""
CHUNK: Final = 1 << 16
_ODD: Final = np.uint64(0x9E3779B97F4A7C15)
_OTHER_ODD: Final = np.uint64(0xBF58476D1CE4E5B9)
_HALF: Final = np.uint64(32)


@dataclass(frozen=True, slots=True)
class Numbered:
    """Different numbers (k,), sorted, how often each stands (k,), and how many there are of all.

    Of more than `KEPT` the lowest are kept.
    """

    numbers: Keys
    counts: Ints
    total: int

    def below(self, other: Numbered) -> Numbered:
        """Those that `other` would have kept."""
        if other.numbers.size < KEPT:
            return self
        kept = int(np.searchsorted(self.numbers, other.numbers[-1], side="right"))
        return Numbered(self.numbers[:kept], self.counts[:kept], self.total)


@dataclass(frozen=True, slots=True)
class KnownRows:
    """Different numbers (base64 of sorted little-endian uint64), how often each stands, and rows in all.

    `counts` (base64 of uint32) is empty where each stands once. Of more than `KEPT` numbers the lowest are
    kept.
    """

    total: int
    numbers: str
    counts: str = ""

    def __str__(self) -> str:
        """`all 226 rows`, or `a sample of 100000 of 3000000 rows`."""
        kept = int(_read(self).counts.sum())
        return f"all {kept} rows" if kept == self.total else f"a sample of {kept} of {self.total} rows"


@dataclass(frozen=True, slots=True)
class Shared:
    """Rows of a new table that are known: how many, among how many compared, and the chance of so many."""

    known: int
    compared: int
    chance: float


def numbered_rows(target: Bools, score: npt.NDArray[np.floating]) -> Numbered:
    """The rows as numbers of target (n,) and score (n,), the same on every machine, in one pass.

    The score counts as float32, so that a row is known again when another tool stored it in half the bytes.
    """
    lowest, waiting, limit = numbered(np.empty(0, dtype=np.uint64)), [], np.uint64(2**64 - 1)
    for start in range(0, score.size, CHUNK):
        hashes = row_hashes(target[start : start + CHUNK], score[start : start + CHUNK])
        waiting.append(hashes[hashes <= limit])
        if sum(part.size for part in waiting) > 4 * KEPT:
            lowest, waiting = _merged(lowest, numbered(np.concatenate(waiting))), []
            limit = lowest.numbers[-1] if lowest.numbers.size == KEPT else limit
    if waiting:
        lowest = _merged(lowest, numbered(np.concatenate(waiting)))
    return replace(lowest, total=score.size)


def row_hashes(target: Bools, score: npt.NDArray[np.floating]) -> Keys:
    """A 64-bit number (n,) for target and score of each row, different ones for different rows.

    Source: multiplication by odd constants and a shift to the right, as in SplitMix64 (Steele, Lea, Flood
        2014, OOPSLA), each of which can be undone.
    """
    with np.errstate(over="ignore"):
        single = score.astype(np.float32) + np.float32(0)  # -0.0 is 0.0
    mixed = single.view(np.uint32).astype(np.uint64)
    mixed += target.astype(np.uint64) << _HALF
    mixed *= _ODD
    mixed ^= mixed >> _HALF
    mixed *= _OTHER_ODD
    return mixed


def require_not_pasted(rows: Numbered, what: str = "rows (target and score)") -> None:
    """Raise unless each row stands for itself; equal ones are all there is to see.

    Raises: ThresholdError: the different rows stand so many times each, beyond what equal scores explain.
    """
    found = repetition(rows.counts)
    if found.chance <= PASTED:
        raise ThresholdError(
            f"scores: {found.repeated} of {found.distinct} different {what} stand "
            f"{found.times} times, or a multiple of that: more than equal scores explain. A table pasted "
            "below itself proves nothing twice. Keep each film once, and name the patients (--cluster) "
            "where films of one share a score."
        )


def require_each_once(
    target: Bools, score: npt.NDArray[np.floating], clusters: Ints | None, rows: Numbered
) -> None:
    """Raise unless each row stands for itself, or each patient, coded (n,) in `clusters`.

    Ids do not excuse a table that repeats as a whole, nor do names of patients: they may have been given
    after it was pasted. `rows` are `numbered_rows` of the others.

    Raises: ThresholdError: as `require_not_pasted`.
    """
    if clusters is None:
        require_not_pasted(rows)
        return
    hashes = row_hashes(target, score)
    # sums of 32 bits are exact in floats up to two million films of a patient, in any order
    halves = (hashes & np.uint64(2**32 - 1), hashes >> _HALF)
    low, high = (np.bincount(clusters, half).astype(np.uint64) for half in halves)
    patients = (mixed(low) ^ high)[np.bincount(clusters) > 0]
    require_not_pasted(numbered(patients), "patients (targets and scores of all their films)")


def numbered(hashes: Keys) -> Numbered:
    """These `hashes` (n,), the lowest different ones of them."""
    numbers, counts = np.unique(hashes, return_counts=True)
    return Numbered(numbers[:KEPT], counts[:KEPT], hashes.size)


def remembered(rows: Numbered) -> KnownRows:
    """The rows as they stand in a file, to be known again."""
    once = bool((rows.counts == 1).all())
    return KnownRows(rows.total, packed(rows.numbers, "<u8"), "" if once else packed(rows.counts, "<u4"))


def joined(one: KnownRows, other: KnownRows) -> KnownRows:
    """The rows of both, which have none in common."""
    return remembered(_merged(_read(one), _read(other)))


def shared_rows(known: KnownRows, rows: Numbered) -> Shared:
    """How many of `rows` are known, and an upper limit of the chance of so many."""
    then = _read(known)
    old, new = then.below(rows), rows.below(then)
    every = np.union1d(old.numbers, new.numbers)
    first, second = np.zeros(every.size, dtype=np.int64), np.zeros(every.size, dtype=np.int64)
    first[np.searchsorted(every, old.numbers)] = old.counts
    second[np.searchsorted(every, new.numbers)] = new.counts
    both = int(np.minimum(first, second).sum())
    return Shared(both, int(second.sum()), chance_of_sharing(first, second) if both else 1.0)


def shared_films(known: KnownRows, hashes: Keys) -> Shared:
    """How many of the films with these `hashes` (n,) of ids are known; an id is no chance."""
    both = int(np.isin(hashes, _read(known).numbers).sum())
    return Shared(both, hashes.size, 0.0 if both else 1.0)


def require_unknown(known: KnownRows, rows: Numbered) -> None:
    """Raise unless the `rows` of a site are others than those that chose a threshold.

    Raises: ThresholdError: more of them agree than two independent tables do.
    """
    _refuse(shared_rows(known, rows), "rows (target and score)", known)


def require_unknown_films(known: KnownRows, hashes: Keys) -> None:
    """Raise unless the films with these `hashes` (n,) of ids are others than those that chose a threshold.

    Raises: ThresholdError: one of them is among those.
    """
    _refuse(shared_films(known, hashes), "films", known)


def _refuse(found: Shared, what: str, known: KnownRows) -> None:
    if found.chance <= BY_CHANCE:
        raise ThresholdError(
            f"scores: {found.known} of {found.compared} {what} are among those that the threshold was "
            f"chosen from ({known} are known). They cannot confirm it: leave them out, or give rows of "
            "the new site."
        )


def packed(values: npt.NDArray[np.integer], dtype: str) -> str:
    """The whole numbers (n,) as text: base64 of `dtype`."""
    return base64.b64encode(np.ascontiguousarray(values, dtype=dtype).tobytes()).decode()


def unpacked(text: str, dtype: str) -> npt.NDArray[np.integer]:
    """The whole numbers (n,) that `packed` wrote.

    Raises: BundleError: no such text.
    """
    try:
        return np.frombuffer(base64.b64decode(text, validate=True), dtype=dtype)
    except ValueError as error:
        raise BundleError(
            f"known rows: {error}, expected base64 of {dtype}. Fit the operating point again."
        ) from error


def _read(known: KnownRows) -> Numbered:
    numbers = unpacked(known.numbers, "<u8").astype(np.uint64)
    counts = (
        unpacked(known.counts, "<u4").astype(np.int64) if known.counts else np.ones_like(numbers, np.int64)
    )
    return Numbered(numbers, counts, known.total)


def _merged(first: Numbered, second: Numbered) -> Numbered:
    both = np.concatenate([first.numbers, second.numbers])
    numbers, place = np.unique(both, return_inverse=True)
    counts = np.bincount(place, np.concatenate([first.counts, second.counts]), numbers.size).astype(np.int64)
    return Numbered(numbers[:KEPT], counts[:KEPT], first.total + second.total)
