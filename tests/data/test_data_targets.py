"""Targets: what each rule makes of each cell, by hand."""

import numpy as np
import polars as pl
import pytest

from strnet.config import TaskConfig
from strnet.data import check_targets, targets_of
from strnet.errors import ConfigError, ManifestError, TrainingError

FRAME = pl.DataFrame(
    {
        "diagnosis": ["normal", "osteopenia", "osteoporosis", None, "osteopenia"],
        "t_score": [-0.4, -1.0, -2.5, -3.0, None],
        "sex": ["F", "M", None, "F", "M"],
        "grade": [0, 1, 2, None, 1],
        "note": ["a", "b", "c", "d", "e"],
        "fracture": [True, False, None, False, True],
    }
)
NAN = np.nan


def task(kind="binary", name="answer", given=None, **target) -> TaskConfig:
    return TaskConfig.model_validate({"name": name, "kind": kind, "target": target, "given": given})


def target(of: TaskConfig, frame: pl.DataFrame = FRAME) -> list[float]:
    return targets_of(frame, [of])[of.name].tolist()


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (task(column="diagnosis", positive=["osteopenia", "osteoporosis"]), [0, 1, 1, NAN, 1]),
        (task(column="t_score", below=-1.0), [0, 0, 1, 1, NAN]),
        (task(column="t_score", at_most=-2.5), [0, 0, 1, 1, NAN]),
        (task(column="t_score", below=-2.5), [0, 0, 0, 1, NAN]),
        (
            task(
                column="diagnosis",
                positive=["osteoporosis"],
                given={"column": "diagnosis", "values": ["osteopenia", "osteoporosis"]},
            ),
            [NAN, 0, 1, NAN, 0],
        ),
        (
            task("regression", column="t_score", given={"column": "sex", "values": ["F"]}),
            [-0.4, NAN, NAN, -3, NAN],
        ),
        (task(column="fracture", positive=["true"]), [1, 0, NAN, 0, 1]),
        (task("regression", column="t_score"), [-0.4, -1.0, -2.5, -3.0, NAN]),
        (
            task("ordinal", column="diagnosis", classes=["normal", "osteopenia", "osteoporosis"]),
            [0, 1, 2, NAN, 1],
        ),
        (task("multiclass", column="grade", classes=["2", "1", "0"]), [2, 1, 0, NAN, 1]),
    ],
    ids=lambda value: f"{value.kind}-{value.target.column}" if isinstance(value, TaskConfig) else "",
)
def test_a_target_rule_gives_the_numbers_worked_out_by_hand(of, expected):
    np.testing.assert_array_equal(target(of), expected)


NUMBERS = pl.DataFrame(
    {"whole": [0, 1, None], "float": [0.0, 1.0, None], "half": [0.5, 1.0, None], "text": ["0", "1", None]}
)


@pytest.mark.parametrize("column", ["whole", "float", "text"])
@pytest.mark.parametrize("value", [1, 1.0, "1"])
def test_a_number_in_the_recipe_is_that_number_in_the_table_however_it_is_written(column, value):
    np.testing.assert_array_equal(target(task(column=column, positive=[value]), NUMBERS), [0, 1, NAN])


def test_numbers_that_are_written_differently_are_equal_in_a_column_of_numbers():
    np.testing.assert_array_equal(target(task(column="whole", positive=["1.0"]), NUMBERS), [0, 1, NAN])
    np.testing.assert_array_equal(target(task(column="half", positive=[0.5]), NUMBERS), [1, 0, NAN])
    given = {"column": "float", "values": [1]}
    np.testing.assert_array_equal(
        target(task(column="whole", positive=[1], given=given), NUMBERS), [NAN, 1, NAN]
    )


def test_one_number_is_not_two_classes():
    with pytest.raises(ConfigError, match="name one number twice"):
        target(task("multiclass", column="whole", classes=["1", "1.0"]), NUMBERS)


def test_a_truth_value_of_yaml_is_no_cell():
    with pytest.raises(ValueError, match="put the word in quotes"):
        task(column="whole", positive=[True])


def test_a_t_score_just_beside_a_cutoff_is_not_rounded_onto_it():
    frame = pl.DataFrame({"t_score": [-2.5, -2.4999999, -1.0, -1.0000001]})
    assert target(task(column="t_score", at_most=-2.5), frame) == [1, 0, 0, 0]
    assert target(task(column="t_score", below=-1.0), frame) == [1, 1, 0, 1]


@pytest.mark.parametrize(
    ("of", "message"),
    [
        (task(column="diagnosys", positive=["normal"]), "did you mean 'diagnosis'"),
        (task(column="diagnosis", positive=["osteoporoses"]), "did you mean 'osteoporosis'"),
        (
            task("regression", column="t_score", given={"column": "sexe", "values": ["F"]}),
            "given.column: Unknown column 'sexe', did you mean 'sex'",
        ),
        (
            task("regression", column="t_score", given={"column": "sex", "values": ["female"]}),
            "given.values: Unknown value of sex 'female'",
        ),
        (
            task("multiclass", column="diagnosis", classes=["normal", "osteopenia"]),
            "none of normal, osteopenia",
        ),
    ],
)
def test_a_name_the_table_does_not_know_is_an_error_with_the_nearest(of, message):
    with pytest.raises(ConfigError, match=message):
        target(of)


def test_a_class_that_no_row_of_this_cohort_has_is_no_error_if_the_vocabulary_has_it():
    frame = FRAME.filter(pl.col("diagnosis") == "normal")
    assert target(task(column="diagnosis", positive=["osteoporosis"]), frame) == [0]


def test_rows_where_a_task_is_not_defined_may_hold_other_classes():
    of = task(
        "multiclass",
        column="diagnosis",
        classes=["osteopenia", "osteoporosis"],
        given={"column": "diagnosis", "values": ["osteopenia", "osteoporosis"]},
    )
    np.testing.assert_array_equal(target(of), [NAN, 0, 1, NAN, 0])


def test_text_where_a_number_is_needed_is_an_error_that_shows_it():
    with pytest.raises(ManifestError, match="holds 'a' and 4 more"):
        target(task("regression", column="note"))


def test_one_class_only_says_what_there_is_and_what_is_needed():
    tasks = [task(column="x", below=0, name="loss"), task("regression", column="x", name="value")]
    training = {"loss": np.array([1.0, 1.0, NAN]), "value": np.array([1.0, 2.0, 3.0])}
    validation = {"loss": np.array([0.0, 0.0]), "value": np.array([NAN, 1.0])}
    with pytest.raises(TrainingError) as caught:
        check_targets(tasks, training, validation)
    message = str(caught.value)
    assert (
        "task loss, train rows: found 0 negative, 2 positive; needed at least 1 of each (3 rows, 1 with"
        in message
    )
    assert "task loss, validation rows: found 2 negative, 0 positive" in message
    assert "task value, validation rows: 1 known values, needed at least 2" in message


def test_a_value_that_never_differs_cannot_be_learned_and_may_be_judged():
    tasks = [task("regression", column="x", name="value")]
    two, same = np.array([1.0, 2.0]), np.array([2.0, 2.0, NAN])
    check_targets(tasks, {"value": two}, {"value": same})
    with pytest.raises(TrainingError, match="train rows: 1 different values, needed at least 2"):
        check_targets(tasks, {"value": same}, {"value": two})


def test_a_validation_set_may_lack_one_of_many_classes_and_training_rows_may_not():
    tasks = [task("ordinal", column="x", classes=["a", "b", "c"])]
    all_three, two = np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0])
    check_targets(tasks, {"answer": all_three}, {"answer": two})
    with pytest.raises(TrainingError, match="found 1 a, 1 b, 0 c"):
        check_targets(tasks, {"answer": two}, {"answer": all_three})
