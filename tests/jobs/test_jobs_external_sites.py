"""External rows of a run: scored with the frozen point, recorded, and a second scoring with another told."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from strnet import jobs
from strnet.cli.main import app
from strnet.cohort import read_manifest
from strnet.config import override_recipe
from strnet.jobs.external_record import record_path

TINY = {"network.backbone.name": "test_resnet", "trainer.max_epochs": 1, "baselines": False}


@pytest.fixture(scope="module")
def home(cohort, recipe, tmp_path_factory):
    """Folder of a split with an external site, `one` run, and `two`, another operating point of it."""
    folder = tmp_path_factory.mktemp("external")
    site = read_manifest(cohort / "manifest.csv").frame["site"].unique().sort()[0]
    split = folder / "split.csv"
    ratios = {"train": 3, "validation": 1, "test": 1}
    jobs.split(cohort / "manifest.csv", split, ratios=ratios, seed=1, external_sites=[site])
    changed = override_recipe(recipe, {**TINY, "cohort.split": str(split)})
    jobs.train(changed, folder / "one", progress=False)
    other = override_recipe(changed, {"operating_point.min_sensitivity": "0.5"})
    shutil.copytree(folder / "one", folder / "two")
    text = (folder / "two" / "recipe.yaml").read_text()
    now, then = (r.operating_point.min_sensitivity for r in (other, changed))
    (folder / "two" / "recipe.yaml").write_text(
        text.replace(f"min_sensitivity: '{then}'", f"min_sensitivity: '{now}'")
    )
    jobs.train(other, folder / "two", resume=True, progress=False)
    return folder


@pytest.fixture
def record(home):
    """The record beside the split, empty at first."""
    path = record_path(home / "split.csv")
    path.unlink(missing_ok=True)
    return path


def test_external_rows_are_scored_once_however_often_they_are_printed(home, record):
    first, again = (jobs.evaluate(home / "one", split="external") for _ in range(2))
    assert first.evaluation.sites
    assert first.remarks == again.remarks == ()
    (line,) = record.read_text().splitlines()
    assert json.loads(line)["run"] == "one"
    assert jobs.evaluate(home / "one").remarks == ()
    assert len(record.read_text().splitlines()) == 1


def test_a_second_scoring_with_another_operating_point_says_so(home, record):
    jobs.evaluate(home / "one", split="external")
    arguments = ["evaluate", str(home / "two"), "--split", "external"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    said = " ".join(done.output.split())
    assert "were scored with another operating point before (run one" in said
    statements = jobs.evaluate(home / "two", split="external").evaluation.statements
    assert "another operating point before (run one" in statements[-1]
    assert len(record.read_text().splitlines()) == 2


def test_a_record_that_a_kill_cut_off_is_gone_on_with(home, record):
    record.write_text('{"run": "one", "wei')
    jobs.evaluate(home / "one", split="external")
    (line,) = record.read_text().splitlines()
    assert json.loads(line)["run"] == "one"


def test_a_split_that_is_gone_is_said_to_leave_no_record(home, record):
    gone = home / "split.csv"
    kept = gone.read_bytes()
    gone.unlink()
    try:
        (remark,) = jobs.evaluate(home / "one", split="external").remarks
    finally:
        gone.write_bytes(kept)
    assert "was not recorded" in remark
