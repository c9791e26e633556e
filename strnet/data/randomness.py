"""Random streams that depend on (seed, stream, epoch, index) and on nothing else.

A draw is found by its key, not by how many draws came before it: neither the batch a row falls into, nor the
order of the rows, nor a restart changes it.

Source: Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011 (Philox).
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What the draws are for; streams with the same seed share no draw."""

    ORDER = 0
    AUGMENTATION = 1
    DROPOUT = 2
    INITIALISATION = 3
    SAMPLING = 4
    MIXUP = 5
    BATCH_STATISTICS = 6


def generator(seed: int, stream: Stream, epoch: int = 0, index: int = 0) -> np.random.Generator:
    """A generator at the start of the draws of (`seed`, `stream`, `epoch`, `index`), 0 <= seed < 2**32.

    The key is (stream and seed, epoch); the index is a high word of the counter, which leaves 2**128 draws
    before one index would run into the next.
    """
    # An array, so that numpy sees 64-bit words: from Python ints it would build a signed array.
    key = np.array([(int(stream) << 32) | seed, epoch], dtype=np.uint64)
    counter = np.array([0, 0, index, 0], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def torch_seed(seed: int, stream: Stream, epoch: int = 0, index: int = 0) -> int:
    """A seed for torch's generators, which have no counter that could be set."""
    return int(generator(seed, stream, epoch, index).integers(2**63))
