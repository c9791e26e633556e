"""A table beside the films: which row is whose, which value counts, and what is refused before reading."""

import shutil

import numpy as np
import polars as pl
import pytest

from strnet.errors import ManifestError
from strnet.files import sha256_file
from strnet.imaging import Acquisition, pixel_sha256, read_radiograph
from strnet.inference import Predictor, film_roster, open_torch
from strnet.inference.contradictions import contradictions


@pytest.fixture(scope="module")
def predictor(bundle):
    return Predictor(bundle)


@pytest.fixture
def unread(monkeypatch):
    """No film may be read from here on, only headers."""

    def refuse(*_, **__):
        raise AssertionError("a film was read")

    monkeypatch.setattr("strnet.inference.film_regions.read_films_once", refuse)


@pytest.fixture
def films(tmp_path, write_dicom, write_picture):
    """Five films in two folders: three DICOM, a PNG and a JPEG; and the UIDs of the first three."""
    folder = tmp_path / "films"
    (folder / "b").mkdir(parents=True)
    uids = {
        name: write_dicom(folder / name, seed, PatientID=f"p{seed}")
        for seed, name in enumerate(["0.dcm", "1.dcm", "b/2"])
    }
    write_picture(folder / "b" / "3.png", 3)
    write_picture(folder / "b" / "4.jpg", 4)
    return folder, uids


class Recorder:
    """An engine that keeps the clinical values it is given."""

    def __init__(self, engine):
        self.engine = engine
        self.clinical = []

    def run(self, image, clinical):
        self.clinical.append(clinical)
        return self.engine.run(image, clinical)


def table_of(**columns):
    rows = len(next(iter(columns.values())))
    return pl.DataFrame({"age": [70.0] * rows, "sex": ["F"] * rows, "bmi": [25.0] * rows} | columns)


def fed(bundle, paths, table):
    """Clinical values (N, 3) that reach the network, and the results."""
    recorder = Recorder(open_torch(bundle))
    results = Predictor(bundle, recorder).predict_files(paths, clinical=table, batch_size=len(paths))
    return recorder.clinical[0], results


def test_rows_are_tied_by_uid_name_path_or_hash_and_else_by_patient(bundle, films):
    folder, uids = films
    paths = [folder / name for name in ("0.dcm", "1.dcm", "b/2", "b/3.png", "b/4.jpg")]
    table = table_of(
        sop_instance_uid=[uids["0.dcm"], None, None, None, None],
        path=[None, str(folder / "b" / ".." / "1.dcm"), None, None, None],
        image_id=["first", None, None, "b/3", None],
        file_sha256=[None, None, None, None, sha256_file(paths[4])],
        patient_id=["x", None, "p2", "y", "z"],
        age=[60.0, 61.0, 62.0, 63.0, 64.0],
        sex=["F", "M", None, "F", "F"],
    )
    values, results = fed(bundle, paths, table)
    np.testing.assert_array_equal(values[:, 0], np.array([60, 61, 62, 63, 64], np.float32))
    np.testing.assert_array_equal(values[:, 1], np.array([0, 1, np.nan, 0, 0], np.float32))
    assert results["missing_clinical"].to_list() == ["", "", "sex", "", ""]
    assert results["patient_id"].to_list() == ["x", "p1", "p2", "y", "z"]
    assert results["image_id"].to_list() == ["first", "1", "2", "b/3", "4"]
    assert results["age"].to_list() == [60.0, 61.0, 62.0, 63.0, 64.0]
    assert results["sex"].to_list() == ["F", "M", None, "F", "F"]


def test_a_patient_is_tied_by_its_id_whether_it_is_text_or_a_number(bundle, tmp_path, write_dicom):
    path = tmp_path / "a.dcm"
    write_dicom(path, 1, PatientID="12")
    for written in (["12"], ["12.0"], [12], [12.0]):
        values, results = fed(bundle, [path], table_of(patient_id=written, age=[60.0], sex=["F"]))
        assert values[0, 0] == 60
        assert results["patient_id"].to_list() == ["12"]


def test_a_uid_in_the_image_id_column_names_its_film(bundle, films):
    folder, uids = films
    values, results = fed(bundle, [folder / "0.dcm"], table_of(image_id=[uids["0.dcm"]], age=[51.0]))
    assert (values[0, 0], results["image_id"][0]) == (51.0, uids["0.dcm"])


@pytest.mark.parametrize("cell", ["3", "3.png", "b/3.png", "b\\3.png", "./b/3", " 3 "])
def test_a_film_is_named_with_or_without_ending_and_folders(bundle, films, cell):
    values, results = fed(bundle, [films[0] / "b" / "3.png"], table_of(image_id=[cell], age=[52.0]))
    assert values[0, 0] == 52.0
    assert not results["image_id"][0].endswith(".png"), "as the manifest names it"


def test_films_of_one_name_are_told_apart_by_their_folders_wherever_the_command_starts(
    bundle, tmp_path, write_picture
):
    for seed, folder in enumerate(("north", "south")):
        (tmp_path / folder).mkdir()
        write_picture(tmp_path / folder / "IM7.png", seed)
    table = table_of(image_id=["north/IM7", "south/IM7"], age=[50.0, 80.0])
    for paths in ([tmp_path / "south"], [tmp_path / "south" / "IM7.png"]):
        results = Predictor(bundle).predict_files(paths, clinical=table)
        assert results.select("image_id", "age").rows() == [("south/IM7", 80.0)]
    both = Predictor(bundle).predict_files([tmp_path], clinical=table)
    assert both.select("image_id", "age").rows() == [("north/IM7", 50.0), ("south/IM7", 80.0)]


def test_two_formats_of_one_name_keep_their_endings(bundle, tmp_path, write_picture):
    write_picture(tmp_path / "3.png", 1)
    write_picture(tmp_path / "3.jpg", 2)
    table = table_of(image_id=["3.jpg", "3.png"], age=[50.0, 80.0])
    for path in (tmp_path, tmp_path / "3.png"):
        results = Predictor(bundle).predict_files([path], clinical=table).filter(pl.col("age") == 80)
        assert results["image_id"].to_list() == ["3.png"]
        assert results["path"].to_list() == [str(tmp_path / "3.png")]


def test_the_table_comes_before_the_header_and_the_header_before_nothing(bundle, tmp_path, write_dicom):
    write_dicom(tmp_path / "a.dcm", 1, PatientID="a", PatientAge="055Y", PatientSex="M")
    write_dicom(tmp_path / "b.dcm", 2, PatientID="b", PatientAge="066Y", PatientSex="O")
    write_dicom(tmp_path / "c.dcm", 3, PatientID="c", PatientAge="999Y", PatientSex="F")
    table = table_of(patient_id=["a"], age=[54.0], sex=[None], bmi=[None])
    values, results = fed(bundle, [tmp_path / f"{name}.dcm" for name in "abc"], table)
    expected = [[54, 1, np.nan], [66, np.nan, np.nan], [np.nan, 0, np.nan]]
    np.testing.assert_array_equal(values, np.array(expected, np.float32))
    assert results["missing_clinical"].to_list() == ["bmi", "sex bmi", "age bmi"]


def test_a_clinical_value_moves_the_result(predictor, films):
    path = films[0] / "b" / "3.png"
    young, old = (
        predictor.predict_files([path], clinical=table_of(image_id=["3"], age=[age])) for age in (45.0, 85.0)
    )
    assert abs(young["logit.bone_loss"][0] - old["logit.bone_loss"][0]) > 1e-3


def test_a_column_that_the_table_lacks_is_unknown_and_said(bundle, films):
    table = table_of(image_id=["3"]).drop("bmi")
    values, results = fed(bundle, [films[0] / "b" / "3.png"], table)
    np.testing.assert_array_equal(values, np.array([[70, 0, np.nan]], np.float32))
    assert results["missing_clinical"].to_list() == ["bmi"]
    assert film_roster(bundle, [films[0]], table).tied.table.absent == ("bmi",)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (table_of(image_id=["3"]).rename({"bmi": "bmii"}), "column 'bmi' is missing.*did you mean 'bmii'"),
        (table_of(image_id=["3"]).rename({"age": "Age"}), "column 'age' is missing.*'Age'"),
        (table_of(name=["3"]), "expected at least one of path, sop_instance_uid, image_id"),
        (table_of(image_id=[None]), "no row has a path"),
        (table_of(image_id=["nobody"]), r"no row fits a film, by image_id\. The table has image_id 'nobody'"),
        (table_of(patient_id=["p9"]), "no row fits a film, by patient_id"),
        (table_of(image_id=["3"], sex=["female"]), "sex: .*'female'"),
        (table_of(image_id=["3"], age=["old"]), "age: .*'old'"),
        (table_of(image_id=["3"], age=[600.0]), "row 1: .*age: found 600.0, expected 0 to 120"),
        (table_of(image_id=["4", "3"], age=[1.0, float("inf")]), "row 2: .*age: .*inf"),
        (table_of(image_id=["3", "3.png"], age=[50.0, 51.0]), "two different rows are about .*3.png"),
        (table_of(patient_id=["p0", "p0"], age=[50.0, 51.0]), "two different rows for patient_id 'p0'"),
        (table_of(image_id=["same"]), "image_id 'same' fits 2 films"),
    ],
)
def test_a_table_that_cannot_be_used_says_why_before_any_film_is_read(
    predictor, films, write_picture, unread, table, message
):
    (films[0] / "c").mkdir()
    for folder in ("b", "c"):
        write_picture(films[0] / folder / "same.png", 1)
    with pytest.raises(ManifestError, match=message):
        predictor.predict_files([films[0]], clinical=table)


def test_a_row_whose_keys_lead_to_two_films_is_refused(predictor, films, unread):
    folder, uids = films
    table = table_of(path=[str(folder / "0.dcm")], sop_instance_uid=[uids["1.dcm"]])
    with pytest.raises(ManifestError, match=r"is about .*0\.dcm.* sop_instance_uid .* about .*1\.dcm"):
        predictor.predict_files([folder], clinical=table)


def test_a_row_for_two_equal_files_is_refused_unless_it_names_one(bundle, films, unread):
    folder, uids = films
    shutil.copy(folder / "0.dcm", folder / "copy.dcm")
    with pytest.raises(ManifestError, match="fits 2 films"):
        film_roster(bundle, [folder], table_of(sop_instance_uid=[uids["0.dcm"]]))
    with pytest.raises(ManifestError, match="fits equal files"):
        film_roster(bundle, [folder], table_of(file_sha256=[sha256_file(folder / "0.dcm")]))
    named = table_of(sop_instance_uid=[uids["0.dcm"]], image_id=["copy"])
    roster = film_roster(bundle, [folder], named)
    tied = {file.name for file, row in zip(roster.files, roster.tied.row_of, strict=True) if row is not None}
    assert tied == {"copy.dcm"}


def test_rows_that_say_the_same_are_one(bundle, films):
    values, _ = fed(bundle, [films[0] / "0.dcm"], table_of(patient_id=["p0", "p0"], bmi=[22.0, 22.0]))
    assert values[0, 2] == 22.0


def test_a_film_that_its_row_cannot_be_about_is_refused_and_the_others_are_done(
    bundle, tmp_path, write_dicom
):
    header = {"PatientAge": "070Y", "PatientSex": "F", "ImageLaterality": "L"}
    for seed, name in enumerate("abcdefgh"):
        write_dicom(tmp_path / f"{name}.dcm", seed, PatientID=f"p{name}", **header)
    table = table_of(
        image_id=list("abcdefgh"),
        patient_id=["pseudonym", "pb", "pc", "pa", *4 * [None]],
        sex=["F", "M", *6 * ["F"]],
        age=[71.0, 70.0, 75.0, *5 * [70.0]],
        laterality=[*4 * ["L"], "R", *3 * ["L"]],
    )
    results = Predictor(bundle).predict_files([tmp_path], clinical=table)
    assert results["status"].to_list() == ["ok", *4 * ["failed"], *3 * ["ok"]]
    reasons = results["reason"].to_list()
    assert "sex F in the header, M in the table" in reasons[1]
    assert "age 70 in the header, 75 in the table" in reasons[2]
    assert "patient_id pd in the header, pa in the table" in reasons[3]
    assert "laterality L in the header, R in the table" in reasons[4]
    assert results["logit.bone_loss"].null_count() == 4


def test_a_table_that_most_headers_contradict_is_another_table(predictor, tmp_path, write_dicom, unread):
    for seed, name in enumerate("abc"):
        write_dicom(tmp_path / f"{name}.dcm", seed, PatientSex="F" if name == "c" else "M")
    with pytest.raises(ManifestError, match=r"2 of 3 films(.|\n)*table of other films"):
        predictor.predict_files([tmp_path], clinical=table_of(image_id=list("abc")))


def test_a_film_of_the_right_name_and_another_picture_is_refused(bundle, films, tmp_path):
    folder, _ = films
    pixels = [pixel_sha256(read_radiograph(folder / name)) for name in ("0.dcm", "1.dcm")]
    right = table_of(image_id=["0", "1"], pixel_sha256=pixels)
    assert set(Predictor(bundle).predict_files([folder], clinical=right)["status"]) == {"ok"}
    wrong = table_of(image_id=["0", "1"], pixel_sha256=[pixels[0], pixels[0]])
    results = Predictor(bundle).predict_files([folder], clinical=wrong)
    failed = results.filter(pl.col("status") == "failed")
    assert failed["image_id"].to_list() == ["1"]
    assert "of another picture" in failed["reason"][0]


def test_a_header_contradicts_only_what_both_say():
    header = Acquisition("dicom", 8, 8, 8, "MONOCHROME2", patient_id="h1", patient_sex="O")
    assert contradictions({"sex": "F", "age": 70.0, "patient_id": "t1"}, header, {"h1"}) == []
    assert contradictions({"patient_id": None, "sex": None}, header, {"h1", "h2"}) == []
    assert contradictions({"patient_id": "h2"}, header, {"h1", "h2"}) == [
        "patient_id h1 in the header, h2 in the table"
    ]


def test_a_film_that_cannot_be_read_keeps_the_identity_of_its_row(bundle, films):
    (films[0] / "b" / "3.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    table = table_of(image_id=["3"], patient_id=["y"])
    results = Predictor(bundle).predict_files([films[0]], clinical=table)
    assert results.filter(pl.col("status") == "failed").select("image_id", "patient_id", "age").rows() == [
        ("3", "y", 70.0)
    ]


def test_no_film_takes_the_name_that_the_table_gives_another(predictor, films, unread):
    folder, _ = films
    table = table_of(path=[str(folder / "0.dcm")], image_id=["1"])
    with pytest.raises(ManifestError, match="image_id '1' would be the name of 2 films"):
        predictor.predict_files([folder], clinical=table)
