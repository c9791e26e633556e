"""One recipe over several values, and runs compared: what is trained, written, warned of and refused."""

import json
import shutil

import polars as pl
import pytest
from typer.testing import CliRunner

from strnet import jobs
from strnet.cli.main import app
from strnet.config import dump_recipe, override_recipe
from strnet.errors import ConfigError, ManifestError, TrainingError
from strnet.jobs.one_protocol import Protocol

TINY = {"network.backbone.name": "test_resnet", "trainer.max_epochs": 1, "baselines": False}


@pytest.fixture(scope="module")
def tiny(recipe):
    return override_recipe(recipe, TINY)


@pytest.fixture(scope="module")
def series(tiny, tmp_path_factory):
    """The folder of three runs, by one command; read only."""
    home = tmp_path_factory.mktemp("series")
    (home / "recipe.yaml").write_text(dump_recipe(tiny))
    over = ["--over", "network.neck.features=4,8,16"]
    arguments = ["train-each", str(home / "recipe.yaml"), *over, "-o", str(home / "runs"), "--json"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout[done.stdout.index("{") :])
    assert list(said["runs"]) == ["4", "8", "16"]
    assert len(said["comparisons"][0]["pairs"]) == 3
    return home / "runs"


@pytest.fixture(scope="module")
def runs(series):
    return [series / name for name in ("4", "8", "16")]


def test_each_value_has_an_ordinary_run(runs):
    for path in runs:
        assert (path / "bundle" / "bundle.json").exists()
        assert f"features: {path.name}\n" in (path / "recipe.yaml").read_text()


def test_a_series_goes_on_where_it_was_interrupted(tiny, series, tmp_path):
    home = tmp_path / "runs"
    shutil.copytree(series, home)
    shutil.rmtree(home / "16")
    before = (home / "4" / "run.json").stat().st_mtime_ns
    _, compared = jobs.train_each(
        Protocol(tiny, "network.neck.features", [4, 8, 16]), home, resume=True, progress=False
    )
    assert (home / "4" / "run.json").stat().st_mtime_ns == before
    straight = jobs.compare([series / name for name in ("4", "8", "16")])
    assert compared.comparisons == straight.comparisons


@pytest.mark.parametrize(
    ("key", "values", "message"),
    [
        ("network.neck.features", [4], "two or more values"),
        ("network.neck.features", [4, 4], "two or more values"),
        ("network.nek.features", [4, 8], "did you mean 'neck'"),
        ("network.backbone.name", ["test_resnet", "no_such_net"], "no_such_net"),
        ("tasks.bone_loss.target.below", [-1.0, -2.5], "rows or targets would differ"),
        ("cohort.where", ["age > 50", "age > 60"], "rows or targets would differ"),
    ],
)
def test_a_series_that_cannot_be_compared_trains_nothing(tiny, tmp_path, key, values, message):
    with pytest.raises(Exception, match=message):
        jobs.train_each(Protocol(tiny, key, values), tmp_path / "runs", progress=False)
    assert not (tmp_path / "runs").exists()


def test_the_comparison_is_written_as_a_table_and_as_json(runs, tmp_path):
    files = [tmp_path / "c.csv", tmp_path / "c.json"]
    done = jobs.compare(runs, out=files)
    table = pl.read_csv(files[0])
    assert table.height == sum(len(one.pairs) for one in done.comparisons)
    assert set(table["task"]) == {one.task for one in done.comparisons}
    assert json.loads(files[1].read_text()) == json.loads(json.dumps(done.content))
    assert "looks better than it is" in done.notes[-1]
    assert "flattering" in jobs.compare(runs, split="validation").notes[-1]


def test_a_reference_leaves_fewer_comparisons_on_the_console(runs):
    arguments = ["compare", *map(str, runs), "--against", "8", "--task", "bone_loss"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    assert "over the 2 comparisons" in " ".join(done.output.split())


def rewritten(run, copy, change, name="predictions.parquet"):
    shutil.copytree(run, copy)
    change(pl.read_parquet(copy / name)).write_parquet(copy / name)
    return copy


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"against": "9"}, ConfigError, "Unknown run '9'"),
        ({"tasks": ["bone_los"]}, ConfigError, "did you mean 'bone_loss'"),
        ({"split": "train"}, TrainingError, "Training rows judge no network"),
        ({"by": "exam"}, ConfigError, "Unknown unit 'exam'"),
        ({"out": ["c.xlsx"]}, ConfigError, "expected a name that ends in"),
    ],
)
def test_what_cannot_be_asked_is_refused(runs, asked, error, message, tmp_path):
    if "out" in asked:
        asked = {"out": [tmp_path / name for name in asked["out"]]}
    with pytest.raises(error, match=message):
        jobs.compare(runs, **asked)


def test_a_run_is_not_compared_with_itself_nor_with_its_copy(runs, tmp_path):
    with pytest.raises(ConfigError, match="expected two or more"):
        jobs.compare(runs[:1])
    with pytest.raises(TrainingError, match="given twice"):
        jobs.compare([runs[0], runs[1], runs[0]])
    shutil.copytree(runs[0], tmp_path / "copy")
    with pytest.raises(TrainingError, match="one network under two names"):
        jobs.compare([*runs, tmp_path / "copy"])


def test_a_network_that_lacks_a_row_is_named_with_the_row(runs, tmp_path):
    table = pl.read_parquet(runs[1] / "predictions.parquet")
    lost = table.filter(pl.col("split") == "test")["image_id"][0]
    other = rewritten(runs[1], tmp_path / "short", lambda t: t.filter(pl.col("image_id") != lost))
    with pytest.raises(ManifestError, match=f"'{lost}' is a test row of 4 and not of short"):
        jobs.compare([runs[0], other])


def test_a_network_that_was_trained_on_a_patient_to_be_judged_is_refused(runs, tmp_path):
    table = pl.read_parquet(runs[1] / "predictions.parquet")
    judged = table.filter(pl.col("split") == "test")["patient_id"][0]
    trained = table.filter(pl.col("split") == "train")["image_id"][0]
    also = pl.when(pl.col("image_id") == trained).then(pl.lit(judged)).otherwise("patient_id")
    other = rewritten(runs[1], tmp_path / "leaky", lambda t: t.with_columns(also.alias("patient_id")))
    with pytest.raises(TrainingError, match=f"leaky: 1 of the rows.*patient_id '{judged}'"):
        jobs.compare([runs[0], other])


@pytest.fixture(scope="module")
def folds(tiny, cohort, tmp_path_factory):
    """Two cross-validations that differ in the seed; read only."""
    home = tmp_path_factory.mktemp("folds")
    jobs.split(cohort / "manifest.csv", home / "folds.csv", folds=3, seed=1)
    for seed in (1, 2):
        changed = override_recipe(tiny, {"cohort.split": str(home / "folds.csv"), "seed": seed})
        jobs.crossval(changed, home / f"seed{seed}", progress=False, folds_at_once=0)
    return [home / "seed1", home / "seed2"]


def test_cross_validations_are_compared_out_of_fold(folds, runs, tmp_path):
    found = jobs.compare(folds).comparisons[0]
    assert found.patients == 60
    assert found.rows == pl.read_parquet(folds[0] / "predictions.parquet").height
    assert len(found.pairs) == 1
    with pytest.raises(ManifestError, match="rows are of one network only"):
        jobs.compare([folds[0], runs[0]])
    leaky = tmp_path / "leaky"
    shutil.copytree(folds[1], leaky)
    moved = (pl.col("fold") + 1) % 3
    table = pl.read_parquet(leaky / "predictions.parquet").with_columns(moved.alias("fold"))
    table.write_parquet(leaky / "predictions.parquet")
    with pytest.raises(TrainingError, match=r"leaky, fold 0: \d+ of the rows to be judged"):
        jobs.compare([folds[0], leaky])


def test_rows_that_only_some_answer_are_refused_or_left_out_and_counted(runs, tmp_path):
    shutil.copytree(runs[1], tmp_path / "fewer")
    path = tmp_path / "fewer" / "predictions.parquet"
    table = pl.read_parquet(path)
    test = table.filter(pl.col("split") == "test")
    lost = test["image_id"][:2].implode()
    table.filter(~pl.col("image_id").is_in(lost)).write_parquet(path)
    with pytest.raises(ManifestError, match="2 test rows are of one network only"):
        jobs.compare([runs[0], tmp_path / "fewer"])
    compared = jobs.compare([runs[0], tmp_path / "fewer"], common=True)
    assert compared.comparisons[0].rows == test.height - 2
    assert f"2 of {test.height} of 4." in compared.notes[0]


def test_rows_in_common_are_not_looked_for_among_those_that_the_other_network_was_trained_on(runs, tmp_path):
    table = pl.read_parquet(runs[1] / "predictions.parquet")
    moved = table.filter(pl.col("split") == "test")["patient_id"].unique().sort()[:2].implode()
    trained = pl.when(pl.col("patient_id").is_in(moved)).then(pl.lit("train")).otherwise("split")
    other = rewritten(runs[1], tmp_path / "other", lambda t: t.with_columns(trained.alias("split")))
    with pytest.raises(ManifestError, match="not of other, where it is a train row"):
        jobs.compare([runs[0], other], common=True)


def test_networks_without_a_row_in_common_are_told_so(runs, tmp_path):
    renamed = [pl.col("image_id") + "x", pl.col("patient_id") + "x"]
    other = rewritten(runs[1], tmp_path / "other", lambda t: t.with_columns(renamed))
    with pytest.raises(ManifestError, match="have no test row in common, by image_id"):
        jobs.compare([runs[0], other], common=True)
