"""Folds side by side: the same bits as one after the other, and what a crash or a kill costs."""

import os
import subprocess
import sys
import textwrap
import time
from importlib import import_module
from pathlib import Path

import polars as pl
import pytest

from strnet.config import dump_recipe, load_recipe, override_recipe
from strnet.data import prepared_files
from strnet.errors import SplitError, TrainingError
from strnet.files import read_json
from strnet.training import crossval, fold_folder, fold_processes

MODULE = import_module("strnet.training.crossval")  # the package's face has a function of that name
RESULTS = ("predictions.parquet", "weights.safetensors", "metrics.csv")


@pytest.fixture(scope="session")
def short(recipe):
    return override_recipe(recipe, {"trainer.max_epochs": 2, "trainer.threads": 1, "cohort.workers": 0})


@pytest.fixture(scope="session")
def one_by_one(short, cohort, tmp_path_factory):
    """A cross-validation in this process; read only."""
    run = tmp_path_factory.mktemp("folds") / "cv"
    crossval(short, cohort.manifest, cohort.folds, run, progress=False, folds_at_once=0)
    return run


def same_bits(first, second):
    table = "predictions.parquet"
    assert (first / table).read_bytes() == (second / table).read_bytes()
    for fold in range(3):
        for name in RESULTS:
            left, right = (fold_folder(run, fold) / name for run in (first, second))
            assert left.read_bytes() == right.read_bytes(), (fold, name)


def test_folds_side_by_side_give_the_bits_of_folds_one_after_the_other(short, cohort, one_by_one, tmp_path):
    crossval(short, cohort.manifest, cohort.folds, tmp_path / "cv", progress=True, folds_at_once=2)
    same_bits(one_by_one, tmp_path / "cv")
    assert not list(tmp_path.rglob("progress.json"))


def test_the_threads_of_a_training_are_kept_whatever_number_of_folds_it_is_resumed_with(
    recipe, cohort, tmp_path, monkeypatch
):
    monkeypatch.setattr(MODULE, "cores", lambda: 6)
    longer = override_recipe(recipe, {"trainer.max_epochs": 1})
    started = []

    def noted(trainings, at_once, **_):
        started.append((at_once, {t.recipe.trainer.threads for t in trainings}))
        raise KeyboardInterrupt

    monkeypatch.setattr(MODULE, "train_folds", noted)
    for at_once in (2, 3, 1):
        with pytest.raises(KeyboardInterrupt):
            crossval(
                longer, cohort.manifest, cohort.folds, tmp_path / "cv",
                resume=True, progress=False, folds_at_once=at_once,
            )  # fmt: skip
    assert started == [(2, {3}), (3, {3}), (1, {3})]


@pytest.mark.parametrize(("gpu", "cores", "expected"), [(True, 16, 1), (False, 2, 2), (False, 16, 5)])
def test_there_is_a_fold_per_core_and_on_a_gpu_one(recipe, gpu, cores, expected, monkeypatch):
    monkeypatch.setattr(fold_processes, "trains_on_cpu", lambda _: not gpu)
    monkeypatch.setattr(fold_processes, "cores", lambda: cores)
    assert fold_processes.usual_at_once(recipe.trainer, 5) == expected


def test_a_fold_that_fails_names_itself_and_the_others_are_kept(short, cohort, one_by_one, tmp_path):
    run = tmp_path / "cv"
    foreign = fold_folder(run, 1) / "letter.txt"
    # the folder of a cross-validation that was begun, or it would not be taken for one
    with pytest.raises(TrainingError, match=r"fold 1: .*holds files but no run"):
        foreign_after_start(short, cohort, run, foreign)
    complete = {fold: started(run, fold) for fold in (0, 2)}
    foreign.unlink()
    crossval(short, cohort.manifest, cohort.folds, run, resume=True, progress=False, folds_at_once=1)
    same_bits(one_by_one, run)
    assert {fold: started(run, fold) for fold in (0, 2)} == complete


def foreign_after_start(short, cohort, run, foreign):
    """A cross-validation in which a file of somebody else stands in the way of one fold."""
    begin = fold_processes.in_order

    def in_order(*arguments):
        foreign.parent.mkdir()
        foreign.write_text("Dear Sir")
        return begin(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fold_processes, "in_order", in_order)
        crossval(short, cohort.manifest, cohort.folds, run, progress=False, folds_at_once=1)


def started(run, fold):
    folder = fold_folder(run, fold)
    return read_json(folder / "environment.json")["started"], (folder / "run.json").stat().st_mtime_ns


def test_no_film_is_decoded_twice_not_even_one_that_cannot_be(short, own_cohort, tmp_path, monkeypatch):
    broken = own_cohort.films[7]
    broken.write_bytes(b"no film")
    read = []
    decode = prepared_files.read_radiograph
    monkeypatch.setattr(
        prepared_files, "read_radiograph", lambda path: read.append(Path(path)) or decode(path)
    )
    run = crossval(
        short, own_cohort.manifest, own_cohort.folds, tmp_path / "cv", progress=False, folds_at_once=0
    )
    assert sorted(read) == own_cohort.films
    assert run.predictions.height == 47
    for fold in range(3):
        listed = pl.read_csv(fold_folder(tmp_path / "cv", fold) / "quarantine.csv")
        assert listed["path"].to_list() == [str(broken)]


@pytest.mark.parametrize("at_once", [0, 2])
def test_a_fold_without_positives_is_named_before_any_training(short, cohort, tmp_path, monkeypatch, at_once):
    both = pl.read_csv(cohort.manifest).join(pl.read_csv(cohort.folds), on="image_id")
    lost = both.filter((pl.col("fold") == 1) & (pl.col("diagnosis") != "normal"))["image_id"]
    listed = ", ".join(f"'{name}'" for name in lost)
    without = override_recipe(short, {"cohort.where": f"image_id NOT IN ({listed})"})
    monkeypatch.setattr(MODULE, "_trained", lambda *_, **__: pytest.fail("it was trained"))
    with pytest.raises(TrainingError, match=r"fold 0 \(its validation rows are fold 1\)(.|\n)*0 positive"):
        crossval(
            without, cohort.manifest, cohort.folds, tmp_path / "cv", progress=False, folds_at_once=at_once
        )


def test_a_patient_in_two_folds_is_refused(short, own_cohort, tmp_path):
    table = pl.read_csv(own_cohort.manifest)
    fold = dict(pl.read_csv(own_cohort.folds).select("image_id", "fold").rows())
    image = next(f"image{i:02d}" for i in range(2, 48, 2) if fold[f"image{i:02d}"] != fold["image00"])
    renamed = pl.when(pl.col("image_id") == image).then(pl.lit("patient00")).otherwise("patient_id")
    same = table.with_columns(renamed.alias("patient_id"))
    same.write_csv(own_cohort.manifest)
    with pytest.raises(SplitError):
        crossval(short, own_cohort.manifest, own_cohort.folds, tmp_path / "cv", progress=False)


SCRIPT = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from strnet.config import load_recipe
    from strnet.training import crossval

    recipe, manifest, folds, run = map(Path, sys.argv[1:5])
    crossval(
        load_recipe(recipe), manifest, folds, run,
        resume="resume" in sys.argv, progress=False, folds_at_once=int(sys.argv[5]),
    )
    """
)


@pytest.fixture(scope="session")
def longer(recipe, cohort, tmp_path_factory):
    """A recipe file of more epochs, and what it gives when nothing happens."""
    folder = tmp_path_factory.mktemp("longer")
    changes = {"trainer.max_epochs": 8, "trainer.threads": 1, "network.neck.dropout": 0.3}
    (folder / "recipe.yaml").write_text(dump_recipe(override_recipe(recipe, changes)))
    changed = load_recipe(folder / "recipe.yaml")
    crossval(changed, cohort.manifest, cohort.folds, folder / "cv", progress=False, folds_at_once=0)
    return folder / "recipe.yaml", folder / "cv"


def start(recipe, cohort, run, *how):
    given = (recipe, cohort.manifest, cohort.folds, run, *how)
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *map(str, given)], env=os.environ | {"OMP_NUM_THREADS": "1"}
    )


def wait_until(happened, process):
    while not happened():
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.002)


def epochs(run, fold):
    table = fold_folder(run, fold) / "metrics.csv"
    return max(len(table.read_text().splitlines()) - 1, 0) if table.exists() else 0


@pytest.mark.slow
def test_a_killed_cross_validation_repeats_no_finished_fold_and_ends_with_the_same_bits(
    longer, cohort, tmp_path
):
    recipe, whole = longer
    run = tmp_path / "cv"
    process = start(recipe, cohort, run, 2)
    wait_until(lambda: epochs(run, 2) >= 2, process)  # the third begins when one of the others has ended
    process.kill()
    process.wait()
    finished = [fold for fold in range(3) if (fold_folder(run, fold) / "run.json").exists()]
    assert finished
    assert 2 not in finished
    before = {fold: started(run, fold) for fold in finished}
    assert start(recipe, cohort, run, 1, "resume").wait() == 0
    same_bits(whole, run)
    assert {fold: started(run, fold) for fold in finished} == before


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="finds the process of a fold in /proc")
def test_a_fold_whose_process_was_killed_goes_on_in_another(longer, cohort, tmp_path):
    recipe, whole = longer
    run = tmp_path / "cv"
    process = start(recipe, cohort, run, 1)
    wait_until(lambda: epochs(run, 0) >= 2, process)
    children = Path(f"/proc/{process.pid}/task").glob("*/children")
    (child,) = {int(pid) for listed in children for pid in listed.read_text().split()}
    os.kill(child, 9)
    assert process.wait() == 0
    assert len(read_json(fold_folder(run, 0) / "environment.json")["resumed"]) == 1
    same_bits(whole, run)
