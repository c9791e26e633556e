"""Numbers that follow from a patient's id alone: what is drawn from them leaves no seed to shop for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from strnet.stats.inputs import Floats

Uints = npt.NDArray[np.uint64]
WORDS = 4


def patient_hashes(ids: Iterable[str]) -> Uints:
    """Four 64-bit numbers of each id, shape (n, 4), that look independent of each other and of all else.

    Source: SHA-256 of the id in UTF-8, its 32 bytes read as four numbers, the highest byte first.
    """
    digests = b"".join(hashlib.sha256(name.encode()).digest() for name in ids)
    return np.frombuffer(digests, dtype=">u8").reshape(-1, WORDS).astype(np.uint64)


def uniform(hashes: Uints) -> Floats:
    """Numbers strictly between 0 and 1 from `hashes` of any shape."""
    return ((hashes >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53
