"""A threshold decides on the score that it was set on, and on no other."""

import numpy as np
import polars as pl
import pytest
from scipy.special import expit

from strnet.errors import BundleError, ThresholdError
from strnet.thresholds import ScoreIdentity
from strnet.thresholds.applying import TAKEN_FOR, apply_cascade_to_table, apply_to_table
from strnet.thresholds.certify_table import certify_from_table
from strnet.thresholds.from_table import cascade_from_table, fit_from_table

TARGET = {"target": "bone_loss"}


def run_table(rows=300, seed=0, weights="a" * 64):
    """A calibrated predictions table: three quarters of the positives have a probability above a half."""
    random = np.random.default_rng(seed)
    target = random.integers(0, 2, rows)
    logit = random.normal(size=rows) + 1.4 * target - 0.7
    return pl.DataFrame(
        {
            "image_id": [f"{seed}-{n}" for n in range(rows)],
            "target.bone_loss": target,
            "logit.bone_loss": logit,
            "prob.bone_loss": expit(0.5 * logit),
            "weights_sha256": weights,
            "calibrator_sha256.bone_loss": "c" * 64,
        }
    )


def test_a_task_is_its_probability_where_the_table_has_it_and_the_point_says_whose():
    table = run_table()
    found = fit_from_table(table, **TARGET, score="bone_loss").score
    assert found == ScoreIdentity("bone_loss", "prob.bone_loss", "a" * 64, "c" * 64, "probability")
    raw = fit_from_table(table, **TARGET, score="logit.bone_loss").score
    assert raw == ScoreIdentity("bone_loss", "logit.bone_loss", "a" * 64, "none", "logit")
    uncalibrated = table.drop("prob.bone_loss")
    assert fit_from_table(uncalibrated, **TARGET, score="bone_loss").score == raw


@pytest.mark.parametrize(
    ("fitted", "given", "told"),
    [
        (
            "logit.bone_loss",
            "prob.bone_loss",
            r"is for logit\.bone_loss \(logit\); found prob\.bone_loss \(probability\)\. "
            r"Use --score logit\.bone_loss",
        ),
        (
            "prob.bone_loss",
            "logit.bone_loss",
            r"is for prob\.bone_loss \(probability\); found logit\.bone_loss \(logit\)\. "
            r"Use --score prob\.bone_loss",
        ),
    ],
)
def test_a_logit_s_threshold_meets_no_probability_nor_the_other_way_round(fitted, given, told):
    table, site = run_table(), run_table(seed=1)
    point = fit_from_table(table, **TARGET, score=fitted)
    for same in (False, True):  # nobody can say that a logit is a probability
        with pytest.raises(BundleError, match=told):
            apply_to_table(point, site, score=given, same_score=same)
        with pytest.raises(BundleError, match=told):
            certify_from_table(point, site, **TARGET, score=given, same_score=same)


@pytest.mark.parametrize("column", ["logit.bone_loss", "prob.bone_loss"])
def test_no_score_named_or_its_task_means_the_point_s_own_column(column):
    table, site = run_table(), run_table(seed=1)
    point = fit_from_table(table, **TARGET, score=column)
    expected = (site[column] >= point.threshold).to_list()
    for named in (None, "bone_loss", column):
        assert apply_to_table(point, site, score=named)["positive"].to_list() == expected
        assert certify_from_table(point, site, **TARGET, score=named)["all rows"].score == column


def test_a_literal_column_of_the_task_s_name_is_not_taken_for_the_point_s():
    point = fit_from_table(run_table(), **TARGET, score="bone_loss")
    site = run_table(seed=1).with_columns(bone_loss=0.5)
    with pytest.raises(BundleError, match=r"found bone_loss \(kind not known\)"):
        apply_to_table(point, site, score="bone_loss")


def test_a_table_without_the_point_s_column_is_refused():
    point = fit_from_table(run_table(), **TARGET, score="bone_loss")
    site = run_table(seed=1).drop("prob.bone_loss")
    for named in (None, "bone_loss"):
        with pytest.raises(ThresholdError, match=r"is for prob\.bone_loss .*no such column"):
            apply_to_table(point, site, score=named)


def test_scores_of_other_weights_or_another_calibrator_are_refused():
    point = fit_from_table(run_table(), **TARGET, score="bone_loss")
    other = run_table(seed=1, weights="b" * 64)
    with pytest.raises(BundleError, match=r"model_sha256: a+ against b+"):
        apply_to_table(point, other)
    with pytest.raises(BundleError, match=r"model_sha256: a+ against b+"):
        certify_from_table(point, other, **TARGET)
    recalibrated = run_table(seed=1).with_columns(pl.lit("d" * 64).alias("calibrator_sha256.bone_loss"))
    with pytest.raises(BundleError, match=r"calibrator_sha256: c+ against d+"):
        apply_to_table(point, recalibrated)
    raw = fit_from_table(run_table(), **TARGET, score="logit.bone_loss")
    assert apply_to_table(raw, recalibrated)["positive"].any()  # a logit has no calibrator


def test_the_scores_of_several_networks_are_those_of_none():
    table = pl.concat([run_table(), run_table(seed=1, weights="b" * 64)])
    point = fit_from_table(table, **TARGET, score="bone_loss")
    assert point.score.model_sha256 == "several"
    assert apply_to_table(point, table)["positive"].any()
    with pytest.raises(BundleError, match=r"several against a+"):
        apply_to_table(point, run_table())
    # only the rows that count are asked
    kept = fit_from_table(table, **TARGET, score="bone_loss", where=f"weights_sha256 = '{'a' * 64}'")
    assert kept.score.model_sha256 == "a" * 64


def foreign(column, seed=0):
    return run_table(seed=seed).select("image_id", y="target.bone_loss", **{column: "prob.bone_loss"})


def test_another_column_of_unknown_kind_is_refused_unless_the_user_says_that_it_is_the_same():
    point = fit_from_table(foreign("risk"), target="y", score="risk")
    site = foreign("p", seed=1)
    with pytest.raises(BundleError, match=r"Use --score risk, or say --same-score"):
        apply_to_table(point, site, score="p")
    with pytest.raises(BundleError, match=r"Use --score risk, or say --same-score"):
        certify_from_table(point, site, target="y", score="p")
    decided = apply_to_table(point, site, score="p", same_score=True)
    assert decided["positive"].to_list() == (site["p"] >= point.threshold).to_list()
    assert set(decided[TAKEN_FOR]) == {"risk"}
    found = certify_from_table(point, site, target="y", score="p", same_score=True)["all rows"]
    assert (found.score, found.taken_for) == ("p", "risk")
    # the same name needs no word, and none is recorded
    again = apply_to_table(point, foreign("risk", seed=1), same_score=True)
    assert TAKEN_FOR not in again.columns


def test_the_same_column_said_to_be_of_two_kinds_is_refused():
    point = fit_from_table(foreign("risk"), target="y", score="risk", score_kind="probability")
    assert point.score.kind == "probability"
    with pytest.raises(BundleError, match=r"for risk \(probability\); found risk \(logit\)"):
        apply_to_table(point, foreign("risk", seed=1), score_kind="logit")


def test_what_is_said_of_a_column_may_not_contradict_its_name():
    with pytest.raises(ThresholdError, match=r"'prob\.bone_loss' holds a probability by its name"):
        fit_from_table(run_table(), **TARGET, score="prob.bone_loss", score_kind="logit")
    with pytest.raises(ThresholdError, match="did you mean 'logit'"):
        fit_from_table(foreign("risk"), target="y", score="risk", score_kind="logits")


def test_a_probability_outside_0_and_1_is_refused_but_kinds_are_not_guessed():
    logits = run_table().select("image_id", y="target.bone_loss", p="logit.bone_loss")
    assert fit_from_table(logits, target="y", score="p").score.kind is None
    with pytest.raises(ThresholdError, match=r"p: found \d+ probabilities outside \[0, 1\]"):
        fit_from_table(logits, target="y", score="p", score_kind="probability")
    mislabelled = logits.rename({"p": "prob.disease"})
    with pytest.raises(ThresholdError, match=r"prob\.disease: found \d+ probabilities outside"):
        fit_from_table(mislabelled, target="y", score="prob.disease")
    # a column of the same name that turns out to hold logits at the second site
    point = fit_from_table(foreign("p"), target="y", score="p", score_kind="probability")
    for job in (apply_to_table, lambda *a: certify_from_table(*a, target="y")):
        with pytest.raises(ThresholdError, match="probabilities outside"):
            job(point, logits)


def test_a_cascade_is_fitted_and_applied_on_probabilities_where_the_table_has_them():
    random = np.random.default_rng(3)
    level = random.choice(3, 900, p=[0.4, 0.3, 0.3])
    table = pl.DataFrame(
        {
            "target.bone_loss": (level > 0).astype(int),
            "logit.bone_loss": random.normal(size=900) + 2.4 * (level > 0),
            "target.osteoporosis_given_loss": pl.Series(np.where(level > 0, level - 1, -1)).replace(-1, None),
            "logit.osteoporosis_given_loss": random.normal(size=900) + 2.2 * (level > 1),
        }
    )
    names = ("bone_loss", "osteoporosis_given_loss")
    raw = cascade_from_table(table, min_sensitivity="0.8")
    calibrated = table.with_columns(
        pl.Series(f"prob.{n}", expit(table[f"logit.{n}"].to_numpy())) for n in names
    )
    point = cascade_from_table(calibrated, min_sensitivity="0.8")
    assert [p.score.column for p in (point.bone_loss, point.osteoporosis)] == [f"prob.{n}" for n in names]
    # the sigmoid keeps the order, so both cascades decide alike
    assert apply_cascade_to_table(point, calibrated)["decision"].equals(
        apply_cascade_to_table(raw, calibrated)["decision"]
    )
    with pytest.raises(BundleError, match=r"Use --score prob\.bone_loss"):
        apply_cascade_to_table(point, calibrated, scores=("logit.bone_loss", "prob.osteoporosis_given_loss"))
