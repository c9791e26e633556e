import shutil

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from strnet import jobs
from strnet.cli.main import app
from strnet.errors import ManifestError


@pytest.fixture
def films(tmp_path):
    """Sixteen labelled films: a picture under two patients, and a broken file that the table lists too."""
    folder = tmp_path / "films"
    folder.mkdir()
    rows = ["image_id,patient_id,t_score,reference_standard"]
    for number in range(16):
        pixels = np.random.default_rng(number).integers(0, 256, (24, 16)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"f{number}.png" if number % 2 else folder / f"f{number}.jpg")
        rows.append(f"f{number},p{number},{-3.0 if number % 2 else 0.0},dxa")
    shutil.copy(folder / "f1.png", folder / "f3.png")
    (folder / "f16.png").write_bytes(b"")
    (tmp_path / "labels.csv").write_text("\n".join([*rows, "f16,p16,-3.0,dxa"]))
    return folder


def test_ingest_says_what_a_person_must_know_of_the_cohort(films, tmp_path):
    out = tmp_path / "out" / "manifest.csv"
    table = tmp_path / "labels.csv"
    done = CliRunner().invoke(app, ["ingest", str(films), "-o", str(out), "--table", str(table)])
    text = " ".join(done.output.split())
    assert done.exit_code == 0, done.output
    assert f"1 file(s) were left out; {out.parent / 'manifest.quarantine.csv'} says why" in text
    assert "1 picture(s) occur more than once, 1 under several patients, 0 with several diagnoses" in text
    assert "All 8 labelled films with file_format png are osteoporosis" in text
    assert "{" not in text
    blank = next(line for line in done.output.splitlines() if line.split()[:1] == ["blank"])
    assert blank.endswith(", BMD and T-score of any DXA site")
    assert "bmd_" not in blank
    assert "t_score_" not in blank


def test_ingest_names_the_dxa_sites_of_which_nothing_is_known_once(films, tmp_path):
    table = tmp_path / "labels.csv"
    header, *rows = table.read_text().splitlines()
    table.write_text("\n".join([f"{header},bmd_total_hip", *(f"{row},0.8" for row in rows)]))
    done = CliRunner().invoke(
        app, ["ingest", str(films), "-o", str(tmp_path / "m.csv"), "--table", str(table)]
    )
    blank = next(line for line in done.output.splitlines() if line.split()[:1] == ["blank"])
    assert ", t_score_total_hip, " in blank
    assert blank.endswith(", BMD and T-score of lumbar_spine, femoral_neck, forearm")
    assert "bmd_" not in blank


def test_a_manifest_that_cannot_be_written_is_refused_before_any_film_is_read(films, tmp_path):
    with pytest.raises(ManifestError, match=r"cannot write '\.txt'"):
        jobs.ingest(
            films, tmp_path / "out" / "manifest.txt", progress=lambda *_: pytest.fail("a film was read")
        )
    assert not (tmp_path / "out").exists()
