"""Whose film it is, by its name."""

from __future__ import annotations

import json
import shlex

import pytest

from strnet.cohort import read_manifest
from strnet.cohort.importers import ImportRequest, import_films
from strnet.cohort.importers.patient_ids import by_rule, suggested_rule
from strnet.errors import ManifestError


@pytest.mark.parametrize(
    ("rule", "film", "patient"),
    [
        ("{patient}_{n}", "00000002_000.png", "00000002"),
        ("{patient}_{n}.png", "00000002_000.png", "00000002"),
        ("{patient}-{side}", "north/P1-L.dcm", "P1"),
        ("{site}/{patient}/{n}", "north/P1/7.dcm", "P1"),
        ("folder", "north/P1/7.dcm", "P1"),
        (r"^(\d+)_\d+", "12_3.png", "12"),
        (r"(?P<patient>[A-Z]\d+)_(L|R)$", "x_P1_L.png", "P1"),
        (r"^(?P<patient>[^_]+)_", "P1_2020_AP.png", "P1"),
        ("{patient}_1.5T", "P1_1.5T.png", "P1"),
    ],
)
def test_a_rule_gives_the_patient(rule, film, patient):
    assert by_rule(rule, [film]).patients == (patient,)


@pytest.mark.parametrize(
    ("rule", "film", "message"),
    [
        ("{patient}_{n}", "a_b_c.png", "fits a_b_c.png in two ways: the patient is 'a' or 'a_b'"),
        ("{patient}_{n}", "scan.png", "1 of 1 films do not fit '{patient}_{n}': scan.png"),
        ("folder", "scan.png", "do not fit"),
        (r"(\d+", "1.png", "is no regular expression"),
        (r"(\d+)_(\d+)", "1_2.png", "does not say which part is the patient"),
        (r"\d+", "1.png", "does not say which part is the patient"),
    ],
)
def test_a_rule_that_is_none_or_fits_badly_is_refused(rule, film, message):
    with pytest.raises(ManifestError) as caught:
        by_rule(rule, [film])
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("films", "rule"),
    [
        (["001_000.png", "002_000.png"], "{patient}_{n}"),
        (["P1-L.png", "P1-R.png", "P2-L.png"], "{patient}-{n}"),
        (["P1_2020_AP.png", "P2_2020_AP.png"], "^(?P<patient>[^_]+)_"),
        (["P1/a.png", "P2/b.png"], "folder"),
        (["IMG_0001.png", "IMG_0002.png"], None),
        (["AP_1.png", "LAT_1.png"], None),
        (["normal/1_a.png", "osteoporosis/1_a.png"], None),
        (["normal/a.png", "osteoporosis/b.png"], None),
        (["a.png", "b.png"], None),
        (["1_1.png", "1_2.png"], None),
    ],
)
def test_a_rule_is_suggested_only_where_the_names_can_be_patients(films, rule):
    assert suggested_rule(films) == rule


@pytest.fixture
def ask(tmp_path, write_png):
    def run(names, table=None, **asked):
        for seed, name in enumerate(names):
            write_png(tmp_path / "films" / name, seed)
        out = tmp_path / "manifest.csv"
        return import_films(
            ImportRequest(folder=tmp_path / "films", out=out, table=table, workers=0, **asked)
        )

    return run


def test_films_of_nobody_are_one_question_with_the_command_that_fits_their_names(ask):
    with pytest.raises(ManifestError) as caught:
        ask(["001_000.png", "001_001.png", "002_000.png"])
    text = str(caught.value)
    assert "2 patients in 3 films; 001_000.png is of 001" in " ".join(text.split())
    assert shlex.split(text.splitlines()[-1])[-2:] == ["--patient-id-from", "{patient}_{n}"]


def test_names_that_suggest_nothing_leave_the_pattern_to_the_user(ask):
    with pytest.raises(ManifestError) as caught:
        ask(["a.png", "b.png"])
    assert "with your own word for PATTERN" in str(caught.value)
    assert "--one-patient-per-film" in str(caught.value)


def test_a_pattern_that_does_not_fit_is_replaced_in_the_command(ask):
    with pytest.raises(ManifestError) as caught:
        ask(["1_1.png", "2_1.png"], patient_id_from="{patient}-{n}")
    command = str(caught.value).splitlines()[-1]
    assert "2 of 2 films do not fit '{patient}-{n}'" in str(caught.value)
    assert command.count("--patient-id-from") == 1
    assert "{patient}_{n}" in command


def test_one_patient_per_film_is_recorded(ask, tmp_path):
    cohort = ask(["a.png", "b.png"], one_patient_per_film=True)
    assert cohort.manifest.frame["patient_id"].to_list() == ["a", "b"]
    (note,) = cohort.notes
    assert "splits are by film, not by patient" in note
    assert note in json.loads((tmp_path / "manifest.audit.json").read_text())["notes"]


def test_one_patient_per_film_holds_where_two_folders_have_a_film_of_one_name(ask):
    cohort = ask(["x/a.png", "y/a.png"], one_patient_per_film=True)
    assert cohort.manifest.frame["patient_id"].n_unique() == 2


def test_a_pattern_joins_a_table_with_one_row_per_patient_to_films_without_header(ask, tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("patient_id,t_score,reference_standard\n1,-3,dxa\n2,0,dxa\n")
    ask(["1_1.png", "1_2.png", "2_1.png"], table, patient_id_from="{patient}_{n}")
    assert read_manifest(tmp_path / "manifest.csv").frame["t_score"].to_list() == [-3.0, -3.0, 0.0]


def test_a_pattern_beside_a_column_of_patients_is_refused(ask, tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("image_id,patient_id\n1_1,x\n2_1,y\n")
    with pytest.raises(ManifestError, match="the table has a column for them"):
        ask(["1_1.png", "2_1.png"], table, patient_id_from="{patient}_{n}")


def test_a_pattern_wins_over_the_header_and_is_questioned_where_it_parts_one_person(tmp_path, write_film):
    for seed in range(2):
        write_film(tmp_path / "in" / f"{seed}_1.dcm", seed, PatientID="H1")
    request = ImportRequest(
        folder=tmp_path / "in", out=tmp_path / "m.csv", patient_id_from="{patient}_{n}", workers=0
    )
    cohort = import_films(request)
    assert cohort.manifest.frame["patient_id"].to_list() == ["0", "1"]
    assert "such as 'H1' under 0, 1" in cohort.notes[0]


def test_dicom_films_without_any_patient_are_one_question(tmp_path, write_film):
    for seed in range(2):
        write_film(tmp_path / "in" / f"{seed}_1.dcm", seed, PatientID="")
    with pytest.raises(ManifestError) as caught:
        import_films(ImportRequest(folder=tmp_path / "in", out=tmp_path / "m.csv", workers=0))
    assert "nothing says whose films 2 of 2 are" in " ".join(str(caught.value).split())
    assert str(caught.value).endswith("--patient-id-from '{patient}_{n}'")
    assert not (tmp_path / "m.csv").exists()
