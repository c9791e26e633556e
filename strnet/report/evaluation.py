"""What an evaluation says, as frozen data that becomes strict JSON and back without loss.

Reports, console tables and comparisons read only it, and the predictions it was made from.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from strnet.errors import StrnetError
from strnet.files import read_json, write_json
from strnet.report.fold_spread import FoldSpread
from strnet.report.measures import Measure, Strict
from strnet.report.site_results import SiteResult
from strnet.report.task_results import (
    BinaryEvaluation,
    CategoricalEvaluation,
    Decisions,
    DiagnosisEvaluation,
    RegressionEvaluation,
    TaskEvaluation,
)
from strnet.schema import SCHEMA_VERSION


@dataclass(frozen=True, slots=True)
class SiteCategory(Strict):
    """Whether a predicted BMD finds those at or below a T-score cut-off; `site` is a DXA site or `lowest`.

    `fold` is None for all rows together.
    """

    site: str
    finding: Literal["bone_loss", "osteoporosis"]
    rows: int
    decisions: Decisions
    fold: int | None = None


@dataclass(frozen=True, slots=True)
class BmdEvaluation(Strict):
    """Categories from predicted BMD values, and by DXA site whose BMD they were told against."""

    categories: tuple[SiteCategory, ...]
    young_adults: dict[str, str]


@dataclass(frozen=True, slots=True)
class FilmShare(Strict):
    """The share of the reported films with one reason code or flag."""

    code: str
    share: Measure


@dataclass(frozen=True, slots=True)
class ApplicabilityEvaluation(Strict):
    """What prediction would say of the reported films: the share that it refuses, and shares by code."""

    refused: Measure
    by_code: tuple[FilmShare, ...]
    notes: tuple[str, ...] = ()


Answer = Literal["yes", "no", "not shown", "not ruled out"]


@dataclass(frozen=True, slots=True)
class Verdict(Strict):
    """Whether a task needs the film at all: a question about one baseline, answered by the figures."""

    task: str
    scorer: str
    question: str
    answer: Answer
    because: str


@dataclass(frozen=True, slots=True)
class RowUse(Strict):
    """Which split each step used, by its name; None where the step was not taken or is not known."""

    trained: str | None = None
    early_stopped: str | None = None
    calibrated: str | None = None
    tuned: str | None = None
    thresholds: str | None = None


@dataclass(frozen=True, slots=True)
class Subject(Strict):
    """What was evaluated: the rows, who they come from, and what the labels were measured with.

    `undecided` is why no operating point decides although the recipe asks for one. `where` is the condition
    by which the recipe chose its rows; None if it took all.
    """

    split: str
    rows: int
    patients: int
    largest_cluster: int
    folds: int
    confidence: float
    reference_standards: tuple[str, ...]
    row_use: RowUse
    undecided: str | None = None
    where: str | None = None


@dataclass(frozen=True, slots=True)
class Evaluation(Strict):
    """Everything an evaluation found on one split."""

    subject: Subject
    tasks: tuple[TaskEvaluation, ...]
    diagnosis: DiagnosisEvaluation | None
    verdicts: tuple[Verdict, ...]
    statements: tuple[str, ...]
    applicability: ApplicabilityEvaluation | None = None
    bmd: BmdEvaluation | None = None
    by_fold: tuple[FoldSpread, ...] = ()
    sites: tuple[SiteResult, ...] = ()
    schema_version: Literal[2] = 2

    def binary(self) -> tuple[BinaryEvaluation, ...]:
        """The binary tasks, in the recipe's order."""
        return tuple(task for task in self.tasks if isinstance(task, BinaryEvaluation))

    def regression(self) -> tuple[RegressionEvaluation, ...]:
        """The regression tasks, in the recipe's order."""
        return tuple(task for task in self.tasks if isinstance(task, RegressionEvaluation))

    def categorical(self) -> tuple[CategoricalEvaluation, ...]:
        """The multiclass and ordinal tasks, in the recipe's order."""
        return tuple(task for task in self.tasks if isinstance(task, CategoricalEvaluation))


def to_json(evaluation: Evaluation) -> dict[str, Any]:
    """Plain JSON values of an evaluation."""
    content: dict[str, Any] = _adapter().dump_python(evaluation, mode="json")
    return content


def from_json(content: Any, where: str = "evaluation") -> Evaluation:
    """The evaluation in JSON values.

    Raises: StrnetError: a key that is unknown or missing, or a value of the wrong type.
    """
    try:
        return _adapter().validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise StrnetError(
            f"{where}: not an evaluation of schema version {SCHEMA_VERSION}: {place}: {first['msg']} "
            f"({error.error_count()} problem(s)). Write it again with `strnet evaluate`."
        ) from error


def write_evaluation(evaluation: Evaluation, path: Path | str) -> None:
    """Write the evaluation to `path` as strict JSON, whole."""
    write_json(path, to_json(evaluation))


def read_evaluation(path: Path | str) -> Evaluation:
    """The evaluation in a JSON file.

    Raises: StrnetError: unreadable file, not strict JSON, or not an evaluation.
    """
    return from_json(read_json(path), where=str(path))


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[Evaluation]:
    return TypeAdapter(Evaluation)
