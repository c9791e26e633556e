"""Foreign tables: what is found without asking, what is asked, and that the printed command works."""

from __future__ import annotations

import re
import shlex

import pytest
from typer.testing import CliRunner

from strnet.cli.main import app
from strnet.cohort import read_manifest
from strnet.cohort.importers import ImportRequest, import_films
from strnet.errors import ManifestError

CHEST = """NIH_Image_Index,Gender,Age,View,T-score,OP
0001_000.png,M,081Y,PA,0.4,0
0002_000.png,F,058Y,PA,-1.5,0
0003_001.png,F,069Y,PA,-2.9,1
"""
NAMES = ("0001_000.png", "0002_000.png", "0003_001.png")


@pytest.fixture
def ingest(tmp_path, write_png, write_csv):
    """A function from a table to the imported cohort of films that are called `names`."""

    def run(table, names=NAMES, **asked):
        for seed, name in enumerate(names):
            if not (tmp_path / "films" / name).exists():
                write_png(tmp_path / "films" / name, seed)
        path = write_csv(table) if isinstance(table, str) else table
        request = ImportRequest(
            folder=tmp_path / "films", out=tmp_path / "manifest.csv", table=path, workers=0, **asked
        )
        return import_films(request)

    return run


@pytest.fixture
def refused(ingest):
    def run(*arguments, **asked):
        with pytest.raises(ManifestError) as caught:
            ingest(*arguments, **asked)
        return str(caught.value)

    return run


def flat(text):
    return " ".join(text.split())


def printed_command(text, **words):
    """The arguments of the command at the end of an error, with the user's words put in."""
    line = text.splitlines()[-1]
    for placeholder, word in words.items():
        assert placeholder in line
        line = line.replace(placeholder, word)
    return shlex.split(line)[1:]


def rerun(text, **words):
    done = CliRunner().invoke(app, [*printed_command(text, **words), "--workers", "1"])
    assert done.exit_code == 0, done.output
    return done.output


def frame(cohort):
    return read_manifest(cohort.manifest.path).frame


KNOWN = {"patient_id_from": "{patient}_{n}", "constants": {"reference_standard": "model"}}


def test_a_foreign_table_is_understood_in_one_try_and_says_how(ingest):
    cohort = ingest(CHEST, **KNOWN)
    rows = frame(cohort)
    assert rows["image_id"].to_list() == ["0001_000", "0002_000", "0003_001"]
    assert rows["patient_id"].to_list() == ["0001", "0002", "0003"]
    assert rows.select("sex", "age", "view", "t_score", "OP").row(2) == ("F", 69.0, "PA", -2.9, 1)
    assert cohort.clear[:2] == (
        "image_id <- NIH_Image_Index (its cells name 3 of 3 films)",
        "sex <- Gender (F 2, M 1)",
    )
    assert "t_score <- T-score (-2.9 to 0.4 SD)" in cohort.clear
    assert cohort.clear[-1] == "carried along: OP"


def test_everything_open_is_asked_at_once_before_any_film_is_read_and_the_command_works(refused):
    table = CHEST.replace("0002_000.png,F,058Y,PA", "0002_000.png,F,058Y,?")
    text = refused(table, progress=lambda *_: pytest.fail("a film was read"))
    assert "3 thing(s) are open" in text
    for piece in ("patient ids", "'?' (1): what is that as view?", "reference_standard: 3 rows have a label"):
        assert piece in text
    output = rerun(text, REFERENCE_STANDARD="model")
    assert "view <- View (PA 2, 1 blank)" in output


@pytest.mark.parametrize("name", ["NIH_Image_Index", "Image Index", "Bild", "x", "Age of image"])
def test_the_column_whose_cells_name_the_films_is_found_whatever_its_name(ingest, name):
    cohort = ingest(CHEST.replace("NIH_Image_Index", name), **KNOWN)
    assert frame(cohort).height == 3


@pytest.mark.parametrize(
    "cell", ["0001_000", "films/0001_000.png", "0001_000.PNG", ".\\films\\0001_000.png", "0001_000.dcm"]
)
def test_a_cell_names_a_film_with_and_without_ending_and_folders(ingest, cell):
    cohort = ingest(f"Bild,Patient\n{cell},a\n0002_000,b\n")
    assert frame(cohort)["image_id"].to_list() == ["0001_000", "0002_000"]


def test_a_table_of_far_more_films_than_the_folder_holds_is_understood(ingest):
    more = "".join(f"9{n:03}_000.png,p{n}\n" for n in range(50))
    cohort = ingest("Image Index,Patient ID\n0001_000.png,a\n0002_000.png,b\n0003_001.png,c\n" + more)
    assert frame(cohort)["patient_id"].to_list() == ["a", "b", "c"]
    assert cohort.clear[0].endswith("(its cells name 3 of 3 films, 50 name none)")
    assert cohort.quarantine.height == 50
    assert cohort.notes == ()


def test_two_columns_that_name_films_are_a_question(refused):
    table = "Bild,Voraufnahme,Patient\n0001_000.png,0002_000.png,a\n0002_000.png,0003_001.png,b\n"
    text = refused(table)
    assert "'Bild' (its cells name 2 of 3 films) or 'Voraufnahme' (its cells name 2 of 3 films)" in flat(text)
    assert "image_id <- Bild" in rerun(text, IMAGE_COLUMN="Bild")


def test_the_manifests_own_name_decides_between_two_columns_of_films(ingest):
    cohort = ingest("image_id,prior,patient_id\n0001_000,0002_000,a\n0002_000,0003_001,b\n")
    assert frame(cohort)["patient_id"].to_list() == ["a", "b"]


def test_an_age_that_names_a_film_is_an_age(refused, ingest):
    names = ("58.png", "61.png")
    text = refused("Age,Sex\n58,F\n61,M\n", names)
    assert "no column names films" in text
    assert frame(ingest("Nr,Age,Patient\n58,61,a\n61,58,b\n", names))["age"].to_list() == [61.0, 58.0]


def test_an_accession_number_that_is_called_patient_is_a_question(refused, ingest):
    names = ("p1_1.png", "p1_2.png", "p2_1.png")
    table = "Bild,Patient\np1_1.png,A17\np1_2.png,A18\np2_1.png,A19\n"
    text = refused(table, names)
    assert "such as p1_1.png of 'A17' and p1_2.png of 'A18'" in flat(text)
    assert "3 patients in 3 rows" in rerun(text)
    cohort = ingest(table, names, patient_id_from="{patient}_{n}")
    assert frame(cohort).select("patient_id", "Patient").rows() == [
        ("p1", "A17"),
        ("p1", "A18"),
        ("p2", "A19"),
    ]


def test_one_patient_for_all_rows_is_a_question(refused):
    assert "holds 'thorax' in every row" in flat(
        refused(CHEST.replace("OP\n", "Subject\n").replace(",0\n", ",thorax\n").replace(",1\n", ",thorax\n"))
    )


def test_an_age_in_months_is_no_age(refused):
    table = CHEST.replace("081Y", "972").replace("058Y", "696").replace("069Y", "828")
    text = refused(table, **KNOWN)
    assert "'Age' is called like age in years, but 3 of 3 cells cannot be that, such as '972'" in flat(text)
    assert "carried along" in rerun(text)


def test_a_column_with_another_unit_is_not_taken_for_the_manifests(ingest):
    rows = frame(ingest(CHEST.replace("Age", "Age (months)").replace("T-score", "T-score (SD)"), **KNOWN))
    assert rows["age"].null_count() == 3
    assert rows["Age (months)"].len() == 3
    assert rows["t_score"].to_list() == [0.4, -1.5, -2.9]


def test_two_t_scores_are_a_question(refused):
    table = CHEST.replace("T-score,OP", "T-Score,T-Wert")
    text = refused(table, **KNOWN)
    assert "could be 'T-Score' or 'T-Wert'" in text
    assert "t_score <- T-Score" in rerun(text, T_SCORE_COLUMN="T-Score")


def test_a_near_miss_of_a_label_is_asked_and_never_becomes_the_label_by_itself(refused):
    text = refused(CHEST.replace("T-score", "T_score_2"), **KNOWN)
    assert "'T_score_2' comes near to t_score" in text
    output = rerun(text)
    assert "diagnosis.unknown" in output


def test_a_label_of_zeros_and_ones_is_no_diagnosis_and_is_carried_along(refused, tmp_path):
    text = refused(CHEST.replace("OP", "Label"), **KNOWN)
    assert "'Label' is called like diagnosis, but 3 of 3 cells cannot be that" in flat(text)
    rerun(text)
    rows = read_manifest(tmp_path / "manifest.csv").frame
    assert rows["label_as_given"].to_list() == [0, 0, 1]


def test_a_coded_sex_is_asked_word_by_word(refused):
    table = CHEST.replace(",M,", ",1,").replace(",F,", ",2,")
    text = refused(table, **KNOWN)
    assert "'2' (2), '1' (1): what is that as sex?" in text
    assert "--value sex:1=SEX --value sex:2=SEX" in text


def test_words_are_put_in_place_by_value_and_a_blank_is_one_too(ingest):
    cohort = ingest(
        CHEST.replace(",M,", ",Herr,"),
        **KNOWN,
        values={("sex", "herr"): "M", ("view", "PA"): "", ("OP", "1"): "5"},
    )
    rows = frame(cohort)
    assert rows["sex"].to_list() == ["M", "F", "F"]
    assert rows["view"].null_count() == 3
    assert rows["OP"].to_list() == [0, 0, 5]


def test_a_column_that_is_said_wins_over_the_guess_and_an_ignored_one_is_not_read(ingest):
    table = CHEST.replace("OP", "t_score_of_today").replace(",0\n", ",-3\n")
    cohort = ingest(table, **KNOWN, columns={"t_score": "t_score_of_today"}, ignored=("T-score", "View"))
    rows = frame(cohort)
    assert rows["t_score"].to_list() == [-3.0, -3.0, 1.0]
    assert rows["view"].null_count() == 3
    assert "T-score" not in rows.columns


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"columns": {"age": "Agee"}}, "--column: Unknown column 'Agee', did you mean 'Age'?"),
        ({"ignored": ("Vew",)}, "--ignore: Unknown column 'Vew', did you mean 'View'?"),
        ({"values": {("sexx", "M"): "F"}}, "--value: Unknown column 'sexx', did you mean 'sex'?"),
        ({"columns": {"path": "View", "image_id": "Age"}}, "both say which image"),
    ],
)
def test_what_is_said_of_a_column_that_is_not_there_is_refused(refused, asked, message):
    assert message in flat(refused(CHEST, **asked))


def test_a_german_spreadsheet_is_understood(ingest, tmp_path):
    text = (
        "Bild;Patienten-ID;Geschlecht;Alter;T-Wert;Größe\n"
        "0001_000.png;7;weiblich;81;-2,7;1,63\n0002_000.png;8;m;58;0,4;1,80\n"
    )
    (tmp_path / "labels.csv").write_bytes(text.encode("cp1252"))
    cohort = ingest(tmp_path / "labels.csv", constants={"reference_standard": "dxa"})
    rows = frame(cohort)
    assert rows.select("patient_id", "sex", "age", "t_score", "diagnosis", "Größe").row(0) == (
        *("7", "F", 81.0, -2.7, "osteoporosis", 1.63),
    )
    assert cohort.clear[0] == "labels.csv: cells separated by semicolon, decimal comma, Windows-1252"


def test_rows_without_a_patient_are_left_out_and_said(ingest):
    cohort = ingest("Bild,Patient\n0001_000.png,a\n0002_000.png,b\n0003_001.png,\n")
    assert cohort.quarantine["reason"].to_list() == ["no patient id"]
    assert "nothing says whose films 1 of 3 are" in cohort.notes[0]


def test_a_broken_row_stands_beside_the_questions_with_its_line(refused):
    text = refused(CHEST.replace("-2.9", "-29"))
    assert "3 thing(s) are open" in text
    assert re.search(r"line 4 .*t_score -29.0", text)
    assert "Once these rows are corrected, this works, with your own word for REFERENCE_STANDARD:" in text
