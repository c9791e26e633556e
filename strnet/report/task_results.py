"""What an evaluation says of one task: a binary one, a value, or several classes, and the three diagnoses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from strnet.report.measures import AgainstNetwork, Measure, Strict


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


TaskEvaluation = Annotated[
    BinaryEvaluation | RegressionEvaluation | CategoricalEvaluation, Field(discriminator="kind")
]


@dataclass(frozen=True, slots=True)
class DiagnosisEvaluation(Strict):
    """The three diagnoses from coherent probabilities, and how often the T-score contradicts the class.

    P(normal) = 1 - p, P(osteopenia) = p (1 - q), P(osteoporosis) = p q with p = P(bone loss) and
    q = P(osteoporosis | bone loss).
    """

    three_classes: CategoricalEvaluation
    contradictions: Measure
