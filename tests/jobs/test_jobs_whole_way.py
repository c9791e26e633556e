import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from strnet import jobs
from strnet.cli.main import app
from strnet.cohort import read_manifest
from strnet.config import load_recipe, override_recipe
from strnet.data import SampleCache, build_cache
from strnet.errors import (
    BundleError,
    ConfigError,
    ManifestError,
    PartialResultError,
    ThresholdError,
    TrainingError,
)
from strnet.imaging import prepare, read_radiograph
from strnet.inference import read_bundle
from strnet.jobs.complete_run import complete_run
from strnet.jobs.example_films import example_films
from strnet.thresholds import ScoreIdentity, read_threshold

pytestmark = pytest.mark.slow

RECIPE = Path(__file__).parents[2] / "experiments" / "strnet_knee" / "recipe.yaml"


def test_the_operating_point_is_fitted_on_validation_rows_only(run):
    point = read_threshold(run / "operating_points" / "empirical.json")
    rows = pl.read_parquet(run / "predictions.parquet").filter(pl.col("split") == "validation")
    positives = rows.filter(pl.col("target.bone_loss") == 1)
    bundle = read_bundle(run / "bundle")
    prob = bundle.calibrators["bone_loss"].prob(positives["logit.bone_loss"].to_numpy())
    assert point.positives == positives.height
    # the paper's rule: the largest threshold that finds at least 86 of 100 of these positives
    needed = -(-86 * positives.height // 100)
    edge = np.sort(prob)[positives.height - needed]
    below = np.sort(bundle.calibrators["bone_loss"].prob(rows["logit.bone_loss"].to_numpy()))
    assert below[below < edge].max(initial=0.0) < point.threshold < edge  # in the middle of the gap below it


def test_a_network_that_misleads_on_validation_rows_is_bundled_uncalibrated_and_says_why(
    run, recipe, tmp_path
):
    other = tmp_path / "run"
    shutil.copytree(run, other)
    table = pl.read_parquet(other / "predictions.parquet")
    misleading = 1.0 - 2 * pl.col("target.bone_loss") + 0.01 * pl.int_range(pl.len())
    table.with_columns(misleading.alias("logit.bone_loss")).write_parquet(other / "predictions.parquet")
    done = jobs.train(recipe, other, resume=True, progress=False)
    assert "the logits fall where the target rises" in done["not_calibrated"]["bone_loss"]
    assert read_bundle(other / "bundle").calibrators["bone_loss"].prob(0.0) == 0.5


def test_a_run_without_calibration_is_not_called_calibrated(run, tmp_path):
    assert jobs.evaluate(run).evaluation.subject.row_use.calibrated == "validation"
    plain = tmp_path / "run"
    shutil.copytree(run, plain)
    recipe = (plain / "recipe.yaml").read_text()
    (plain / "recipe.yaml").write_text(recipe.replace("method: platt", "method: none"))
    complete_run(plain, Path(load_recipe(plain / "recipe.yaml").cohort.manifest))
    assert jobs.evaluate(plain).evaluation.subject.row_use.calibrated is None


def test_the_rows_that_chose_a_run_s_threshold_cannot_confirm_it(run, tmp_path):
    rows = pl.read_parquet(run / "predictions.parquet").filter(pl.col("split") == "validation")
    calibrator = read_bundle(run / "bundle").calibrators["bone_loss"]
    prob = calibrator.prob(rows["logit.bone_loss"].to_numpy())
    rows.select(y="target.bone_loss").with_columns(p=prob).sort("p").write_csv(tmp_path / "scores.csv")
    with pytest.raises(ThresholdError, match="cannot confirm it"):
        jobs.threshold_certify(
            run / "operating_points" / "empirical.json",
            tmp_path / "scores.csv",
            target="y",
            score="p",
            same_score=True,
        )


def test_the_threshold_of_one_run_does_not_decide_the_scores_of_another(run, tmp_path):
    other, point, decided = tmp_path / "run", tmp_path / "op.json", tmp_path / "decided.csv"
    shutil.copytree(run, other)
    weights = {name: value + 1 for name, value in load_file(other / "weights.safetensors").items()}
    save_file(weights, other / "weights.safetensors")
    complete_run(other, Path(load_recipe(other / "recipe.yaml").cohort.manifest))
    names = {"target": "bone_loss", "score": "bone_loss"}
    jobs.threshold_fit(run, point, **names, method="empirical", where="split = 'validation'")
    assert read_threshold(point).score == ScoreIdentity(
        task="bone_loss",
        column="prob.bone_loss",
        model_sha256=read_bundle(run / "bundle").document.weights.sha256,
        calibrator_sha256=read_bundle(run / "bundle").calibrators["bone_loss"].digest,
        kind="probability",
    )
    assert jobs.threshold_apply(point, run, decided)["rows"] > 0
    with pytest.raises(BundleError, match="another score"):
        jobs.threshold_apply(point, other, decided)
    with pytest.raises(BundleError, match="another score"):
        jobs.threshold_certify(point, other, **names)


def test_the_test_rows_can_vanish_without_moving_the_operating_point(run, recipe, tmp_path):
    """Frozen before test rows are read: with every test logit changed the same point comes out."""
    other = tmp_path / "run"
    shutil.copytree(run, other)
    table = pl.read_parquet(other / "predictions.parquet")
    garbled = pl.when(pl.col("split") == "test").then(-5.0).otherwise(pl.col("logit.bone_loss"))
    table.with_columns(garbled.alias("logit.bone_loss")).write_parquet(other / "predictions.parquet")
    jobs.train(recipe, other, resume=True, progress=False)
    assert read_threshold(other / "operating_points" / "empirical.json").threshold == (
        read_threshold(run / "operating_points" / "empirical.json").threshold
    )


def test_the_evaluation_shows_the_baselines_and_the_ideal_observer_beside_the_network(run, cohort):
    done = jobs.evaluate(run, truth=cohort / "truth.csv")
    scorers = [result.scorer for result in done.evaluation.binary()[0].scorers]
    assert scorers == ["network", "observer", "clinical", "metadata"]
    assert json.loads((run / "evaluation.json").read_text()) == done.content


def test_another_split_replaces_neither_the_evaluation_nor_the_report_of_the_test_rows(run, cohort):
    jobs.evaluate(run, truth=cohort / "truth.csv")
    before = (run / "evaluation.json").read_text()
    other = jobs.evaluate(run, split="validation")
    assert (run / "evaluation.json").read_text() == before
    assert json.loads((run / "evaluation_validation.json").read_text()) == other.content
    assert jobs.report(run, split="validation").parent == run / "report_validation"


def test_figures_of_training_rows_and_of_a_phantom_are_printed_as_such(run):
    told = CliRunner().invoke(app, ["evaluate", str(run), "--split", "train"]).output
    assert "Phantom result." in told
    assert "Optimistic figures." in told
    told = CliRunner().invoke(app, ["evaluate", str(run)]).output
    assert "Optimistic figures." not in told


def test_the_report_is_one_page_that_calls_itself_a_phantom(run, cohort, tmp_path):
    page = jobs.report(run, tmp_path / "report", truth=cohort / "truth.csv").read_text()
    assert "phantom" in page.lower()
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert page.count("data:image/png") >= 4  # example films and their saliency
    rows = pl.read_parquet(run / "predictions.parquet").filter(pl.col("split") == "test")
    shown = re.findall(r"(?:found|missed|falsely alarmed|cleared): (\S+),", page)
    assert shown
    assert set(shown) <= set(rows["image_id"]), "a film of another split is no example of these rows"


def test_films_that_left_the_manifest_are_no_examples(run, cohort):
    manifest = read_manifest(cohort / "manifest.csv")
    predictions = pl.read_parquet(run / "predictions.parquet")
    gone = replace(manifest, frame=manifest.frame.clear())
    assert example_films(read_bundle(run / "bundle"), predictions, gone) == ()


def test_prediction_agrees_with_the_predictions_table(run, cohort, tmp_path):
    done = jobs.predict(
        run / "bundle", [cohort / "images"], tmp_path / "results.csv", clinical=cohort / "manifest.csv"
    )
    trained = pl.read_parquet(run / "predictions.parquet")
    served = done.table.with_columns(
        image_id=pl.col("path").map_elements(lambda p: p.rsplit("/", 1)[-1][:-4], return_dtype=pl.String)
    ).join(trained, on="image_id", suffix=".trained")
    assert served.height == trained.height
    np.testing.assert_allclose(served["logit.bone_loss"], served["logit.bone_loss.trained"], atol=1e-4)
    np.testing.assert_allclose(served["pred.t_score"], served["pred.t_score.trained"], atol=1e-4)


def test_one_film_is_the_same_array_in_the_cache_and_in_the_predictor(cohort, recipe, tmp_path):
    manifest = read_manifest(cohort / "manifest.csv")
    row = manifest.frame.row(0, named=True)
    path = manifest.image_path(row)
    cache: SampleCache = build_cache([(row["image_id"], path)], recipe.preprocessing, tmp_path, workers=1)
    np.testing.assert_array_equal(
        cache[row["image_id"]], prepare(read_radiograph(path).pixels, recipe.preprocessing)
    )


def test_an_unreadable_film_is_told_and_the_others_are_done(run, cohort, tmp_path):
    films = sorted((cohort / "images").glob("*.dcm"))[:2]
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(films[0].read_bytes()[:2000])
    done = jobs.predict(run / "bundle", [*films, broken], tmp_path / "results.csv")
    assert done.table["status"].to_list().count("ok") == 2
    assert done.exit_code == 4
    with pytest.raises(PartialResultError, match=r"broken\.dcm"):
        done.raise_if_partial()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("results.txt", "cannot write '.txt'"),
        ("folder.csv", "it is a folder"),
        ("file/results.csv", "cannot be written"),
        ("clinical.csv", "is the clinical table"),
    ],
)
def test_an_output_that_cannot_be_written_is_told_before_any_film_is_read(tmp_path, name, message):
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "clinical.csv").write_text("patient_id,age\n")
    with pytest.raises(ManifestError, match=message):
        jobs.predict(tmp_path, [tmp_path], tmp_path / name, clinical=tmp_path / "clinical.csv")
    assert (tmp_path / "clinical.csv").read_text() == "patient_id,age\n"


def test_the_command_line_prints_one_json_object_also_when_a_film_failed(run, cohort, tmp_path):
    (tmp_path / "films").mkdir()
    film = next((cohort / "images").glob("*.dcm"))
    shutil.copy(film, tmp_path / "films" / "good.dcm")
    (tmp_path / "films" / "broken.dcm").write_bytes(film.read_bytes()[:2000])
    command = ["predict", run / "bundle", tmp_path / "films", "-o", tmp_path / "r.csv", "--json"]
    done = CliRunner().invoke(app, [str(part) for part in command])
    assert (done.exit_code, json.loads(done.output)["failed"]) == (4, 1)


def test_the_exported_network_agrees_with_torch(run, tmp_path):
    done = jobs.export(run / "bundle", tmp_path / "network.onnx")
    assert max(done["differences"].values()) < 1e-4


def test_a_complete_run_is_neither_trained_again_nor_overwritten(run, recipe):
    before = (run / "weights.safetensors").stat().st_mtime_ns
    jobs.train(recipe, run, resume=True, progress=False)
    assert (run / "weights.safetensors").stat().st_mtime_ns == before
    with pytest.raises(TrainingError, match="complete run"):
        jobs.train(recipe, run, progress=False)


def test_a_guarantee_that_the_validation_rows_cannot_give_is_told_and_training_goes_on(
    cohort, recipe, tmp_path
):
    asked = {"operating_point.method": "exact", "operating_point.min_sensitivity": "0.95"}
    told: list[str] = []
    home = tmp_path / "run"
    changed = override_recipe(recipe, {**asked, "trainer.max_epochs": 1})
    done = jobs.train(changed, home, progress=False, notice=told.append)
    assert len(told) == 1
    assert "59 positives" in told[0]
    assert done["decides"] is None
    assert "is impossible with" in done["not_reached"]["exact"]
    decision = json.loads((home / "operating_points" / "decision.json").read_text())
    assert (decision["method"], decision["operating_point"]) == ("exact", None)
    assert decision["reason"] == done["not_reached"]["exact"]
    assert not (home / "operating_points" / "exact.json").exists()
    assert (home / "operating_points" / "empirical.json").exists()
    assert any("No operating point decides." in warning for warning in jobs.evaluate(home).warnings)
    assert "No operating point decides." in jobs.report(home).read_text()
    film = next((cohort / "images").glob("*.dcm"))
    results = jobs.predict(home / "bundle", [film], tmp_path / "results.csv").table
    assert results["decision.bone_loss"].null_count() == 1
    assert results["decision.bone_loss.empirical"].null_count() == 0


def test_the_point_that_decides_is_marked_in_run_bundle_and_report(run):
    decision = json.loads((run / "operating_points" / "decision.json").read_text())
    assert decision == {"method": "empirical", "operating_point": "empirical.json", "reason": None}
    assert read_bundle(run / "bundle").deciding == read_threshold(run / "operating_points" / "empirical.json")
    points = jobs.evaluate(run).evaluation.binary()[0].points
    assert {point.name: point.decides for point in points} == {"empirical": True}  # too few for exact
    assert "empirical (decides)" in jobs.report(run).read_text()


def test_the_predictions_of_a_run_hold_the_probabilities_that_its_bundle_gives(run, tmp_path):
    table = pl.read_parquet(run / "predictions.parquet")
    bundle = read_bundle(run / "bundle")
    prob = bundle.calibrators["bone_loss"].prob(table["logit.bone_loss"].to_numpy())
    assert (table["prob.bone_loss"].to_numpy() == prob).all()
    assert {"prob.normal", "prob.osteopenia", "prob.osteoporosis"} <= set(table.columns)
    other = tmp_path / "run"
    shutil.copytree(run, other)
    table.with_columns(pl.col("prob.bone_loss") ** 2).write_parquet(other / "predictions.parquet")
    with pytest.raises(TrainingError, match=r"'prob\.bone_loss' is not what the bundle makes of its logits"):
        jobs.evaluate(other)


@pytest.fixture(scope="module")
def folds(cohort, recipe, tmp_path_factory):
    """Folder of a cross-validation in three folds."""
    home = tmp_path_factory.mktemp("crossval")
    jobs.split(cohort / "manifest.csv", home / "folds.csv", folds=3, seed=1)
    changed = recipe.cohort.model_copy(update={"split": home / "folds.csv"})
    done = jobs.crossval(recipe.model_copy(update={"cohort": changed}), home / "folds", progress=False)
    assert done["folds"] == len(done["operating_points"]) == 3
    return home / "folds"


def test_a_cross_validation_is_reported_from_out_of_fold_rows(folds, cohort):
    table = pl.read_parquet(folds / "predictions.parquet")
    manifest = read_manifest(cohort / "manifest.csv").frame
    assert sorted(table["image_id"]) == sorted(manifest["image_id"])
    spread = {(one.task, one.figure): one for one in jobs.evaluate(folds).evaluation.by_fold}
    assert len(spread["t_score", "mae"].of_folds) == 3
    page = jobs.report(folds)
    assert "Bone loss: by fold" in page.read_text()
    curves = (page.parent / "figures" / "training_curves.svg").read_text()
    kept = [best["best"]["epoch"] for best in json.loads((folds / "run.json").read_text())["folds"]]
    told = f"epoch {kept[0]}" if len(set(kept)) == 1 else f"epochs {min(kept)} to {max(kept)}"
    assert f"best, {told}" in curves
    assert "every line is a fold" in page.read_text()


def test_each_row_of_a_cross_validation_is_judged_by_its_own_fold(folds):
    table = pl.read_parquet(folds / "predictions.parquet")
    called, prob = np.zeros(table.height, bool), np.zeros(table.height)
    for fold in range(3):
        bundle = read_bundle(folds / f"fold{fold}" / "bundle")
        mine = (table["fold"] == fold).to_numpy()
        point = next(point for point in bundle.operating_points if point.method == "empirical")
        prob[mine] = bundle.calibrators["bone_loss"].prob(table["logit.bone_loss"].to_numpy()[mine])
        assert set(table["weights_sha256"].to_numpy()[mine]) == {bundle.document.weights.sha256}
        called[mine] = prob[mine] >= point.threshold
    assert (table["prob.bone_loss"].to_numpy() == prob).all()
    positive = table["target.bone_loss"].to_numpy() == 1
    found = jobs.evaluate(folds).evaluation.binary()[0]
    decisions = found.points[0].on[0]
    assert (found.points[0].name, found.points[0].threshold) == ("empirical", None)
    assert decisions.confusion.true_positives == (called & positive).sum()
    assert decisions.confusion.false_positives == (called & ~positive).sum()
    assert found.calibration[1].stage == "after"
    assert found.calibration[1].brier.value == pytest.approx(np.mean((prob - positive) ** 2))


def test_a_cross_validation_without_its_bundles_says_how_to_finish_it(folds, tmp_path):
    shutil.copytree(folds, tmp_path / "folds")
    shutil.rmtree(tmp_path / "folds" / "fold1" / "bundle")
    with pytest.raises(TrainingError, match=r"fold1: no bundle.*strnet crossval .* --resume"):
        jobs.evaluate(tmp_path / "folds")


def test_a_search_writes_the_best_recipe(recipe, tmp_path):
    (tmp_path / "space.yaml").write_text("trainer.learning_rate: [0.001, 0.0001]\n")
    done = jobs.tune(recipe, tmp_path / "space.yaml", tmp_path / "study", trials=2, progress=False)
    assert [trial["state"] for trial in done["trials"]] == ["complete", "complete"]
    assert load_recipe(done["best_recipe"]).trainer.learning_rate in (0.001, 0.0001)


def test_a_folder_of_films_becomes_a_manifest(cohort, tmp_path):
    labels = _labels(cohort, tmp_path)
    out = tmp_path / "manifest.csv"
    done = jobs.ingest(cohort / "images", out, table=labels, constants={"reference_standard": "dxa"})
    films = len(list((cohort / "images").glob("*.dcm")))
    assert done["films"] == pl.read_csv(labels).height
    assert done["films"] + done["left_out"] == films  # those without a row are told, not dropped
    assert read_manifest(tmp_path / "manifest.csv").frame["reference_standard"].unique().to_list() == ["dxa"]


@pytest.mark.parametrize(("layout", "message"), [("dicm", "did you mean 'dicom'"), ("table", "Add --table")])
def test_an_unusable_layout_says_what_to_do(tmp_path, layout, message):
    with pytest.raises(ConfigError, match=message):
        jobs.ingest(tmp_path, tmp_path / "manifest.csv", layout=layout)


def _labels(cohort, folder):
    """A table as a hospital would send it: one row per film, no manifest columns but its own."""
    manifest = read_manifest(cohort / "manifest.csv").frame
    table = manifest.select("image_id", "patient_id", "t_score").filter(pl.col("t_score").is_not_null())
    table.write_csv(folder / "labels.csv")
    return folder / "labels.csv"


def test_a_recipe_without_a_manifest_says_how_to_give_one(tmp_path):
    with pytest.raises(ConfigError, match="--manifest FILE"):
        jobs.train(load_recipe(RECIPE), tmp_path / "run", progress=False)


def test_an_edited_bundle_is_refused(run, tmp_path):
    other = tmp_path / "bundle"
    shutil.copytree(run / "bundle", other)
    text = (other / "bundle.json").read_text()
    (other / "bundle.json").write_text(text.replace('"seed": 1', '"seed": 2'))
    with pytest.raises(BundleError):
        jobs.export(other, tmp_path / "network.onnx")
