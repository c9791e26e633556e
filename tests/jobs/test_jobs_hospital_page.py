"""The page on hospitals, run from its own blocks; what it quotes is what the commands print."""

import json
import re
import shlex
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from strnet.cli.main import app
from strnet.files import read_json
from strnet.thresholds import read_operating_point

PAGE = Path(__file__).parents[2] / "docs" / "hospital.md"
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)


def words(text):
    """Lines without frames, their words one space apart."""
    plain = re.sub(r"[│┃━┏┓┗┛┡┩┳┻╇┴└┘─]", " ", text)
    return [" ".join(line.split()) for line in plain.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """The folder in which the blocks ran, and everything that the commands printed."""
    folder, printed = tmp_path_factory.mktemp("hospital"), ""
    with chdir(folder):
        for language, code in BLOCKS:
            if language == "python":
                subprocess.run([sys.executable, "-"], input=code.encode(), check=True)
            for line in code.splitlines() if language == "sh" else ():
                program, *arguments = shlex.split(line)
                ran = CliRunner().invoke(app, arguments)
                assert (program, ran.exit_code) == ("strnet", 0), f"{line}\n{ran.output}\n{ran.exception}"
                printed += ran.output
    return folder, printed


def test_what_the_page_quotes_is_printed_in_that_order(done):
    _, printed = done
    lines = iter(words(printed))
    for line in (line for language, text in BLOCKS if language == "text" for line in words(text)):
        assert any(line in found for found in lines), line


def test_the_hospital_of_the_page_is_the_one_of_its_words(done):
    folder, _ = done
    decided = pl.read_csv(folder / "results.csv")
    flagged = decided.filter(pl.col("positive"))
    assert (flagged.height, flagged["dxa"].count(), flagged["dxa"].sum()) == (100, 80, 62)
    others = decided.filter(~pl.col("positive"))
    assert (others.height, others["dxa"].count()) == (200, 89)
    assert set(others.drop_nulls("dxa")["patient_id"]) == set(pl.read_csv(folder / "list.csv")["patient_id"])


def test_the_certificate_says_what_was_found_and_what_was_checked(done):
    folder, _ = done
    certificate = read_json(folder / "certificate.json")
    assert (certificate["verdict"], certificate["from_list"]) == ("certified", True)
    assert certificate["point_rows_sha256"] == read_operating_point(folder / "op.json").rows_sha256
    assert certificate["new_people"] is True
    assert certificate["counts"]["unflagged_drawn"] == 89


def test_no_row_leaves_a_hospital(done):
    folder, _ = done
    for name in ("north", "south", "east"):
        sent = pl.read_csv(folder / f"{name}.csv", infer_schema=False)
        assert sent.height == 49
        people = pl.read_csv(folder / f"{name}_scores.csv")
        assert not set(people["patient_id"]) & set(str(sent.rows()).split("'"))
    pooled = read_operating_point(folder / "pooled.json")
    assert pooled.positives == 180
    assert json.loads((folder / "pooled.json").read_text())["point"]["speaks_of"] == "patients"
