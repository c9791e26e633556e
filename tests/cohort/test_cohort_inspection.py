from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from strnet.cohort import inspection
from strnet.cohort.inspection import inspect_file, inspect_files
from strnet.files import sha256_file

ROOT = Path(__file__).parents[2]
CRASHING = """
import os
from strnet.cohort.inspection import Inspection

def inspect_file(path):
    if "crash" in path.name:
        os._exit(1)
    return Inspection(path, reason="read " + path.name)
"""


def test_a_readable_film_is_described(tmp_path, write_film):
    path = write_film(tmp_path / "film")
    found = inspect_file(path)
    assert found.reason is None
    assert found.source is not None
    assert (found.source.patient_id, found.file_sha256) == ("P0", sha256_file(path))


def test_an_unreadable_film_has_a_reason_without_its_path(tmp_path):
    found = inspect_file(tmp_path / "gone")
    assert found.reason == "cannot be read (No such file or directory)."


@pytest.mark.parametrize("workers", [0, 2])
def test_files_come_back_in_order_and_are_counted(tmp_path, write_png, workers):
    paths = [write_png(tmp_path / f"{n}.png", n) for n in range(6)]
    counted = []
    found = inspect_files(paths, workers=workers, progress=lambda done, total: counted.append((done, total)))
    assert [film.path for film in found] == paths
    assert len({film.pixel_sha256 for film in found}) == 6
    assert counted == [(n, 6) for n in range(1, 7)]


@pytest.mark.slow
def test_a_file_that_kills_its_process_is_one_unreadable_file_among_others(tmp_path, monkeypatch):
    (tmp_path / "crashing_decoder.py").write_text(CRASHING)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(inspection, "inspect_file", importlib.import_module("crashing_decoder").inspect_file)
    names = ["a", "crash", "b", "c", "d", "e"]
    found = inspect_files([tmp_path / name for name in names], workers=1)
    assert [film.path.name for film in found] == names
    assert str(found[1].reason).startswith("the process at work on it ended twice (exit code 1)")
    assert [film.reason for film in found if film.path.name != "crash"] == [f"read {n}" for n in "abcde"]


@pytest.mark.slow
def test_a_script_that_reads_films_needs_no_guard(tmp_path):
    script = tmp_path / "unguarded.py"
    script.write_text(
        "from pathlib import Path\nfrom strnet.cohort.inspection import inspect_files\n"
        "print(len(inspect_files([Path('a'), Path('b')])))\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "2\n", "")
