"""An import that was stopped goes on where it was; pictures under several labels."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from strnet.cohort import inspection, inspection_journal
from strnet.cohort.importers import ImportRequest, import_films
from strnet.cohort.inspection import Inspection, inspect_file
from strnet.cohort.inspection_journal import inspect_with_journal, journal_path
from strnet.errors import ManifestError, StrnetError

ROOT = Path(__file__).parents[2]
KILLED = """
import os, signal
from pathlib import Path
from strnet.cohort.importers import ImportRequest, import_films

def progress(done, total):
    if done == 3:
        os.kill(os.getpid(), signal.SIGKILL)

import_films(ImportRequest(folder=Path({folder!r}), out=Path({out!r}), workers=0, progress=progress))
"""


@pytest.fixture
def read_films(monkeypatch):
    """The names of the films that are read, in order."""
    read = []

    def inspect(path):
        read.append(path.name)
        return inspect_file(path)

    monkeypatch.setattr(inspection, "inspect_file", inspect)
    return read


def test_a_killed_import_goes_on_and_reads_no_film_twice(tmp_path, write_film, read_films):
    for seed in range(6):
        write_film(tmp_path / "in" / f"{seed}.dcm", seed)
    out = tmp_path / "m.csv"
    done = subprocess.run(
        [sys.executable, "-c", KILLED.format(folder=str(tmp_path / "in"), out=str(out))],
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert os.listdir(tmp_path) == [] or not out.exists()
    assert journal_path(out).exists()
    counted = []
    request = ImportRequest(
        folder=tmp_path / "in", out=out, workers=0, progress=lambda *counts: counted.append(counts)
    )
    resumed = import_films(request)
    assert read_films == ["3.dcm", "4.dcm", "5.dcm"]
    assert counted == [(4, 6), (5, 6), (6, 6)]
    assert not journal_path(out).exists()
    whole = import_films(replace(request, out=tmp_path / "again.csv"))
    assert resumed.manifest.frame.equals(whole.manifest.frame)


def test_a_film_that_has_changed_and_one_that_could_not_be_read_are_read_again(
    tmp_path, write_png, read_films
):
    paths = [write_png(tmp_path / f"{n}.png", n) for n in range(3)]
    paths[2].write_bytes(b"")
    journal = tmp_path / "journal"
    inspect_with_journal(paths, journal, workers=0)
    write_png(paths[1], 9)
    os.utime(paths[1], ns=(1, 1))
    found = inspect_with_journal(paths, journal, workers=0)
    assert read_films == ["0.png", "1.png", "2.png", "1.png", "2.png"]
    assert found == [inspect_file(path) for path in paths]


def test_a_line_that_was_cut_off_is_read_again_and_spoils_no_other(tmp_path, write_png, read_films):
    paths = [write_png(tmp_path / f"{n}.png", n) for n in range(3)]
    journal = tmp_path / "journal"
    inspect_with_journal(paths[:2], journal, workers=0)
    journal.write_bytes(journal.read_bytes()[:-40])
    inspect_with_journal(paths[:2], journal, workers=0)
    found = inspect_with_journal(paths, journal, workers=0)
    assert read_films == ["0.png", "1.png", "1.png", "2.png"]
    assert [film.path for film in found] == paths


def test_the_journal_of_another_version_is_not_trusted(tmp_path, write_png, read_films, monkeypatch):
    paths = [write_png(tmp_path / "0.png")]
    inspect_with_journal(paths, tmp_path / "journal", workers=0)
    monkeypatch.setattr(inspection_journal, "_READ_BY", '{"films read by": "strnet 99"}')
    inspect_with_journal(paths, tmp_path / "journal", workers=0)
    assert read_films == ["0.png", "0.png"]


def test_everything_that_was_found_in_a_film_comes_back_from_the_journal(tmp_path, write_film):
    path = write_film(
        tmp_path / "a.dcm", StudyDate="20200229", ImagerPixelSpacing=[0.1, 0.3], PatientName="Müller"
    )
    journal = tmp_path / "journal"
    (first,) = inspect_with_journal([path], journal, workers=0)
    assert first.source is not None
    assert (first.source.study_date, first.source.spacing_mm) == (date(2020, 2, 29), (0.1, 0.3))
    (second,) = inspect_with_journal(
        [path], journal, workers=0, progress=lambda *_: pytest.fail("read again")
    )
    assert isinstance(second, Inspection)
    assert second == first


def test_a_journal_that_cannot_be_written_stops_the_import_with_one_line_and_what_stands_counts(
    tmp_path, write_png, read_films
):
    paths = [write_png(tmp_path / f"{n}.png", n) for n in range(4)]
    journal = tmp_path / "journal"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1800, hard))  # stands for a disk that is full
    try:
        with pytest.raises(StrnetError, match=r"cannot be written down \(File too large\)"):
            inspect_with_journal(paths, journal, workers=0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    before = len(read_films)
    assert 1 < before < 4
    inspect_with_journal(paths, journal, workers=0)
    assert read_films[before:] == [f"{n}.png" for n in range(before - 1, 4)]


PICTURES = "image_id,patient_id,t_score,reference_standard\na,1,-3,dxa\nb,2,{second},dxa\nc,3,0,dxa\n"


@pytest.fixture
def doubled(tmp_path, write_png, write_csv):
    """A function that imports films a, b (the same picture) and c, with a T-score of b."""
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        write_png(tmp_path / "films" / f"{name}.png", seed)

    def run(second, **asked):
        table = write_csv(PICTURES.format(second=second))
        return import_films(
            ImportRequest(folder=tmp_path / "films", table=table, out=tmp_path / "m.csv", workers=0, **asked)
        )

    return run


@pytest.mark.parametrize("second", [0, -2.9])
def test_one_picture_under_two_labels_is_refused_with_the_list_and_what_to_say(doubled, tmp_path, second):
    with pytest.raises(ManifestError) as caught:
        doubled(second)
    text = str(caught.value)
    assert "1 picture(s) stand under several labels" in text
    assert "a (patient 1: diagnosis osteoporosis, t_score -3.0) = b (patient 2:" in text
    assert "--duplicates drop" in text
    assert not (tmp_path / "m.csv").exists()


@pytest.mark.parametrize(
    ("duplicates", "kept", "left_out"),
    [("drop", ["c"], 2), ("first", ["a", "c"], 1), ("keep", ["a", "b", "c"], 0)],
)
def test_the_user_says_what_becomes_of_them_and_it_is_recorded(
    doubled, read_films, duplicates, kept, left_out
):
    with pytest.raises(ManifestError):
        doubled(0)
    read_films.clear()
    cohort = doubled(0, duplicates=duplicates)
    assert read_films == []
    assert cohort.manifest.frame["image_id"].to_list() == kept
    assert cohort.quarantine.height == left_out
    assert f"--duplicates {duplicates}" in cohort.notes[-1]


@pytest.mark.parametrize("second", [-3, ""])
def test_one_picture_with_one_label_stays_and_is_named_by_the_audit(doubled, second):
    cohort = doubled(second)
    assert cohort.manifest.frame.height == 3
    (group,) = cohort.audit.duplicates
    assert group.image_ids == ("a", "b")
