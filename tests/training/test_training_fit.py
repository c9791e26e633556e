"""From a recipe to a run folder: what stands there, and what is refused."""

import json
import math
import signal
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file, load_model

from strnet.config import load_recipe, override_recipe
from strnet.data import RadiographDataset, build_cache, prepared_files
from strnet.data.randomness import Stream, torch_seed
from strnet.errors import ConfigError, MissingExtraError, SplitError, StrnetError, TrainingError
from strnet.imaging import read_radiograph
from strnet.models import ClinicalScaling, build_network
from strnet.schema import baseline_column, class_logit_column, logit_column, prediction_column, target_column
from strnet.training import fit, loggers, predict_rows, read_run
from strnet.training.cohort_rows import prepare_cohort, read_rows
from strnet.training.module import ScreeningModule
from strnet.training.recorder import EpochRecorder
from strnet.trust import fit_picture_model, read_picture
from strnet.workers import Workers


def train(recipe, cohort, run, **how):
    return fit(recipe, cohort.manifest, cohort.split, run, progress=False, **how)


def test_a_complete_run_holds_everything_later_jobs_need(finished, recipe, cohort):
    folder = finished.folder
    assert json.loads(folder.run.read_text())["status"] == "complete"
    assert load_recipe(folder.recipe).tasks == recipe.tasks
    environment = json.loads(folder.environment.read_text())
    assert environment["seed"] == 5
    assert environment["packages"]["torch"] == torch.__version__
    assert environment["settings"]["threads"] == 1
    assert len(environment["manifest_sha256"]) == 64
    assert finished.predictions.height == 48
    rows = finished.summary["rows"]["train"]
    train_rows = finished.predictions.filter(pl.col("split") == "train").height
    assert (
        rows["bone_loss"]["negative"] + rows["bone_loss"]["positive"]
        == rows["bone_loss"]["known"]
        == train_rows
    )
    assert rows["osteoporosis_given_loss"]["known"] == rows["bone_loss"]["positive"]


def test_the_epoch_kept_is_the_best_of_the_curves(finished):
    curves = pl.read_csv(finished.folder.metrics)
    assert curves["epoch"].to_list() == [0, 1, 2]
    best = finished.summary["best"]
    assert best["epoch"] == curves["validation/loss"].arg_min()
    assert best["value"] == pytest.approx(curves["validation/loss"].min())


def test_the_predictions_are_those_of_the_weights_in_the_folder(finished, recipe, cohort):
    prepared = prepare_cohort(recipe, read_rows(cohort.manifest, cohort.split), cohort.folder / "cache")
    scaling = ClinicalScaling(**{k: tuple(v) for k, v in finished.summary["clinical_scaling"].items()})
    network = build_network(recipe.network, recipe.tasks, scaling, seed=99)
    load_model(network, finished.folder.weights)
    dataset = RadiographDataset(prepared.samples(), prepared.cache, recipe.preprocessing)
    outputs = predict_rows(network, dataset).outputs
    table = finished.predictions
    np.testing.assert_allclose(table[logit_column("bone_loss")], outputs["bone_loss"], atol=1e-5)
    np.testing.assert_allclose(table[prediction_column("t_score")], outputs["t_score"], atol=1e-5)
    columns = [class_logit_column("grade", label) for label in ("osteopenia", "osteoporosis")]
    np.testing.assert_allclose(table.select(columns).to_numpy(), outputs["grade"], atol=1e-5)


def test_every_row_has_an_atypicality_by_the_model_of_the_training_rows_alone(finished, recipe, cohort):
    prepared = prepare_cohort(recipe, read_rows(cohort.manifest, cohort.split), cohort.folder / "cache")
    scaling = ClinicalScaling(**{k: tuple(v) for k, v in finished.summary["clinical_scaling"].items()})
    network = build_network(recipe.network, recipe.tasks, scaling, seed=99)
    load_model(network, finished.folder.weights)
    training = RadiographDataset(prepared.samples("train"), prepared.cache, recipe.preprocessing)
    rows = predict_rows(network, training)
    kept = read_picture(finished.folder.picture.read_bytes(), "here")
    own = fit_picture_model(rows.features, rows.statistics)
    np.testing.assert_allclose(kept.features.mean, own.features.mean, atol=1e-4)
    table = finished.predictions.filter(pl.col("split") == "train")
    found = kept.atypicality(rows.features, rows.statistics)
    np.testing.assert_allclose(table["atypicality"], found, rtol=1e-2)
    assert finished.predictions["atypicality"].is_finite().all()


def test_the_table_carries_targets_splits_and_identity_of_the_cohort(finished, cohort):
    table = finished.predictions.join(pl.read_csv(cohort.manifest), on="image_id", suffix=".manifest")
    split = pl.read_csv(cohort.split)
    assert table["split"].to_list() == split["split"].to_list()
    assert (table["patient_id"] == table["patient_id.manifest"]).all()
    expected = table.select((pl.col("diagnosis") != "normal").cast(pl.Float64))["diagnosis"]
    assert table[target_column("bone_loss")].equals(expected.rename(target_column("bone_loss")))
    assert table[target_column("t_score")].to_list() == table["t_score"].to_list()
    severity = table.filter(pl.col("diagnosis") == "normal")[target_column("osteoporosis_given_loss")]
    assert severity.null_count() == severity.len()


def test_both_baselines_stand_beside_the_network(finished):
    for baseline in ("clinical", "metadata"):
        for task in ("bone_loss", "osteoporosis_given_loss", "t_score"):
            assert finished.predictions[baseline_column(baseline, task)].is_finite().all()


def test_the_same_seed_gives_the_same_run_and_another_seed_another(finished, recipe, cohort, tmp_path):
    again = train(recipe, cohort, tmp_path / "again")
    assert again.predictions.equals(finished.predictions)
    assert again.folder.weights.read_bytes() == finished.folder.weights.read_bytes()
    other = train(override_recipe(recipe, {"seed": 6}), cohort, tmp_path / "other")
    assert not other.predictions.equals(finished.predictions)


def test_every_film_is_decoded_once_however_many_epochs(recipe, own_cohort, tmp_path, monkeypatch):
    reads = []

    def counted(path):
        reads.append(path)
        return read_radiograph(path)

    monkeypatch.setattr(prepared_files, "read_radiograph", counted)
    train(override_recipe(recipe, {"cohort.workers": 0}), own_cohort, tmp_path / "run")
    assert sorted(reads) == own_cohort.films


def test_a_complete_run_is_neither_repeated_nor_overwritten_unasked(recipe, cohort, tmp_path):
    short = override_recipe(recipe, {"trainer.max_epochs": 1})
    first = train(short, cohort, tmp_path / "run")
    written = first.folder.run.stat().st_mtime_ns
    with pytest.raises(TrainingError, match="complete run of this recipe"):
        train(short, cohort, tmp_path / "run")
    with pytest.raises(TrainingError, match="Ask for one"):
        train(short, cohort, tmp_path / "run", resume=True, overwrite=True)
    assert train(short, cohort, tmp_path / "run", resume=True).summary == first.summary
    assert first.folder.run.stat().st_mtime_ns == written
    train(short, cohort, tmp_path / "run", overwrite=True)
    assert first.folder.run.stat().st_mtime_ns > written


@pytest.mark.parametrize("survivor", ["metrics.csv", "quarantine.csv", "recipe.yaml", "environment.json"])
def test_an_overwrite_that_was_killed_leaves_a_run_that_can_be_overwritten(
    recipe, cohort, tmp_path, monkeypatch, survivor
):
    short = override_recipe(recipe, {"trainer.max_epochs": 1})
    folder = train(short, cohort, tmp_path / "run").folder
    unlink = Path.unlink

    def killed(path, **how):
        if path.name == survivor:
            raise KeyboardInterrupt
        unlink(path, **how)

    monkeypatch.setattr(Path, "unlink", killed)
    with pytest.raises(KeyboardInterrupt):
        train(short, cohort, tmp_path / "run", overwrite=True)
    monkeypatch.undo()
    assert not folder.complete
    assert not folder.last_checkpoint.exists()
    train(short, cohort, tmp_path / "run", overwrite=True)


def test_a_folder_with_another_run_is_refused_and_says_what_differs(finished, recipe, cohort):
    other = override_recipe(recipe, {"trainer.learning_rate": 0.1, "tasks.t_score.coupling": 0.5})
    with pytest.raises(TrainingError, match=r"differs in tasks, trainer\.learning_rate"):
        train(other, cohort, finished.folder.path, resume=True)
    with pytest.raises(TrainingError, match="split_sha256, fold"):
        fit(recipe, cohort.manifest, cohort.folds, finished.folder.path, fold=0, resume=True, progress=False)


def interrupted_start(recipe, cohort, run, monkeypatch):
    """A start that Ctrl-C ended in the first step of the first epoch."""
    with monkeypatch.context() as patched:
        patched.setattr(ScreeningModule, "training_step", raise_interrupt)
        with pytest.raises(KeyboardInterrupt):
            train(recipe, cohort, run)


def raise_interrupt(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize("resume", [False, True])
def test_a_start_that_trained_nothing_gives_way_to_a_corrected_recipe_and_says_so(
    recipe, cohort, tmp_path, monkeypatch, finished, caplog, resume
):
    run = tmp_path / "run"
    interrupted_start(override_recipe(recipe, {"trainer.learning_rate": 9.0}), cohort, run, monkeypatch)
    assert (run / "recipe.yaml").exists()
    done = train(recipe, cohort, run, resume=resume)
    assert f"{run}: nothing was trained here yet" in caplog.text
    assert done.predictions.equals(finished.predictions)
    assert load_recipe(done.folder.recipe).trainer.learning_rate == recipe.trainer.learning_rate


def test_a_wrong_target_value_makes_no_folder(recipe, cohort, tmp_path):
    wrong = override_recipe(
        recipe, {"tasks.bone_loss.target": {"column": "diagnosis", "positive": ["osteo"]}}
    )
    with pytest.raises(ConfigError):
        train(wrong, cohort, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("left", ["weights.safetensors", "metrics.csv", "checkpoints/last.ckpt"])
def test_one_file_of_an_epoch_is_enough_to_keep_a_run(recipe, cohort, tmp_path, monkeypatch, left):
    run = tmp_path / "run"
    interrupted_start(recipe, cohort, run, monkeypatch)
    (run / left).parent.mkdir(exist_ok=True)
    (run / left).write_bytes(b"of an epoch")
    with pytest.raises(TrainingError, match="differs in seed"):
        train(override_recipe(recipe, {"seed": 6}), cohort, run)
    with pytest.raises(TrainingError, match="interrupted run of this recipe"):
        train(recipe, cohort, run)
    assert (run / left).read_bytes() == b"of an epoch"


def test_a_kill_while_the_folder_is_made_does_not_block_it(recipe, cohort, tmp_path, monkeypatch, finished):
    run = tmp_path / "run"
    run.mkdir()
    (run / ".environment-0123456789ab.json").write_text("{")
    assert train(recipe, cohort, run).predictions.equals(finished.predictions)
    assert not list(run.glob(".env*"))


def test_a_folder_with_other_files_is_refused_even_to_overwrite(recipe, cohort, tmp_path):
    (tmp_path / "recipe.yaml").write_text("name: mine\n")
    with pytest.raises(TrainingError, match="holds files but no run"):
        train(recipe, cohort, tmp_path, overwrite=True)
    assert (tmp_path / "recipe.yaml").read_text() == "name: mine\n"
    with pytest.raises(TrainingError, match="is a file"):
        train(recipe, cohort, tmp_path / "recipe.yaml")


def test_an_incomplete_run_cannot_be_read(tmp_path, finished):
    with pytest.raises(TrainingError, match="is no run folder"):
        read_run(tmp_path)
    assert read_run(finished.folder.path) == finished.summary


def test_a_split_edited_by_hand_is_refused(recipe, own_cohort, tmp_path):
    text = own_cohort.split.read_text()
    own_cohort.split.write_text(text.replace("test", "train", 1))
    with pytest.raises(SplitError):
        train(recipe, own_cohort, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_split_of_folds_needs_a_fold(recipe, cohort, tmp_path):
    with pytest.raises(TrainingError, match="one fold at a time"):
        fit(recipe, cohort.manifest, cohort.folds, tmp_path / "run", progress=False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trainer.monitor": "validation/bone_loss_auroq"}, "did you mean 'validation/bone_loss_auroc'"),
        ({"trainer.monitor": "validation/bone_loss_auroc"}, "Set trainer.monitor_mode: max"),
        ({"trainer.devices": 2}, "one device"),
        ({"tasks.bone_loss.clinical": ["agee"]}, "did you mean 'age'"),
        ({"tasks.t_score.target.column": "tscore"}, "did you mean 't_score'"),
        ({"tasks.bone_loss.clinical": ["bmi"]}, "clinical columns bmi: no training row knows them"),
        ({"tasks.t_score.name": "type"}, "torch keeps this name to itself"),
        ({"network.backbone.name": "test_resnt"}, "did you mean 'test_resnet'"),
        ({"network.backbone.weights": "absent.pth"}, "absent.pth"),
        ({"network.backbone.name": "test_vit", "preprocessing.width": 40}, "takes no film of 32 x 40 pixels"),
        (
            {"tasks.bone_loss.target": {"column": "t_score", "below": -20}},
            "task bone_loss, train rows: found",
        ),
    ],
)
def test_what_cannot_be_trained_stops_before_any_film_is_read(
    recipe, cohort, tmp_path, changes, message, monkeypatch
):
    monkeypatch.setattr(prepared_files, "read_radiograph", lambda _: pytest.fail("a film was read"))
    with pytest.raises(StrnetError, match=message):
        train(override_recipe(recipe, changes | {"cohort.workers": 0}), cohort, tmp_path / "run")


def test_films_are_read_by_as_many_processes_and_within_the_limits_that_the_recipe_names(
    recipe, own_cohort, tmp_path, monkeypatch
):
    asked = []

    def recorded(*arguments, workers, **options):
        asked.append(workers)
        return build_cache(*arguments, workers=workers, **options)

    monkeypatch.setattr("strnet.training.cohort_rows.build_cache", recorded)
    changes = {"cohort.workers": 1, "cohort.file_seconds": 9.0, "cohort.file_memory_gib": 0.5}
    train(override_recipe(recipe, changes | {"trainer.max_epochs": 1}), own_cohort, tmp_path / "run")
    assert asked == [Workers(1, file_seconds=9.0, file_memory_gib=0.5)]


def test_how_films_were_read_does_not_make_another_run(recipe, cohort, finished):
    slower = override_recipe(recipe, {"cohort.file_seconds": 99.0, "cohort.workers": 1})
    with pytest.raises(TrainingError, match="holds a complete run of this recipe"):
        train(slower, cohort, finished.folder.path)


def test_films_lost_to_the_quarantine_may_leave_a_task_without_its_rows(recipe, own_cohort, tmp_path):
    split = pl.read_csv(own_cohort.split)
    rows = pl.read_csv(own_cohort.manifest).join(split.select("image_id", "split"), on="image_id")
    for name in rows.filter((pl.col("split") == "validation") & (pl.col("diagnosis") == "normal"))["path"]:
        (own_cohort.folder / name).write_bytes(b"no film")
    with pytest.raises(TrainingError, match="task bone_loss, validation rows: found 0 negative"):
        train(recipe, own_cohort, tmp_path / "run")


def test_an_unreadable_film_is_left_out_and_listed(recipe, own_cohort, tmp_path):
    own_cohort.films[7].write_bytes(b"no film")
    run = train(override_recipe(recipe, {"trainer.max_epochs": 1}), own_cohort, tmp_path / "run")
    assert run.predictions.height == 47
    assert run.summary["quarantined"] == 1
    assert pl.read_csv(run.folder.quarantine)["image_id"].to_list() == ["image07"]


def test_a_cohort_without_a_readable_film_is_an_error(recipe, own_cohort, tmp_path):
    for film in own_cohort.films:
        film.write_bytes(b"no film")
    with pytest.raises(TrainingError, match="None of 48 films could be read"):
        train(recipe, own_cohort, tmp_path / "run")


def test_a_loss_that_is_not_finite_stops_with_the_films_of_its_batch(recipe, cohort, tmp_path):
    wild = override_recipe(recipe, {"trainer.learning_rate": 1e30, "trainer.warmup_epochs": 0})
    with pytest.raises(
        TrainingError, match=r"Epoch 0, step 1: the .* finite.*\n?.*Films of the batch: image\d\d"
    ):
        train(wild, cohort, tmp_path / "run")
    assert not (tmp_path / "run" / "run.json").exists()


def test_a_gradient_that_is_not_finite_stops_before_it_reaches_the_weights(
    recipe, cohort, tmp_path, monkeypatch
):
    from strnet.training import module

    def poisoned(*arguments):
        losses = multi_task_loss(*arguments)
        # Finite forward, NaN backward: the square root's slope at 0 times 0.
        return type(losses)(losses.total + 0 * (losses.total * 0).sqrt(), losses.per_task)

    multi_task_loss = module.multi_task_loss
    monkeypatch.setattr(module, "multi_task_loss", poisoned)
    with pytest.raises(TrainingError, match=r"step 0: the gradient norm is nan[^$]*image"):
        train(recipe, cohort, tmp_path / "run")


def test_a_frozen_backbone_keeps_its_weights_and_the_heads_learn(recipe, cohort, tmp_path):
    run = train(override_recipe(recipe, {"trainer.frozen_epochs": 3}), cohort, tmp_path / "run")
    scaling = ClinicalScaling(("age", "sex"), (60.0, 0.5), (1.0, 1.0))
    seed = torch_seed(recipe.seed, Stream.INITIALISATION)
    fresh = build_network(recipe.network, recipe.tasks, scaling, seed=seed).state_dict()
    trained = load_file(run.folder.weights)
    backbone = [name for name in trained if name.startswith("backbone.") and "num_batches" not in name]
    assert all(torch.equal(trained[name], fresh[name]) for name in backbone)
    neck = [name for name in trained if name.startswith("neck.") and name.endswith("weight")]
    assert not any(torch.equal(trained[name], fresh[name]) for name in neck)


def test_a_backbone_is_unfrozen_after_its_epochs(recipe, cohort, tmp_path):
    changes = {"trainer.frozen_epochs": 1, "trainer.max_epochs": 2}
    run = train(override_recipe(recipe, changes), cohort, tmp_path / "run")
    state = torch.load(run.folder.last_checkpoint, weights_only=True)["state_dict"]
    batches = {k: v.item() for k, v in state.items() if k.endswith("num_batches_tracked")}
    # About 24 training films in batches of 8: in the second epoch only, and in both.
    assert {v for k, v in batches.items() if ".backbone." in k} == {3}
    assert {v for k, v in batches.items() if ".backbone." not in k} == {6}


def unmoving(recipe, **changes):
    """A recipe whose network stays as it is, so that no epoch is better than the first."""
    return override_recipe(
        recipe,
        {
            "trainer.learning_rate": 1e-12,
            "trainer.frozen_epochs": 50,
            "trainer.max_epochs": 9,
            "trainer.early_stopping": 2,
            "trainer.monitor": "validation/bone_loss_auroc",
            "trainer.monitor_mode": "max",
            **changes,
        },
    )


def test_training_stops_after_the_epochs_it_was_to_wait_for(recipe, cohort, tmp_path):
    run = train(unmoving(recipe), cohort, tmp_path / "run")
    assert run.summary["epochs"] == 3
    assert run.summary["stopped_early"]
    assert run.summary["best"]["epoch"] == 0


def test_a_run_that_had_stopped_stays_stopped_when_it_is_resumed(recipe, cohort, tmp_path, monkeypatch):
    from sys import modules

    import strnet.training.fit  # noqa: F401 - the module; the package's `fit` is the function

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(modules["strnet.training.fit"], "_predictions", killed)
    with pytest.raises(KeyboardInterrupt):
        train(unmoving(recipe), cohort, tmp_path / "run")
    monkeypatch.undo()
    run = train(unmoving(recipe), cohort, tmp_path / "run", resume=True)
    assert run.summary["epochs"] == 3


@pytest.mark.parametrize("epoch", [0, 2])
def test_a_run_interrupted_between_epochs_ends_as_if_it_had_not_been(
    finished, recipe, cohort, tmp_path, monkeypatch, epoch
):
    whole = EpochRecorder.on_train_epoch_end

    def interrupted(self, trainer, module):
        whole(self, trainer, module)
        if trainer.current_epoch == epoch:
            raise RuntimeError("the power went")

    monkeypatch.setattr(EpochRecorder, "on_train_epoch_end", interrupted)
    with pytest.raises(RuntimeError, match="the power went"):
        train(recipe, cohort, tmp_path / "run")
    monkeypatch.undo()
    (tmp_path / "run" / "checkpoints" / ".last-0123456789ab.ckpt").write_bytes(b"half a checkpoint")
    with pytest.raises(TrainingError, match="interrupted run of this recipe"):
        train(recipe, cohort, tmp_path / "run")
    run = train(recipe, cohort, tmp_path / "run", resume=True)
    assert run.predictions.equals(finished.predictions)
    assert run.folder.metrics.read_text() == finished.folder.metrics.read_text()
    assert run.folder.weights.read_bytes() == finished.folder.weights.read_bytes()
    assert len(json.loads(run.folder.environment.read_text())["resumed"]) == 1
    assert [path.name for path in run.folder.last_checkpoint.parent.iterdir()] == ["last.ckpt"]


@pytest.fixture
def ctrl_c():
    """Python's answer to Ctrl-C, also where a shell started the tests deaf to it (with `&` from a script)."""
    found = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, found)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_leaves_a_run_to_resume_and_is_not_swallowed(recipe, cohort, tmp_path, monkeypatch, finished):
    whole = EpochRecorder.on_train_epoch_end

    def interrupted(self, trainer, module):
        whole(self, trainer, module)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(EpochRecorder, "on_train_epoch_end", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, cohort, tmp_path / "run")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    monkeypatch.undo()
    run = train(recipe, cohort, tmp_path / "run", resume=True)
    assert run.predictions.equals(finished.predictions)


def test_loggers_write_where_they_are_asked_to(recipe, cohort, tmp_path):
    changes = {"trainer.loggers": ["tensorboard"], "trainer.max_epochs": 1}
    run = train(override_recipe(recipe, changes), cohort, tmp_path / "run")
    assert list((tmp_path / "run" / "tensorboard").glob("events.*"))
    assert not run.folder.metrics.exists()


def test_mlflow_that_is_not_installed_is_named_with_its_extra(recipe, cohort, tmp_path, monkeypatch):
    monkeypatch.setattr(loggers, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"strnet\[mlflow\]"):
        train(override_recipe(recipe, {"trainer.loggers": ["mlflow"]}), cohort, tmp_path / "run")


def test_mlflow_without_a_server_to_write_to_is_refused_before_any_film_is_read(
    recipe, cohort, tmp_path, monkeypatch
):
    monkeypatch.setattr(loggers, "find_spec", lambda _: True)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(ConfigError, match="MLFLOW_TRACKING_URI, which is not set"):
        train(override_recipe(recipe, {"trainer.loggers": ["mlflow"]}), cohort, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_training_leaves_torchs_own_settings_as_they_were(finished, recipe, cohort, tmp_path):
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    train(override_recipe(recipe, {"trainer.max_epochs": 1}), cohort, tmp_path / "run")
    assert torch.equal(torch.rand(1), expected)
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.slow
def test_the_tiny_network_learns_what_the_films_show(recipe, cohort, tmp_path):
    changes = {"trainer.max_epochs": 40, "augmentation": {"brightness": 0, "contrast": 0, "gamma": 0}}
    longer = override_recipe(recipe, changes)
    run = train(longer, cohort, tmp_path / "run")
    table = run.predictions.filter(pl.col("split") == "test").drop_nulls(target_column("t_score"))
    r = np.corrcoef(table[target_column("t_score")], table[prediction_column("t_score")])[0, 1]
    assert r > 0.8
    assert math.isfinite(run.summary["best"]["value"])


@pytest.mark.parametrize(("version", "age"), [(None, "an older"), (1, "an older"), (3, "a newer")])
def test_a_run_of_another_schema_version_is_refused_with_what_to_do(tmp_path, version, age):
    content = {"status": "complete"} | ({} if version is None else {"schema_version": version})
    (tmp_path / "run.json").write_text(json.dumps(content))
    with pytest.raises(TrainingError, match=f"expected 2. The run was made by {age} strnet: train it again"):
        read_run(tmp_path)
