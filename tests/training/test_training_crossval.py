"""Cross-validation and the search: who is predicted by whom, and what is never read."""

import json

import polars as pl
import pytest

from strnet.config import load_recipe, override_recipe
from strnet.errors import ConfigError, TrainingError
from strnet.training import cohort_rows, crossval, fold_folder, read_run, tune
from strnet.training.module import ScreeningModule


@pytest.fixture(scope="session")
def short(recipe):
    return override_recipe(recipe, {"trainer.max_epochs": 1})


def test_every_patient_is_predicted_by_the_network_that_has_not_seen_it(short, cohort, tmp_path, monkeypatch):
    trained = []
    start = ScreeningModule.__init__

    def noted(self, network, learning):
        trained.append({split: set(ids) for split, ids in learning.image_ids.items()})
        start(self, network, learning)

    monkeypatch.setattr(ScreeningModule, "__init__", noted)
    run = crossval(short, cohort.manifest, cohort.folds, tmp_path / "cv", progress=False, folds_at_once=0)
    table = run.predictions
    assert table["image_id"].to_list() == pl.read_csv(cohort.manifest)["image_id"].to_list()
    assert set(table["split"]) == {"test"}
    assert len(trained) == 3
    for fold, seen in enumerate(trained):
        tested = table.filter(pl.col("fold") == fold)
        assert not set(tested["image_id"]) & (seen["train"] | seen["validation"])
        assert set(table["image_id"]) == set(tested["image_id"]) | seen["train"] | seen["validation"]
        of_fold = pl.read_parquet(fold_folder(tmp_path / "cv", fold) / "predictions.parquet")
        same = of_fold.join(tested.select("image_id"), on="image_id", how="semi")
        assert same["logit.bone_loss"].to_list() == tested["logit.bone_loss"].to_list()
    assert len(run.summary["folds"]) == 3


def test_an_interrupted_cross_validation_repeats_no_complete_fold(short, cohort, tmp_path, monkeypatch):
    steps = []
    step = ScreeningModule.training_step

    def counted(self, *batch):
        steps.append(1)
        if len(steps) == limit:
            raise RuntimeError("the power went")
        return step(self, *batch)

    monkeypatch.setattr(ScreeningModule, "training_step", counted)
    limit = 4  # two steps a fold
    with pytest.raises(RuntimeError, match="the power went"):
        crossval(short, cohort.manifest, cohort.folds, tmp_path / "cv", progress=False, folds_at_once=0)
    complete = [fold for fold in range(3) if (fold_folder(tmp_path / "cv", fold) / "run.json").exists()]
    assert complete
    before = [read_run(fold_folder(tmp_path / "cv", fold)) for fold in complete]
    limit = -1
    run = crossval(
        short, cohort.manifest, cohort.folds, tmp_path / "cv", resume=True, progress=False, folds_at_once=0
    )
    assert [run.summary["folds"][fold] | {"status": "complete"} for fold in complete] == before
    assert run.predictions.height == 48


def test_a_split_by_ratios_has_no_folds(short, cohort, tmp_path):
    with pytest.raises(TrainingError, match="has no folds"):
        crossval(short, cohort.manifest, cohort.split, tmp_path / "cv", progress=False)


@pytest.fixture
def space(tmp_path):
    path = tmp_path / "space.yaml"
    path.write_text(
        "trainer.learning_rate: {low: 1.0e-4, high: 1.0e-2, log: true}\n"
        "network.neck.features: {low: 4, high: 16}\n"
        "network.routing.kind: [gate, film]\n"
    )
    return path


def test_a_search_keeps_the_best_recipe_and_never_sees_a_test_row(
    short, cohort, space, tmp_path, monkeypatch
):
    read = []
    build = cohort_rows.build_cache

    def noted(files, *arguments, **how):
        read.extend(image_id for image_id, _ in files)
        return build(files, *arguments, **how)

    monkeypatch.setattr(cohort_rows, "build_cache", noted)
    found = tune(short, space, cohort.manifest, cohort.split, tmp_path / "study", trials=2, progress=False)
    tested = pl.read_csv(cohort.split).filter(pl.col("split") == "test")["image_id"]
    assert read
    assert not set(read) & set(tested)
    assert found.objective == "validation/loss"
    best = min(found.trials, key=lambda trial: trial["value"])
    assert found.best_value == best["value"]
    kept = load_recipe(found.best_recipe)
    assert kept.trainer.learning_rate == best["parameters"]["trainer.learning_rate"]
    assert kept.network.neck.features == best["parameters"]["network.neck.features"]
    curves = pl.read_csv(tmp_path / "study" / "trials" / f"{best['number']:04d}" / "metrics.csv")
    assert curves["validation/loss"].min() == pytest.approx(best["value"])

    more = tune(short, space, cohort.manifest, cohort.split, tmp_path / "study", trials=3, progress=False)
    assert more.trials[:2] == found.trials
    assert len(more.trials) == 3
    straight = tune(
        short, space, cohort.manifest, cohort.split, tmp_path / "straight", trials=3, progress=False
    )
    assert straight.trials == more.trials


def test_a_search_that_was_killed_repeats_the_trial_it_was_in(short, cohort, space, tmp_path, monkeypatch):
    step = ScreeningModule.training_step
    study = tmp_path / "study"
    tune(short, space, cohort.manifest, cohort.split, study, trials=1, progress=False)
    monkeypatch.setattr(ScreeningModule, "training_step", lambda *_: pytest.exit("killed"))
    with pytest.raises(BaseException, match="killed"):
        tune(short, space, cohort.manifest, cohort.split, study, trials=2, progress=False)
    journal = study / "journal.log"
    # A kill leaves no word of the end of the trial behind.
    lines = journal.read_text().splitlines()
    assert json.loads(lines[-1])["op_code"] == 6
    # ... and may cut off the line that is being written, which must not shut the others in.
    journal.write_text("\n".join(lines[:-1]) + '\n{"op_code": 7, "tri')
    monkeypatch.setattr(ScreeningModule, "training_step", step)
    found = tune(short, space, cohort.manifest, cohort.split, study, trials=2, progress=False)
    assert [trial["number"] for trial in found.trials] == [0, 2]
    straight = tune(short, space, cohort.manifest, cohort.split, tmp_path / "other", trials=2, progress=False)
    assert [trial["value"] for trial in found.trials] == [trial["value"] for trial in straight.trials]


def test_a_search_in_which_no_epoch_was_completed_gives_way_to_another(
    short, cohort, space, tmp_path, monkeypatch, caplog
):
    study = tmp_path / "study"
    monkeypatch.setattr(ScreeningModule, "training_step", lambda *_: pytest.exit("killed"))
    with pytest.raises(BaseException, match="killed"):
        tune(short, space, cohort.manifest, cohort.split, study, trials=1, progress=False)
    monkeypatch.undo()
    mended = override_recipe(short, {"trainer.batch_size": 6})
    space.write_text("network.neck.features: [4, 8]\n")
    found = tune(mended, space, cohort.manifest, cohort.split, study, trials=1, progress=False)
    assert "nothing was trained here yet" in caplog.text
    assert [trial["number"] for trial in found.trials] == [0]
    assert load_recipe(found.best_recipe).trainer.batch_size == 6
    with pytest.raises(TrainingError, match="holds another run"):
        tune(short, space, cohort.manifest, cohort.split, study, trials=1, progress=False)


def test_trials_that_diverge_are_told_from_those_that_end(short, cohort, tmp_path):
    space = tmp_path / "space.yaml"
    space.write_text("trainer.learning_rate: [1.0e+30]\n")
    with pytest.raises(TrainingError, match=r"None of 2 trials came to its end. The first: Epoch 0"):
        tune(short, space, cohort.manifest, cohort.split, tmp_path / "study", trials=2, progress=False)


def test_a_search_of_another_space_is_another_search(short, cohort, space, tmp_path):
    tune(short, space, cohort.manifest, cohort.split, tmp_path / "study", trials=1, progress=False)
    space.write_text("trainer.learning_rate: [1.0e-3, 1.0e-4]\n")
    with pytest.raises(TrainingError, match="another space"):
        tune(short, space, cohort.manifest, cohort.split, tmp_path / "study", trials=2, progress=False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trainer.learnig_rate: [1.0]\n", "did you mean 'learning_rate'"),
        ("trainer.learning_rate: {low: 1, high: 0}\n", "low < high"),
        ("trainer.learning_rate: {low: 0, high: 1, log: true}\n", "logarithmic"),
        ("trainer.learning_rate: [-1.0]\n", "trainer.learning_rate"),
        ("trainer.learning_rate: []\n", "one choice or more"),
        ("{}\n", "one key or more"),
        ("a: [\n", "not valid YAML"),
        ("a: [1]\na: [2]\n", "key 'a' stands in line 1 and in line 2"),
    ],
)
def test_a_search_space_that_cannot_be_used_is_an_error(short, cohort, tmp_path, text, message):
    (tmp_path / "space.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        tune(
            short, tmp_path / "space.yaml", cohort.manifest, cohort.split, tmp_path / "study", progress=False
        )


@pytest.mark.parametrize(
    ("key", "choices", "monitor"),
    [
        ("tasks.t_score.weight", [0.1, 1], "validation/loss"),
        ("tasks.bone_loss.loss", ["bce", "focal"], "validation/loss"),
        ("tasks.bone_loss.balance", [True, False], "validation/bone_loss_loss"),
        ("tasks.bone_loss.target.column", ["diagnosis"], "validation/t_score_loss"),
        ("trainer.monitor", ["validation/loss", "validation/t_score_loss"], "validation/loss"),
        ("cohort.split", ["a.csv", "b.csv"], "validation/loss"),
    ],
)
def test_a_search_does_not_move_the_yardstick_of_its_trials(short, cohort, tmp_path, key, choices, monitor):
    (tmp_path / "space.yaml").write_text(json.dumps({key: choices}))
    judged = override_recipe(short, {"trainer.monitor": monitor})
    with pytest.raises(ConfigError, match=f"{key}: {monitor} would be computed otherwise"):
        tune(judged, tmp_path / "space.yaml", cohort.manifest, cohort.split, tmp_path / "s", progress=False)


def test_a_task_s_weight_may_be_searched_for_another_quantity(short, cohort, tmp_path):
    (tmp_path / "space.yaml").write_text("tasks.t_score.weight: [0.1]\n")
    judged = override_recipe(short, {"trainer.monitor": "validation/bone_loss_loss"})
    space, study = tmp_path / "space.yaml", tmp_path / "study"
    found = tune(judged, space, cohort.manifest, cohort.split, study, trials=1, progress=False)
    assert load_recipe(found.best_recipe).tasks[2].weight == 0.1
