"""`strnet table-one`: the groups of a column or of a split, printed and written."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from strnet.cli.main import app
from strnet.cohort import make_split, read_manifest, write_split
from strnet.errors import ManifestError, RowFilterError, SplitError
from strnet.jobs import describe
from strnet.jobs.describe_patients import patients_tables


@pytest.fixture
def manifest(tmp_path):
    rng = np.random.default_rng(2)
    people = pl.DataFrame(
        {
            "patient_id": [f"p{number:02}" for number in range(60)],
            "age": rng.integers(45, 85, 60),
            "sex": rng.choice(["F", "M"], 60),
            "t_score": np.round(rng.normal(-1.7, 1.0, 60), 2),
            "reference_standard": "dxa",
            "menopause_age": rng.integers(40, 56, 60),
        }
    )
    films = pl.concat([people.with_columns(view=pl.lit(view)) for view in ("AP", "LATERAL")])
    films = films.with_columns(image_id=pl.format("{}_{}", "patient_id", "view"))
    films.with_columns(path=pl.format("{}.png", "image_id")).write_csv(tmp_path / "m.csv")
    made = read_manifest(tmp_path / "m.csv")
    write_split(make_split(made, seed=0, ratios={"train": 4, "validation": 1, "test": 1}), tmp_path / "s.csv")
    return tmp_path / "m.csv"


def test_the_command_prints_groups_figures_and_units(manifest):
    shown = CliRunner().invoke(app, ["table-one", str(manifest), "--median", "menopause_age"])
    assert shown.exit_code == 0, shown.output
    words = " ".join(shown.output.split())
    for expected in ("Patients by diagnosis", "menopause", "Kruskal-Wal", "T-score, SD"):
        assert expected in words
    assert "…" not in words


def test_patients_of_a_split_are_those_of_its_certificate(manifest, tmp_path):
    split = tmp_path / "s.csv"
    describe(manifest, by="split", split=split, out=tmp_path / "one.json")
    written = json.loads((tmp_path / "one.json").read_text())
    sides = json.loads((tmp_path / "s.certificate.json").read_text())["sides"]
    assert written["groups"] == {name: sides[name]["patients"] for name in ("train", "validation", "test")}
    describe(manifest, by="split", split=split, out=tmp_path / "one.md")
    assert (tmp_path / "one.md").read_text().startswith("**Patients by split**")


def test_images_are_chosen_by_a_condition(manifest, tmp_path):
    found = describe(manifest, where="sex = 'F'", columns=["age"]).content
    women = read_manifest(manifest).frame.filter(pl.col("sex") == "F")["patient_id"].n_unique()
    assert found["patients"] == women
    with pytest.raises(RowFilterError, match="Unknown column 'sx'"):
        describe(manifest, where="sx = 'F'")
    with pytest.raises(ManifestError, match="keeps none of 120 rows"):
        describe(manifest, where="age > 99")


def test_a_split_of_another_manifest_is_refused(manifest, tmp_path):
    fewer = read_manifest(manifest).frame.head(100)
    fewer.write_csv(tmp_path / "fewer.csv")
    with pytest.raises(SplitError):
        describe(tmp_path / "fewer.csv", by="split", split=tmp_path / "s.csv")


def test_a_report_gets_a_table_by_diagnosis_and_one_by_split_of_the_rows_that_were_used(manifest, tmp_path):
    by_diagnosis, by_split = patients_tables(
        read_manifest(manifest), tmp_path / "s.csv", {"where": "view = 'AP' and sex = 'F'"}
    )
    women = read_manifest(manifest).frame.filter(pl.col("sex") == "F")["patient_id"].n_unique()
    assert by_diagnosis.columns[1] == by_split.columns[1] == f"All (n = {women})"
    assert by_split.columns[2].startswith("train")


def test_a_cohort_in_which_every_patient_has_two_diagnoses_still_gets_a_report(manifest, tmp_path):
    frame = read_manifest(manifest).frame.drop("t_score")
    both = frame.with_columns(
        diagnosis=pl.when(pl.col("view") == "AP").then(pl.lit("normal")).otherwise(pl.lit("osteoporosis"))
    )
    both.write_csv(tmp_path / "both.csv")
    cohort = read_manifest(tmp_path / "both.csv")
    write_split(make_split(cohort, seed=0, folds=3), tmp_path / "folds.csv")
    (table,) = patients_tables(cohort, tmp_path / "folds.csv", None)
    assert "no patient has one diagnosis" in table.notes[0]
