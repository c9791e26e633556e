"""Groups and conditions by columns of the manifest, for a run whose predictions lack them."""

import json

import numpy as np
import polars as pl
import pytest

from strnet import jobs
from strnet.cohort import write_manifest
from strnet.config import dump_recipe, parse_recipe
from strnet.errors import GroupingError, ManifestError, RowFilterError, ThresholdError
from strnet.files import sha256_file
from strnet.jobs.run_columns import with_manifest_columns
from strnet.thresholds import read_threshold

FILMS = 240


@pytest.fixture
def run(tmp_path):
    """What a training leaves of its table, recipe and hashes; the predictions know neither bmi nor ward."""
    rng = np.random.default_rng(2)
    loss = np.arange(FILMS) % 2
    frame = pl.DataFrame(
        {
            "image_id": [f"film{i}" for i in range(FILMS)],
            "patient_id": [f"p{i}" for i in range(FILMS)],
            "path": [f"film{i}.png" for i in range(FILMS)],
            "age": rng.uniform(40, 90, FILMS).round(1),
            "bmi": rng.uniform(18, 40, FILMS).round(1),
            "ward": np.where(np.arange(FILMS) % 3, "north", "south"),
        }
    )
    manifest = write_manifest(frame, tmp_path / "manifest.csv")
    folder = tmp_path / "run"
    folder.mkdir()
    predictions = manifest.frame.select("image_id", "patient_id", "age").with_columns(
        pl.lit("test").alias("split"),
        pl.Series("target.bone_loss", loss.astype(float)),
        pl.Series("logit.bone_loss", loss + rng.normal(0, 0.8, FILMS)),
    )
    predictions.sample(fraction=1, shuffle=True, seed=1).write_parquet(folder / "predictions.parquet")
    recipe = parse_recipe(
        {
            "name": "r",
            "cohort": {"manifest": str(manifest.path)},
            "tasks": [
                {
                    "name": "bone_loss",
                    "kind": "binary",
                    "target": {"column": "diagnosis", "positive": ["osteopenia", "osteoporosis"]},
                }
            ],
        }
    )
    (folder / "recipe.yaml").write_text(dump_recipe(recipe))
    hashes = {"manifest_sha256": sha256_file(manifest.path)}
    (folder / "environment.json").write_text(json.dumps(hashes))
    return folder


def expected(run, column):
    """The column for each row of the predictions, looked up one by one."""
    manifest = pl.read_csv(run.parent / "manifest.csv")
    of_image = dict(zip(manifest["image_id"], manifest[column], strict=True))
    return [of_image[image] for image in pl.read_parquet(run / "predictions.parquet")["image_id"]]


def test_the_column_that_was_asked_for_is_joined_by_image_and_no_other(run):
    joined = with_manifest_columns(run, ["bmi:25,30", "age"])
    own = pl.read_parquet(run / "predictions.parquet")
    assert joined.frame.columns == [*own.columns, "bmi"]
    assert joined.frame["bmi"].to_list() == expected(run, "bmi")
    assert joined.remark is None


@pytest.mark.parametrize("where", ["bmi > 25", '"bmi" > 25', "ward = \"south\" and split = 'test'"])
def test_a_condition_may_name_a_column_of_the_manifest(run, where):
    joined = with_manifest_columns(run, [], where)
    (column,) = set(joined.frame.columns) - set(pl.read_parquet(run / "predictions.parquet").columns)
    assert joined.frame[column].to_list() == expected(run, column)


def test_a_manifest_is_read_only_where_it_is_needed(run):
    (run.parent / "manifest.csv").unlink()
    for groups, where in (([], 'split == "test"'), (["age:60"], None), ([], "age > 60")):
        assert "bmi" not in with_manifest_columns(run, groups, where).frame.columns
    with pytest.raises(ManifestError, match=r"no column 'bmi', and the manifest .* is not there"):
        with_manifest_columns(run, ["bmi"])


def test_a_manifest_that_changed_is_used_for_a_report_with_a_remark_and_refused_for_a_threshold(run):
    manifest = pl.read_csv(run.parent / "manifest.csv")
    lost = manifest.filter(pl.col("image_id") != "film7").with_columns(pl.lit("yes").alias("implant"))
    write_manifest(lost, run.parent / "manifest.csv")
    joined = with_manifest_columns(run, ["implant"])
    assert "1 of 240 images are not in it any more" in joined.remark
    assert joined.frame.filter(pl.col("implant").is_null())["image_id"].to_list() == ["film7"]
    with pytest.raises(ThresholdError, match="has changed since the training"):
        fit(run, group="implant")


def test_a_manifest_of_other_patients_is_not_that_of_the_run(run):
    manifest = pl.read_csv(run.parent / "manifest.csv")
    other = manifest.with_columns(pl.col("patient_id").shift(1, fill_value="p239"))
    write_manifest(other, run.parent / "manifest.csv")
    with pytest.raises(ManifestError, match="240 images are of another patient"):
        with_manifest_columns(run, ["bmi"])


def fit(run, **options):
    out = run.parent / "op.json"
    jobs.threshold_fit(run, out, target="bone_loss", score="bone_loss", min_sensitivity="0.7", **options)
    return read_threshold(out)


def test_a_threshold_keeps_its_floor_in_the_groups_of_a_column_of_the_manifest(run):
    point = fit(run, group="bmi:25,30")
    rows = pl.read_parquet(run / "predictions.parquet").with_columns(pl.Series("bmi", expected(run, "bmi")))
    positive = pl.col("target.bone_loss") == 1
    bins = {"<25": pl.col("bmi") < 25, "25 to <30": pl.col("bmi").is_between(25, 30, closed="left")}
    bins[">=30"] = pl.col("bmi") >= 30
    assert {row.name: row.positives for row in point.groups} == {
        name: rows.filter(positive, inside).height for name, inside in bins.items()
    }
    for row, (_, inside) in zip(point.groups, bins.items(), strict=True):
        missed = rows.filter(positive, inside, pl.col("logit.bone_loss") < point.threshold).height
        assert row.misses_made == missed


def test_a_threshold_per_group_is_applied_by_the_same_cuts_and_by_no_others(run, tmp_path):
    point = fit(run, group="bmi:25,30", group_policy="per_group")
    out = tmp_path / "decisions.csv"
    jobs.threshold_apply(tmp_path / "op.json", run, out, score="bone_loss", group="bmi:25,30")
    decided = pl.read_csv(out)
    limits = {row.name: row.threshold for row in point.groups}
    for row in decided.iter_rows(named=True):
        name = "<25" if row["bmi"] < 25 else "25 to <30" if row["bmi"] < 30 else ">=30"
        assert row["positive"] == (row["logit.bone_loss"] >= limits[name])
    with pytest.raises(ThresholdError, match="25 to <35"):
        jobs.threshold_apply(tmp_path / "op.json", run, out, score="bone_loss", group="bmi:25,35")


def test_each_group_of_the_manifest_is_certified_by_itself(run, tmp_path):
    fit(run, where="ward = 'south'")
    found = jobs.threshold_certify(
        tmp_path / "op.json",
        run,
        target="bone_loss",
        score="bone_loss",
        where="ward = 'north'",
        group="age:65",
    )
    assert list(found) == ["all rows", "<65", ">=65"]
    rows = pl.read_parquet(run / "predictions.parquet").with_columns(pl.Series("ward", expected(run, "ward")))
    old = rows.filter(pl.col("age") >= 65, pl.col("target.bone_loss") == 1, pl.col("ward") == "north")
    assert found[">=65"].positives == old.height
    assert found["<65"].positives + old.height == found["all rows"].positives


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"group": "wrad"}, GroupingError, "did you mean 'ward'"),
        ({"where": "wrad = 'north'"}, RowFilterError, "did you mean 'ward'"),
        ({"group": "bmi:each", "group_policy": "common"}, ThresholdError, "no group can be certified"),
        ({"group": "ward:3"}, GroupingError, "no numbers to cut"),
    ],
)
def test_a_column_that_cannot_serve_is_named(run, options, error, message):
    with pytest.raises(error, match=message):
        fit(run, **options)
