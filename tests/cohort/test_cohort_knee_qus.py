from __future__ import annotations

import shutil

import polars as pl
import pytest

from strnet.cohort import make_split
from strnet.cohort.importers import ImportRequest, import_knee_qus
from strnet.errors import ManifestError


@pytest.fixture(scope="module")
def cohort(shared_data, tmp_path_factory):
    out = tmp_path_factory.mktemp("qus") / "manifest.csv"
    return import_knee_qus(ImportRequest(folder=shared_data / "knee_qus", out=out, workers=0))


def test_the_usable_films_are_177_of_147_patients(cohort):
    frame = cohort.manifest.frame
    assert frame.height == 177
    assert frame["patient_id"].n_unique() == 147
    assert cohort.quarantine.height == 329 - 177
    steps = {step.name: step for step in cohort.flow.steps}
    assert steps["found"].images == 329
    assert steps["usable"].left_out == {"not traced to a patient": 99, "usable is not 1 in images.csv": 53}


def test_labels_come_from_the_sheet_and_not_from_the_folders(cohort):
    frame = cohort.manifest.frame
    prefix = (
        pl.col("patient_id")
        .str.extract("^([A-Z]+)")
        .replace({"N": "normal", "OP": "osteopenia", "OS": "osteoporosis"})
    )
    assert frame.filter(pl.col("diagnosis") != prefix).height == 0
    assert frame["t_score"].null_count() == 0
    in_normal = frame.filter(pl.col("path").str.contains("/normal/"))
    assert in_normal.filter(pl.col("diagnosis") != "normal").height > in_normal.height / 2


def test_the_reference_is_ultrasound_at_an_unknown_site(cohort):
    frame = cohort.manifest.frame
    assert frame["reference_standard"].unique().to_list() == ["qus"]
    assert frame["reference_site"].null_count() == 177
    assert frame["anatomy"].unique().to_list() == ["knee"]


def test_acquisition_columns_describe_the_original_files(cohort):
    row = cohort.manifest.frame.filter(pl.col("image_id") == "101__jpeg").row(0, named=True)
    assert (row["file_format"], row["rows"], row["columns"], row["photometric"]) == (
        "jpeg",
        2656,
        1040,
        "RGB",
    )
    assert (row["patient_id"], row["age"], row["sex"], row["t_score"]) == ("OP78", 62.0, "M", -2.2)
    assert row["bmi"] == pytest.approx(70 / 1.70688**2, abs=0.01)


def test_the_audit_finds_the_known_traps(cohort):
    (trap,) = cohort.audit.one_class_values
    assert (trap.column, trap.value, trap.diagnosis) == ("file_format", "png", "osteopenia")
    assert cohort.audit.duplicates == ()
    assert "17 pictures occur more than once among the 329 films, 10 in two folders." in cohort.notes


def test_yes_and_no_are_numbers_and_impossible_cells_are_blank(cohort):
    frame = cohort.manifest.frame
    for name in ("smoker", "diabetic", "family_history", "estrogen_use"):
        assert set(frame[name].drop_nulls()) <= {0.0, 1.0}
    assert frame.filter((pl.col("sex") == "M") & pl.col("pregnancies").is_not_null()).height == 0
    assert frame.filter(pl.col("menopause_age") > pl.col("age")).height == 0
    assert any("OP9" in note for note in cohort.notes)
    assert frame["previous_fracture"].drop_nulls().is_between(0, 1).all()


def test_five_folds_hold_every_class(cohort):
    sides = make_split(cohort.manifest, seed=0, folds=5).certificate["sides"]
    assert sum(side["patients"] for side in sides.values()) == 147
    assert all(set(side["classes"]) == {"normal", "osteopenia", "osteoporosis"} for side in sides.values())


def test_a_folder_without_its_tables_is_refused_with_what_it_needs(shared_data, tmp_path):
    with pytest.raises(ManifestError, match=r"patient details.xlsx: no such file"):
        import_knee_qus(ImportRequest(folder=tmp_path, out=tmp_path / "m.csv", workers=0))
    shutil.copy(shared_data / "knee_qus" / "patient details.xlsx", tmp_path)
    with pytest.raises(ManifestError, match=r"images.csv: no such file.*original_width"):
        import_knee_qus(ImportRequest(folder=tmp_path, out=tmp_path / "m.csv", workers=0))


def test_an_unreadable_and_an_unknown_patients_film_are_listed(shared_data, tmp_path):
    source = shared_data / "knee_qus"
    shutil.copy(source / "patient details.xlsx", tmp_path)
    images = pl.read_csv(source / "images.csv", infer_schema=False).filter(pl.col("usable") == "1").head(3)
    images = images.with_columns(
        patient_id=pl.when(pl.int_range(pl.len()) == 1).then(pl.lit("OP999")).otherwise("patient_id")
    )
    images.write_csv(tmp_path / "images.csv")
    for file in images["file"]:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / file, tmp_path / file)
    (tmp_path / images["file"][0]).write_bytes(b"\xff\xd8\xff broken")
    cohort = import_knee_qus(ImportRequest(folder=tmp_path, out=tmp_path / "m.csv", workers=0))
    assert cohort.manifest.frame.height == 1
    texts = cohort.quarantine["reason"].to_list()
    assert any("cannot be decoded" in text for text in texts)
    assert any(text.startswith("patient not in the sheet: OP999") for text in texts)
