"""Which score a threshold belongs to, so that it decides on no other."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt
import polars as pl

from strnet.errors import BundleError, ThresholdError, unknown_name
from strnet.schema import (
    WEIGHTS_SHA256,
    calibrator_column,
    logit_column,
    prediction_column,
    prob_column,
)

Kind = Literal["logit", "probability", "value"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
RAW: Final = "none"
"""What stands for the calibrator of a score that none has changed."""
SEVERAL: Final = "several"
"""What stands for the weights, or the calibrator, where a table holds the scores of more than one network."""

_PREFIXES: Final = MappingProxyType[str, Kind](
    {logit_column(""): "logit", prob_column(""): "probability", prediction_column(""): "value"}
)


@dataclass(frozen=True, slots=True)
class ScoreIdentity:
    """Which score a threshold belongs to. None is unknown; `calibrator_sha256` is "none" for a raw score."""

    task: str | None = None
    column: str | None = None
    model_sha256: str | None = None
    calibrator_sha256: str | None = None
    kind: Kind | None = None

    def __str__(self) -> str:
        """`prob.bone_loss (probability)`."""
        name = self.column or self.task or "a score that is not named"
        return f"{name} ({self.kind or 'kind not known'})"

    def contradictions(self, other: ScoreIdentity) -> list[str]:
        """What both know of task, weights and calibrator and say differently, one line each."""
        names = ("task", "model_sha256", "calibrator_sha256")
        pairs = [(name, getattr(self, name), getattr(other, name)) for name in names]
        return [f"{name}: {a} against {b}" for name, a, b in pairs if None not in (a, b) and a != b]

    def require_same(
        self, found: ScoreIdentity, *, said_same: bool = False, holder: str = "operating point"
    ) -> None:
        """Raise unless `found` may be the score that a threshold of this identity was set on.

        A score of another kind is another score, and so is one of another column, unless the user says that
        both columns hold the same one (`said_same`). `holder` is what messages call the owner of this one.

        Raises: BundleError: another score, and which one is wanted.
        """
        other_kind = None not in (self.kind, found.kind) and self.kind != found.kind
        other_column = None not in (self.column, found.column) and self.column != found.column
        if other_kind or (other_column and not said_same):
            raise BundleError(
                f"This {holder} is for {self}; found {found}. "
                + _what_to_do(self, may_be_same=not other_kind)
            )
        contradictions = self.contradictions(found)
        if contradictions:
            raise BundleError(
                f"This {holder} belongs to another score (its own against given): "
                f"{'; '.join(contradictions)}. A threshold means nothing on other scores: fit one for them."
            )


UNKNOWN: Final = ScoreIdentity()


class Scored(Protocol):
    """A point that says which score it is for."""

    @property
    def score(self) -> ScoreIdentity:
        """The score it is for."""


def identity_of(column: str, kind: str | None = None) -> ScoreIdentity:
    """What the name of a column says of its scores, and what the user says (`kind`) where it says nothing.

    Raises: ThresholdError: an unknown kind, or one that contradicts the column's name.
    """
    if kind is not None and kind not in KINDS:
        raise ThresholdError(f"--score-kind: {unknown_name('kind of score', kind, KINDS)}")
    for prefix, own in _PREFIXES.items():
        if column.startswith(prefix):
            if kind not in (None, own):
                raise ThresholdError(
                    f"--score-kind {kind}: column '{column}' holds a {own} by its name. Leave the option out."
                )
            calibrator = None if own == "probability" else RAW
            return ScoreIdentity(column.removeprefix(prefix), column, None, calibrator, own)
    return ScoreIdentity(column=column, kind=next((own for own in KINDS if own == kind), None))


def identity_in(rows: pl.LazyFrame, column: str, kind: str | None = None) -> ScoreIdentity:
    """As `identity_of`, with the weights and the calibrator that the table names in these rows, if it does.

    Raises: ThresholdError: as `identity_of`.
    """
    found = identity_of(column, kind)
    names = rows.collect_schema().names()
    calibrator = found.calibrator_sha256
    if found.kind == "probability" and found.task is not None:
        calibrator = _only(rows, calibrator_column(found.task), names)
    weights = _only(rows, WEIGHTS_SHA256, names) if found.task is not None else None
    return ScoreIdentity(found.task, column, weights, calibrator, found.kind)


def candidates(name: str) -> tuple[str, ...]:
    """The columns that `name` can mean: itself, or a task's probability, then its logit, then its value."""
    return (name, prob_column(name), logit_column(name), prediction_column(name))


def require_in_range(identity: ScoreIdentity, score: npt.NDArray[np.floating]) -> None:
    """Raise unless scores (n,) that are probabilities lie in [0, 1].

    Raises: ThresholdError: a probability outside, with how many and the first.
    """
    if identity.kind != "probability":
        return
    outside = np.flatnonzero((score < 0) | (score > 1))
    if outside.size:
        raise ThresholdError(
            f"{identity.column}: found {outside.size} probabilities outside [0, 1] (first: "
            f"{score[outside[0]]:g}). If these are logits or other numbers, say so: --score-kind logit."
        )


def _only(rows: pl.LazyFrame, column: str, names: list[str]) -> str | None:
    """The one value of a column; `SEVERAL` where it has more, None where it is blank or not there."""
    if column not in names:
        return None
    values = rows.select(pl.col(column).cast(pl.String).drop_nulls().unique().head(2)).collect()[column]
    return SEVERAL if values.len() > 1 else next(iter(values), None)


def _what_to_do(wanted: ScoreIdentity, *, may_be_same: bool) -> str:
    use = "Fit one for this score" if wanted.column is None else f"Use --score {wanted.column}"
    return use + (", or say --same-score if both columns hold the same score." if may_be_same else ".")
