from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from strnet.config import Target, TaskConfig
from strnet.report import EvaluationSettings, RowUse, evaluate_predictions
from strnet.report.honesty import banners
from strnet.report.summary_tables import decision_table
from strnet.thresholds import ScoreIdentity, fit_threshold

LOSS = TaskConfig(name="bone_loss", kind="binary", target=Target(column="t_score", below=-1.0))
T_SCORE = TaskConfig(name="t_score", kind="regression", target=Target(column="t_score"))


def table(network, **baselines) -> pl.DataFrame:
    target = np.arange(len(network)) % 2
    return pl.DataFrame(
        {
            "image_id": [f"i{n}" for n in range(len(network))],
            "patient_id": [f"p{n}" for n in range(len(network))],
            "split": ["test"] * len(network),
            "target.bone_loss": target,
            "logit.bone_loss": network,
        }
        | {f"baseline.{name}.bone_loss": score for name, score in baselines.items()}
    )


def evaluated(frame, tasks=(LOSS,), **settings):
    return evaluate_predictions(frame, tasks=tasks, settings=EvaluationSettings(**settings))


@pytest.fixture
def scores():
    rng = np.random.default_rng(4)
    target = np.arange(200) % 2
    return {
        "good": target + rng.normal(0, 0.5, 200),
        "fair": target + rng.normal(0, 1.5, 200),
        "none": rng.normal(0, 1, 200),
    }


def test_a_network_above_the_clinical_baseline_beats_it(scores):
    found = evaluated(table(scores["good"], clinical=scores["none"])).verdicts
    assert [(verdict.scorer, verdict.answer) for verdict in found] == [("clinical", "yes")]
    assert "difference" in found[0].because


def test_a_network_below_the_clinical_baseline_is_told_so(scores):
    assert evaluated(table(scores["none"], clinical=scores["good"])).verdicts[0].answer == "no"


def test_a_network_equal_to_the_clinical_baseline_is_not_shown_to_beat_it(scores):
    assert evaluated(table(scores["fair"], clinical=scores["fair"])).verdicts[0].answer == "not shown"


@pytest.mark.parametrize(
    ("network", "metadata", "answer"),
    [("good", "none", "no"), ("none", "good", "yes"), ("fair", "fair", "not ruled out")],
)
def test_metadata_that_match_the_network_are_reported(scores, network, metadata, answer):
    found = evaluated(table(scores[network], metadata=scores[metadata])).verdicts[0]
    assert found.answer == answer
    assert found.question.startswith("Is the network matched by acquisition metadata only")


def test_a_smaller_error_beats_and_a_larger_one_does_not():
    rng = np.random.default_rng(0)
    reference = rng.normal(-1, 1, 80)
    frame = table(np.zeros(80)).with_columns(
        pl.Series("target.t_score", reference),
        pl.Series("pred.t_score", reference + rng.normal(0, 0.3, 80)),
        pl.Series("baseline.clinical.t_score", reference + rng.normal(0, 1.5, 80)),
    )
    swapped = frame.rename({"pred.t_score": "x", "baseline.clinical.t_score": "pred.t_score"}).rename(
        {"x": "baseline.clinical.t_score"}
    )
    assert evaluated(frame, tasks=(T_SCORE,)).verdicts[0].answer == "yes"
    assert evaluated(swapped, tasks=(T_SCORE,)).verdicts[0].answer == "no"


def test_an_ideal_observer_is_no_rival(evaluation):
    assert "observer" not in {verdict.scorer for verdict in evaluation.verdicts}


def test_rows_that_also_chose_the_threshold_are_called_optimistic(scores):
    found = evaluated(table(scores["good"]), row_use=RowUse(trained="train", thresholds="test"))
    assert any(
        "also used to choose operating points: these figures are optimistic" in s for s in found.statements
    )
    assert [banner.heading for banner in banners(found.subject)][-1] == "Optimistic figures."


def test_rows_that_nothing_has_seen_are_said_to_be_so(evaluation):
    assert (
        "Everything below is reported on the split 'test', which none of these steps has seen."
        in evaluation.statements
    )
    assert (
        "Operating points were chosen, and then frozen, on the split 'validation'." in evaluation.statements
    )


def test_what_is_not_known_of_the_rows_is_not_claimed(scores):
    found = evaluated(table(scores["good"])).statements
    assert any("was not recorded" in statement for statement in found)
    assert not any("none of these steps" in statement for statement in found)


@pytest.mark.parametrize(
    ("standard", "words"),
    [("phantom", "Phantom result"), ("qus", "not DXA"), ("qct", "not DXA"), ("model", "not measured")],
)
def test_labels_of_another_kind_stand_in_a_banner(scores, standard, words):
    found = evaluated(table(scores["good"]), reference_standards=(standard,))
    assert any(words in f"{banner.heading} {banner.text}" for banner in banners(found.subject))


def test_dxa_needs_no_banner_and_an_unknown_reference_does(scores):
    assert banners(evaluated(table(scores["good"]), reference_standards=("dxa",)).subject) == ()
    assert banners(evaluated(table(scores["good"])).subject)[0].heading == "Reference standard not stated."


def test_that_no_operating_point_decides_stands_above_everything_with_its_reason(scores):
    frame = table(scores["good"])
    (banner,) = banners(evaluated(frame, reference_standards=("dxa",), undecided="12 are too few.").subject)
    assert banner.heading == "No operating point decides."
    assert "12 are too few." in banner.text
    assert banners(evaluated(frame, reference_standards=("dxa",)).subject) == ()


def test_the_operating_point_that_decides_is_named_in_the_tables(scores):
    points = {
        method: replace(
            fit_threshold(np.arange(200) % 2, scores["good"], method=method),
            score=ScoreIdentity(task="bone_loss", column="logit.bone_loss"),
        )
        for method in ("empirical", "exact")
    }
    settings = EvaluationSettings(deciding="exact")
    found = evaluate_predictions(
        table(scores["good"]), tasks=(LOSS,), operating_points=points, settings=settings
    )
    named = [row[0] for row in decision_table(found.binary()[0]).rows]
    assert named == ["empirical", "exact (decides)"]
