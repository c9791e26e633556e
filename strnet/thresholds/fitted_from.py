"""What every fitted point says of where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from strnet import __version__
from strnet.thresholds.file_types import STRICT
from strnet.thresholds.known_rows import KnownRows
from strnet.thresholds.score_identity import UNKNOWN, ScoreIdentity


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedFrom:
    """The score that a point is for, what a positive is, and the rows that it was fitted on.

    `rows_sha256` names the rows whatever their order; by `known_rows` and `known_films` single ones are known
    again. `rows_without_target` were left out of the table.
    """

    __pydantic_config__: ClassVar = STRICT

    score: ScoreIdentity = UNKNOWN
    label: str | None = None
    rows_sha256: str | None = None
    known_rows: KnownRows | None = None
    known_films: KnownRows | None = None
    rows_without_target: int = 0
    code_version: str = __version__
    notes: tuple[str, ...] = ()
