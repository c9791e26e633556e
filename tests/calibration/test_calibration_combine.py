"""Rows of members, views and regions that become one row per case; every figure is worked out by hand."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.linear_model import LogisticRegression

from strnet.calibration import Combination, combine, fit_combination
from strnet.config import CombinationConfig, TaskConfig
from strnet.errors import ConfigError, ManifestError, StatsError

LOSS = TaskConfig.model_validate({"name": "loss", "kind": "binary", "target": {"column": "t", "below": -1}})
T_SCORE = TaskConfig.model_validate({"name": "t_score", "kind": "regression", "target": {"column": "t"}})
STAGE = TaskConfig.model_validate(
    {"name": "stage", "kind": "multiclass", "target": {"column": "stage", "classes": ["a", "b"]}}
)
TASKS = (LOSS, T_SCORE)
PAIR = ("ap", "lateral")


def row(image, member, logit, value, **changes):
    """A row of the examination e1 of patient p1."""
    cells = {"image_id": image, "patient_id": "p1", "exam_id": "e1", "site": "north", "view": member.upper()}
    cells |= {"split": "test", "fold": 0, "target.loss": 1.0, "target.t_score": -2.0}
    return {**cells, "member": member, "logit.loss": logit, "pred.t_score": value, **changes}


def of(patient, **changes):
    return {"patient_id": patient, "exam_id": f"e-{patient}", **changes}


def two_views(rule="mean", by="examination", missing="refuse"):
    return Combination(rule=rule, by=by, missing=missing, members=PAIR)


EXAM = pl.DataFrame([row("a1", "ap", 1.0, -2.0), row("l1", "lateral", 4.0, -1.0)])


def test_two_views_become_one_case_with_the_mean_of_their_logits_and_values():
    done = combine(EXAM, TASKS, two_views())
    assert done.left_out.height == 0
    case = done.table.row(0, named=True)
    assert case == {
        "image_id": None,
        "case_id": "e1",
        "patient_id": "p1",
        "exam_id": "e1",
        "site": "north",
        "view": None,
        "split": "test",
        "fold": 0,
        "target.loss": 1.0,
        "target.t_score": -2.0,
        "logit.loss": 2.5,
        "pred.t_score": -1.5,
        "members": 2,
        "missing_members": None,
        "disagreement.loss": pytest.approx(3 / np.sqrt(2)),
        "disagreement.t_score": pytest.approx(1 / np.sqrt(2)),
        "member.ap.logit.loss": 1.0,
        "member.ap.pred.t_score": -2.0,
        "member.lateral.logit.loss": 4.0,
        "member.lateral.pred.t_score": -1.0,
    }
    assert list(case)[:4] == ["image_id", "case_id", "patient_id", "exam_id"]


def test_the_largest_logit_decides_a_binary_task_and_values_keep_their_mean():
    case = combine(EXAM, TASKS, two_views("largest")).table.row(0, named=True)
    assert (case["logit.loss"], case["pred.t_score"]) == (4.0, -1.5)


def test_the_logits_of_classes_are_averaged_class_by_class():
    table = EXAM.with_columns(
        pl.Series("logit.stage.a", [0.0, 2.0]), pl.Series("logit.stage.b", [1.0, -3.0])
    ).with_columns(pl.lit(1.0).alias("target.stage"))
    case = combine(table, (STAGE, *TASKS), two_views("largest")).table.row(0, named=True)
    assert (case["logit.stage.a"], case["logit.stage.b"]) == (1.0, -1.0)
    assert case["disagreement.stage"] == pytest.approx(np.sqrt((2 + 8) / 2))  # variances 2 and 8


def test_two_films_of_one_view_speak_with_one_voice():
    table = pl.concat([EXAM, pl.DataFrame([row("a2", "ap", 3.0, -4.0)])])
    case = combine(table, TASKS, two_views()).table.row(0, named=True)
    assert (case["logit.loss"], case["pred.t_score"]) == (3.0, -2.0)  # (2 + 4) / 2 and (-3 - 1) / 2
    assert case["members"] == 2
    assert combine(table, TASKS, two_views("largest")).table["logit.loss"][0] == 4.0


def test_a_missing_view_leaves_the_case_out_or_to_the_others_as_it_was_said():
    table = pl.concat([EXAM, pl.DataFrame([row("a9", "ap", -1.5, 0.5, **of("p2"))])])
    refused = combine(table, TASKS, two_views())
    assert refused.table["case_id"].to_list() == ["e1"]
    assert refused.left_out.rows() == [("e-p2", "lateral")]
    allowed = combine(table, TASKS, two_views(missing="allow"))
    alone = allowed.table.row(0, named=True)
    assert (alone["case_id"], alone["image_id"], alone["view"]) == ("e-p2", "a9", "AP")
    assert (alone["logit.loss"], alone["members"], alone["missing_members"]) == (-1.5, 1, "lateral")
    assert alone["disagreement.loss"] is None
    assert (alone["member.ap.logit.loss"], alone["member.lateral.logit.loss"]) == (-1.5, None)
    assert allowed.left_out.height == 0


def test_a_row_without_scores_is_a_member_that_said_nothing():
    silent = EXAM.with_columns(
        pl.when(pl.col("member") == "ap").then(None).otherwise(pl.col(name)).alias(name)
        for name in ("logit.loss", "pred.t_score")
    )
    case = combine(silent, TASKS, two_views(missing="allow")).table.row(0, named=True)
    assert (case["logit.loss"], case["missing_members"]) == (4.0, "ap")
    nobody = EXAM.with_columns(pl.lit(None, pl.Float64).alias(n) for n in ("logit.loss", "pred.t_score"))
    done = combine(nobody, TASKS, two_views(missing="allow"))
    assert (done.table.height, done.left_out.rows()) == (0, [("e1", "ap, lateral")])


def test_regions_of_one_image_are_combined_by_the_column_that_names_them():
    table = pl.DataFrame(
        [row("i1", "x", logit, 0.0, region=name) for name, logit in (("L1", 1.0), ("L2", 2.0), ("L3", 6.0))]
    )
    rule = fit_combination(table, TASKS, CombinationConfig(), ("L3", "L1", "L2"), "region")
    case = combine(table, TASKS, rule, "region").table.row(0, named=True)
    assert (case["case_id"], case["image_id"], case["logit.loss"], case["members"]) == ("i1", "i1", 3.0, 3)


def test_a_patient_is_one_case_over_all_examinations():
    table = pl.concat([EXAM, pl.DataFrame([row("a2", "ap", 7.0, 0.0, exam_id="e2")])])
    case = combine(table, TASKS, two_views(by="patient")).table.row(0, named=True)
    assert (case["case_id"], case["exam_id"], case["logit.loss"]) == ("p1", None, 4.0)


def test_a_target_known_from_one_film_is_the_case_s_and_an_unknown_one_stays_unknown():
    table = EXAM.with_columns(
        pl.Series("target.loss", [None, 1.0]), pl.Series("target.t_score", [None, float("nan")])
    )
    case = combine(table, TASKS, two_views()).table.row(0, named=True)
    assert (case["target.loss"], case["target.t_score"]) == (1.0, None)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"target.loss": 0.0}, "examination 'e1' has rows of target.loss 0.0 and 1.0"),
        ({"split": "train"}, "examination 'e1' has rows of split test and train"),
        ({"fold": 1}, "examination 'e1' has rows of fold 0 and 1"),
        ({"fold": None}, "examination 'e1' has rows of fold 0 and None"),
        ({"patient_id": "p2"}, "examination 'e1' has rows of patient_id p1 and p2"),
        ({"exam_id": None}, "1 rows have no exam_id, such as that of image_id 'l1'"),
        ({"member": "latral"}, "Unknown member 'latral', did you mean 'lateral'"),
        ({"member": None}, "Unknown member 'None'"),
        ({"logit.loss": float("inf")}, "the row of image_id 'l1' holds logit.loss inf"),
        ({"logit.loss": None}, "the row of image_id 'l1' holds logit.loss nan, pred.t_score -1.0"),
        ({"image_id": "a1", "member": "ap"}, "image_id 'a1' stands more than once for member 'ap'"),
    ],
)
def test_rows_that_do_not_belong_together_are_named(changes, told):
    table = pl.DataFrame([EXAM.row(0, named=True), EXAM.row(1, named=True) | changes])
    with pytest.raises(ManifestError, match=told.replace(".", r"\.")):
        combine(table, TASKS, two_views())


def test_one_image_of_two_patients_in_two_members_is_named():
    table = pl.DataFrame(
        [row("i1", "ap", 0.0, 0.0, patient_id="p1"), row("i1", "lateral", 0.0, 0.0, patient_id="p7")]
    )
    with pytest.raises(ManifestError, match="image 'i1' has rows of patient_id p1 and p7"):
        combine(table, TASKS, two_views(by="image"))


def test_members_must_differ_and_a_member_that_no_rule_needs_is_no_member():
    with pytest.raises(ValidationError, match="members must differ"):
        Combination(members=("ap", "ap"))
    one = {"task": "loss", "members": ("ap",), "intercept": 0, "coefficients": (1,)}
    one |= {"count": 3, "positives": 1}
    with pytest.raises(ValidationError, match="the rule mean has no stacks"):
        Combination(members=PAIR, stacks=(one,))
    with pytest.raises(ValidationError, match="0 coefficients for 1 members"):
        Combination(rule="stack", members=PAIR, stacks=({**one, "coefficients": ()},))
    with pytest.raises(ValidationError, match="a stack stands twice"):
        Combination(rule="stack", members=PAIR, stacks=(one, one))


def cohort(cases=400, seed=0, only_ap=0):
    """Examinations with an informative lateral and a noisy AP film, half validation and half test."""
    random = np.random.default_rng(seed)
    sick = random.random(cases) < 0.5
    parts = []
    for member, noise, count in (("ap", 3.0, cases), ("lateral", 1.0, cases - only_ap)):
        logit = np.where(sick, 1.0, -1.0) + random.normal(size=cases) * noise
        parts += [
            row(
                *(f"{member}{n}", member, logit[n], 0.0),
                **of(f"p{n:03d}", split="validation" if n % 2 else "test"),
                **{"target.loss": float(sick[n])},
            )
            for n in range(count)
        ]
    return pl.DataFrame(parts)


STACK = CombinationConfig(rule="stack", by="examination", missing="refuse")


def test_a_stack_is_the_logistic_regression_of_the_validation_cases():
    table = cohort()
    rule = fit_combination(table, TASKS, STACK, PAIR)
    stack = rule.stack_of("loss", PAIR)
    validation = table.filter(pl.col("split") == "validation")
    wide = validation.pivot("member", index="exam_id", values=["logit.loss", "target.loss"]).sort("exam_id")
    inputs = wide.select("logit.loss_ap", "logit.loss_lateral").to_numpy()
    reference = LogisticRegression(C=1e12, tol=1e-12, max_iter=10_000)
    reference.fit(inputs, wide["target.loss_ap"].to_numpy())
    np.testing.assert_allclose(stack.coefficients, reference.coef_[0], rtol=1e-5)
    np.testing.assert_allclose(stack.intercept, reference.intercept_[0], rtol=1e-5, atol=1e-8)
    assert (stack.count, stack.positives) == (200, int(wide["target.loss_ap"].sum()))
    done = combine(table, TASKS, rule).table.filter(pl.col("split") == "validation").sort("exam_id")
    np.testing.assert_allclose(done["logit.loss"].to_numpy(), reference.decision_function(inputs), rtol=1e-4)


def test_no_test_row_moves_a_stack():
    table = cohort()
    garbled = table.with_columns(
        pl.when(pl.col("split") == "test").then(-99.0).otherwise(pl.col("logit.loss")).alias("logit.loss")
    )
    assert fit_combination(garbled, TASKS, STACK, PAIR) == fit_combination(table, TASKS, STACK, PAIR)


def test_where_views_may_be_missing_each_set_of_them_has_a_stack_of_its_own():
    table = cohort(only_ap=40)
    rule = fit_combination(table, TASKS, STACK.model_copy(update={"missing": "allow"}), PAIR)
    assert {stack.members for stack in rule.stacks} == {PAIR, ("ap",), ("lateral",)}
    assert rule.stack_of("loss", ("ap",)).count == 200  # also those whose lateral film is there
    assert rule.stack_of("loss", PAIR).count == 180
    done = combine(table, TASKS, rule).table
    alone = done.filter(pl.col("members") == 1).row(0, named=True)
    stack = rule.stack_of("loss", ("ap",))
    film = table.filter(pl.col("exam_id") == alone["case_id"])["logit.loss"][0]
    assert alone["logit.loss"] == stack.intercept + stack.coefficients[0] * film
    assert done["logit.loss"].null_count() == 0


def test_a_stack_that_the_validation_cases_cannot_give_says_what_can_be_done():
    separated = cohort().with_columns(
        (pl.col("target.loss") * 2 - 1 + pl.col("logit.loss") * 1e-3).alias("logit.loss")
    )
    with pytest.raises(StatsError, match=r"task loss, 200 validation cases .* Take the rule mean"):
        fit_combination(separated, TASKS, STACK, PAIR)
    healthy = cohort().with_columns(pl.lit(0.0).alias("target.loss"))
    with pytest.raises(StatsError, match="0 positives among 200 validation cases in which ap, lateral spoke"):
        fit_combination(healthy, TASKS, STACK, PAIR)
    many = [f"m{n}" for n in range(7)]
    seven = pl.concat([cohort(4).with_columns(pl.lit(name).alias("member")) for name in many])
    with pytest.raises(ConfigError, match="a stack of 7 members of which some may be missing"):
        fit_combination(seven, TASKS, STACK.model_copy(update={"missing": "allow"}), many)


def test_a_combination_comes_back_from_json_to_the_same_bits():
    rule = fit_combination(cohort(), TASKS, STACK, PAIR)
    assert Combination.model_validate_json(rule.model_dump_json()) == rule


@pytest.mark.parametrize("rule", ["mean", "largest", "stack"])
@given(order=st.randoms(use_true_random=False))
def test_neither_the_order_of_rows_nor_their_company_moves_a_bit(rule, order):
    table = cohort(60, only_ap=10)
    members = (*PAIR, "third")
    third = table.filter(pl.col("member") == "ap").with_columns(
        pl.lit("third").alias("member"),
        ("third-" + pl.col("image_id")).alias("image_id"),
        pl.col("logit.loss") / 3 + pl.col("target.loss") - 0.1 * pl.int_range(pl.len()) % 7,
    )
    table = pl.concat([table, third])
    wanted = CombinationConfig(rule=rule, by="examination", missing="allow")
    whole = combine(table, TASKS, fit_combination(table, TASKS, wanted, members))
    places = list(range(table.height))
    order.shuffle(places)
    shuffled = table[places]
    fitted = fit_combination(shuffled, TASKS, wanted, members[::-1])
    again = combine(shuffled, TASKS, fitted)
    assert again.table.equals(whole.table)
    case = order.choice(whole.table["case_id"].to_list())
    alone = combine(shuffled.filter(pl.col("exam_id") == case), TASKS, fitted).table
    assert alone.equals(whole.table.filter(pl.col("case_id") == case))
