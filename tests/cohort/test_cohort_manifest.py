from __future__ import annotations

import polars as pl
import pytest

from strnet.cohort import read_manifest, write_manifest
from strnet.errors import ManifestError
from strnet.files import sha256_bytes

HEADER = "image_id,patient_id,path,t_score,diagnosis,reference_standard\n"


def refusal(path, **options):
    with pytest.raises(ManifestError) as caught:
        read_manifest(path, **options)
    return str(caught.value)


def test_labels_that_contradict_their_t_score_are_listed_as_the_data_manager_needs_them(write_csv):
    lines = "".join(f"film{i},p{i},{i}.png,-1.7,osteopenia,dxa\n" for i in range(16))
    path = write_csv(
        HEADER
        + lines
        + "x,a91f,x.png,-2.7,normal,dxa\ny,ok,y.png,-2.5,osteoporosis,dxa\nz,07c3,z.png,-0.4,osteopenia,dxa\n"
    )
    assert refusal(path) == (
        f"{path}: 2 rows contradict their T-score.\n"
        "  line 18  patient a91f  t_score -2.7  diagnosis normal      (T <= -2.5 means osteoporosis)\n"
        "  line 20  patient 07c3  t_score -0.4  diagnosis osteopenia  (T >= -1.0 means normal)\n"
        "Correct the label, or leave it blank: blank means unknown."
    )


def test_patients_are_the_same_as_numbers_as_floating_numbers_and_as_text(tmp_path):
    rows = {"image_id": ["12.0", "b"], "path": ["12.0.png", "b.png"]}
    for written in (["12", "7"], [12, 7], [12.0, 7.0], ["12.0", "7.0"]):
        frame = pl.DataFrame({**rows, "patient_id": written})
        frame.write_parquet(tmp_path / "m.parquet")
        read = read_manifest(tmp_path / "m.parquet").frame
        assert read["patient_id"].to_list() == ["12", "7"]
        assert read["image_id"].to_list() == ["12.0", "b"]


@pytest.mark.parametrize(
    ("t_score", "diagnosis"),
    [
        ("-2.5", "osteoporosis"),
        ("-2.49", "osteopenia"),
        ("-1.01", "osteopenia"),
        ("-1.0", "normal"),
        ("", None),
    ],
)
def test_a_blank_diagnosis_is_filled_from_the_unrounded_t_score(write_csv, t_score, diagnosis):
    manifest = read_manifest(write_csv(f"{HEADER}a,1,a.png,{t_score},,dxa\n"))
    assert manifest.frame["diagnosis"].to_list() == [diagnosis]


def test_a_label_without_its_reference_standard_is_refused(write_csv):
    text = refusal(write_csv(f"{HEADER}a,1,a.png,-1.2,,\nb,2,b.png,,normal,\nc,3,c.png,,,\n"))
    assert "2 rows with a label, but without reference_standard" in text
    assert "line 2" in text
    assert "line 3" in text
    assert "line 4" not in text


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("sex", "female", "sex female  did you mean 'F'?"),
        ("sex", "m", "did you mean 'M'?"),
        ("sex", "x", "valid: F, M, or blank"),
        ("view", "lat", "did you mean 'LATERAL'?"),
        ("laterality", "left", "did you mean 'L'?"),
        ("anatomy", "elbow", "valid: knee, lumbar"),
        ("diagnosis", "osteoporotic", "did you mean 'osteoporosis'?"),
        ("reference_standard", "DEXA", "did you mean 'dxa'?"),
        ("reference_site", "toe", "valid: lumbar_spine"),
        ("file_format", "jpg", "did you mean 'jpeg'?"),
        ("age", "250", "Expected 0 to 120 years"),
        ("bmi", "0.0027", "was height in cm?"),
        ("t_score", "-12", "Expected -8 to 8 SD"),
        ("t_score", "inf", "something else than a number in t_score"),
        ("t_score", "-1,2", "something else than a number in t_score"),
        ("age", "sixty", "1 row with something else than a number in age"),
        ("rows", "12.5", "something else than a whole number in rows"),
        ("rows", "0", "implausible rows"),
        ("pixel_sha256", "abc", "Expected 64 hexadecimal digits"),
        ("box", "10 20 30", "Expected a box or named boxes"),
        ("box", "L1: 1 2 3 4, L2: 1 2 3 4", "Expected a box or named boxes"),
        ("presentation_intent", "RAW", "unknown presentation_intent"),
    ],
)
def test_a_cell_that_cannot_be_true_is_named_with_its_line_and_remedy(write_csv, column, cell, message):
    path = write_csv(
        pl.DataFrame(
            {"image_id": ["a", "b"], "patient_id": ["p1", "p9"], "path": ["a.png", "b.png"]}
            | {"reference_standard": ["dxa", "dxa"]}
            | {column: ["", cell]}
        ).write_csv()
    )
    text = refusal(path)
    assert message in text
    assert "line 3  patient p9" in text
    assert "line 2 " not in text


def test_all_problems_come_at_once(write_csv):
    text = refusal(
        write_csv("image_id,patient_id,path,sex,age,t_score\na,1,x,female,abc,-1.5\na,,x,F,300,\n")
    )
    for part in (
        "number in age",
        "without patient_id",
        "same image_id",
        "same path",
        "unknown sex",
        "implausible age",
        "without reference_standard",
    ):
        assert part in text
    assert "7 kinds of problem in 9 rows" in text


def test_twenty_rows_are_shown_and_the_others_counted(write_csv):
    rows = "".join(f"film{i},p{i},{i}.png,-3,normal,dxa\n" for i in range(57))
    text = refusal(write_csv(HEADER + rows))
    assert "57 rows contradict" in text
    assert text.count("patient p") == 20
    assert "... and 37 more" in text


def test_one_row_is_spoken_of_in_the_singular(write_csv):
    assert "1 row contradicts its T-score." in refusal(write_csv(f"{HEADER}a,1,a.png,-3,normal,dxa\n"))


def test_a_patient_with_two_sexes_is_refused(write_csv):
    text = refusal(
        write_csv("image_id,patient_id,path,sex\na,1,a,F\nb,1,b,M\nc,1,c,\nd,2,d,F\ne,,e,M\nf,,f,F\n")
    )
    assert "2 rows of patients with two sexes" in text
    assert "line 2  patient 1  sex F" in text
    assert "line 3  patient 1  sex M" in text


def test_lines_stay_right_after_blank_lines_and_cells_with_line_breaks(write_csv):
    text = refusal(write_csv(f'{HEADER}a,1,a.png,,,\n\nb,"2\n2",b.png,,,\nc,3,c.png,-9,,dxa\n'))
    assert "line 6  patient 3  t_score -9.0" in text


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("image_id,patientid,path", "Unknown column 'patientid', did you mean 'patient_id'?"),
        ("image_id,patient_id,path,T-Score", "Unknown column 'T-Score', did you mean 't_score'?"),
        ("image_id,patient_id,path,gender", "did you mean 'sex'?"),
        ("image_id,patient_id,path,refrence_standard", "did you mean 'reference_standard'?"),
        ("image_id,patient_id,img", "column 'path' is missing"),
        ("image_id,patient_id,path,age,age", "column 'age' stands twice"),
        ("image_id;patient_id;path", "separated by ';'"),
    ],
)
def test_column_names_that_miss_the_mark_are_refused_with_the_right_one(write_csv, header, message):
    row = (";" if ";" in header else ",").join("1" for _ in header.replace(";", ",").split(","))
    assert message in refusal(write_csv(f"{header}\n{row}\n"))


def test_further_columns_are_carried_along_as_numbers_where_all_cells_are_numbers(write_csv):
    path = write_csv(
        "image_id,patient_id,path,z_score,bmd,menopause_age,note\na,007,a.png,-1.5,0.8,48,seen\nb,008,b.png,,0.7,,3\n"
    )
    frame = read_manifest(path).frame
    assert frame["z_score"].to_list() == [-1.5, None]
    assert frame["menopause_age"].to_list() == [48.0, None]
    assert frame["note"].to_list() == ["seen", "3"]
    assert frame["patient_id"].to_list() == ["007", "008"]


def test_blank_cells_nan_and_whole_floats_are_understood(write_csv):
    frame = read_manifest(
        write_csv("image_id,patient_id,path,bmi,rows,sex\na,1,a.png,nan,12.0, F \nb,2,b.png, ,,\n")
    ).frame
    assert frame["bmi"].to_list() == [None, None]
    assert frame["rows"].to_list() == [12, None]
    assert frame["sex"].to_list() == ["F", None]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
def test_what_is_written_is_read_back_the_same(tmp_path, suffix):
    frame = pl.DataFrame(
        {
            "image_id": ["a", "b"],
            "patient_id": ["007", "8"],
            "path": ["a.png", "b.png"],
            "t_score": [-2.5, None],
            "age": [61, None],
            "reference_standard": ["dxa", None],
            "grip_kg": [20, 31],
        }
    )
    written = write_manifest(frame, tmp_path / f"manifest{suffix}")
    read = read_manifest(written.path)
    assert read.frame.equals(written.frame)
    assert read.identity_sha256 == written.identity_sha256
    assert read.frame["diagnosis"].to_list() == ["osteoporosis", None]


def test_an_invalid_manifest_is_not_written_and_the_old_one_stays(tmp_path):
    good = pl.DataFrame({"image_id": ["a"], "patient_id": ["1"], "path": ["a.png"]})
    path = write_manifest(good, tmp_path / "manifest.csv").path
    before = path.read_bytes()
    with pytest.raises(ManifestError, match=r"row 1  patient 1  t_score -9"):
        write_manifest(good.with_columns(t_score=-9.0, reference_standard=pl.lit("dxa")), path)
    assert path.read_bytes() == before


def test_parquet_problems_are_told_by_row(tmp_path):
    frame = pl.DataFrame(
        {"image_id": ["a", "b"], "patient_id": ["1", "2"], "path": ["a", "b"], "age": [50.0, 500.0]}
    )
    frame.write_parquet(tmp_path / "m.parquet")
    assert "row 2  patient 2  age 500.0" in refusal(tmp_path / "m.parquet")


@pytest.mark.parametrize("content", ["", "image_id,patient_id,path\n", "\xff\xfe,\n"])
def test_a_file_without_rows_is_refused(tmp_path, content):
    (tmp_path / "m.csv").write_bytes(content.encode("latin-1"))
    assert "m.csv" in refusal(tmp_path / "m.csv")


def test_a_spreadsheet_is_no_manifest(tmp_path):
    assert ".csv, .tsv, .parquet" in refusal(tmp_path / "m.xlsx")


def test_missing_films_are_found_when_asked_for(write_csv, write_png, tmp_path):
    write_png(tmp_path / "films" / "a.png")
    path = write_csv("image_id,patient_id,path\na,1,films/a.png\nb,2,films/b.png\n")
    manifest = read_manifest(path)
    assert manifest.files() == [("a", tmp_path / "films/a.png"), ("b", tmp_path / "films/b.png")]
    text = refusal(path, check_files=True)
    assert "1 row whose film is not there" in text
    assert "line 3  patient 2  path films/b.png" in text


def test_absolute_paths_stay_absolute(write_csv):
    manifest = read_manifest(write_csv("image_id,patient_id,path\na,1,/films/a.png\n"))
    assert str(manifest.image_path({"path": "/films/a.png"})) == "/films/a.png"


def test_identity_depends_on_films_patients_and_pictures_only(tmp_path):
    frame = pl.DataFrame(
        {
            "image_id": ["a", "b"],
            "patient_id": ["1", "2"],
            "path": ["a", "b"],
            "pixel_sha256": [sha256_bytes(b"a"), None],
        }
    )
    identity = write_manifest(frame, tmp_path / "a.csv").identity_sha256
    same = frame.reverse().with_columns(age=pl.lit(60), path=pl.col("path") + ".dcm")
    other = frame.with_columns(patient_id=pl.lit("1"))
    assert write_manifest(same, tmp_path / "b.csv").identity_sha256 == identity
    assert write_manifest(other, tmp_path / "c.csv").identity_sha256 != identity


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"box": "200 20 10 180"}, "has no extent"),
        ({"box": "L1: 10 20 30 40; L1: 1 2 3 4"}, "region L1 twice"),
        ({"box": "L1: 10 20 101 40", "rows": 80, "columns": 100}, "outside its image of 80 x 100 pixels"),
        ({"box": "L1: 10 20 30 81", "rows": 80, "columns": 100}, "outside its image of 80 x 100 pixels"),
    ],
)
def test_a_box_that_cannot_be_one_of_its_film_is_named_with_its_row(tmp_path, cells, said):
    row = {"image_id": "a", "patient_id": "p", "path": "a.png"}
    with pytest.raises(ManifestError, match=rf"row 1 .*{said}"):
        write_manifest(pl.DataFrame([{**row, **cells}]), tmp_path / "manifest.csv")


def test_boxes_inside_their_film_are_taken_and_a_mask_belongs_to_one_film(tmp_path):
    rows = [
        {"image_id": name, "patient_id": name, "path": f"{name}.png", "mask": "m.png"} for name in ("a", "b")
    ]
    sound = {**rows[0], "box": "L1: 0 0 100 80", "rows": 80, "columns": 100}
    assert write_manifest(pl.DataFrame([sound]), tmp_path / "manifest.csv").frame["box"][0] == sound["box"]
    with pytest.raises(ManifestError, match="2 rows with the mask of another row"):
        write_manifest(pl.DataFrame(rows), tmp_path / "manifest.csv")
