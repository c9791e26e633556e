import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import polars as pl
import pytest

from strnet.config import Target, TaskConfig
from strnet.errors import BundleError, ManifestError, StrnetError
from strnet.report import (
    EvaluationSettings,
    evaluate_predictions,
    named_figures,
    read_evaluation,
    to_json,
    write_evaluation,
)
from strnet.stats import Calibrator
from strnet.thresholds import ScoreIdentity, fit_threshold

LOSS = TaskConfig(name="bone_loss", kind="binary", target=Target(column="t_score", below=-1.0))
T_SCORE = TaskConfig(name="t_score", kind="regression", target=Target(column="t_score"))


def table(target, logit, **columns) -> pl.DataFrame:
    """A predictions table of somebody else: only what is required, one film per patient, all test rows."""
    rows = len(target)
    return pl.DataFrame(
        {
            "image_id": [f"i{n}" for n in range(rows)],
            "patient_id": [f"p{n}" for n in range(rows)],
            "split": ["test"] * rows,
            "target.bone_loss": target,
            "logit.bone_loss": logit,
        }
        | columns
    )


def binary(frame, settings=None, **options):
    found = evaluate_predictions(frame, tasks=[LOSS], settings=settings or EvaluationSettings(), **options)
    return found.binary()[0]


def point_at(threshold: float, **score):
    fitted = fit_threshold([1, 1, 0], [0.1, 0.2, 0.3], min_sensitivity="0.5", method="empirical")
    return replace(fitted, threshold=threshold, score=ScoreIdentity(task="bone_loss", **score))


def test_auroc_counts_the_pairs_that_are_ranked_right():
    found = binary(table([0, 0, 1, 0, 1, 1], [-2.0, -1.0, -1.5, 0.5, 1.0, 2.0]))
    # of nine pairs the positive at -1.5 loses to -1.0 and to 0.5
    assert found.scorers[0].auroc.value == pytest.approx(7 / 9)
    assert (found.rows, found.positives, found.patients) == (6, 3, 6)


def test_auprc_is_the_mean_precision_at_each_positive():
    found = binary(table([0, 1, 0, 1, 1], [-1.0, -0.5, 0.0, 1.0, 2.0]))
    assert found.scorers[0].auprc.value == pytest.approx(float(Fraction(1 + 1) / 3 + Fraction(3, 4) / 3))


def test_an_operating_point_is_counted_row_by_row():
    frame = table([1, 1, 1, 1, 0, 0, 0, 0], [2.0, 1.0, 0.5, -1.0, 0.5, -0.5, -1.0, -2.0])
    found = binary(frame, operating_points={"mine": point_at(0.5, column="logit.bone_loss")})
    decisions = found.points[0].on[0]
    assert (decisions.confusion.true_positives, decisions.confusion.false_negatives) == (3, 1)
    assert (decisions.confusion.false_positives, decisions.confusion.true_negatives) == (1, 3)
    assert decisions.sensitivity.value == decisions.ppv.value == 0.75
    assert decisions.f1.value == pytest.approx(2 * 3 / (2 * 3 + 1 + 1))
    assert (decisions.specificity.events, decisions.specificity.count) == (3, 4)


def test_the_interval_of_a_sensitivity_is_the_published_one():
    # 136 positives, 123 of them found: the Wilson interval is .843 to .943
    target, logit = [1] * 136 + [0] * 88, [1.0] * 123 + [-1.0] * 13 + [1.0] * 20 + [-1.0] * 68
    found = binary(table(target, logit), operating_points={"paper": point_at(0.0, column="logit.bone_loss")})
    sensitivity = found.points[0].on[0].sensitivity
    assert (round(sensitivity.low, 3), round(sensitivity.high, 3)) == (0.843, 0.943)


def test_a_second_identical_film_of_every_patient_adds_no_certainty():
    rng = np.random.default_rng(3)
    target = (np.arange(120) % 2).astype(float)
    logit = target + rng.normal(0, 1.2, 120)
    once = table(target, logit)
    twice = pl.concat([once, once.with_columns(image_id=pl.format("{}b", "image_id"))])
    points = {"mine": point_at(0.5, column="logit.bone_loss")}
    single, double = binary(once, operating_points=points), binary(twice, operating_points=points)
    one, two = single.scorers[0].auroc, double.scorers[0].auroc
    assert two.value == pytest.approx(one.value)
    assert two.high - two.low == pytest.approx(one.high - one.low, rel=0.02)
    assert two.clusters == 120
    widths = [found.points[0].on[0].sensitivity for found in (single, double)]
    assert widths[1].high - widths[1].low > 0.9 * (widths[0].high - widths[0].low)
    assert all(entry.observed.clusters for entry in double.calibration[0].bins), "patients are their unit too"


def test_a_split_of_one_class_has_reasons_in_place_of_figures():
    found = evaluate_predictions(table([1, 1, 1], [0.5, 1.0, 2.0]), tasks=[LOSS])
    task = found.binary()[0]
    assert task.scorers[0].auroc.value is None
    assert "without negatives" in task.scorers[0].auroc.note
    assert task.scorers[0].auprc.value is None
    assert json.dumps(to_json(found), allow_nan=False)


def test_separated_classes_still_have_an_interval():
    area = binary(table([0, 0, 1, 1], [-2.0, -1.0, 1.0, 2.0])).scorers[0].auroc
    assert area.value == area.high == 1.0
    assert 0 < area.low < 0.9
    assert area.method == "perfect separation, Lehmann"


def test_an_interval_of_no_width_is_no_interval():
    target, same = [0, 1, 0, 1], [0.0, 1.0, 2.0, 3.0]
    frame = table(target, same, **{"baseline.clinical.bone_loss": same})
    difference = binary(frame).scorers[1].against_network.difference
    assert difference.value == 0.0
    assert not difference.has_interval
    assert "no interval" in difference.note


def test_small_splits_get_bins_that_still_hold_films():
    rng = np.random.default_rng(0)
    frame = table([0.0, 1.0] * 13, rng.normal(0, 1, 26))
    assert [entry.observed.count for entry in binary(frame).calibration[0].bins] == [13, 13]


def test_a_task_without_a_single_known_target_is_still_reported():
    found = evaluate_predictions(table([None, None], [0.5, 1.0]), tasks=[LOSS])
    task = found.binary()[0]
    assert (task.rows, task.unknown) == (0, 2)
    assert "no rows" in task.scorers[0].auroc.note


def test_probabilities_of_one_half_have_a_brier_score_of_a_quarter():
    stage = binary(table([0, 1, 1, 0], [0.0, 0.0, 0.0, 0.0])).calibration[0]
    assert stage.stage == "before"
    assert stage.brier.value == 0.25
    assert stage.ece.value == 0.0
    assert stage.ece.low is None
    assert "no interval" in stage.ece.note


def test_calibration_after_uses_the_calibrator_and_before_does_not():
    frame = table([0, 1, 1, 0, 1], [0.0, 0.0, 1.0, -1.0, -1.0])
    flat = Calibrator("temperature", slope=1e-9)
    before, after = binary(frame, calibrators={"bone_loss": flat}).calibration
    assert after.brier.value == pytest.approx(0.25)
    assert before.brier.value != pytest.approx(0.25)
    assert sum(entry.observed.count for entry in before.bins) == 5


def test_a_threshold_on_the_probability_decides_like_the_logit_it_comes_from():
    calibrator = Calibrator("platt", slope=0.5, intercept=-0.25)
    frame = table([1, 1, 0, 0, 1], [2.0, 0.4, 0.5, -2.0, 0.6])
    on_logit = binary(frame, operating_points={"p": point_at(0.5, column="logit.bone_loss")})
    on_prob = binary(
        frame,
        calibrators={"bone_loss": calibrator},
        operating_points={
            "p": point_at(
                float(calibrator.prob([0.5])[0]), column="prob.bone_loss", calibrator_sha256=calibrator.digest
            )
        },
    )
    assert on_prob.points[0].on == on_logit.points[0].on


def test_an_operating_point_of_another_calibrator_is_refused():
    point = point_at(0.5, column="prob.bone_loss", calibrator_sha256="0" * 64)
    calibrated = {"bone_loss": Calibrator("platt", slope=0.5)}
    with pytest.raises(BundleError, match="another score"):
        binary(table([1, 0], [1.0, 0.0]), calibrators=calibrated, operating_points={"p": point})


def test_a_probability_threshold_without_a_calibrator_is_refused():
    point = point_at(0.5, column="prob.bone_loss")
    with pytest.raises(ManifestError, match="with a calibrator"):
        binary(table([1, 0], [1.0, 0.0]), operating_points={"p": point})


def test_an_operating_point_of_an_unknown_task_names_the_nearest_one():
    point = replace(point_at(0.5), score=ScoreIdentity(task="bone_los"))
    with pytest.raises(ManifestError, match="did you mean 'bone_loss'"):
        binary(table([1, 0], [1.0, 0.0]), operating_points={"p": point})


def test_a_calibrator_of_an_unknown_task_is_refused():
    with pytest.raises(ManifestError, match="did you mean 'bone_loss'"):
        binary(table([1, 0], [1.0, 0.0]), calibrators={"bone_lost": Calibrator("none")})


def test_rows_of_a_cross_validation_are_judged_by_their_own_fold():
    frame = table([1, 0, 1, 0], [1.0, 0.0, 1.0, 0.0], fold=[0, 0, 1, 1])
    folds = {0: Calibrator("platt", slope=2.0), 1: Calibrator("platt", slope=1.0, intercept=-3.0)}
    points = {
        fold: point_at(0.6, column="prob.bone_loss", calibrator_sha256=calibrator.digest)
        for fold, calibrator in folds.items()
    }
    points[0] = replace(points[0], status="guaranteed")
    found = binary(frame, calibrators={"bone_loss": folds}, operating_points={"p": points})
    counts = found.points[0].on[0].confusion
    # fold 0 finds its positive; in fold 1 the intercept puts both films below the threshold
    assert (counts.true_positives, counts.false_negatives, counts.true_negatives) == (1, 1, 2)
    assert (found.points[0].threshold, found.points[0].status) == (None, "point only")
    by_hand = np.array([1 - folds[0].prob(1.0), 0.5, 1 - folds[1].prob(1.0), folds[1].prob(0.0)])
    assert found.calibration[1].brier.value == pytest.approx(np.mean(by_hand**2))


def test_a_fold_without_a_calibrator_of_its_own_is_refused():
    frame = table([1, 0, 1, 0], [1.0, 0.0, 1.0, 0.0], fold=[0, 0, 1, 1])
    with pytest.raises(ManifestError, match=r"column 'fold' holds \[0, 1\], expected folds of \[0\]"):
        binary(frame, calibrators={"bone_loss": {0: Calibrator("none")}})


def test_a_paired_difference_is_taken_on_the_rows_both_scored():
    baseline = [None, 0.0, 0.0, 1.0, 3.0, 1.0]
    frame = table(
        [0, 0, 1, 0, 1, 1], [-2.0, -1.0, -1.5, 0.5, 1.0, 2.0], **{"baseline.clinical.bone_loss": baseline}
    )
    clinical = binary(frame).scorers[1]
    # without the first row: network 4 of 6 pairs, baseline .5 + 0, 1 + 1, 1 + .5
    assert clinical.rows == 5
    assert clinical.auroc.value == pytest.approx(4 / 6)
    assert clinical.against_network.difference.value == pytest.approx(4 / 6 - 4 / 6)


def test_constant_offsets_give_a_bias_and_no_spread():
    frame = table([1, 0, 1, 0], [0.0] * 4).with_columns(
        pl.Series("target.t_score", [-3.0, -1.0, -2.0, 0.0]),
        pl.Series("pred.t_score", [-2.5, -0.5, -1.5, 0.5]),
    )
    result = evaluate_predictions(frame, tasks=[T_SCORE]).regression()[0].scorers[0]
    assert result.bias.value == result.mae.value == result.rmse.value == pytest.approx(0.5)
    assert result.lower_limit.value == result.upper_limit.value == pytest.approx(0.5)
    assert result.r.value == pytest.approx(1.0)


def test_limits_of_agreement_are_1_96_standard_deviations_around_the_bias_also_with_two_films():
    rng = np.random.default_rng(0)
    reference, error = rng.normal(-1, 1, 40), rng.normal(0.2, 0.4, 40)
    frame = table([1.0, 0.0] * 20, [0.0] * 40).with_columns(
        pl.Series("target.t_score", reference),
        pl.Series("pred.t_score", reference + error),
        pl.Series("patient_id", [f"p{n // 2}" for n in range(40)]),
    )
    result = evaluate_predictions(frame, tasks=[T_SCORE]).regression()[0].scorers[0]
    assert result.upper_limit.value == pytest.approx(error.mean() + 1.959964 * error.std(ddof=1))
    assert result.lower_limit.low < result.lower_limit.value < result.lower_limit.high
    assert result.lower_limit.clusters == result.r.clusters == 20


def test_two_rows_have_a_bias_but_no_limits_of_agreement():
    frame = table([1, 0], [0.0] * 2).with_columns(
        pl.Series("target.t_score", [-3.0, -1.0]), pl.Series("pred.t_score", [-2.0, -1.0])
    )
    result = evaluate_predictions(frame, tasks=[T_SCORE]).regression()[0].scorers[0]
    assert result.bias.value == 0.5
    assert result.upper_limit.value is None
    assert "three or more" in result.upper_limit.note


def test_points_are_counted_on_validation_and_test_apart(evaluation, cohort):
    for point in evaluation.binary()[0].points:
        assert [decisions.split for decisions in point.on] == ["validation", "test"]
        for decisions in point.on:
            rows = cohort.predictions.filter(pl.col("split") == decisions.split)
            prob = cohort.calibrators["bone_loss"].prob(rows["logit.bone_loss"].to_numpy())
            called = prob >= cohort.points[point.name].threshold
            found = int((called & (rows["target.bone_loss"].to_numpy() == 1)).sum())
            assert decisions.sensitivity.events == decisions.confusion.true_positives == found


def test_the_floor_holds_on_the_rows_that_chose_the_point(evaluation):
    for point in evaluation.binary()[0].points:
        assert point.on[0].sensitivity.value >= 0.86


def test_groups_share_the_rows_out(evaluation):
    task = evaluation.binary()[0]
    assert sum(group.rows for group in task.groups if group.column == "site") == task.rows
    assert sum(group.positives for group in task.groups if group.column == "site") == task.positives


def test_a_group_of_one_class_says_so_instead_of_an_auroc():
    frame = table([1, 1, 0, 1, 0], [1.0, 2.0, 0.0, 0.5, 1.0], site=["A", "A", "B", "B", "B"])
    groups = binary(frame).groups
    assert [group.value for group in groups] == ["A", "B"]
    assert groups[0].auroc.value is None
    assert groups[1].auroc.value == 0.5


def test_folds_are_groups_and_are_told(tasks):
    rng = np.random.default_rng(1)
    target = (np.arange(40) % 2).astype(float)
    frame = table(target, target + rng.normal(0, 1, 40), fold=[n % 4 for n in range(40)])
    found = evaluate_predictions(frame, tasks=[LOSS])
    assert [group.column for group in found.binary()[0].groups] == ["fold"] * 4
    assert found.subject.folds == 4
    assert any("4 networks, one per fold" in statement for statement in found.statements)


def test_shuffled_rows_give_the_same_figures(cohort, tasks, quick):
    mixed = cohort.predictions.sample(fraction=1.0, shuffle=True, seed=5)
    first, second = (
        named_figures(evaluate_predictions(frame, tasks=tasks, settings=quick))
        for frame in (cohort.predictions, mixed)
    )
    for name, figure in first.items():
        assert second[name].value == pytest.approx(figure.value, nan_ok=True), name


def test_the_same_seed_gives_the_same_json(cohort, tasks, quick):
    runs = [to_json(evaluate_predictions(cohort.predictions, tasks=tasks, settings=quick)) for _ in range(2)]
    assert json.dumps(runs[0]) == json.dumps(runs[1])


def test_an_evaluation_survives_its_file(evaluation, tmp_path):
    write_evaluation(evaluation, tmp_path / "evaluation.json")
    assert read_evaluation(tmp_path / "evaluation.json") == evaluation


def test_an_evaluation_with_an_unknown_key_is_refused(evaluation, tmp_path):
    content = to_json(evaluation)
    content["subject"]["colour"] = "red"
    (tmp_path / "evaluation.json").write_text(json.dumps(content))
    with pytest.raises(StrnetError, match=r"subject\.colour"):
        read_evaluation(tmp_path / "evaluation.json")


def test_an_ideal_observer_stands_beside_the_network(evaluation):
    scorers = {result.scorer: result for result in evaluation.binary()[0].scorers}
    assert list(scorers) == ["network", "observer", "clinical", "metadata"]
    assert scorers["observer"].auroc.value > scorers["network"].auroc.value > scorers["clinical"].auroc.value
    assert scorers["observer"].against_network.difference.value < 0
