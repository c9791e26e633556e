"""The example of docs/local.md, run as it stands there."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from strnet.cli.main import app
from strnet.thresholds import read_threshold
from strnet.thresholds.shift_watch import read_watch

PAGE = Path(__file__).parents[2] / "docs" / "local.md"


@pytest.fixture
def ran(tmp_path, monkeypatch):
    """The folder in which the blocks of the page were run, in their order."""
    monkeypatch.chdir(tmp_path)
    names = {}
    for language, block in re.findall(
        r"^```(python|sh)\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL
    ):
        if language == "python":
            exec(block, names)
            continue
        for line in block.splitlines():
            command, _, remark = line.partition("#")
            program, *arguments = shlex.split(command)
            assert program == "strnet"
            done = CliRunner().invoke(app, arguments)
            assert done.exit_code == (1 if "exit code 1" in remark else 0), done.output
    return tmp_path


def test_the_page_leads_from_a_frozen_threshold_to_a_local_one_and_a_flag(ran):
    before, after = read_threshold(ran / "op.json"), read_threshold(ran / "local.json")
    assert (after.update.decision, after.status) == ("lower", "guaranteed")
    assert after.update.parent_threshold == before.threshold > after.threshold
    watch = read_watch(ran / "watch.json")
    (flag,) = watch.flags
    assert watch.patients == 400
    assert flag.patient > 200
    assert flag.towards == "lower"
