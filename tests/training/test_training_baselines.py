"""Baselines: fitted on training rows alone, at ease with missing values, caught by a leak."""

import numpy as np
import polars as pl
import pytest

from strnet.config import TaskConfig
from strnet.data import targets_of
from strnet.training import fit_baselines

LOSS = TaskConfig.model_validate(
    {"name": "loss", "kind": "binary", "target": {"column": "label", "positive": ["1"]}}
)
VALUE = TaskConfig.model_validate({"name": "value", "kind": "regression", "target": {"column": "t_score"}})
GRADE = TaskConfig.model_validate(
    {"name": "grade", "kind": "ordinal", "target": {"column": "grade", "classes": ["0", "1", "2"]}}
)


@pytest.fixture
def frame() -> pl.DataFrame:
    random = np.random.default_rng(0)
    n = 300
    age = random.normal(65, 10, n)
    label = (age + random.normal(0, 4, n) > 65).astype(int)
    return pl.DataFrame(
        {
            "split": ["train"] * 200 + ["test"] * 100,
            "age": np.where(random.random(n) < 0.2, np.nan, age),
            "sex": random.choice(["F", "M"], n),
            "bmi": [None] * n,
            "site": random.choice(["a", "b"], n),
            "scanner": [None] * n,
            "file_format": ["dicom"] * n,
            "rows": random.choice([2000, 2500], n),
            "columns": [2000] * n,
            "bits_stored": [12] * n,
            "photometric": ["MONOCHROME2"] * n,
            "label": label,
            "grade": np.where(age < 60, 0, np.where(age < 70, 1, 2)),
            "t_score": -0.1 * age + random.normal(0, 0.1, n),
        },
        schema_overrides={"bmi": pl.Float64, "scanner": pl.String},
    ).with_columns(pl.col("age").fill_nan(None))


def scores(frame, *tasks, **how) -> pl.DataFrame:
    return fit_baselines(frame, tasks, targets_of(frame, tasks), **how)


def auroc(frame: pl.DataFrame, score: pl.Series) -> float:
    positive, negative = (score.filter(frame["label"] == value).to_numpy() for value in (1, 0))
    return float((positive[:, None] > negative).mean() + (positive[:, None] == negative).mean() / 2)


def test_clinical_variables_that_predict_are_used_and_metadata_that_does_not_is_not(frame):
    found = scores(frame, LOSS)
    assert auroc(frame[200:], found["baseline.clinical.loss"][200:]) > 0.85
    assert auroc(frame[200:], found["baseline.metadata.loss"][200:]) < 0.65


def test_a_missing_value_gets_a_score_all_the_same(frame):
    found = scores(frame, LOSS, VALUE, GRADE)
    assert found.height == frame.height
    assert all(column.is_finite().all() for column in found)


def test_metadata_that_gives_the_label_away_is_found_out(frame):
    leaked = frame.with_columns(
        site=pl.col("label").cast(pl.String),
        label=pl.when(pl.col("age") > 0).then("label").otherwise("label"),
    )
    assert auroc(leaked, scores(leaked, LOSS)["baseline.metadata.loss"]) == 1.0
    by_size = frame.with_columns(rows=2000 + 10 * pl.col("label"), columns=2000 - 10 * pl.col("label"))
    assert auroc(by_size, scores(by_size, LOSS)["baseline.metadata.loss"]) == 1.0


def test_rows_outside_training_have_no_part_in_the_fit(frame):
    test = pl.col("split") == "test"
    other = frame.with_columns(
        label=pl.when(test).then(1 - pl.col("label")).otherwise("label"),
        t_score=pl.when(test).then(5.0).otherwise("t_score"),
        site=pl.when(test).then(pl.lit("elsewhere")).otherwise("site"),
    )
    before, after = scores(frame, LOSS, VALUE), scores(other, LOSS, VALUE)
    for column in before.columns:
        np.testing.assert_allclose(before[column][:200], after[column][:200])
    np.testing.assert_allclose(before["baseline.clinical.loss"], after["baseline.clinical.loss"])


def test_a_value_is_predicted_in_its_own_unit(frame):
    found = scores(frame, VALUE)["baseline.clinical.value"]
    known = frame["age"].is_not_null()
    assert (found - frame["t_score"]).filter(known).abs().mean() < 0.2


def test_each_class_of_several_has_its_score_and_the_highest_is_the_likeliest(frame):
    found = scores(frame, GRADE).select(f"baseline.clinical.grade.{grade}" for grade in "012").to_numpy()
    known = frame["age"].is_not_null().to_numpy()
    agreed = found.argmax(axis=1)[known] == frame["grade"].to_numpy()[known]
    assert agreed.mean() > 0.85


def test_further_clinical_columns_can_be_named(frame):
    frame = frame.with_columns(menopause_age=pl.col("label") * 3.0 + 45)
    assert auroc(frame, scores(frame, LOSS, clinical=["menopause_age"])["baseline.clinical.loss"]) == 1.0


def test_a_baseline_whose_inputs_nobody_knows_is_not_invented(frame):
    bare = frame.drop("age", "sex", "bmi")
    assert scores(bare, LOSS).columns == ["baseline.metadata.loss"]
