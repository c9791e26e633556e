"""Runs made into an ensemble: seeds and views, honest rows, and every later job on it."""

import shutil

import numpy as np
import polars as pl
import pytest
import yaml
from typer.testing import CliRunner

from strnet.calibration import combine as combined_cases
from strnet.cli.main import app
from strnet.config import CombinationConfig, override_recipe
from strnet.errors import ConfigError, ManifestError, ThresholdError, TrainingError
from strnet.files import read_json, write_json
from strnet.inference import open_bundle
from strnet.jobs import combine, evaluate, export, predict, report, threshold_certify, threshold_fit, train
from strnet.stats import paired_delong
from strnet.tables import read_table, write_table
from strnet.training import RunFolder

EXAM = CombinationConfig(by="examination", missing="allow")


@pytest.fixture(scope="module")
def second(recipe, tmp_path_factory):
    """The run of another seed."""
    folder = tmp_path_factory.mktemp("seeds") / "second"
    train(override_recipe(recipe, {"seed": 5}), folder, progress=False)
    return folder


@pytest.fixture(scope="module")
def sides(recipe, tmp_path_factory):
    """A run for left knees and one for right ones: two views of a patient."""
    home = tmp_path_factory.mktemp("sides")
    folders = []
    for side in ("L", "R"):
        own = override_recipe(
            recipe,
            {
                "cohort.where": f"laterality = '{side}'",
                "name": f"side_{side}",
                "operating_point.method": "empirical",
            },
        )
        train(own, home / side, progress=False)
        folders.append(home / side)
    return folders


@pytest.fixture(scope="module")
def ensemble(run, second, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ensembles") / "seeds"
    done = combine([run, second], folder)
    return folder, done


def copied(run, folder, change):
    """A copy of a run whose predictions table is changed."""
    shutil.copytree(run, folder)
    table = RunFolder(folder).predictions
    write_table(change(read_table(table)), table)
    return folder


def test_seeds_answer_with_the_mean_of_their_logits(run, second, ensemble):
    folder, done = ensemble
    tables = [read_table(RunFolder(one).predictions).sort("image_id") for one in (run, second)]
    found = read_table(RunFolder(folder).predictions)
    assert found["case_id"].to_list() == tables[0]["image_id"].to_list() == found["image_id"].to_list()
    mean = sum(table["logit.bone_loss"].to_numpy() for table in tables) / 2
    np.testing.assert_array_equal(found["logit.bone_loss"].to_numpy(), mean)
    assert found["split"].to_list() == tables[0]["split"].to_list()
    bundle = open_bundle(folder / "bundle")
    expected = bundle.calibrators["bone_loss"].prob(mean)
    np.testing.assert_array_equal(found["prob.bone_loss"].to_numpy(), expected)
    assert set(found["weights_sha256"]) == {bundle.scores_sha256}
    assert done["cases"] == dict(tables[0].group_by("split").len().sort("split").rows())


def test_the_order_in_which_runs_are_named_does_not_matter(run, second, ensemble, tmp_path):
    folder, _ = ensemble
    combine([second, run], tmp_path / "other")
    one, two = (read_table(RunFolder(f).predictions) for f in (folder, tmp_path / "other"))
    assert one.equals(two)
    hashes = [open_bundle(f / "bundle").scores_sha256 for f in (folder, tmp_path / "other")]
    assert hashes[0] == hashes[1]


def test_calibrators_points_and_stack_are_of_validation_rows_only(run, second, tmp_path):
    def garbled(table):
        test = pl.col("split") != "validation"
        return table.with_columns(
            pl.when(test).then(50.0).otherwise(pl.col(n)).alias(n)
            for n in ("logit.bone_loss", "logit.osteoporosis_given_loss")
        )

    other = [copied(one, tmp_path / f"copy{n}", garbled) for n, one in enumerate((run, second))]
    for rule in ("mean", "stack"):
        wanted = CombinationConfig(rule=rule)
        combine([run, second], tmp_path / f"{rule}1", wanted=wanted)
        combine(other, tmp_path / f"{rule}2", wanted=wanted)
        one, two = (open_bundle(tmp_path / f"{rule}{n}" / "bundle") for n in (1, 2))
        assert one.calibrators == two.calibrators
        assert one.document.operating_points == two.document.operating_points
        assert one.combination.stacks == two.combination.stacks
    assert one.combination.stacks
    assert all("and fitted the stack" in point.label for point in one.operating_points)


def test_an_ensemble_is_evaluated_beside_its_members_on_common_cases(ensemble):
    folder, done = ensemble
    found = evaluate(folder).evaluation.binary()[0]
    table = read_table(RunFolder(folder).predictions).filter(
        pl.col("split") == "test", pl.col("target.bone_loss").is_not_null()
    )
    for name in done["members"]:
        own = next(result for result in found.scorers if result.scorer == f"member {name}")
        expected = paired_delong(
            table["target.bone_loss"].to_numpy(),
            table["logit.bone_loss"].to_numpy(),
            table[f"member.{name}.logit.bone_loss"].to_numpy(),
            interval="jackknife",
            clusters=table["patient_id"].to_numpy(),
        )
        assert own.against_network.difference.value == pytest.approx(expected.difference.value)
        assert own.against_network.p_value == pytest.approx(expected.test.p_value, nan_ok=True)
    page = report(folder).read_text()
    assert all(f"member {name} alone" in page for name in done["members"])


def test_thresholds_are_fitted_on_an_ensemble_s_run_and_its_own_rows_cannot_confirm_them(ensemble, tmp_path):
    folder, _ = ensemble
    done = threshold_fit(
        folder,
        target="bone_loss",
        score="bone_loss",
        where="split = 'validation'",
        min_sensitivity="0.8",
        method="empirical",
        out=tmp_path / "point.json",
    )
    assert done
    with pytest.raises(ThresholdError, match="rows that the threshold was chosen from"):
        threshold_certify(
            folder / "operating_points" / "empirical.json",
            folder,
            target="bone_loss",
            score="prob.bone_loss",
            where="split = 'validation'",
        )


def test_predictions_of_the_bundle_are_the_combination_of_the_members_predictions(
    run, second, ensemble, cohort, tmp_path
):
    folder, done = ensemble
    films = [cohort / "images"]
    ask = {"workers": 0, "clinical": cohort / "manifest.csv"}
    whole = predict(folder / "bundle", films, tmp_path / "whole.parquet", **ask).table
    bundle = open_bundle(folder / "bundle")
    said = [
        predict(member.folder, films, tmp_path / f"{name}.parquet", **ask).table.with_columns(
            pl.lit(name).alias("member")
        )
        for name, member in bundle.members.items()
    ]
    expected = combined_cases(pl.concat(said), bundle.tasks, bundle.combination).table
    assert whole.sort("case_id")["logit.bone_loss"].equals(expected["logit.bone_loss"])
    assert whole.sort("case_id")["pred.t_score"].equals(expected["pred.t_score"])
    table = read_table(RunFolder(folder).predictions)
    served = table.join(whole.select("image_id", served="prob.bone_loss"), on="image_id")
    np.testing.assert_allclose(served["served"].to_numpy(), served["prob.bone_loss"].to_numpy(), atol=1e-5)
    assert not list(tmp_path.glob("*.unfinished"))
    assert done["decides"] == bundle.deciding.method
    decided = set(whole["decision.bone_loss"].to_list())
    assert decided <= {"positive", "negative"}


def test_an_ensemble_is_exported_by_the_same_job(ensemble, tmp_path):
    folder, done = ensemble
    told = export(folder / "bundle", tmp_path / "onnx")
    assert set(told["members"]) == set(done["members"])
    assert {path.suffix for path in (tmp_path / "onnx").iterdir()} == {".onnx", ".json"}


def test_two_views_of_an_examination_become_one_case(sides, cohort, tmp_path):
    done = combine(sides, tmp_path / "both", wanted=EXAM)
    manifest = read_table(cohort / "manifest.csv")
    table = read_table(RunFolder(tmp_path / "both").predictions)
    assert sorted(table["case_id"]) == sorted(set(manifest["exam_id"]))
    two = manifest.group_by("exam_id").len().filter(pl.col("len") == 2)["exam_id"]
    paired = table.filter(pl.col("members") == 2)
    assert sorted(paired["case_id"]) == sorted(two)
    assert done["with_missing_members"] == table.height - len(two)
    assert paired["image_id"].null_count() == paired.height
    tables = pl.concat([read_table(RunFolder(side).predictions) for side in sides], how="diagonal_relaxed")
    means = tables.group_by("exam_id").agg(mean=pl.col("logit.bone_loss").mean())
    both = table.join(means, on="exam_id")
    np.testing.assert_allclose(both["logit.bone_loss"].to_numpy(), both["mean"].to_numpy(), rtol=1e-12)
    evaluation = evaluate(tmp_path / "both").evaluation
    common = [s.rows for s in evaluation.binary()[0].scorers if s.scorer.startswith("member ")]
    assert max(common) < evaluation.binary()[0].rows
    assert evaluation.subject.where == "(laterality = 'L') or (laterality = 'R')"
    assert report(tmp_path / "both").is_file()
    grouped = evaluate(tmp_path / "both", groups=["bmi:25"]).predictions.join(
        manifest.group_by("exam_id").agg(pl.col("bmi").first()), on="exam_id", suffix="_there"
    )
    assert grouped["bmi"].equals(grouped["bmi_there"], null_equal=True)
    assert grouped["bmi"].null_count() < grouped.height


def test_an_examination_that_lacks_a_view_is_left_out_where_that_is_asked(sides, tmp_path):
    wanted = CombinationConfig(by="examination", missing="refuse")
    done = combine(sides, tmp_path / "both", wanted=wanted)
    table = read_table(RunFolder(tmp_path / "both").predictions)
    assert table["missing_members"].null_count() == table.height
    assert done["left_out"] > 0
    with pytest.raises(ConfigError, match=r"of .* cases by image none has an answer of every member"):
        combine(sides, tmp_path / "image")


def test_mirrored_films_are_the_mean_of_both_outputs(run, second, cohort, tmp_path):
    combine([run, second], tmp_path / "flip", mirrored=True)
    bundle = open_bundle(tmp_path / "flip" / "bundle")
    assert bundle.recipe.mirrored
    table = read_table(RunFolder(tmp_path / "flip").predictions)
    manifest = read_table(cohort / "manifest.csv").filter(
        pl.col("image_id").is_in(table["image_id"][:3].implode())
    )
    films = [cohort / path for path in manifest["path"]]
    asked = {"workers": 0, "clinical": cohort / "manifest.csv"}
    served = predict(tmp_path / "flip" / "bundle", films, tmp_path / "r.parquet", **asked).table
    both = table.join(served.select("image_id", served="logit.bone_loss"), on="image_id")
    assert both.height == 3
    np.testing.assert_allclose(both["served"].to_numpy(), both["logit.bone_loss"].to_numpy(), atol=1e-4)
    plain = read_table(RunFolder(run).predictions).join(table, on="image_id", suffix=".flip")
    assert (plain["logit.bone_loss"] != plain["logit.bone_loss.flip"]).any()


def turned(table):
    """Splits as those of another fold: what one tests another was trained on."""
    other = {"train": "test", "validation": "train", "test": "validation"}
    return table.with_columns(pl.col("split").replace(other))


def test_members_that_learned_from_each_other_s_rows_are_refused_by_name(run, second, tmp_path):
    other = copied(second, tmp_path / "turned", turned)
    with pytest.raises(TrainingError) as error:
        combine([run, other], tmp_path / "both")
    told = str(error.value)
    assert "members were trained on each other's rows" in told
    assert str(run) in told
    assert str(other) in told
    assert "patients as train" in told
    assert not (tmp_path / "both" / "run.json").exists()


def test_such_members_are_judged_on_external_rows_only(run, second, tmp_path):
    first = read_table(RunFolder(run).predictions)
    outside = first.filter(pl.col("split") == "test")["patient_id"].unique().to_list()

    def with_external(table):
        away = pl.col("patient_id").is_in(outside)
        return table.with_columns(pl.when(away).then(pl.lit("external")).otherwise("split").alias("split"))

    one = copied(run, tmp_path / "one", with_external)
    two = copied(second, tmp_path / "two", lambda table: with_external(turned(table)))
    done = combine([one, two], tmp_path / "both")
    assert set(done["cases"]) == {"external"}
    assert done["decides"] is None
    assert not done["operating_points"]
    assert "exact" in done["not_reached"]
    evaluation = evaluate(tmp_path / "both", split="external").evaluation
    assert any("trained on each other's other rows" in text for text in evaluation.statements)
    bundle = open_bundle(tmp_path / "both" / "bundle")
    assert bundle.calibrators["bone_loss"].method == "none"
    assert bundle.undecided


def test_what_is_no_set_of_members_is_refused(run, second, ensemble, recipe, tmp_path):
    with pytest.raises(ConfigError, match="found 1 member"):
        combine([run], tmp_path / "one")
    with pytest.raises(TrainingError, match="is an ensemble"):
        combine([run, ensemble[0]], tmp_path / "nested")
    with pytest.raises(TrainingError, match="holds the member"):
        combine([run, second], run)
    with pytest.raises(TrainingError, match=r"holds an ensemble\. Overwrite it"):
        combine([run, second], ensemble[0])
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.doc").write_text("mine")
    with pytest.raises(TrainingError, match=r"such as thesis\.doc"):
        combine([run, second], tmp_path / "full", overwrite=True)


def of_others(run, folder):
    """A copy of a run that knows other patients."""
    names = [("other " + pl.col(name)).alias(name) for name in ("image_id", "patient_id")]
    return copied(run, folder, lambda table: table.with_columns(names))


def test_a_floor_is_not_passed_over_where_the_members_have_no_operating_point(run, second, tmp_path):
    floorless = []
    for number, one in enumerate((run, second)):
        path = RunFolder(shutil.copytree(one, tmp_path / str(number))).recipe
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"operating_point": None}))
        floorless.append(tmp_path / str(number))
    with pytest.raises(ConfigError, match="has no operating_point in its recipe"):
        combine(floorless, tmp_path / "both", min_sensitivity="0.8")


def test_an_interrupted_ensemble_is_made_anew_and_a_whole_one_on_demand(run, second, ensemble, tmp_path):
    folder = shutil.copytree(ensemble[0], tmp_path / "copy")
    before = read_json(folder / "run.json")
    (folder / "run.json").unlink()
    combine([run, second], folder)
    assert read_json(folder / "run.json") == before
    (folder / "evaluation.json").write_text("old")
    strangers = [run, of_others(second, tmp_path / "others")]
    with pytest.raises(ConfigError, match="none has an answer"):
        combine(strangers, folder, overwrite=True)
    assert read_json(folder / "run.json") == before
    combine([run, second], folder, overwrite=True)
    assert not (folder / "evaluation.json").exists()


def test_members_with_other_floors_need_one_named(sides, tmp_path):
    mixed = shutil.copytree(sides[0], tmp_path / "mixed")
    path = RunFolder(mixed).recipe
    path.write_text(path.read_text().replace("min_sensitivity: '0.86'", "min_sensitivity: '0.7'"))
    with pytest.raises(ConfigError, match=r"another operating_point .* with --min-sensitivity"):
        combine([mixed, sides[1]], tmp_path / "both", wanted=EXAM)
    done = combine([mixed, sides[1]], tmp_path / "both", wanted=EXAM, min_sensitivity="0.8")
    assert done["operating_points"]["empirical"]
    (point,) = (p for p in open_bundle(tmp_path / "both" / "bundle").operating_points)
    assert point.min_sensitivity == "0.8"


def test_targets_that_differ_between_the_views_of_a_case_are_named(sides, tmp_path):
    flipped = copied(
        sides[0],
        tmp_path / "flipped",
        lambda table: table.with_columns((1 - pl.col("target.bone_loss")).alias("target.bone_loss")),
    )
    with pytest.raises(ManifestError, match=r"examination '.*' has rows of target.bone_loss 0.0 and 1.0"):
        combine([flipped, sides[1]], tmp_path / "both", wanted=EXAM)


def test_the_command_makes_an_ensemble_by_the_rule_that_is_asked_for(run, second, tmp_path):
    runner = CliRunner()
    out = tmp_path / "made"
    done = runner.invoke(app, ["combine", str(run), str(second), "-o", str(out), "--rule", "largest"])
    assert done.exit_code == 0, done.output
    assert open_bundle(out / "bundle").combination.rule == "largest"
    wrong = runner.invoke(app, ["combine", str(run), str(second), "-o", str(out), "--rule", "largst"])
    assert isinstance(wrong.exception, ConfigError)
    assert "did you mean 'largest'" in str(wrong.exception)


def test_an_older_run_is_told_what_it_is(run, second, tmp_path):
    old = shutil.copytree(second, tmp_path / "old")
    write_json(old / "run.json", {**read_json(old / "run.json"), "schema_version": 1})
    with pytest.raises(TrainingError, match="schema version 1"):
        combine([run, old], tmp_path / "both")
