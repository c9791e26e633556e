"""What an evaluation says, as frozen data that becomes strict JSON and back without loss.

Reports, console tables and comparisons read only it, and the predictions it was made from.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from strnet.errors import StrnetError
from strnet.files import read_json, write_json
from strnet.report.fold_spread import FoldSpread
from strnet.report.measures import AgainstNetwork, Measure, Strict
from strnet.report.site_results import SiteResult
from strnet.schema import SCHEMA_VERSION


@dataclass(frozen=True, slots=True)
class ScorerResult(Strict):
    """How well one scorer (`network`, `observer`, or a baseline's name) separates a binary task's classes."""

    scorer: str
    rows: int
    auroc: Measure
    auprc: Measure
    against_network: AgainstNetwork | None = None


@dataclass(frozen=True, slots=True)
class Confusion(Strict):
    """Counts of decisions against a binary target."""

    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int


@dataclass(frozen=True, slots=True)
class Decisions(Strict):
    """What an operating point decides on one split (or one group of its rows)."""

    split: str
    confusion: Confusion
    sensitivity: Measure
    specificity: Measure
    ppv: Measure
    npv: Measure
    f1: Measure
    accuracy: Measure


@dataclass(frozen=True, slots=True)
class PointResult(Strict):
    """An operating point as it was frozen, and what it decides on each split.

    `score` is the column that the threshold applies to: `logit.<task>` or, calibrated, `prob.<task>`.
    `threshold` is None where each fold has its own. `decides` marks the one that a patient's next step
    depends on.
    """

    name: str
    score: str
    threshold: float | None
    min_sensitivity: str
    method: str
    status: str
    confidence: float | None
    on: tuple[Decisions, ...]
    decides: bool = False


@dataclass(frozen=True, slots=True)
class ReliabilityBin(Strict):
    """Rows of similar predicted probability, and how many of them were positive."""

    mean_prob: float
    observed: Measure


@dataclass(frozen=True, slots=True)
class CalibrationResult(Strict):
    """How far predicted probabilities can be taken at their word, before or after calibration.

    `intercept` is calibration in the large: with the slope held at 1.
    """

    stage: Literal["before", "after"]
    brier: Measure
    slope: Measure
    intercept: Measure
    ece: Measure
    bins: tuple[ReliabilityBin, ...]


@dataclass(frozen=True, slots=True)
class BinaryGroup(Strict):
    """The share of a binary task's rows that one group has: a site, an age from 50 to below 60, ..."""

    column: str
    value: str
    rows: int
    positives: int
    auroc: Measure
    points: tuple[tuple[str, Decisions], ...]


@dataclass(frozen=True, slots=True)
class BinaryEvaluation(Strict):
    """A binary task on the reported rows.

    `calibrator` holds its plain numbers, by fold where each has its own; None where there was none.
    """

    task: str
    kind: Literal["binary"]
    rows: int
    positives: int
    unknown: int
    patients: int
    scorers: tuple[ScorerResult, ...]
    points: tuple[PointResult, ...]
    calibration: tuple[CalibrationResult, ...]
    groups: tuple[BinaryGroup, ...]
    calibrator: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class AgreementResult(Strict):
    """How one scorer's values agree with the reference; bias is predicted minus reference, in its unit."""

    scorer: str
    rows: int
    r: Measure
    mae: Measure
    rmse: Measure
    bias: Measure
    lower_limit: Measure
    upper_limit: Measure
    ccc: Measure
    against_network: AgainstNetwork | None = None


@dataclass(frozen=True, slots=True)
class RegressionGroup(Strict):
    """A group's share of a regression task's rows."""

    column: str
    value: str
    rows: int
    r: Measure
    mae: Measure
    bias: Measure


@dataclass(frozen=True, slots=True)
class RegressionEvaluation(Strict):
    """A regression task on the reported rows; `unit` of its values, where the recipe names one."""

    task: str
    kind: Literal["regression"]
    rows: int
    unknown: int
    patients: int
    scorers: tuple[AgreementResult, ...]
    groups: tuple[RegressionGroup, ...]
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class ClassResult(Strict):
    """One class against the rest: recall and precision of the most probable class, AUROC of its score."""

    label: str
    rows: int
    recall: Measure
    precision: Measure
    auroc: Measure


@dataclass(frozen=True, slots=True)
class ClassBaseline(Strict):
    """How well a baseline separates several classes, and the network's macro AUROC minus its."""

    scorer: str
    rows: int
    macro_auroc: Measure
    against_network: AgainstNetwork


@dataclass(frozen=True, slots=True)
class CategoricalGroup(Strict):
    """A group's share of the rows of a task with several classes."""

    column: str
    value: str
    rows: int
    accuracy: Measure
    macro_auroc: Measure


@dataclass(frozen=True, slots=True)
class CategoricalEvaluation(Strict):
    """Several classes on the reported rows; `confusion[i][j]` counts reference i called j."""

    task: str
    kind: Literal["multiclass", "ordinal"]
    rows: int
    unknown: int
    patients: int
    labels: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    classes: tuple[ClassResult, ...]
    accuracy: Measure
    macro_auroc: Measure
    hand_till: Measure
    weighted_kappa: Measure
    baselines: tuple[ClassBaseline, ...] = ()
    groups: tuple[CategoricalGroup, ...] = ()


@dataclass(frozen=True, slots=True)
class DiagnosisEvaluation(Strict):
    """The three diagnoses from coherent probabilities, and how often the T-score contradicts the class.

    P(normal) = 1 - p, P(osteopenia) = p (1 - q), P(osteoporosis) = p q with p = P(bone loss) and
    q = P(osteoporosis | bone loss).
    """

    three_classes: CategoricalEvaluation
    contradictions: Measure


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


TaskEvaluation = Annotated[
    BinaryEvaluation | RegressionEvaluation | CategoricalEvaluation, Field(discriminator="kind")
]


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
