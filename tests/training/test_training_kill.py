"""kill -9 in the middle of training, then resume: the same bits as if nothing had happened."""

import json
import os
import subprocess
import sys
import textwrap
import time

import pytest

from strnet.config import dump_recipe, override_recipe
from strnet.errors import TrainingError
from strnet.training import fit

SCRIPT = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from strnet.config import load_recipe
    from strnet.training import fit

    recipe, manifest, split, run = map(Path, sys.argv[1:5])
    fit(load_recipe(recipe), manifest, split, run, resume="resume" in sys.argv, progress=False)
    """
)


@pytest.fixture
def changes():
    """What else the recipe says."""
    return {}


@pytest.fixture
def start(recipe, cohort, tmp_path, changes):
    """A function that starts training in a process of its own."""
    longer = override_recipe(recipe, {"trainer.max_epochs": 8, "network.neck.dropout": 0.3} | changes)
    (tmp_path / "recipe.yaml").write_text(dump_recipe(longer))
    given = [str(path) for path in (tmp_path / "recipe.yaml", cohort.manifest, cohort.split)]

    def started(run, *how):
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        return subprocess.Popen([sys.executable, "-c", SCRIPT, *given, str(run), *how], env=environment)

    return started


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "delay"),
    [
        ({}, 0.0),
        ({}, 0.03),
        ({}, 0.1),
        ({"trainer.averaging": "ema", "trainer.averaging_decay": 0.7}, 0.03),
        ({"trainer.averaging": "swa", "trainer.averaging_start": 1}, 0.0),
    ],
    ids=["at once", "soon", "later", "a moving average", "an average of epochs"],
)
def test_a_killed_run_resumes_to_the_same_bits(start, tmp_path, delay):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert start(whole).wait() == 0

    process = start(killed)
    metrics = killed / "metrics.csv"
    while not metrics.exists() or len(metrics.read_text().splitlines()) < 4:
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.001)
    time.sleep(delay)
    process.kill()
    assert process.wait() == -9
    assert not (killed / "run.json").exists()

    assert start(killed, "resume").wait() == 0
    for name in ("predictions.parquet", "weights.safetensors", "metrics.csv"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes(), name
    assert not [path for path in killed.rglob(".*") if path.name != ".lock"], "a temporary file was left"
    best = [json.loads((run / "run.json").read_text())["best"] for run in (whole, killed)]
    assert best[0] == best[1]


@pytest.mark.slow
def test_two_processes_do_not_train_in_one_folder(start, recipe, cohort, tmp_path):
    process = start(tmp_path / "run")
    while not (tmp_path / "run" / "recipe.yaml").exists():
        assert process.poll() is None
        time.sleep(0.001)
    with pytest.raises(TrainingError, match="another process is training"):
        fit(recipe, cohort.manifest, cohort.split, tmp_path / "run", progress=False)
    assert process.wait() == 0
