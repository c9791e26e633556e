"""Every table of `hostile_tables.py` through the command; `-s` prints what its user is told."""

import gzip
import io
import subprocess
import sys
from types import SimpleNamespace

import polars as pl
import pytest
from hostile_tables import FRAME, READ, REFUSED, TEXT

from strnet.cli.main import run
from strnet.tables import scan_table
from strnet.thresholds import read_threshold
from strnet.thresholds.scores_table import rows_sha256

THRESHOLD = 0.35
"""Positives score 0.31, 0.33, 0.35, ... 0.89. BinomialCDF(2; 30, 0.2) is .044: two of them may be missed."""


@pytest.fixture
def told(capsys, monkeypatch, tmp_path):
    """A function: exit code, standard output and standard error of `strnet threshold ...`."""

    def command(*arguments, stdin=b""):
        monkeypatch.setattr(sys, "argv", ["strnet", "threshold", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as ended:
            run()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return command


@pytest.fixture
def fitted(told, tmp_path):
    """A function: what `threshold fit` says of a table, and the place of its operating point."""

    def fit(table):
        path = tmp_path / "in" / table.name
        path.parent.mkdir()
        if callable(table.content):
            table.content(path)
        elif table.name != "-":
            path.write_bytes(table.content)
        given, stdin = ("-", table.content) if table.name == "-" else (path, b"")
        out = tmp_path / "op.json"
        asked = ("--target", "y", "--score", "p", "--min-sensitivity", "0.8", *table.options)
        return *told("fit", given, *asked, "-o", out, stdin=stdin), out

    return fit


@pytest.fixture
def scores(tmp_path):
    """A table without any oddity."""
    (tmp_path / "s.csv").write_text(TEXT)
    return tmp_path / "s.csv"


def require_words(words, text):
    """The words stand in the text one after the other."""
    place = 0
    for word in words:
        assert word in text[place:], (word, text)
        place = text.index(word, place) + len(word)


@pytest.fixture
def print_row(request, tmp_path):
    """A function that prints a row of the table of messages, where pytest shows what is printed (`-s`)."""

    def print_if_shown(name, text):
        if request.config.getoption("capture") == "no":
            told = " ".join(text.replace(f"{tmp_path}/in/", "").split())
            sys.__stdout__.write(f"\n| {name} | {told or 'read'} |")

    return print_if_shown


@pytest.mark.parametrize("name", REFUSED)
def test_a_table_that_cannot_be_trusted_is_refused_with_its_cause_and_nothing_is_written(
    fitted, tmp_path, print_row, name
):
    code, printed, message, out = fitted(REFUSED[name])
    print_row(name, message)
    assert code == 2, (code, printed, message)
    assert "Traceback" not in message
    require_words(REFUSED[name].words, message)
    assert not printed
    assert not out.exists()
    assert not list(tmp_path.glob("*.*"))


@pytest.mark.parametrize("name", READ)
def test_a_table_that_only_looks_strange_is_read_and_what_is_strange_is_said(fitted, print_row, name):
    code, _, notes, out = fitted(READ[name])
    print_row(name, notes)
    assert code == 0, notes
    require_words(READ[name].words, notes)
    assert bool(notes) == bool(READ[name].words)
    point = read_threshold(out)
    assert (point.threshold, point.positives, point.negatives) == (THRESHOLD, 30, 30)
    same_rows = rows_sha256(FRAME["y"].to_numpy() == 1, FRAME["p"].to_numpy())
    assert (point.rows_sha256 == same_rows) == (name != "a last number cut in its middle")


def test_every_job_that_reads_a_table_says_of_a_last_line_without_its_end(told, scores, tmp_path):
    cut, point = tmp_path / "cut.csv", tmp_path / "op.json"
    cut.write_text(TEXT[:-2])
    asked = ("--target", "y")
    assert told("fit", scores, *asked, "--score", "p", "-o", point)[0] == 0
    for job in (
        ("apply", point, cut, "-o", tmp_path / "decided.csv"),
        ("certify", point, cut, *asked),
        ("cascade", cut, "--bone-loss", "y,p", "--osteoporosis", "y,p", "-o", tmp_path / "c.json"),
    ):
        _, _, notes = told(*job)
        require_words(("Note: ", "the last line has no end ('c59,1,0.8')"), notes)


def test_decisions_go_through_a_pipe_with_nothing_else_on_standard_output(scores, tmp_path):
    def strnet(*arguments, stdin):
        command = [sys.executable, "-m", "strnet", "threshold", *map(str, arguments)]
        return subprocess.run(command, input=stdin, capture_output=True, check=False)

    point = tmp_path / "op.json"
    asked = ("--target", "y", "--score", "p", "--min-sensitivity", "0.8")
    first = strnet("fit", "-", *asked, "-o", point, stdin=TEXT.encode())
    assert first.returncode == 0, first.stderr
    done = strnet("apply", point, "-", "-o", "-", stdin=gzip.compress(TEXT[:-1].encode()))
    assert done.returncode == 0, done.stderr
    expected = FRAME.with_columns(positive=pl.col("p") >= THRESHOLD)
    assert done.stdout.decode() == expected.write_csv()
    require_words(
        ("the last line has no end", f"rows 60, positive {expected['positive'].sum()}"), done.stderr.decode()
    )
    both = strnet("apply", point, "-", "-o", "-", "--json", stdin=TEXT.encode())
    assert both.returncode == 2


@pytest.mark.parametrize("suffix", [".csv.gz", ".tsv.gz", ".csv"])
def test_decisions_are_written_compressed_where_their_name_says_so(told, scores, tmp_path, suffix):
    point, out = tmp_path / "op.json", tmp_path / f"decided{suffix}"
    assert told("fit", scores, "--target", "y", "--score", "p", "-o", point)[0] == 0
    assert told("apply", point, scores, "-o", out)[0] == 0
    written = out.read_bytes()
    assert written.startswith(b"\x1f\x8b") == suffix.endswith(".gz")
    assert scan_table(out).collect()["positive"].sum() > 0
    assert told("apply", point, scores, "-o", out)[0] == 0
    assert out.read_bytes() == written


def test_a_point_is_no_table_for_standard_output(told, scores):
    code, _, message = told("fit", scores, "--target", "y", "--score", "p", "-o", "-")
    assert code == 2
    require_words(("-o -", "expected a file"), message)
