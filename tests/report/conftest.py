from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from strnet.config import Target, TaskConfig, parse_recipe
from strnet.report import (
    CohortFlow,
    Course,
    Enclosures,
    Evaluation,
    EvaluationSettings,
    ExampleFilm,
    FlowBox,
    RowUse,
    evaluate_predictions,
    write_report,
)
from strnet.stats import Calibrator, fit_calibrator
from strnet.thresholds import OperatingPoint, ScoreIdentity, fit_threshold

BONE_LOSS = TaskConfig(name="bone_loss", kind="binary", target=Target(column="t_score", below=-1.0))
SEVERITY = TaskConfig(
    name="osteoporosis_given_loss", kind="binary", target=Target(column="t_score", at_most=-2.5)
)
T_SCORE = TaskConfig(name="t_score", kind="regression", target=Target(column="t_score"))
HOSTILE_TITLE = "<img src=x onerror=alert(1)> & 'knees' \x0b"
HOSTILE = "Site <script>alert('x')</script> & \"B\" $\\frac$ \x07"


@dataclass(frozen=True)
class Cohort:
    predictions: pl.DataFrame
    truth: pl.DataFrame
    calibrators: dict[str, Calibrator]
    points: dict[str, OperatingPoint]


@pytest.fixture(scope="session")
def tasks() -> tuple[TaskConfig, ...]:
    return BONE_LOSS, SEVERITY, T_SCORE


@pytest.fixture(scope="session")
def quick() -> EvaluationSettings:
    return EvaluationSettings()


@pytest.fixture(scope="session")
def cohort() -> Cohort:
    """240 patients, some with two films, half of them validation and half test; noise of known size."""
    rng = np.random.default_rng(7)
    patients = np.concatenate([np.arange(240), rng.choice(240, 40, replace=False)])
    t_score = rng.normal(-1.5, 1.2, 240)[patients]

    def noisy(spread: float) -> np.ndarray:
        return t_score + rng.normal(0, spread, patients.size)

    seen = noisy(0.6)
    loss = t_score < -1
    predictions = pl.DataFrame(
        {
            "image_id": [f"film{i}" for i in range(patients.size)],
            "patient_id": [f"p{i}" for i in patients],
            "site": np.where(patients % 3 == 0, HOSTILE, "A"),
            "split": np.where(patients < 120, "validation", "test"),
            "target.bone_loss": loss.astype(float),
            "logit.bone_loss": -4.0 * (seen + 1.0),
            "target.osteoporosis_given_loss": pl.Series(np.where(loss, t_score <= -2.5, np.nan)).fill_nan(
                None
            ),
            "logit.osteoporosis_given_loss": -3.0 * (seen + 2.5),
            "target.t_score": pl.Series(np.where(patients % 5 == 0, np.nan, t_score)).fill_nan(None),
            "pred.t_score": seen,
            "baseline.clinical.bone_loss": -1.0 * (noisy(1.8) + 1.0),
            "baseline.metadata.bone_loss": rng.normal(0, 1, patients.size),
            "baseline.clinical.t_score": -1.5 + 0.3 * (noisy(1.8) + 1.5),
        }
    )
    truth = predictions.select("image_id").with_columns(
        pl.Series("observer.bone_loss", -8.0 * (noisy(0.2) + 1.0)), pl.Series("observer.t_score", noisy(0.2))
    )
    return Cohort(predictions, truth, *frozen_numbers(predictions))


def frozen_numbers(predictions: pl.DataFrame) -> tuple[dict[str, Calibrator], dict[str, OperatingPoint]]:
    rows = predictions.filter(pl.col("split") == "validation")
    target, logit = rows["target.bone_loss"].to_numpy(), rows["logit.bone_loss"].to_numpy()
    calibrator = fit_calibrator("temperature", logit, target)
    points = {
        method: replace(
            fit_threshold(target, calibrator.prob(logit), min_sensitivity="0.86", method=method),
            score=ScoreIdentity(
                task="bone_loss",
                column="prob.bone_loss",
                calibrator_sha256=calibrator.digest,
                kind="probability",
            ),
        )
        for method in ("empirical", "exact")
    }
    return {"bone_loss": calibrator}, points


@pytest.fixture(scope="session")
def evaluation(cohort: Cohort, tasks: tuple[TaskConfig, ...]) -> Evaluation:
    return evaluate_predictions(
        cohort.predictions,
        tasks=tasks,
        calibrators=cohort.calibrators,
        operating_points=cohort.points,
        observers=cohort.truth,
        settings=EvaluationSettings(
            reference_standards=("phantom",),
            row_use=RowUse(trained="train", calibrated="validation", thresholds="validation"),
        ),
    )


@pytest.fixture(scope="session")
def page(
    evaluation: Evaluation,
    cohort: Cohort,
    tasks: tuple[TaskConfig, ...],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    film = np.full((32, 24), 90, dtype=np.uint8)
    enclosures = Enclosures(
        flow=CohortFlow((FlowBox("found", 280), FlowBox("usable <b>", 280, 240)), ((FlowBox("a & b", 1),),)),
        learning_curves=Course(
            pl.DataFrame({"epoch": [0, 1], "train/loss": [1.0, 0.5], "validation/loss": [1.0, 0.7]})
        ),
        examples=(
            ExampleFilm(film, np.eye(32, 24, dtype=np.float32), "found: <script>alert(2)</script>"),
            ExampleFilm(film, None, "missed"),
        ),
        recipe=parse_recipe({"name": "r", "description": "<b>&", "tasks": [t.model_dump() for t in tasks]}),
        observers=cohort.truth,
        paper={"bone_loss.auroc": 0.933},
        provenance={"Weights <i>": "ab" * 32},
    )
    folder = tmp_path_factory.mktemp("report")
    return write_report(folder, evaluation, cohort.predictions, title=HOSTILE_TITLE, enclosures=enclosures)
