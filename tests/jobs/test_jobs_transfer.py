"""Fine-tuning at another hospital: a run that starts from the bundle of another."""

import shutil

import pytest
from safetensors.torch import load_file

from strnet.cohort import make_split, read_manifest, write_split
from strnet.config import override_recipe
from strnet.errors import ConfigError, ModelError, TrainingError
from strnet.files import read_json
from strnet.inference import read_bundle
from strnet.jobs import crossval, train
from strnet.training.recorder import EpochRecorder

pytestmark = pytest.mark.slow


def fine_tuned(recipe, parent, **changes):
    """A recipe that keeps the parent's backbone as it is."""
    start = {"network.backbone.weights": str(parent), "trainer.frozen_epochs": 9, "seed": 77}
    return override_recipe(recipe, start | {"trainer.max_epochs": 1} | changes)


def test_a_child_s_bundle_names_its_parent_by_hash(run, recipe, tmp_path):
    parent = read_bundle(run / "bundle")
    train(fine_tuned(recipe, run / "bundle"), tmp_path / "child", progress=False)
    child = read_bundle(tmp_path / "child" / "bundle")
    start = child.provenance.starting_weights
    assert (start.source, start.sha256, start.name) == ("bundle", parent.sha256, recipe.name)
    assert parent.provenance.starting_weights is None
    readme = (child.folder / "README.md").read_text()
    assert f"Started from: backbone of the bundle of {recipe.name}, SHA-256 {parent.sha256}" in readme
    ours, theirs = (load_file(folder / "weights.safetensors") for folder in (child.folder, parent.folder))
    backbone = [name for name in theirs if name.startswith("backbone.")]
    assert all(ours[name].equal(theirs[name]) for name in backbone)


def test_a_run_does_not_go_on_from_another_parent_than_it_started_from(run, recipe, tmp_path, monkeypatch):
    parent = tmp_path / "parent.safetensors"
    shutil.copy(run / "bundle" / "weights.safetensors", parent)
    longer = fine_tuned(recipe, parent, **{"trainer.max_epochs": 2})

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(EpochRecorder, "on_train_epoch_end", killed)
    with pytest.raises(KeyboardInterrupt):
        train(longer, tmp_path / "child", progress=False)
    monkeypatch.undo()
    environment = read_json(tmp_path / "child" / "environment.json")
    assert environment["starting_weights"]["name"] == "parent.safetensors"
    (tmp_path / "child" / "metrics.csv").write_text("an epoch was whole\n")
    parent.write_bytes((run / "weights.safetensors").read_bytes()[:-4] + b"\0\0\0\0")
    with pytest.raises(TrainingError, match="the run was started from weights of SHA-256"):
        train(longer, tmp_path / "child", resume=True, progress=False)


def test_a_parent_that_does_not_fit_is_told_before_any_film_is_read(run, recipe, tmp_path):
    changes = {"preprocessing.mean": 0.1, "cohort.cache": str(tmp_path / "cache")}
    with pytest.raises(ModelError, match=r"preprocessing.mean: 0.5"):
        train(fine_tuned(recipe, run / "bundle", **changes), tmp_path / "child", progress=False)
    assert not (tmp_path / "cache").exists()


def test_a_parent_of_another_split_of_these_films_is_told_before_any_film_is_read(run, recipe, tmp_path):
    manifest = read_manifest(recipe.cohort.manifest)
    write_split(
        make_split(manifest, seed=99, ratios={"train": 2, "validation": 1, "test": 1}),
        tmp_path / "ratios.csv",
    )
    write_split(make_split(manifest, seed=99, folds=3), tmp_path / "folds.csv")
    own = {"cohort.cache": str(tmp_path / "cache")}
    for job, split, told in (
        (train, "ratios.csv", "this split"),
        (crossval, "folds.csv", "fold 0 of this split"),
    ):
        child = fine_tuned(recipe, run / "bundle", **own, **{"cohort.split": str(tmp_path / split)})
        with pytest.raises(TrainingError, match=f"other rows than {told} gives"):
            job(child, tmp_path / "child", progress=False)
    assert not (tmp_path / "cache").exists()


def test_an_adapter_without_a_file_is_no_recipe(recipe):
    with pytest.raises(ConfigError, match="adapter torchvision is for weights from a file"):
        override_recipe(recipe, {"network.backbone.adapter": "torchvision"})
    with pytest.raises(ConfigError, match=r"neck\.from_bundle needs the folder of a bundle"):
        override_recipe(recipe, {"network.neck.from_bundle": True})
