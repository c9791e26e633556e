"""How many of a finite group are positive, where a random sample of it was examined."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from strnet.stats.inputs import Floats
from strnet.thresholds.rules import NEAR, first_true


def chance_of_at_most(
    found: npt.ArrayLike, group: npt.ArrayLike, positives: npt.ArrayLike, sample: npt.ArrayLike
) -> Floats:
    """P(X <= found), X the positives in a random `sample` of a `group` that holds `positives`; broadcasts."""
    from scipy.stats import hypergeom  # half a second to import: no other command should wait for it

    chance: Floats = np.asarray(hypergeom.cdf(found, group, positives, sample), dtype=np.float64)
    return chance


def most_positives(found: int, sample: int, group: int, delta: float) -> int:
    """The upper bound of the positives in the group, right with probability 1 - delta whatever they are.

    Source: the largest M with P(Hypergeometric(group, M, sample) <= found) > delta, which is Clopper-Pearson
        for a finite group. A chance within 1e-9 of delta counts as larger.
    """

    def excluded(positives: int) -> bool:
        return float(chance_of_at_most(found, group, positives, sample)) <= delta * (1 - NEAR)

    unseen = group - sample
    if not excluded(found + unseen):
        return found + unseen
    return first_true(excluded, found, found + unseen) - 1


def least_positives(found: int, sample: int, group: int, delta: float) -> int:
    """The lower bound of the positives in the group, right with probability 1 - delta whatever they are."""
    return group - most_positives(sample - found, sample, group, delta)
