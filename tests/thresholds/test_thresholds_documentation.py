"""The example of docs/thresholds.md, run as it stands there."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from strnet.cli.main import app

PAGE = Path(__file__).parents[2] / "docs" / "thresholds.md"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def printed(tmp_path, monkeypatch):
    """What the commands print, run after the script that writes their tables."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    names = {}
    write_tables, in_python = blocks("python")
    exec(write_tables, names)
    output = ""
    for line in "".join(blocks("sh")).splitlines():
        program, *arguments = shlex.split(line)
        assert program == "strnet"
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.output
        output += done.output
    exec(in_python, names)
    return output


def test_the_example_of_the_documentation_prints_what_the_page_shows(printed):
    rows = re.findall(r"^\| ([a-z][^|]*) \| ([^|]*) \| ([^|]*) \|$", PAGE.read_text(), flags=re.MULTILINE)
    shown = [cells for cells in rows if "of 75" in cells[1] or "142/155" in cells[1] or "%" in cells[1]]
    assert len(shown) == 3
    for cells in shown:
        assert all(cell in printed for cell in cells)
    assert "certified" in printed
    assert "7" in printed.split("certified")[1].split("\n")[0]
