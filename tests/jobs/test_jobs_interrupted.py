"""TERM, Ctrl-C and kill -9 of commands as a user starts them: nothing lost, left running or half written."""

import os
import shutil
import signal
import subprocess
import sys
import time

import polars as pl
import pytest

from strnet.config import dump_recipe, override_recipe
from strnet.files import is_unfinished

pytestmark = pytest.mark.slow


# A shell that starts the tests in its background lets them, and what they start, ignore Ctrl-C; nohup lets
# them ignore the closing of their terminal.
PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from strnet.cli.main import run
run()
"""


def start(*arguments):
    """A command in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def wait_until(happened, process):
    while not happened():
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)


def require_nothing_runs(group):
    for _ in range(2000):  # a process that was killed stands there until its parent's parent has reaped it
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)
    pytest.fail("a process of the command still runs")


ENDS = [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129), (signal.SIGKILL, -9)]


@pytest.fixture(scope="module")
def longer(recipe, tmp_path_factory):
    """A recipe file of many short epochs, and what it gives when nothing happens."""
    folder = tmp_path_factory.mktemp("longer")
    changes = {"trainer.max_epochs": 12, "network.backbone.name": "test_resnet"}
    (folder / "recipe.yaml").write_text(dump_recipe(override_recipe(recipe, changes)))
    whole = start("train", folder / "recipe.yaml", "-o", folder / "whole")
    assert whole.wait() == 0, whole.communicate()
    return folder / "recipe.yaml", pl.read_parquet(folder / "whole" / "predictions.parquet")


@pytest.mark.parametrize(("number", "code"), ENDS)
def test_a_training_that_was_ended_goes_on_to_the_same_predictions(longer, tmp_path, number, code):
    recipe, expected = longer
    run = tmp_path / "run"
    process = start("train", recipe, "-o", run)
    metrics = run / "metrics.csv"
    wait_until(lambda: metrics.exists() and len(metrics.read_text().splitlines()) > 3, process)
    process.send_signal(number)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == code, said
    require_nothing_runs(process.pid)
    assert "Traceback" not in said
    assert ("goes on with --resume" in said) == (number != signal.SIGKILL)
    assert not (run / "run.json").exists()
    epochs = len(metrics.read_text().splitlines())
    again = start("train", recipe, "-o", run, "--resume")
    assert again.wait() == 0, again.communicate()
    assert epochs > 3
    assert pl.read_parquet(run / "predictions.parquet").equals(expected)
    assert not [path for path in run.rglob(".*") if is_unfinished(path)]


@pytest.mark.parametrize(("number", "code"), ENDS)
def test_a_prediction_that_was_ended_goes_on_where_it_was(run, cohort, tmp_path, number, code):
    films = tmp_path / "films"
    for copy in range(12):
        shutil.copytree(cohort / "images", films / f"{copy:02d}")
    out, kept = tmp_path / "out.csv", tmp_path / "out.csv.unfinished"
    arguments = ["predict", run / "bundle", films, "--batch-size", 4, "--workers", 1, "-o"]
    process = start(*arguments, out)
    wait_until(lambda: kept.exists() and len(kept.read_bytes().splitlines()) > 10, process)
    process.send_signal(number)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == code, said
    require_nothing_runs(process.pid)
    assert not out.exists()
    done = 4 * (kept.read_bytes().count(b"\n") - 1)
    again = start(*arguments, out)
    said = again.communicate()[1]
    assert again.returncode == 0, said
    assert f"goes on after the {done} films" in " ".join(said.split())
    straight = start(*arguments, tmp_path / "straight.csv")
    assert straight.wait() == 0
    assert out.read_bytes() == (tmp_path / "straight.csv").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["films", "out.csv", "straight.csv"]


def test_two_trainings_on_one_cold_cache_both_come_to_their_end(recipe, tmp_path):
    changes = {"cohort.cache": str(tmp_path / "cache"), "network.backbone.name": "test_resnet"}
    (tmp_path / "recipe.yaml").write_text(dump_recipe(override_recipe(recipe, changes)))
    first, second = (start("train", tmp_path / "recipe.yaml", "-o", tmp_path / name) for name in "ab")
    assert first.wait() == 0, first.communicate()
    assert second.wait() == 0, second.communicate()
    tables = [pl.read_parquet(tmp_path / name / "predictions.parquet") for name in "ab"]
    assert tables[0].equals(tables[1])
    index = next((tmp_path / "cache").rglob("index.txt")).read_text().splitlines()
    assert len({line.split()[0] for line in index}) == len(index) == tables[0].height
