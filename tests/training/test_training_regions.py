"""Training on regions: which rows it has, what it tells of the others, and that a run stays itself."""

from functools import partial
from importlib import import_module

import polars as pl
import pytest

from strnet.cohort import make_split, read_manifest, write_manifest, write_split
from strnet.config import override_recipe
from strnet.errors import ConfigError, TrainingError
from strnet.files import read_json
from strnet.training import crossval, fit, fold_folder

MODULE = import_module("strnet.training.crossval")  # the package's face has a function of that name

BOXES = "L1: 4 4 24 30; L2: 10 10 40 38"
SHORT = {"trainer.max_epochs": 1, "trainer.loggers": ["csv"], "baselines": False}


@pytest.fixture
def boxed(own_cohort):
    """A cohort whose films have boxes, but for the first six."""
    frame = read_manifest(own_cohort.manifest).frame
    boxes = [None if number < 6 else BOXES for number in range(frame.height)]
    manifest = write_manifest(frame.with_columns(box=pl.Series(boxes)), own_cohort.manifest)
    write_split(
        make_split(manifest, seed=1, ratios={"train": 0.5, "validation": 0.25, "test": 0.25}),
        own_cohort.split,
    )
    return own_cohort


def test_films_without_their_region_are_left_out_counted_and_listed_with_the_reason(recipe, boxed, tmp_path):
    looking = override_recipe(recipe, {**SHORT, "region.source": "manifest"})
    done = fit(looking, boxed.manifest, boxed.split, tmp_path / "run", progress=False)
    lost = pl.read_csv(done.folder.without_region)
    assert lost["image_id"].to_list() == [f"image{number:02d}" for number in range(6)]
    assert set(lost["reason"]) == {
        "region L1 is not in the regions table; region L2 is not in the regions table"
    }
    assert done.predictions.height == 42
    assert sum(done.summary["regions"]["without"].values()) == 6
    assert sum(done.summary["regions"]["films"].values()) == 42
    assert done.summary["regions"]["names"] == ["L1", "L2"]


def test_a_run_of_other_regions_is_another_run(recipe, boxed, tmp_path):
    looking = override_recipe(recipe, {**SHORT, "region.source": "manifest"})
    fit(looking, boxed.manifest, boxed.split, tmp_path / "run", progress=False)
    for changes, told in (
        ({"region.margin": 0.3}, r"region\.margin"),
        ({"region.source": "none"}, "regions_sha256"),
    ):
        other = override_recipe(looking, changes)
        with pytest.raises(TrainingError, match=told):
            fit(other, boxed.manifest, boxed.split, tmp_path / "run", resume=True, progress=False)


def test_a_cohort_without_any_region_or_a_folder_as_source_says_so(recipe, boxed, tmp_path):
    other = override_recipe(recipe, {"region.source": "manifest", "region.names": ["L9"]})
    with pytest.raises(ConfigError, match="Unknown region 'L9'"):
        fit(other, boxed.manifest, boxed.split, tmp_path / "run", progress=False)
    folder = override_recipe(recipe, {"region.source": str(tmp_path)})
    with pytest.raises(ConfigError, match="is a folder"):
        fit(folder, boxed.manifest, boxed.split, tmp_path / "run", progress=False)


def table_of(manifest, path, right=30):
    rows = [
        {"image_id": image_id, "region": name, "left": 4, "top": top, "right": right, "bottom": top + 20}
        for image_id in read_manifest(manifest).frame["image_id"]
        for name, top in (("L1", 2), ("L2", 18))
    ]
    own = {"rows": 40, "columns": 44, "status": "found"}
    pl.DataFrame([{**row, **own} for row in rows]).write_csv(path)
    return path


@pytest.mark.parametrize("finished", [0, 2, 3])
def test_folds_on_a_table_that_was_changed_are_another_cross_validation(
    recipe, own_cohort, tmp_path, monkeypatch, finished
):
    table = table_of(own_cohort.manifest, tmp_path / "regions.csv")
    looking = override_recipe(recipe, {**SHORT, "region.source": str(table), "region.use": "each"})
    ask = partial(crossval, looking, own_cohort.manifest, own_cohort.folds, tmp_path / "cv", progress=False)
    train_fold, trained = MODULE._run_of, []

    def stopped(*args):
        if len(trained) == finished:
            raise RuntimeError("the power went")
        trained.append(args[0].fold)
        return train_fold(*args)

    if finished < 3:
        monkeypatch.setattr(MODULE, "_run_of", stopped)
        with pytest.raises(RuntimeError, match="the power went"):
            ask(folds_at_once=0)
        monkeypatch.setattr(MODULE, "_run_of", train_fold)
    else:
        ask(folds_at_once=0)
    table_of(own_cohort.manifest, table, right=31)
    if finished:
        with pytest.raises(TrainingError, match="another run: it differs in regions_sha256"):
            ask(folds_at_once=0, resume=True)
        table_of(own_cohort.manifest, table)
    done = ask(folds_at_once=0, resume=True)
    hashes = {
        read_json(folder / "environment.json")["regions_sha256"]
        for folder in (tmp_path / "cv", *(fold_folder(tmp_path / "cv", fold) for fold in range(3)))
    }
    assert len(hashes) == 1
    assert done.predictions.height == 2 * 48
