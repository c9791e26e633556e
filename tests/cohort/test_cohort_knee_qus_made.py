"""The importer of the knee ultrasound data set on a small made-up folder of the same layout."""

from __future__ import annotations

import polars as pl
import pytest

from strnet.cohort.importers import ImportRequest, import_knee_qus
from strnet.errors import ManifestError

HEADINGS = {
    "Patient Id": ["OP1", "N2", "OS3", "OP4", None, None],
    "Gender": ["female", "male", "Female ", "male", None, None],
    "Age": [61, 40, 70, 55, None, None],
    "BMI: ": [27.5, 24.0, 31.2, 22.8, None, None],
    "T-score Value": [-1.8, -0.4, -2.5, -1.2, None, None],
    "Diagnosis": ["osteopenia", None, "osteopenia", None, None, None],
    "Z-Score Value": [-1.0, 0.1, -1.4, -0.3, None, None],
    "height  (meter)": [1.5, 1.7, 1.5, 1.8, None, None],
    "Weight (KG) ": [62, 69, 70, 74, None, None],
    "Menopause Age": ["48", None, "75", None, "max", "min"],
    "Number of Pregnancies": [3, 2, None, None, None, None],
    "Maximum Walking distance (km)": [1.0, 2.0, 0.5, None, None, None],
    **{
        name: ["yes", "no", "No", None, None, None]
        for name in (
            "Joint Pain:",
            "Smoker",
            "Alcoholic",
            "Diabetic",
            "Hypothyroidism",
            "Seizer Disorder",
            "Estrogen Use",
            "Dialysis:",
            "Family History of Osteoporosis",
        )
    },
    "History of Fracture": ["L.arm", "no", "foot injury", "lab technician", None, None],
}
FILMS = [
    ("OP1", "1", "PNG"),
    ("N2", "1", "JPEG"),
    ("OS3", "1", "JPEG"),
    ("OP4", "0", "JPEG"),
    (None, "0", "PNG"),
]


@pytest.fixture
def folder(tmp_path, write_png):
    pl.DataFrame(HEADINGS).write_excel(tmp_path / "patient details.xlsx")
    rows = []
    for number, (patient, usable, kind) in enumerate(FILMS):
        file = f"images/normal/{number}.png"
        write_png(tmp_path / file, 0 if number in (3, 4) else number + 1)
        rows.append(
            (file, f"normal/{number}.{kind.lower()}", kind, "RGB", "900", "1800", patient, "exact", usable)
        )
    names = ["file", "original_file", "original_format", "original_mode", "original_width", "original_height"]
    table = pl.DataFrame(rows, schema=[*names, "patient_id", "id_source", "usable"], orient="row")
    table.write_csv(tmp_path / "images.csv")
    return tmp_path


def test_sheet_and_films_become_rows_with_the_original_files_size(folder):
    cohort = import_knee_qus(ImportRequest(folder=folder, out=folder / "manifest.csv", workers=0))
    frame = cohort.manifest.frame
    assert frame["patient_id"].to_list() == ["OP1", "N2", "OS3"]
    assert frame["sex"].to_list() == ["F", "M", "F"]
    assert frame["diagnosis"].to_list() == ["osteopenia", "normal", "osteoporosis"]
    assert frame["file_format"].to_list() == ["png", "jpeg", "jpeg"]
    assert frame.select("rows", "columns", "photometric", "reference_standard").unique().rows() == [
        (1800, 900, "RGB", "qus")
    ]
    assert frame["smoker"].to_list() == [1.0, 0.0, 0.0]
    assert frame["previous_fracture"].to_list() == [1.0, 0.0, None]
    assert frame["pregnancies"].to_list() == [3.0, None, None]
    assert frame["menopause_age"].to_list() == [48.0, None, None]


def test_what_was_left_blank_or_left_out_is_said(folder):
    cohort = import_knee_qus(ImportRequest(folder=folder, out=folder / "manifest.csv", workers=0))
    assert cohort.notes == (
        "a man's pregnancies, left blank: patient N2.",
        "menopause after the present age, left blank: patient OS3.",
        "a diagnosis that contradicts the T-score, left blank: patient OS3.",
        "1 pictures occur more than once among the 5 films, 0 in two folders.",
    )
    assert sorted(cohort.quarantine["reason"]) == [
        "not traced to a patient",
        "usable is not 1 in images.csv: OP4, traced exact",
    ]


def test_a_sheet_without_a_column_is_refused(folder):
    pl.DataFrame({name: cells for name, cells in HEADINGS.items() if name != "BMI: "}).write_excel(
        folder / "patient details.xlsx"
    )
    with pytest.raises(ManifestError, match="column 'BMI' is missing"):
        import_knee_qus(ImportRequest(folder=folder, out=folder / "manifest.csv", workers=0))


def test_a_patient_twice_in_the_sheet_is_refused_with_the_sheets_row(folder):
    twice = pl.DataFrame(HEADINGS).with_columns(pl.col("Patient Id").replace("N2", "OP1"))
    twice.write_excel(folder / "patient details.xlsx")
    with pytest.raises(ManifestError, match=r"row 3 +patient OP1"):
        import_knee_qus(ImportRequest(folder=folder, out=folder / "manifest.csv", workers=0))


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("original_height", "1800px", "line 3  patient N2  original_height 1800px"),
        ("original_format", "TIF", "original_format TIF\nWrite PNG or JPEG"),
        ("usable", "yes", "usable yes\nWrite 1 for a film"),
        ("original_file", "normal/0.png", "2 rows with an unusable original_file"),
    ],
)
def test_an_image_table_that_cannot_be_used_is_refused_before_any_film_is_read(folder, column, cell, message):
    table = pl.read_csv(folder / "images.csv", infer_schema=False)
    second = pl.when(pl.int_range(pl.len()) == 1).then(pl.lit(cell)).otherwise(column)
    table.with_columns(second.alias(column)).write_csv(folder / "images.csv")
    with pytest.raises(ManifestError) as caught:
        import_knee_qus(
            ImportRequest(
                folder=folder,
                out=folder / "m.csv",
                workers=0,
                progress=lambda *_: pytest.fail("a film was read"),
            )
        )
    assert message in str(caught.value)
    assert "images.csv" in str(caught.value)
