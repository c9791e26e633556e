"""Groups of rows in an evaluation: which there are, that none is dropped, and that each is what it says."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strnet.config import Target, TaskConfig
from strnet.errors import GroupingError
from strnet.grouping import Grouping, read_grouping
from strnet.report import EvaluationSettings, evaluate_predictions, summary_tables
from strnet.report.evaluation import from_json, to_json
from strnet.report.group_tables import group_tables
from strnet.report.subgroups import subgroups
from strnet.thresholds import ScoreIdentity, fit_threshold

LOSS = TaskConfig(name="bone_loss", kind="binary", target=Target(column="t_score", below=-1.0))
T_SCORE = TaskConfig(name="t_score", kind="regression", target=Target(column="t_score"))
STAGE = TaskConfig(name="stage", kind="multiclass", target=Target(column="stage", classes=("0", "1", "2")))
TASKS = (LOSS, T_SCORE, STAGE)


def point():
    fitted = fit_threshold([1, 1, 0], [0.1, 0.2, 0.3], min_sensitivity="0.5", method="empirical")
    return {"p": replace(fitted, threshold=0.0, score=ScoreIdentity(task="bone_loss"))}


def films(rows: int, seed: int = 0, patients: int | None = None, **columns) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    stage = rng.integers(0, 3, rows)
    owners = np.arange(rows) if patients is None else rng.integers(0, patients, rows)
    return pl.DataFrame(
        {
            "image_id": [f"i{n}" for n in range(rows)],
            "patient_id": [f"p{n}" for n in owners],
            "split": ["test"] * rows,
            "target.bone_loss": (stage > 0).astype(float),
            "logit.bone_loss": stage - 1 + rng.normal(0, 1, rows),
            "target.t_score": -1.0 * stage + rng.normal(0, 0.3, rows),
            "pred.t_score": -1.0 * stage + rng.normal(0, 0.5, rows),
            "target.stage": stage,
            **{f"logit.stage.{c}": (stage == c) + rng.normal(0, 1, rows) for c in range(3)},
            **columns,
        }
    )


def evaluated(frame, *groups, **options):
    asked = tuple(read_grouping(group, frame.columns) for group in groups)
    settings = EvaluationSettings(groups=asked)
    return evaluate_predictions(frame, tasks=TASKS, operating_points=point(), settings=settings, **options)


def names(frame, *groups):
    asked = tuple(read_grouping(group, frame.columns) for group in groups)
    return [(column, value, int(keep.sum())) for column, value, keep in subgroups(frame, asked)]


def test_sex_and_age_are_groups_unasked_and_their_films_are_counted_by_hand():
    frame = films(6, sex=["F", "F", "M", "F", None, "M"], age=[49.9, 50.0, 85.0, None, 59.0, 59.9])
    assert names(frame) == [
        ("sex", "F", 3),
        ("sex", "M", 2),
        ("sex", "unknown", 1),
        ("age", "<50", 1),
        ("age", "50 to <60", 3),
        ("age", ">=80", 1),
        ("age", "unknown", 1),
    ]


def test_a_column_of_one_value_is_no_group_unless_it_is_asked_for():
    frame = films(4, site=["A"] * 4, sex=[None] * 4)
    assert names(frame) == []
    assert names(frame, "site") == [("site", "A", 4)]


def test_many_scanners_stand_apart_only_when_asked_for():
    frame = films(26, scanner=[f"s{n // 2:02d}" for n in range(26)])
    assert names(frame) == []
    assert [value for _, value, _ in names(frame, "scanner")] == [f"s{n:02d}" for n in range(13)]


def test_what_is_asked_for_replaces_the_usual_cuts_and_stands_once():
    frame = films(4, age=[40.0, 60.0, 66.0, 90.0])
    assert names(frame, "age:65") == [("age", "<65", 2), ("age", ">=65", 2)]


def test_a_column_that_names_each_film_is_refused():
    with pytest.raises(GroupingError, match="51 groups, expected 50 or fewer"):
        names(films(51), "image_id")


@given(
    st.lists(
        st.tuples(st.sampled_from(["F", "M", None]), st.none() | st.floats(20, 95)), min_size=1, max_size=25
    )
)
def test_the_groups_of_a_column_share_all_rows_out(people):
    frame = pl.DataFrame(people, schema={"sex": pl.String, "age": pl.Float64}, orient="row")
    for column in ("sex", "age"):
        keeps = [
            keep for name, _, keep in subgroups(frame, (Grouping("sex"), Grouping("age"))) if name == column
        ]
        assert np.array_equal(np.sum(keeps, axis=0), np.ones(frame.height))


def test_the_figures_of_a_group_are_those_of_its_films_alone():
    frame = films(150, bmi=np.linspace(17, 40, 150))
    inside = (pl.col("bmi") >= 25) & (pl.col("bmi") < 30)
    whole, alone = evaluated(frame, "bmi"), evaluated(frame.filter(inside), "bmi")
    for task, other in zip(whole.tasks, alone.tasks, strict=True):
        (group,) = (group for group in task.groups if group.value == "25 to <30")
        assert group.rows == other.rows == frame.filter(inside).height
    binary, values, classes = whole.binary()[0], whole.regression()[0], whole.categorical()[0]
    assert binary.groups[2].auroc == alone.binary()[0].scorers[0].auroc
    assert binary.groups[2].points[0][1] == alone.binary()[0].points[0].on[0]
    assert values.groups[2].mae == alone.regression()[0].scorers[0].mae
    assert classes.groups[2].accuracy == alone.categorical()[0].accuracy


@pytest.mark.parametrize("patients", [None, 9])
@pytest.mark.parametrize("seed", range(4))
def test_a_group_of_a_film_or_of_one_class_keeps_its_counts_and_says_why_there_is_no_figure(seed, patients):
    frame = films(24, seed, patients, ward=["a"] * 20 + ["b", "b", "c", None])
    found = evaluated(frame, "ward", "target.bone_loss")
    assert from_json(to_json(found)) == found
    groups = {(group.column, group.value): group for group in found.binary()[0].groups}
    assert [groups["ward", name].rows for name in ("a", "b", "c", "unknown")] == [20, 2, 1, 1]
    for group in groups.values():
        assert group.auroc.value is not None or group.auroc.note
        (_, decisions) = group.points[0]
        assert decisions.sensitivity.count in (None, 0, group.positives)
    assert groups["target.bone_loss", "1"].auroc.note
    for task in found.tasks:
        shown = "".join(table.markdown() for table in group_tables(task, ("qus",)))
        assert "| ward c |" in shown
        assert ("T-score (ultrasound): by group" in shown) == (task.task == "t_score")
        assert "Groups differ by chance" in shown


def test_the_console_shows_the_groups_that_were_asked_for_and_the_report_all():
    frame = films(60, sex=["F", "M"] * 30, ward=["a", "b", "c"] * 20)
    found = evaluated(frame, "ward")
    printed = [row[0] for table in summary_tables(found, ["ward"]) for row in table.rows]
    assert {"ward a", "ward b", "ward c"} <= set(printed)
    assert not any(name.startswith("sex") for name in printed)
    assert not any("by group" in table.title for table in summary_tables(found))
    reported = [row[0] for table in group_tables(found.binary()[0], ()) for row in table.rows]
    assert {"sex F", "sex M", "ward a"} <= set(reported)


def test_out_of_fold_rows_are_grouped_by_fold_and_by_what_else_is_asked():
    frame = films(60, fold=[n % 3 for n in range(60)], sex=["F", "M", "F"] * 20)
    groups = [(group.column, group.value) for group in evaluated(frame).binary()[0].groups]
    assert groups == [("sex", "F"), ("sex", "M"), ("fold", "0"), ("fold", "1"), ("fold", "2")]


def test_many_folds_or_sites_by_number_are_groups_without_being_asked_for():
    frame = films(60, fold=[n % 30 for n in range(60)], site=[n % 25 for n in range(60)])
    found = names(frame)
    assert found[:2] == [("site", "0", 3), ("site", "1", 3)]
    assert found[25:] == [("fold", str(n), 2) for n in range(30)]


def test_the_condition_on_rows_and_what_is_to_be_known_of_groups_are_stated():
    settings = EvaluationSettings(where="view = 'AP'", remarks=("The manifest has changed.",))
    found = evaluate_predictions(films(30), tasks=[LOSS], settings=settings)
    assert found.subject.where == "view = 'AP'"
    assert any("Only rows with view = 'AP' were used" in said for said in found.statements)
    assert found.statements[-1] == "The manifest has changed."
