import polars as pl
import pytest

from strnet.cohort.importers.film_facts import film_facts
from strnet.cohort.importers.labels import read_labels
from strnet.errors import ManifestError

CLINICAL = ("age", "sex", "bmi")


def facts(tmp_path, text, columns=None, constants=None, clinical=CLINICAL):
    table = tmp_path / "patients.csv"
    table.write_text(text, encoding="utf-8")
    return film_facts(read_labels(table, columns, constants), clinical)


def test_cells_are_read_as_at_ingest(tmp_path):
    rows = facts(
        tmp_path,
        "Film,Age,Gender,T-score\n1.png,058Y,female,-2.7\n2.png,,M,\n",
        columns={"image_id": "Film", "age": "Age", "sex": "Gender"},
    )
    assert rows.to_dicts() == [
        {"image_id": "1.png", "age": 58.0, "sex": "F"},
        {"image_id": "2.png", "age": None, "sex": "M"},
    ]


def test_labels_need_no_reference_standard_where_nothing_is_learned_from_them(tmp_path):
    rows = facts(tmp_path, "image_id,t_score,diagnosis,age\n1,-2.7,normal,60\n")
    assert rows.columns == ["image_id", "age"]


def test_a_constant_fills_blank_cells(tmp_path):
    rows = facts(tmp_path, "image_id,sex\n1,\n2,F\n", constants={"sex": "M"})
    assert rows["sex"].to_list() == ["M", "F"]


def test_a_path_counts_from_the_tables_folder_where_a_file_is(tmp_path):
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "1.png").write_bytes(b"")
    rows = facts(tmp_path, "path,age\nfilms/1.png,60\nelsewhere/2.png,61\n,62\n")
    assert rows["path"].to_list() == [str(tmp_path / "films" / "1.png"), "elsewhere/2.png", None]


def test_rows_that_say_the_same_of_a_film_count_once(tmp_path):
    assert facts(tmp_path, "image_id,age,note\n1,60,a\n1,60,b\n").height == 1


def test_further_clinical_variables_come_as_numbers(tmp_path):
    rows = facts(tmp_path, "image_id,menopause_age\n1,50\n2,\n", clinical=("menopause_age",))
    assert rows["menopause_age"].to_list() == [50, None]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image_id,Age\n1,60\n", r"'Age'.*--column age='Age'"),
        ("image_id,Gender\n1,F\n", r"'Gender'.*--column sex='Gender'"),
        ("film,age\n1,60\n", r"'film'.*--column image_id='film'"),
        ("name,age\n1,60\n", "rows cannot be tied to films"),
        ("image_id,age\n1,60\n1,61\n", r"2 rows with the same image_id(.|\n)*line 2(.|\n)*line 3"),
        ("image_id,age\n1,old\n", r"something else than a number in age(.|\n)*line 2"),
        ("image_id,age\n1,60\n2,160\n", r"implausible age(.|\n)*line 3"),
        ("image_id,sex\n1,X\n", r"unknown sex(.|\n)*line 2"),
        ("patient_id,image_id,sex\np,1,M\np,2,F\n", "two sexes"),
        ("image_id,age\n", "no rows below the header"),
    ],
)
def test_a_table_that_cannot_be_used_says_why_with_its_lines(tmp_path, text, message):
    with pytest.raises(ManifestError, match=message):
        facts(tmp_path, text)


def test_a_parquet_manifest_keeps_its_numbers(tmp_path):
    table = tmp_path / "manifest.parquet"
    pl.DataFrame({"image_id": ["1"], "age": [81.5], "sex": ["F"]}).write_parquet(table)
    assert film_facts(read_labels(table), CLINICAL).rows() == [("1", 81.5, "F")]
