"""The Knee X-ray Osteoporosis Database of Wani and Arora (Mendeley fxjm8fb6mw): films, sheet, and tracing.

The sheet holds T-scores by quantitative ultrasound, one row per patient. `images.csv` says which patient a
film was traced to, what the original file was, and whether it may be used. Folder names are not labels.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from strnet.cohort.audit import duplicate_groups
from strnet.cohort.findings import LINE, finding, named, raise_findings
from strnet.cohort.importers.conflicting_pictures import settle_conflicts
from strnet.cohort.importers.header import completed
from strnet.cohort.importers.labels import LabelTable, read_labels
from strnet.cohort.importers.outcome import ImportedCohort, LeftOut, write_cohort
from strnet.cohort.importers.request import ImportRequest
from strnet.cohort.inspection import Inspection
from strnet.cohort.inspection_journal import inspect_with_journal, journal_path
from strnet.cohort.manifest import located_rows
from strnet.cohort.validation import implied_diagnosis, validated
from strnet.errors import ManifestError
from strnet.imaging import image_names
from strnet.schema import IMAGE_ID, PATIENT_ID
from strnet.tables import read_foreign_table, read_table, require_columns

SHEET = "patient details.xlsx"
IMAGES = "images.csv"
_IMAGE_COLUMNS = (
    "file",
    "original_file",
    "original_format",
    "original_mode",
    "original_width",
    "original_height",
    "patient_id",
    "id_source",
    "usable",
)
_IMAGE_RULES: Sequence[tuple[str, pl.Expr, str]] = (
    (
        "original_file",
        pl.col("original_file").is_null() | pl.col("original_file").is_duplicated(),
        "Every film needs the name of its original, once.",
    ),
    (
        "original_format",
        ~pl.col("original_format").str.to_lowercase().is_in(["png", "jpeg"]),
        "Write PNG or JPEG.",
    ),
    *(
        (name, ~pl.col(name).str.contains(r"^\d{1,5}$"), "Write a whole number of pixels.")
        for name in ("original_width", "original_height")
    ),
    (
        "usable",
        ~pl.col("usable").is_in(["0", "1"]),
        "Write 1 for a film traced to one patient whose image no other patient shares, else 0.",
    ),
)
"""Columns of images.csv, what makes a cell in them unusable, and what to do about it."""
_SHEET_COLUMNS = {
    "Patient Id": PATIENT_ID,
    "Gender": "sex",
    "Age": "age",
    "BMI": "bmi",
    "T-score Value": "t_score",
    "Diagnosis": "diagnosis",
    "Z-Score Value": "z_score",
    "height (meter)": "height_m",
    "Weight (KG)": "weight_kg",
    "Menopause Age": "menopause_age",
    "Number of Pregnancies": "pregnancies",
    "Maximum Walking distance (km)": "walking_distance_km",
    "Joint Pain": "joint_pain",
    "Smoker": "smoker",
    "Alcoholic": "alcoholic",
    "Diabetic": "diabetic",
    "Hypothyroidism": "hypothyroidism",
    "Seizer Disorder": "seizure_disorder",
    "Estrogen Use": "estrogen_use",
    "Dialysis": "dialysis",
    "Family History of Osteoporosis": "family_history",
    "History of Fracture": "previous_fracture",
}
"""The sheet's headings, punctuation and blanks aside, and what they become; the others are not used."""
_YES_OR_NO = (
    "joint_pain",
    "smoker",
    "alcoholic",
    "diabetic",
    "hypothyroidism",
    "seizure_disorder",
    "estrogen_use",
    "dialysis",
    "family_history",
)
_NUMBERS = ("z_score", "height_m", "weight_kg", "menopause_age", "pregnancies", "walking_distance_km")
_BONES = "arm|leg|foot|knee|wrist|hip|ankle|elbow|shoulder|vertebra|lumbar|neck|collar|hand|head|fracture"


def import_knee_qus(request: ImportRequest) -> ImportedCohort:
    """The usable films of the data set in the request's folder, written to its manifest and beside it.

    T-scores are by ultrasound (`reference_standard` qus), and diagnoses follow from them. `file_format`,
    `rows`, `columns` and `photometric` describe the original files, since they give classes away. Yes and
    no become 1 and 0; a cell that cannot be true (a man's pregnancies, a menopause still to come) is left
    blank and noted.

    Raises: ManifestError: sheet or images.csv is missing, or breaks a rule; no film is read.
    """
    folder, journal = request.folder, journal_path(request.out)
    patients, notes = _patients(read_labels(_sheet(folder), _heading_map(_sheet(folder))))
    listed = _images(folder / IMAGES).join(patients, on=PATIENT_ID, how="left", maintain_order="left")
    paths = [folder / file for file in listed["file"]]
    films = inspect_with_journal(paths, journal, workers=request.workers, progress=request.progress)
    listed = listed.with_columns(pl.Series(IMAGE_ID, image_names(paths), dtype=pl.String))
    reasons = [_why_not(row) for row in listed.iter_rows(named=True)]
    used = [why is None and film.reason is None for film, why in zip(films, reasons, strict=True)]
    left_out = [
        LeftOut(film.path, *why)
        for film, why in zip(films, reasons, strict=True)
        if why is not None and film.reason is None
    ]
    rows = listed.filter(pl.Series(used, dtype=pl.Boolean)).drop(
        name for name in _IMAGE_COLUMNS if name != PATIENT_ID
    )
    made = completed(rows, [film for film, use in zip(films, used, strict=True) if use])
    unreadable = [film for film in films if film.reason is not None]
    kept, conflicting, said = settle_conflicts(made.rows, request)
    notes = [*notes, *_pictures_twice(listed, films), *said]
    cohort = write_cohort(kept, request.out, unreadable, [*left_out, *made.left_out, *conflicting], notes)
    journal.unlink(missing_ok=True)
    return cohort


def _sheet(folder: Path) -> Path:
    for name in (SHEET, IMAGES):
        if not (folder / name).is_file():
            raise ManifestError(
                f"{folder / name}: no such file. The folder needs '{SHEET}' as published, and '{IMAGES}' "
                f"with columns {', '.join(_IMAGE_COLUMNS)}."
            )
    return folder / SHEET


def _heading_map(sheet: Path) -> dict[str, str]:
    """Our column names and the sheet's own headings, which have stray blanks and colons."""
    headings = {_plain(name): name for name in read_foreign_table(sheet, "sheet").frame.columns}
    missing = [ours for ours in _SHEET_COLUMNS if _plain(ours) not in headings]
    if missing:
        raise ManifestError(
            f"{sheet}: column '{missing[0]}' is missing. Found: {', '.join(headings.values())}."
        )
    return {ours: headings[_plain(theirs)] for theirs, ours in _SHEET_COLUMNS.items()}


def _plain(heading: str) -> str:
    return re.sub(r"[^a-z0-9]", "", heading.lower())


def _patients(sheet: LabelTable) -> tuple[pl.DataFrame, list[str]]:
    """One checked row per patient with a row in the sheet, and what was blanked in it."""
    # Below the patients stand summary rows (max, min, avg) that name nobody.
    named = sheet.frame.select(*_SHEET_COLUMNS.values()).with_columns(line=sheet.lines)
    named = named.filter(pl.col(PATIENT_ID).is_not_null())
    coded = named.with_columns(
        *(_one_or_zero(name) for name in _YES_OR_NO),
        _fracture(),
        *(pl.col(name).cast(pl.Float64, strict=False) for name in _NUMBERS),
        pl.lit("qus").alias("reference_standard"),
        pl.lit("knee").alias("anatomy"),
    )
    frame, notes = _without_impossible_cells(coded)
    checked = validated(
        frame.drop("line").with_columns(pl.col(PATIENT_ID).alias(IMAGE_ID), pl.col(PATIENT_ID).alias("path")),
        str(sheet.path),
        lines=frame["line"],
        line_word="row",
    )
    return checked.select(*frame.drop("line").columns), notes


def _one_or_zero(name: str) -> pl.Expr:
    return pl.col(name).str.to_lowercase().replace_strict({"yes": 1.0, "no": 0.0}, default=None)


def _fracture() -> pl.Expr:
    """1 where a bone is named, 0 for no; an injury, or an occupation in the wrong column, is unknown."""
    text = pl.col("previous_fracture").str.to_lowercase()
    broken = (text.str.contains(_BONES) | (text == "yes")) & ~text.str.contains("injury")
    return pl.when(broken).then(1.0).when(text == "no").then(0.0).alias("previous_fracture")


def _without_impossible_cells(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """The rows with cells blanked that contradict others in the row, and a sentence for each kind."""
    male = pl.col("sex") == "M"
    age = pl.col("age").cast(pl.Float64, strict=False)
    t_score = pl.col("t_score").cast(pl.Float64, strict=False)
    implied = implied_diagnosis().meta.undo_aliases()
    rules: Sequence[tuple[str, pl.Expr, str]] = (
        ("menopause_age", male, "a man's menopause"),
        ("pregnancies", male, "a man's pregnancies"),
        ("menopause_age", pl.col("menopause_age") > age, "menopause after the present age"),
        ("diagnosis", pl.col("diagnosis") != implied, "a diagnosis that contradicts the T-score"),
    )
    notes = []
    frame = frame.with_columns(t_score)
    for column, impossible, what in rules:
        wrong = (impossible & pl.col(column).is_not_null()).fill_null(value=False)
        patients = frame.filter(wrong)[PATIENT_ID].to_list()
        if patients:
            notes.append(f"{what}, left blank: patient {', '.join(patients)}.")
        frame = frame.with_columns(pl.when(~wrong).then(pl.col(column)).alias(column))
    return frame, notes


def _images(path: Path) -> pl.DataFrame:
    """One row per film: what images.csv says, with the manifest's columns of the original file."""
    table, lines, line_word = located_rows(read_table(path, "image table", as_text=True), path)
    require_columns(table, _IMAGE_COLUMNS, str(path))
    located = table.with_columns(lines.alias(LINE))
    found = [
        finding(located, broken, f"{{rows}} with an unusable {name}.", [named(name)], remedy)
        for name, broken, remedy in _IMAGE_RULES
    ]
    raise_findings(str(path), [each for each in found if each], line_word)
    return table.select(_IMAGE_COLUMNS).with_columns(
        pl.col("original_format").str.to_lowercase().alias("file_format"),
        pl.col("original_height").cast(pl.Int64).alias("rows"),
        pl.col("original_width").cast(pl.Int64).alias("columns"),
        pl.lit(8, pl.Int64).alias("bits_stored"),
        pl.col("original_mode").alias("photometric"),
    )


def _why_not(row: dict[str, str | None]) -> tuple[str, str] | None:
    """Why a film is not used, and what else is known of it; None if it is used."""
    if row[PATIENT_ID] is None:
        return "not traced to a patient", ""
    detail = f"{row[PATIENT_ID]}, traced {row['id_source']}"
    if row["reference_standard"] is None:
        return "patient not in the sheet", detail
    return None if row["usable"] == "1" else (f"usable is not 1 in {IMAGES}", detail)


def _pictures_twice(listed: pl.DataFrame, films: Sequence[Inspection]) -> list[str]:
    """A sentence on identical pictures among all films, if there are any."""
    contents = pl.Series("pixel_sha256", [film.pixel_sha256 for film in films], dtype=pl.String)
    folder = pl.col("file").str.split("/").list.get(-2).alias("diagnosis")
    groups = duplicate_groups(listed.select(IMAGE_ID, PATIENT_ID, folder).with_columns(contents))
    across = sum(group.across_labels for group in groups)
    text = (
        f"{len(groups)} pictures occur more than once among the {len(films)} films, {across} in two folders."
    )
    return [text] if groups else []
