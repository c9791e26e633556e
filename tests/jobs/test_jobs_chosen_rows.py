"""A run on rows that its recipe chose, from training to report."""

import json
import re

import polars as pl
import pytest
from typer.testing import CliRunner

from strnet import jobs
from strnet.cli.main import app
from strnet.config import override_recipe
from strnet.errors import GroupingError
from strnet.inference import read_bundle
from strnet.jobs.train_network import foreseen_shortage

pytestmark = pytest.mark.slow

WHERE = "age >= 60 and not sex = 'M'"


@pytest.fixture(scope="module")
def women(recipe, tmp_path_factory):
    folder = tmp_path_factory.mktemp("women") / "run"
    jobs.train(override_recipe(recipe, {"cohort.where": WHERE}), folder, progress=False)
    return folder


def kept(cohort):
    manifest = pl.read_csv(cohort / "manifest.csv")
    return [row for row in manifest.iter_rows(named=True) if row["age"] >= 60 and row["sex"] == "F"]


def test_the_bundle_is_of_the_chosen_rows_and_says_so(women, cohort):
    bundle = read_bundle(women / "bundle")
    assert bundle.recipe.cohort.where == WHERE
    assert bundle.recipe.cohort.manifest is None
    assert sum(bundle.provenance.images.values()) == len(kept(cohort))
    assert WHERE in (women / "bundle" / "README.md").read_text()


def test_the_report_s_cohort_flow_ends_in_the_chosen_rows_and_says_what_was_lost(women, cohort):
    page = jobs.report(women, groups=["bmi:25,30"])
    parts = json.loads((women / "run.json").read_text())["chosen"]["parts"]
    assert sum(part["images"] for part in parts.values()) == len(kept(cohort))
    flow = (page.parent / "figures" / "cohort_flow.svg").read_text()
    for part in parts.values():
        assert f"{part['left_out']} not chosen" in flow
    text = page.read_text()
    assert "Only rows with age &gt;= 60" in text
    assert "bmi 25 to &lt;30" in text


def test_the_groups_of_an_evaluation_are_counted_from_the_manifest(run, cohort):
    arguments = ["evaluate", str(run), "--group", "bmi:25,30", "--group", "sex", "--json"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    groups = json.loads(done.output)["tasks"][0]["groups"]
    test = pl.read_parquet(run / "predictions.parquet").filter(pl.col("split") == "test")
    manifest = pl.read_csv(cohort / "manifest.csv").select("image_id", "bmi")
    known = test.join(manifest, on="image_id").filter(pl.col("target.bone_loss").is_not_null())
    counts = {(group["column"], group["value"]): group["rows"] for group in groups}
    assert counts["sex", "F"] == known.filter(sex="F").height
    assert counts.get(("bmi", "<25"), 0) == known.filter(pl.col("bmi") < 25).height
    assert counts.get(("bmi", ">=30"), 0) == known.filter(pl.col("bmi") >= 30).height


def test_the_console_prints_the_groups_and_that_they_may_differ_by_chance(run):
    done = CliRunner().invoke(app, ["evaluate", str(run), "--group", "sex"], catch_exceptions=False)
    assert "sex F" in done.output
    assert "Groups differ by chance" in " ".join(done.output.split())


def test_a_group_that_is_nowhere_leaves_the_evaluation_as_it_was(run):
    before = (run / "evaluation.json").read_bytes() if (run / "evaluation.json").exists() else None
    with pytest.raises(GroupingError, match="did you mean 'scanner'"):
        jobs.evaluate(run, groups=["scaner"])
    after = (run / "evaluation.json").read_bytes() if (run / "evaluation.json").exists() else None
    assert before == after


def test_only_chosen_positives_count_towards_a_guarantee(recipe, cohort):
    asked = {
        "cohort.where": WHERE,
        "operating_point.method": "exact",
        "operating_point.min_sensitivity": "0.95",
    }
    changed = override_recipe(recipe, asked)
    validation = pl.read_csv(cohort / "split.csv").filter(pl.col("split") == "validation")
    positives = [
        row for row in kept(cohort) if row["image_id"] in set(validation["image_id"]) and row["t_score"] < -1
    ]
    told = foreseen_shortage(changed, cohort / "manifest.csv", cohort / "split.csv")
    assert re.search(rf"\b{len(positives)} positives", told)


def test_a_cross_validation_of_chosen_rows_is_reported_by_groups_of_the_manifest(recipe, cohort, tmp_path):
    jobs.split(cohort / "manifest.csv", tmp_path / "folds.csv", folds=3, seed=1)
    changes = {
        "cohort.split": str(tmp_path / "folds.csv"),
        "cohort.where": "age >= 55",
        "trainer.max_epochs": 1,
    }
    jobs.crossval(override_recipe(recipe, changes), tmp_path / "folds", progress=False)
    page = jobs.report(tmp_path / "folds", groups=["bmi:27"])
    evaluation = json.loads((tmp_path / "folds" / "evaluation.json").read_text())
    old = pl.read_csv(cohort / "manifest.csv").filter(pl.col("age") >= 55)
    groups = {(g["column"], g["value"]): g["rows"] for g in evaluation["tasks"][0]["groups"]}
    assert groups["bmi", "<27"] == old.filter(pl.col("bmi") < 27).height
    assert groups["bmi", ">=27"] == old.filter(pl.col("bmi") >= 27).height
    assert sum(rows for (column, _), rows in groups.items() if column == "fold") == old.height
    assert "fold 2" in (page.parent / "figures" / "cohort_flow.svg").read_text()
