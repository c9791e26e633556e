from __future__ import annotations

import re

import polars as pl
import pytest

from strnet.cohort import read_flow, read_manifest
from strnet.cohort.importers import ImportRequest, import_films
from strnet.errors import ManifestError

LABELS = "file,pid,Gender,Age,T,ref\na.png,1,female,063Y,-2.7,DEXA\nb.png,2,M,71,-0.5,DEXA\n"
COLUMNS = {
    "path": "file",
    "patient_id": "pid",
    "sex": "Gender",
    "age": "Age",
    "t_score": "T",
    "reference_standard": "ref",
}


@pytest.fixture
def films(tmp_path, write_png):
    for seed, name in enumerate("ab"):
        write_png(tmp_path / "films" / f"{name}.png", seed)
    return tmp_path / "films"


def import_table(folder, table, out, **asked):
    return import_films(ImportRequest(folder=folder, table=table, out=out, workers=0, **asked))


def import_dicom_folder(folder, out, labels=None, **asked):
    return import_films(
        ImportRequest(folder=folder, table=labels, out=out, keep_unlisted=True, workers=0, **asked)
    )


def refusal(function, *arguments, **options):
    with pytest.raises(ManifestError) as caught:
        function(*arguments, **options)
    return re.sub(r"\n *", "\n", str(caught.value))


def reasons(cohort):
    return {path.rpartition("/")[2]: reason for path, reason in cohort.quarantine.rows()}


def test_a_table_and_a_column_mapping_make_a_manifest(films, write_csv, tmp_path):
    out = tmp_path / "manifest.csv"
    cohort = import_table(films, write_csv(LABELS), out, columns=COLUMNS, constants={"anatomy": "knee"})
    frame = read_manifest(out, check_files=True).frame
    assert frame.equals(cohort.manifest.frame)
    assert frame["path"].to_list() == ["films/a.png", "films/b.png"]
    assert frame["image_id"].to_list() == ["a", "b"]
    assert frame["diagnosis"].to_list() == ["osteoporosis", "normal"]
    assert frame.select("sex", "age", "anatomy", "reference_standard").row(0) == ("F", 63.0, "knee", "dxa")
    assert frame.select("file_format", "rows", "columns", "bits_stored", "photometric").row(0) == (
        "png",
        24,
        16,
        8,
        "L",
    )
    assert frame["pixel_sha256"].str.len_chars().to_list() == [64, 64]
    assert cohort.quarantine.height == 0


def test_films_may_be_named_by_image_id_alone(films, write_csv, tmp_path):
    cohort = import_table(films, write_csv("image_id,patient_id\na,1\nb,2\n"), tmp_path / "m.csv")
    assert cohort.manifest.frame["path"].to_list() == ["films/a.png", "films/b.png"]
    assert cohort.manifest.frame["image_id"].to_list() == ["a", "b"]


def test_unreadable_missing_and_unlisted_films_are_listed_and_the_run_goes_on(
    films, write_csv, write_png, tmp_path
):
    (films / "c.png").write_bytes((films / "a.png").read_bytes()[:60])
    write_png(films / "d.png", 9)
    (films / "notes.txt").write_text("not a film")
    table = write_csv("path,patient_id\n./a.png,1\nb.png,2\nc.png,3\ngone.png,4\n")
    cohort = import_table(films, table, tmp_path / "m.csv")
    found = reasons(cohort)
    assert set(found) == {"c.png", "d.png", "gone.png"}
    assert "the picture is cut short" in found["c.png"]
    assert "No such file" in found["gone.png"]
    assert found["d.png"] == "not in the table"
    assert cohort.manifest.frame["path"].to_list() == ["films/a.png", "films/b.png"]
    assert pl.read_csv(tmp_path / "m.quarantine.csv").rows() == cohort.quarantine.rows()
    flow = read_flow(tmp_path / "m.flow.json", cohort.manifest)
    counts = {step.name: (step.images, step.left_out) for step in flow.steps}
    assert counts == {
        "found": (5, {}),
        "readable": (3, {"unreadable": 2}),
        "usable": (2, {"not in the table": 1}),
        "labelled": (0, {"diagnosis and T-score unknown": 2}),
    }


def test_a_table_with_wrong_labels_is_refused_with_its_own_lines_before_any_film_is_read(
    films, write_csv, tmp_path
):
    table = write_csv(LABELS.replace("-0.5,DEXA", "-0.5,DEXA\nc.png,3,F,50,-9,dxa"))
    seen = []
    text = refusal(
        import_table,
        films,
        table,
        tmp_path / "m.csv",
        columns=COLUMNS,
        progress=lambda done, _: seen.append(done),
    )
    assert str(table) in text
    assert "line 4  patient 3  t_score -9.0" in text
    assert seen == []
    assert not (tmp_path / "m.csv").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": {"path": "flie"}}, "did you mean 'file'?"),
        ({"columns": COLUMNS, "constants": {"anatmy": "knee"}}, "did you mean 'anatomy'?"),
        ({"columns": COLUMNS, "constants": {"anatomy": "kne"}}, "unknown anatomy"),
        ({}, "--set reference_standard=REFERENCE_STANDARD"),
    ],
)
def test_a_wrong_mapping_is_answered_with_the_right_name(films, write_csv, tmp_path, options, message):
    assert message in refusal(import_table, films, write_csv(LABELS), tmp_path / "m.csv", **options)


def test_a_name_that_fits_two_films_is_refused(films, write_csv, write_png, tmp_path):
    write_png(films / "left" / "x.png", 5)
    write_png(films / "right" / "x.png", 6)
    table = write_csv("path,patient_id\nx.png,1\n")
    assert "fits 2 films: left/x.png, right/x.png" in refusal(import_table, films, table, tmp_path / "m.csv")


def test_a_folder_that_is_not_there_is_named(write_csv, tmp_path):
    table = write_csv("path,patient_id\nx.png,1\n")
    assert "no such folder" in refusal(import_table, tmp_path / "nowhere", table, tmp_path / "m.csv")


def test_a_cohort_without_any_usable_film_is_an_error_and_leaves_the_quarantine(films, write_csv, tmp_path):
    (films / "a.png").write_bytes(b"")
    text = refusal(import_table, films, write_csv("path,patient_id\na.png,1\n"), tmp_path / "m.csv")
    assert "no film could be used of 2 file(s)" in text
    assert (tmp_path / "m.quarantine.csv").exists()


def test_headers_alone_make_a_manifest(tmp_path, write_film):
    for seed in range(3):
        write_film(tmp_path / "in" / f"series{seed}" / "IM0001", seed)
    cohort = import_dicom_folder(
        tmp_path / "in", tmp_path / "in" / "manifest.csv", constants={"site": "south"}
    )
    frame = cohort.manifest.frame
    assert frame["image_id"].to_list() == [f"series{seed}/IM0001" for seed in range(3)]
    row = frame.row(0, named=True)
    assert (row["patient_id"], row["sex"], row["age"]) == ("P0", "F", 61.0)
    assert (row["anatomy"], row["view"], row["laterality"]) == ("knee", "LATERAL", "R")
    assert (row["site"], row["scanner"]) == ("south", "Maker One")
    assert (row["file_format"], row["bits_stored"], row["photometric"]) == ("dicom", 12, "MONOCHROME2")
    again = import_dicom_folder(
        tmp_path / "in", tmp_path / "in" / "manifest.csv", constants={"site": "south"}
    )
    assert again.manifest.frame.equals(frame), "its own output is not taken for films"
    assert again.quarantine.height == 0


def test_films_of_raw_signal_are_pointed_out(tmp_path, write_film):
    write_film(tmp_path / "in" / "a.dcm", 1, PresentationIntentType="FOR PROCESSING")
    write_film(tmp_path / "in" / "b.dcm", 2, PresentationIntentType="FOR PRESENTATION")
    (note,) = import_dicom_folder(tmp_path / "in", tmp_path / "m.csv").notes
    assert note.startswith("1 film(s) are FOR PROCESSING")
    assert note.endswith("a.dcm.")


def test_labels_by_patient_reach_all_of_the_patients_films_and_no_others(tmp_path, write_film, write_csv):
    for seed, patient in enumerate(["A", "A", "B", "C"]):
        write_film(tmp_path / "in" / f"{seed}.dcm", seed, PatientID=patient)
    labels = write_csv("patient_id,t_score,grip_kg\nA,-2.6,20\nB,-1.0,30\nZ,-1.5,10\n")
    cohort = import_dicom_folder(
        tmp_path / "in", tmp_path / "m.csv", labels=labels, constants={"reference_standard": "dxa"}
    )
    frame = cohort.manifest.frame
    assert frame["diagnosis"].to_list() == ["osteoporosis", "osteoporosis", "normal", None]
    assert frame["reference_standard"].to_list() == ["dxa", "dxa", "dxa", None]
    assert frame["grip_kg"].to_list() == [20.0, 20.0, 30.0, None]
    assert cohort.notes == ("site_b.csv: 1 row(s) fit no film: Z.",)


def test_patients_of_a_table_that_was_a_column_with_gaps_are_those_of_the_headers(
    tmp_path, write_film, write_csv
):
    for seed, patient in enumerate(["12", "012"]):
        write_film(tmp_path / "in" / f"{seed}.dcm", seed, PatientID=patient)
    labels = write_csv("patient_id,t_score\n12.0,-2.6\n012,-1.0\n")
    cohort = import_dicom_folder(
        tmp_path / "in", tmp_path / "m.csv", labels=labels, constants={"reference_standard": "dxa"}
    )
    assert cohort.manifest.frame["t_score"].to_list() == [-2.6, -1.0]
    assert cohort.manifest.frame["patient_id"].to_list() == ["12", "012"]


def test_a_table_per_patient_given_to_the_table_importer_is_joined_by_the_headers(
    tmp_path, write_film, write_csv
):
    write_film(tmp_path / "in" / "a.dcm", 1, PatientID="A")
    labels = write_csv("patient_id,t_score,reference_standard\nA,-2.6,dxa\n")
    cohort = import_table(tmp_path / "in", labels, tmp_path / "m.csv")
    assert cohort.manifest.frame["t_score"].to_list() == [-2.6]


@pytest.mark.parametrize("key", ["path", "image_id"])
def test_labels_by_film_reach_that_film_and_its_name_is_the_files(tmp_path, write_film, write_csv, key):
    for seed in range(2):
        write_film(tmp_path / "in" / "deep" / f"f{seed}.dcm", seed)
    labels = write_csv(f"{key},diagnosis,reference_standard\nf1.dcm,normal,dxa\n")
    frame = import_dicom_folder(tmp_path / "in", tmp_path / "m.csv", labels=labels).manifest.frame
    assert frame["diagnosis"].to_list() == [None, "normal"]
    assert frame["image_id"].to_list() == ["f0", "f1"]


def test_headers_that_contradict_the_table_are_left_out(tmp_path, write_film, write_csv):
    write_film(tmp_path / "in" / "a.dcm", 1, PatientID="A", PatientSex="M")
    write_film(tmp_path / "in" / "b.dcm", 2, PatientID="B")
    labels = write_csv("patient_id,sex\nA,F\nB,F\n")
    cohort = import_dicom_folder(tmp_path / "in", tmp_path / "m.csv", labels=labels)
    assert reasons(cohort) == {"a.dcm": "header and table disagree: sex M in the header, F in the table"}


def test_ids_of_the_table_may_differ_from_the_headers_unless_they_part_one_person(
    tmp_path, write_film, write_csv
):
    for seed, patient in enumerate(["H1", "H1", "H2"]):
        write_film(tmp_path / "in" / f"{seed}.dcm", seed, PatientID=patient)
    cohort = import_table(
        tmp_path / "in", write_csv("path,patient_id\n0.dcm,s1\n1.dcm,s1\n2.dcm,s2\n"), tmp_path / "m.csv"
    )
    assert cohort.manifest.frame["patient_id"].to_list() == ["s1", "s1", "s2"]
    assert cohort.notes == ()
    parted = write_csv("path,patient_id\n0.dcm,s1\n1.dcm,s2\n2.dcm,s3\n")
    (note,) = import_table(tmp_path / "in", parted, tmp_path / "m.csv").notes
    assert note.startswith(
        "1 patient id(s) of the headers stand under several in the table, such as 'H1' under s1, s2"
    )


def test_films_of_nobody_and_of_people_with_two_sexes_are_left_out(tmp_path, write_film):
    write_film(tmp_path / "in" / "a.dcm", 1, PatientID="")
    write_film(tmp_path / "in" / "b.dcm", 2, PatientID="B", PatientSex="F")
    write_film(tmp_path / "in" / "c.dcm", 3, PatientID="B", PatientSex="M")
    write_film(
        tmp_path / "in" / "d.dcm", 4, PatientID="D", PatientSex="O", ViewPosition="odd", PatientAge=None
    )
    (tmp_path / "in" / "readme.txt").write_text("hello")
    cohort = import_dicom_folder(tmp_path / "in", tmp_path / "m.csv")
    assert reasons(cohort) == {
        "a.dcm": "no patient id",
        "b.dcm": "patient with two sexes: B",
        "c.dcm": "patient with two sexes: B",
        "readme.txt": "neither DICOM (no 'DICM' at byte 128, no element at byte 0) nor PNG nor JPEG.",
    }
    row = cohort.manifest.frame.row(0, named=True)
    assert (row["patient_id"], row["sex"], row["view"], row["age"]) == ("D", None, None, None)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            "patient_id,t_score,reference_standard\nP1,-1,dxa\nP1,-2,dxa\n",
            "2 rows with the same patient_id as another row",
        ),
        ("path,sex\na.dcm,F\na.dcm,M\n", "2 rows with the same image_id as another row"),
        ("path,sex\na.dcm,F\na,M\n", "line 3  patient (blank)  image_id a"),
        (
            "patient_id,t_score,reference_standard\nX,-1,dxa\n",
            "no row fits a film by patient_id. The table has 'X'",
        ),
        ("path,sex\nx.dcm,F\n", "'x.dcm'; a film"),
        ("patient_id,t_score\nP1,-1\n", "nothing says what it was measured with"),
        ("sex,t_score\nF,-1\n", "rows cannot be tied to films"),
    ],
)
def test_label_tables_that_cannot_be_joined_are_refused(tmp_path, write_film, write_csv, table, message):
    write_film(tmp_path / "in" / "a.dcm", 1)
    text = refusal(import_dicom_folder, tmp_path / "in", tmp_path / "m.csv", labels=write_csv(table))
    assert " ".join(message.split()) in " ".join(text.split())  # lines break by the length of the path


def test_spreadsheets_are_read_as_they_are_kept(tmp_path, write_film):
    write_film(tmp_path / "in" / "a.dcm", 1, PatientID="007")
    table = pl.DataFrame(
        {"patient_id": ["007", "8"], "t_score": [-1.5, 9.5], "reference_standard": ["dxa", "dxa"]}
    )
    table.write_excel(tmp_path / "labels.xlsx")
    text = refusal(import_dicom_folder, tmp_path / "in", tmp_path / "m.csv", labels=tmp_path / "labels.xlsx")
    assert "row 3  patient 8  t_score 9.5" in text
