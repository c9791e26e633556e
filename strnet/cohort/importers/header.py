"""What a film's own file contributes to its row, and where that contradicts what a table says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from strnet.cohort.columns import BY_NAME
from strnet.cohort.importers.outcome import FILM, LeftOut
from strnet.cohort.inspection import Inspection
from strnet.imaging import Acquisition
from strnet.schema import PATIENT_ID

_CELLS = pl.Schema(
    {
        "patient_id": pl.String,
        "exam_id": pl.String,
        "site": pl.String,
        "scanner": pl.String,
        "anatomy": pl.String,
        "view": pl.String,
        "laterality": pl.String,
        "age": pl.Float64,
        "sex": pl.String,
        "modality": pl.String,
        "presentation_intent": pl.String,
        "sop_instance_uid": pl.String,
        "pixel_sha256": pl.String,
        "file_format": pl.String,
        "rows": pl.Int64,
        "columns": pl.Int64,
        "bits_stored": pl.Int64,
        "photometric": pl.String,
        "file_sha256": pl.String,
    }
)
_MUST_AGREE = ("sex", "laterality")
"""A header that differs here belongs to somebody else, or the table was joined wrongly."""


@dataclass(frozen=True, eq=False)
class Completed:
    """Rows with what their films' files say, the films that had to go, and what is to be said of the rest."""

    rows: pl.DataFrame
    left_out: list[LeftOut]
    notes: list[str]


def completed(rows: pl.DataFrame, films: Sequence[Inspection]) -> Completed:
    """The rows with their blank cells filled from their films' files; `films` are theirs, in order.

    Left out: films whose header contradicts the row, films of nobody, and those of people with two sexes.
    """
    said = pl.DataFrame([_said(film) for film in films], schema=_CELLS, orient="row")
    absent = [pl.lit(None, kind).alias(name) for name, kind in _CELLS.items() if name not in rows.columns]
    table = rows.with_columns(absent).cast(_CELLS)
    both = pl.concat([table, said.rename(_from_file)], how="horizontal")
    both = both.with_columns(pl.Series(FILM, [str(film.path) for film in films], dtype=pl.String))
    contradicted = pl.any_horizontal(_differs(name) for name in _MUST_AGREE).fill_null(value=False)
    wrong = [_contradiction(row) for row in both.filter(contradicted).iter_rows(named=True)]
    filled = both.filter(~contradicted).with_columns(pl.coalesce(name, _from_file(name)) for name in _CELLS)
    kept, unclear = _identified(filled)
    notes = [*_shared_header_ids(kept), *_raw_signal(films)]
    return Completed(kept.drop(_from_file(name) for name in _CELLS), [*wrong, *unclear], notes)


def _identified(rows: pl.DataFrame) -> tuple[pl.DataFrame, list[LeftOut]]:
    """Rows whose patient is known and has one sex, and the films of the others."""
    left_out = []
    sexes = pl.col("sex").drop_nulls().n_unique().over(PATIENT_ID)
    for broken, reason in (
        (pl.col(PATIENT_ID).is_null(), "no patient id"),
        (sexes > 1, "patient with two sexes"),
    ):
        wrong = broken.fill_null(value=False)
        left_out += [
            LeftOut(Path(film), reason, patient or "")
            for film, patient in rows.filter(wrong).select(FILM, PATIENT_ID).rows()
        ]
        rows = rows.filter(~wrong)
    return rows, left_out


def _shared_header_ids(rows: pl.DataFrame) -> list[str]:
    """A sentence on people whom the headers know under one id and the table under several.

    Other ids than the header's are common (pseudonyms), and so is one header id for all (anonymised films),
    so neither is an error.
    """
    by_header = rows.group_by(_from_file(PATIENT_ID)).agg(pl.col(PATIENT_ID).unique().sort())
    shared = by_header.drop_nulls().filter(pl.col(PATIENT_ID).list.len() > 1).sort(_from_file(PATIENT_ID))
    if not shared.height:
        return []
    header, patients = shared.row(0)
    return [
        f"{shared.height} patient id(s) of the headers stand under several in the table, such as '{header}' "
        f"under {', '.join(patients[:3])}. If that is one person, a split by patient does not hold."
    ]


def _raw_signal(films: Sequence[Inspection]) -> list[str]:
    """A sentence on films of raw detector signal, which look unlike the others."""
    raw = [f.path.name for f in films if f.source and f.source.presentation_intent == "FOR PROCESSING"]
    if not raw:
        return []
    listing = ", ".join(raw[:5]) + (", ..." if len(raw) > 5 else "")
    return [
        f"{len(raw)} film(s) are FOR PROCESSING, raw signal rather than the picture a reader sees: {listing}."
    ]


def _said(film: Inspection) -> tuple[str | int | float | None, ...]:
    source = film.source
    if source is None:
        raise ValueError(f"{film.path} was not read")
    return (
        *_header(source),
        film.pixel_sha256,
        source.file_format,
        source.rows,
        source.columns,
        source.bits_stored,
        source.photometric or None,
        film.file_sha256,
    )


def _header(source: Acquisition) -> tuple[str | float | None, ...]:
    """Cells from patient_id to sop_instance_uid; words outside the manifest's vocabulary are left out."""
    makers = [text for text in (source.manufacturer, source.model) if text]
    return (
        source.patient_id,
        source.study_instance_uid,
        source.institution,
        " ".join(makers) or None,
        _word("anatomy", source.body_part),
        _word("view", source.view),
        _word("laterality", source.laterality),
        source.patient_age,
        _word("sex", source.patient_sex),
        source.modality,
        _word("presentation_intent", source.presentation_intent),
        source.sop_instance_uid,
    )


def _word(column: str, text: str | None) -> str | None:
    return None if text is None else BY_NAME[column].canonical(text)


def _from_file(name: str) -> str:
    return f"__file__{name}"


def _differs(name: str) -> pl.Expr:
    return pl.col(name) != pl.col(_from_file(name))


def _contradiction(row: dict[str, str | None]) -> LeftOut:
    differing = [
        f"{name} {row[_from_file(name)]} in the header, {row[name]} in the table"
        for name in _MUST_AGREE
        if None not in (row[name], row[_from_file(name)]) and row[name] != row[_from_file(name)]
    ]
    return LeftOut(Path(str(row[FILM])), "header and table disagree", "; ".join(differing))
