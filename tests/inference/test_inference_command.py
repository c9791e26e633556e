"""`strnet predict` with a table, from the command line to the results and their summary."""

import json
import re

import polars as pl
import pytest
from typer.testing import CliRunner

from strnet.cli.main import app
from strnet.jobs import ingest


@pytest.fixture
def films(tmp_path, write_picture):
    folder = tmp_path / "films"
    folder.mkdir()
    for seed in range(4):
        write_picture(folder / f"{seed}.png", seed)
    return folder


def predict(bundle, films, *options):
    out = films.parent / "results.csv"
    done = CliRunner().invoke(app, ["predict", str(bundle.folder), str(films), "-o", str(out), *options])
    return done, pl.read_csv(out, infer_schema=False) if out.exists() else None


def test_without_a_table_the_summary_says_what_every_film_lacked(bundle, films):
    done, _ = predict(bundle, films)
    assert done.exit_code == 0
    assert re.search(r"missing +age 4, sex 4, bmi 4", done.output)
    done, _ = predict(bundle, films, "--json")
    assert json.loads(done.output)["missing"] == {"age": 4, "sex": 4, "bmi": 4}


def test_a_table_and_films_that_fit_in_part_are_counted_with_examples(bundle, films, tmp_path):
    table = tmp_path / "patients.csv"
    table.write_text("Film,age,Gender,bmi\n0.png,058Y,female,24\n1.png,70,M,\n9.png,70,M,31\n")
    mapped = ("--clinical", str(table), "--column", "image_id=Film", "--column", "sex=Gender")
    done, results = predict(bundle, films, *mapped, "--json")
    said = json.loads(done.output)
    assert (said["ok"], said["missing"]) == (4, {"age": 2, "sex": 2, "bmi": 3})
    assert said["clinical_table"] == {
        "rows": 3,
        "rows_without_film": 1,
        "first_rows_without_film": ["image_id '9.png'"],
        "films_without_row": 2,
        "first_films_without_row": [str(films / "2.png"), str(films / "3.png")],
        "absent_columns": [],
    }
    assert results["image_id"].to_list() == ["0", "1", "2", "3"]
    assert results["age"].to_list() == ["58.0", "70.0", None, None]


def test_a_column_that_the_table_lacks_is_said_and_no_error(bundle, films, tmp_path):
    table = tmp_path / "patients.csv"
    table.write_text("image_id,age,sex\n0,58,F\n")
    done, _ = predict(bundle, films, "--clinical", str(table))
    assert done.exit_code == 0
    assert "has no column bmi" in done.output
    assert "bmi 4" in done.output


def test_the_results_of_a_manifest_join_with_it_by_image_id(bundle, films, tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("image_id,patient_id,age,sex\n" + "".join(f"{i},p{i},{60 + i},F\n" for i in range(4)))
    ingest(films, tmp_path / "manifest.csv", table=labels, workers=0)
    done, results = predict(bundle, films, "--clinical", str(tmp_path / "manifest.csv"))
    assert done.exit_code == 0, done.output
    manifest = pl.read_csv(tmp_path / "manifest.csv", infer_schema=False)
    both = manifest.join(results, on="image_id", suffix=".results")
    assert both.height == manifest.height == results.height == 4
    for name in ("patient_id", "age", "sex"):
        assert both[name].equals(both[f"{name}.results"].alias(name))


def test_a_table_of_other_films_ends_the_command_before_a_film_is_read(bundle, films, tmp_path, monkeypatch):
    monkeypatch.setattr("strnet.inference.film_regions.read_films_once", None)
    table = tmp_path / "patients.csv"
    table.write_text("image_id,age,sex,bmi\nx,58,F,\n")
    done, results = predict(bundle, films, "--clinical", str(table))
    assert (type(done.exception).__name__, results) == ("ManifestError", None)
    assert "no row fits a film" in str(done.exception)


def test_a_mapping_without_a_table_is_refused(bundle, films):
    done, _ = predict(bundle, films, "--column", "age=Age")
    assert done.exit_code == 2
    assert "--clinical" in done.output
