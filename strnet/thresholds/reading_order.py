"""In which order patients are read: from a hash of their ids, so that there is no seed to shop for.

The key of a patient is that of its id's text alone: it is the same in every run, on every platform and
beside any other patients, and knows nothing of scores. Rows without an id take theirs from what they hold.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from strnet.stats.inputs import Floats, Ints

Keys = npt.NDArray[np.uint64]

ORDERS = 20
"""Orders over which a result is averaged, so that no single one decides it."""

_STEP, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def label_keys(labels: Iterable[Any]) -> Keys:
    """One key for each of `labels`, from its text; a whole number has the same text as int and as float."""
    digests = bytearray()  # grown one by one: a million of them in a list would weigh five times as much
    for label in labels:
        digests += blake2b(_text(label), digest_size=8).digest()
    return np.frombuffer(bytes(digests), dtype="<u8").astype(np.uint64)


def content_keys(*columns: Floats) -> Keys:
    """Keys (n,) of rows without an id, from `columns` (n,) each; the order of the rows plays no part.

    Equal rows are told apart by counting them. All rows together are part of each key: where scores are
    coarse, each set of rows is then read in an order of its own.
    """
    keys = np.zeros(columns[0].size, dtype=np.uint64)
    for column in columns:
        keys = mixed(keys ^ (column + 0.0).view(np.uint64))  # + 0.0: the negative zero is a zero
    keys = mixed(keys + _occurrence(keys))
    return mixed(keys ^ np.bitwise_xor.reduce(mixed(keys)))


def film_keys(patient_keys: Keys, score: Floats) -> Keys:
    """Keys (n,) of the films of patients with `patient_keys` (n,), equal scores of one patient counted."""
    keys = mixed(patient_keys ^ mixed((score + 0.0).view(np.uint64)))
    return mixed(keys + _occurrence(keys))


def reading_orders(keys: Keys, count: int, seed: int | None) -> Ints:
    """`count` orders (count, n) of the patients with `keys` (n,); others for each `seed` given by hand."""
    return np.stack([np.argsort(order_keys(keys, number, seed), kind="stable") for number in range(count)])


def order_keys(keys: Keys, number: int, seed: int | None) -> Keys:
    """What the patients with `keys` (n,) are sorted by in the order `number`, as uniform whole numbers."""
    salt = np.uint64(number if seed is None else ((seed + 1) * 1_000_003 + number) % 2**64)
    return mixed(keys ^ mixed(np.array([salt]))[0])


def mixed(keys: Keys) -> Keys:
    """Keys (n,) that look unrelated to `keys`, one to one.

    Source: Steele, Lea and Flood 2014, OOPSLA, the finaliser of SplitMix64.
    """
    with np.errstate(over="ignore"):
        keys = keys + np.uint64(_STEP)
        keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(_FIRST)
        keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(_SECOND)
    return keys ^ (keys >> np.uint64(31))


def _occurrence(keys: Keys) -> Keys:
    """How many equal keys stand before each one, in sorted order."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    first = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    counted = np.arange(keys.size) - np.repeat(first, np.diff(first, append=keys.size))
    occurrence = np.empty(keys.size, dtype=np.uint64)
    occurrence[order] = counted.astype(np.uint64)
    return occurrence


def _text(label: Any) -> bytes:
    if isinstance(label, bytes):
        return label
    if isinstance(label, float | np.floating) and float(label).is_integer():
        label = int(label)
    return str(label).encode()
