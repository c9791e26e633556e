"""The manifest columns as data: name, unit, vocabulary, range. Everything that checks them reads it here."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from strnet import schema
from strnet.errors import ManifestError, unknown_name
from strnet.imaging.contrast import CONTRASTS

Kind = Literal["text", "number", "integer"]
FILE_FORMATS = ("dicom", "png", "jpeg", "nifti")

_HEX = "[0-9a-f]{64}"
_SHA256 = "64 hexadecimal digits in lower case"
_BOX = r"\d+ \d+ \d+ \d+"
_NAMED_BOX = rf"[A-Za-z0-9_]+: {_BOX}"
_BOXES = rf"({_BOX}|{_NAMED_BOX}(; {_NAMED_BOX})*)"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the manifest; blank cells are unknown wherever `required` is false."""

    name: str
    meaning: str
    kind: Kind = "text"
    unit: str | None = None
    values: tuple[str, ...] = ()
    """The vocabulary; empty means free text."""
    low: float | None = None
    high: float | None = None
    hint: str = ""
    """What is usually wrong with a value out of range."""
    pattern: str | None = None
    """What the whole cell must match."""
    pattern_words: str = _SHA256
    """The pattern in words."""
    required: bool = False
    aliases: tuple[str, ...] = ()
    """Names other tables use for it; never accepted in a manifest, only suggested from."""
    synonyms: Mapping[str, str] = field(default_factory=dict)
    """Lower-case spellings of a vocabulary value that leave no doubt."""

    def canonical(self, text: str) -> str | None:
        """The vocabulary value that `text` spells, whatever its case; None if it spells none."""
        key = text.strip().lower()
        exact = {value.lower(): value for value in self.values}
        return exact.get(key) or self.synonyms.get(key)

    def advice(self, text: str) -> str:
        """What to write instead of `text`, which is not in the vocabulary."""
        meant = self.canonical(text)
        return f"did you mean '{meant}'?" if meant else f"valid: {', '.join(self.values)}, or blank"


_SEX = {"female": "F", "woman": "F", "male": "M", "man": "M", "w": "F", "weiblich": "F", "männlich": "M"}
_SIDE = {"left": "L", "right": "R", "both": "B", "bilateral": "B", "links": "L", "rechts": "R"}
_VIEW = {
    "lat": "LATERAL",
    "ll": "LATERAL",
    "rl": "LATERAL",
    "lld": "LATERAL",
    "rld": "LATERAL",
    "anteroposterior": "AP",
    "frontal": "AP",
    "posteroanterior": "PA",
    "skyline": "AXIAL",
    "sunrise": "AXIAL",
}
_REFERENCE = {"dexa": "dxa", "ultrasound": "qus", "ct": "qct"}
_ANATOMY = {"lspine": "lumbar", "lumbar spine": "lumbar", "thorax": "chest", "knees": "knee"}
_AGE, _BMI = schema.PLAUSIBLE["age"], schema.PLAUSIBLE["bmi"]


def _bmd(site: str) -> Column:
    return Column(
        schema.bmd_column(site),
        f"Areal BMD of the {site.replace('_', ' ')}",
        "number",
        "g/cm2",
        low=schema.PLAUSIBLE_BMD[0],
        high=schema.PLAUSIBLE_BMD[1],
        hint="is it in mg/cm2, or a T-score?",
    )


def _site_t_score(site: str) -> Column:
    return Column(
        schema.t_score_column(site),
        f"T-score of the {site.replace('_', ' ')}, unrounded",
        "number",
        "SD",
        low=-8,
        high=8,
        hint="is it a BMD or a Z-score?",
    )


COLUMNS: tuple[Column, ...] = (
    Column(
        schema.IMAGE_ID,
        "Name of the film, unique",
        required=True,
        aliases=("image", "image_index", "image_name", "film", "bild"),
    ),
    Column(
        schema.PATIENT_ID,
        "Whose film it is; splits are made by it",
        required=True,
        aliases=(
            *("patient", "patient_no", "patient_number", "pid", "mrn", "subject", "subject_id"),
            *("patienten_id", "patientennummer", "pat_id", "pat_nr"),
        ),
    ),
    Column(
        "path",
        "The film file, absolute or relative to the manifest's folder",
        required=True,
        aliases=("file", "filename", "file_name", "filepath", "image_path"),
    ),
    Column(
        schema.EXAM_ID,
        "Examination: images of one patient taken together, such as AP and lateral",
        aliases=("exam", "examination", "study_instance_uid", "accession_number"),
    ),
    Column(
        "site",
        "Hospital; one site can be kept as external",
        aliases=("hospital", "centre", "klinik", "krankenhaus"),
    ),
    Column("scanner", "Manufacturer and model", aliases=("device", "machine")),
    Column("anatomy", "Body part", values=schema.ANATOMIES, aliases=("body_part",), synonyms=_ANATOMY),
    Column(
        "view",
        "Projection",
        values=schema.VIEWS,
        aliases=("projection", "view_position", "strahlengang"),
        synonyms=_VIEW,
    ),
    Column(
        "laterality", "Side; B is both", values=schema.LATERALITIES, aliases=("side", "seite"), synonyms=_SIDE
    ),
    Column(
        "age",
        "Age at the film",
        "number",
        "years",
        low=_AGE[0],
        high=_AGE[1],
        aliases=("patient_age", "age_years", "alter"),
    ),
    Column("sex", "Sex", values=schema.SEXES, aliases=("gender", "patient_sex", "geschlecht"), synonyms=_SEX),
    Column(
        "bmi",
        "Body mass index",
        "number",
        "kg/m2",
        low=_BMI[0],
        high=_BMI[1],
        hint="kg over metres squared; was height in cm?",
        aliases=("body_mass_index",),
    ),
    Column(
        schema.T_SCORE,
        "T-score of the reference standard, unrounded",
        "number",
        "SD",
        low=-8,
        high=8,
        hint="is it a BMD or a Z-score?",
        aliases=("t", "t_value", "t_score_value", "t_scores", "t_wert"),
    ),
    Column(
        "diagnosis",
        "Class of the reference standard; filled from t_score where blank",
        values=schema.DIAGNOSES,
        aliases=("label", "class", "dx", "diagnose"),
        synonyms={
            "osteoporotic": "osteoporosis",
            "osteopenic": "osteopenia",
            "healthy": "normal",
            "osteoporose": "osteoporosis",
            "osteopenie": "osteopenia",
            "gesund": "normal",
        },
    ),
    Column(
        "reference_standard",
        "What t_score or diagnosis was measured with; required where either is given",
        values=schema.REFERENCE_STANDARDS,
        aliases=("reference", "modality_of_reference"),
        synonyms=_REFERENCE,
    ),
    Column("reference_site", "Where on the body it was measured", values=schema.REFERENCE_SITES),
    *(_bmd(site) for site in schema.DXA_SITES),
    *(_site_t_score(site) for site in schema.DXA_SITES),
    Column(
        "days_to_reference",
        "Days from the film to the measurement; negative if it came before",
        "number",
        "days",
        low=-36_500,
        high=36_500,
    ),
    Column(
        "box",
        "What of the image to look at, in its pixels: left top right bottom; several are named "
        "(`L1: 10 20 200 180; L2: 10 190 200 350`)",
        pattern=_BOXES,
        pattern_words="a box or named boxes",
    ),
    Column("mask", "File of a mask on the image's grid, absolute or relative to the manifest's folder"),
    Column("modality", "Modality of the DICOM file, such as DX, CR or CT"),
    Column(
        "presentation_intent",
        "Whether the pixels are the picture a reader sees or raw signal, where the file says so",
        values=schema.PRESENTATION_INTENTS,
    ),
    Column("sop_instance_uid", "SOP Instance UID of the DICOM file"),
    Column("pixel_sha256", "SHA-256 of the decoded grey values and their shape", pattern=_HEX),
    Column(
        "file_format", "Format of the file the film came in", values=FILE_FORMATS, synonyms={"jpg": "jpeg"}
    ),
    Column("rows", "Rows of that file", "integer", "pixels", low=1, high=100_000),
    Column("columns", "Columns of that file", "integer", "pixels", low=1, high=100_000),
    Column("slices", "Slices of a volume; blank for a film", "integer", "slices", low=1, high=100_000),
    Column("slice_spacing_mm", "Distance between the slices of a volume", "number", "mm", low=0.01, high=100),
    Column("slice_thickness_mm", "Thickness of the slices of a volume", "number", "mm", low=0.01, high=100),
    Column("kvp", "Tube voltage of a CT", "number", "kV", low=20, high=400, hint="is it in V?"),
    Column("kernel", "Convolution kernel of a CT, as its maker calls it"),
    Column("contrast", "Contrast medium in the vessels", values=CONTRASTS),
    Column(
        "gantry_tilt_degrees",
        "Tilt of the gantry, undone when the volume is read",
        "number",
        "degrees",
        low=-45,
        high=45,
    ),
    Column("bits_stored", "Bits per grey value in that file", "integer", "bits", low=1, high=64),
    Column("photometric", "Photometric interpretation (DICOM) or colour mode (PNG, JPEG)"),
    Column("file_sha256", "SHA-256 of the file's bytes", pattern=_HEX),
)
"""Every column that strnet itself knows. Others are passed on as they are, see `require_known_names`."""

BY_NAME: Mapping[str, Column] = {column.name: column for column in COLUMNS}
VOCABULARY = {column.name: column.values for column in COLUMNS if column.values}
"""The words of each column that has a vocabulary; a condition may name one that no row holds."""
NUMBER_COLUMNS = tuple(column.name for column in COLUMNS if column.kind != "text")
_UNITS = {
    "age": {"years", "year", "yrs", "yr", "y", "jahre"},
    "bmi": {"kgm2", "kgm"},
    schema.T_SCORE: {"sd"},
    "sex": {"mf", "fm", "mw"},
    "days_to_reference": {"days", "d"},
}
"""What may stand in brackets behind a column's name without changing what it holds."""
_NAMES_IN_THEIR_OWN_RIGHT = frozenset({"z_score", "bmd"})
_NEAR = 0.84


def require_known_names(names: Sequence[str], where: str) -> None:
    """Raise unless every name is a manifest column or clearly something else.

    Further columns (menopause_age, waist_cm, ...) need no declaration: one whose cells are all
    numbers can be a target or a clinical variable, any other is carried along. But a name that is
    another spelling of a manifest column which the table lacks is an error, never an extra column.

    Raises: ManifestError: a missing required column, a doubled one, or a misspelt one.
    """
    doubled = [name for name in names if re.search(r"_duplicated_\d+$", name)]
    if doubled:
        raise ManifestError(
            f"{where}: column '{doubled[0].rpartition('_duplicated_')[0]}' stands twice. Keep one."
        )
    misspelt = {name: meant for name in names if (meant := meant_column(name, names))}
    if misspelt:
        lines = [f"  Unknown column '{name}', did you mean '{meant}'?" for name, meant in misspelt.items()]
        raise ManifestError(
            f"{where}: {len(misspelt)} column name(s) come close to a manifest column.\n"
            + "\n".join(lines)
            + "\nRename them; a column that means something else needs a name further off."
        )
    missing = [column.name for column in COLUMNS if column.required and column.name not in names]
    if missing:
        raise ManifestError(
            f"{where}: column '{missing[0]}' is missing. Found: {', '.join(names) or 'no columns'}."
        )


def column_named(name: str) -> Column:
    """The manifest column of that name.

    Raises: ManifestError: no such column, with the nearest one.
    """
    if name not in BY_NAME:
        raise ManifestError(unknown_name("manifest column", name, BY_NAME))
    return BY_NAME[name]


def meant_column(name: str, present: Iterable[str]) -> str | None:
    """The manifest column that `name` misspells, if the table has no column of that name."""
    if name in BY_NAME or name in _NAMES_IN_THEIR_OWN_RIGHT:
        return None
    absent = set(BY_NAME) - set(present)
    plain = _plain(name)
    for column in COLUMNS:
        if column.name in absent and plain in {_plain(alias) for alias in (column.name, *column.aliases)}:
            return column.name
    near = difflib.get_close_matches(name.strip().lower(), sorted(absent), n=1, cutoff=_NEAR)
    return near[0] if near else None


def spelt_column(name: str) -> str | None:
    """The manifest column that `name` spells beyond doubt: its own name or an alias, signs and unit aside."""
    bracketed = re.fullmatch(r"(.+?)\s*[(\[]([^)\]]*)[)\]]", name.strip())
    plain = _plain(bracketed[1] if bracketed else name)
    unit = _plain(bracketed[2]) if bracketed else ""
    for column in COLUMNS:
        if plain in {_plain(spelling) for spelling in (column.name, *column.aliases)}:
            return column.name if not unit or unit in _UNITS.get(column.name, ()) else None
    return None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
