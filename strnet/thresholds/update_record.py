"""What an operating point says of the one that it was updated from, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from strnet.thresholds.file_types import StatedEstimate, Threshold

Decision = Literal["keep", "lower", "raise"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalUpdate:
    """How the threshold of a new site came about.

    `parent_sha256` names the operating point it was updated from, `parent_threshold` and `parent_misses` are
    that one's threshold and its misses on the local rows, `parent_specificity` its specificity on them (None
    without negatives). `local_threshold` is what the local positives alone would allow, None where they are
    too few for any; `more_positives` is then how many more it takes (None where no number is known).
    `number` counts the updates since a threshold was fitted, and `parent_rows` are the hashes of the rows
    that each step before this one was made from.
    """

    decision: Decision
    reason: str
    parent_sha256: str
    parent_threshold: Threshold
    parent_misses: int
    parent_specificity: StatedEstimate | None
    local_threshold: Threshold | None
    more_positives: int | None
    number: int
    parent_rows: tuple[str, ...] = ()
