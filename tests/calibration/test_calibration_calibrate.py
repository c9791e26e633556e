"""Calibration of tables that anybody may have written; no network is trained here."""

import numpy as np
import polars as pl
import pytest
from scipy.special import expit, softmax

from strnet.calibration import ScoreSource, calibrate, with_fold_probabilities, with_probabilities
from strnet.config import CalibrationConfig, OperatingPointConfig, TaskConfig
from strnet.errors import ManifestError
from strnet.stats import Calibrator
from strnet.tables import write_table


def task(name, kind="binary", **target):
    target = target or ({"below": 0} if kind == "binary" else {})
    return TaskConfig.model_validate({"name": name, "kind": kind, "target": {"column": "x", **target}})


TASKS = (task("bone_loss"), task("osteoporosis_given_loss"), task("t_score", "regression"))
PLATT = CalibrationConfig(method="platt")
POINT = OperatingPointConfig(task="bone_loss", min_sensitivity="0.86", method="exact")


def predictions(rows=400, seed=0, patients=None):
    """Half validation, half test rows; the logit is twice the log odds, so that a slope of 0.5 is right."""
    random = np.random.default_rng(seed)
    odds = random.normal(size=(2, rows)) * 2
    target = (random.random((2, rows)) < expit(odds)).astype(float)
    return pl.DataFrame(
        {
            "image_id": [f"i{n}" for n in range(rows)],
            "patient_id": [f"p{n}" for n in range(rows)] if patients is None else patients,
            "split": ["validation", "test"] * (rows // 2),
            "fold": [0, 0, 1, 1] * (rows // 4),
            "target.bone_loss": target[0],
            "logit.bone_loss": 2 * odds[0],
            "target.osteoporosis_given_loss": np.where(target[0] == 1, target[1], np.nan),
            "logit.osteoporosis_given_loss": 2 * odds[1],
            "pred.t_score": -odds[0],
        }
    )


def calibrated(table, **changes):
    wanted = {"tasks": TASKS, "calibration": PLATT, "operating_point": POINT, "weights_sha256": "a" * 64}
    return calibrate(table, **(wanted | changes))


def test_the_table_gets_the_probabilities_that_its_calibrators_give():
    done = calibrated(predictions(4000))
    assert done.calibrators["bone_loss"].slope == pytest.approx(0.5, abs=0.05)
    table = done.table
    for name, calibrator in done.calibrators.items():
        expected = calibrator.prob(table[f"logit.{name}"].to_numpy())
        assert (table[f"prob.{name}"].to_numpy() == expected).all()
        assert set(table[f"calibrator_sha256.{name}"]) == {calibrator.digest}
    p, q = table["prob.bone_loss"].to_numpy(), table["prob.osteoporosis_given_loss"].to_numpy()
    for name, expected in {"normal": 1 - p, "osteopenia": p * (1 - q), "osteoporosis": p * q}.items():
        np.testing.assert_allclose(table[f"prob.{name}"].to_numpy(), expected, rtol=1e-14)
    assert set(table["weights_sha256"]) == {"a" * 64}
    assert "prob.t_score" not in table.columns


def test_no_row_but_the_validation_rows_moves_calibrators_and_points():
    table = predictions()
    garbled = pl.when(pl.col("split") == "test")
    other = table.with_columns(
        garbled.then(99.0).otherwise("logit.bone_loss").alias("logit.bone_loss"),
        garbled.then(0.0).otherwise("target.bone_loss").alias("target.bone_loss"),
    )
    assert calibrated(table).calibrators == calibrated(other).calibrators
    assert calibrated(table).points == calibrated(other).points


def test_both_points_are_on_the_probability_and_say_whose_it_is():
    done = calibrated(predictions())
    empirical, exact = done.points
    assert (empirical.method, exact.method) == ("empirical", "exact")
    assert exact.threshold < empirical.threshold
    rows = done.table.filter(pl.col("split") == "validation", pl.col("target.bone_loss") == 1)
    assert exact.misses_made == (rows["prob.bone_loss"] < exact.threshold).sum() <= exact.misses_allowed
    for point in done.points:
        assert point.score.column == "prob.bone_loss"
        assert point.score.model_sha256 == "a" * 64
        assert point.score.calibrator_sha256 == done.calibrators["bone_loss"].digest
    assert (done.deciding, done.undecided) == (exact, None)
    # these rows chose the epoch, so that nothing is proven
    assert exact.status == "approximate"


def test_what_too_few_positives_cannot_promise_is_reported_and_the_rest_is_done():
    done = calibrated(predictions(40))
    assert [point.method for point in done.points] == ["empirical"]
    assert "20 positives" in done.not_reached["exact"]
    assert (done.deciding, done.undecided) == (None, done.not_reached["exact"])
    assert done.table["prob.bone_loss"].null_count() == 0


def test_a_constant_score_gives_no_point_and_the_reason():
    done = calibrated(predictions().with_columns(pl.lit(0.3).alias("logit.bone_loss")))
    assert done.points == ()
    assert set(done.not_reached) == {"empirical", "exact"}
    assert done.calibrators["bone_loss"].method == "none"
    assert "bone_loss" in done.not_calibrated


def test_logits_that_mislead_stay_uncalibrated_and_say_why():
    done = calibrated(predictions().with_columns(-pl.col("logit.bone_loss")))
    assert "the logits fall where the target rises" in done.not_calibrated["bone_loss"]
    assert (done.table["prob.bone_loss"].to_numpy() == expit(done.table["logit.bone_loss"].to_numpy())).all()


def test_two_films_of_a_patient_are_its_unit():
    patients = [f"p{n // 4}" for n in range(400)]  # two validation films each
    exact = calibrated(predictions(patients=patients)).points[1]
    assert exact.clusters == 100
    assert exact.cluster_method == "betting"


def test_a_recipe_without_an_operating_point_gets_none():
    done = calibrated(predictions(), operating_point=None)
    assert (done.points, dict(done.not_reached)) == ((), {})
    assert (done.deciding, done.undecided) == (None, None)


def test_exact_decides_unless_the_recipe_says_otherwise():
    assert OperatingPointConfig().method == "exact"
    empirical = POINT.model_copy(update={"method": "empirical"})
    done = calibrated(predictions(40), operating_point=empirical)
    assert done.deciding is done.points[0]
    assert done.undecided is None


def test_a_file_gives_what_its_frame_gives_and_calibrating_twice_changes_nothing(tmp_path):
    once = calibrated(predictions())
    write_table(once.table, tmp_path / "predictions.csv")
    again = calibrated(tmp_path / "predictions.csv")
    assert again.points == once.points
    assert again.table.columns == once.table.columns
    np.testing.assert_array_equal(again.table["prob.bone_loss"], once.table["prob.bone_loss"])


def test_validation_rows_without_a_logit_are_an_error_and_others_have_no_probability():
    table = predictions()
    first = pl.int_range(pl.len()) == 0
    hole = pl.when(first).then(None).otherwise("logit.bone_loss").alias("logit.bone_loss")
    with pytest.raises(ManifestError, match="1 validation rows with a target of bone_loss have no finite"):
        calibrated(table.with_columns(hole))
    known = pl.when(first).then(None).otherwise("target.bone_loss").alias("target.bone_loss")
    done = calibrated(table.with_columns(hole, known)).table
    assert done.select("prob.bone_loss", "prob.normal").null_count().row(0) == (1, 1)
    assert done["prob.osteoporosis_given_loss"].null_count() == 0


def test_classes_get_a_probability_each():
    classes = ("a", "b", "c")
    logits = np.random.default_rng(1).normal(size=(6, 3))
    table = pl.DataFrame(
        {f"logit.finding.{label}": logits[:, place] for place, label in enumerate(classes)}
        | {f"logit.grade.{label}": logits[:, place] for place, label in enumerate(classes[1:])}
    )
    tasks = [task("finding", "multiclass", classes=classes), task("grade", "ordinal", classes=classes)]
    found = with_probabilities(table, tasks, ScoreSource())
    np.testing.assert_allclose(found.select("^prob.finding.*$").to_numpy(), softmax(logits, axis=1))
    above, beyond = expit(logits[:, 0]), expit(logits[:, 1])
    expected = np.column_stack([1 - above, above * (1 - beyond), above * beyond])
    np.testing.assert_allclose(found.select("^prob.grade.*$").to_numpy(), expected)
    assert found["weights_sha256"].null_count() == 6


def test_each_fold_is_calibrated_by_its_own():
    table = predictions(40)
    sources = {
        0: ScoreSource({"bone_loss": Calibrator("platt", slope=2.0)}, "a" * 64),
        1: ScoreSource({"bone_loss": Calibrator("platt", intercept=-1.0)}, "b" * 64),
    }
    found = with_fold_probabilities(table, TASKS, sources)
    assert found["image_id"].to_list() == table["image_id"].to_list()
    fold, logit = found["fold"].to_numpy(), found["logit.bone_loss"].to_numpy()
    assert (found["prob.bone_loss"].to_numpy() == expit(np.where(fold == 0, 2 * logit, logit - 1))).all()
    assert (found["weights_sha256"] == "a" * 64).to_numpy().tolist() == (fold == 0).tolist()
    with pytest.raises(ManifestError, match=r"expected folds of \[0\]"):
        with_fold_probabilities(table, TASKS, {0: sources[0]})
