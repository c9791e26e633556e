"""Where a film's header and the row that a table has for it cannot both be true of one film."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from strnet import schema
from strnet.imaging import Acquisition

_YEARS_APART = 2.0
"""Ages are rounded, and a table's may be that of a visit; further apart they are of two people or films."""


def contradictions(
    row: Mapping[str, Any], header: Acquisition, header_patients: Collection[str]
) -> list[str]:
    """What `row` (cells by manifest column, None where blank) says otherwise than `header`, one text each.

    Another patient id is common where a table has pseudonyms; it contradicts only where it is the id of
    another film of the job, one of `header_patients`, so that table and headers share their ids.
    """
    said = header_cells(header)
    differing = [
        name
        for name in ("sex", "laterality", "sop_instance_uid")
        if None not in (row.get(name), said[name]) and row[name] != said[name]
    ]
    if None not in (row.get("age"), said["age"]) and abs(row["age"] - said["age"]) > _YEARS_APART:
        differing.append("age")
    patient = row.get(schema.PATIENT_ID)
    if (
        said[schema.PATIENT_ID] is not None
        and patient != said[schema.PATIENT_ID]
        and patient in header_patients
    ):
        differing.append(schema.PATIENT_ID)
    return [
        f"{name} {_shown(said[name])} in the header, {_shown(row[name])} in the table" for name in differing
    ]


def header_cells(header: Acquisition) -> dict[str, Any]:
    """What a header says of the manifest's identity columns, None where nothing.

    An age that no person has is how some devices write that it is unknown; a sex other than F and M is
    unknown; a body part or side outside the manifest's vocabulary is left out, another view stays as written.
    """
    makers = [text for text in (header.manufacturer, header.model) if text]
    low, high = schema.PLAUSIBLE["age"]
    age = header.patient_age
    return {
        schema.PATIENT_ID: header.patient_id,
        schema.EXAM_ID: header.study_instance_uid,
        "site": header.institution,
        "scanner": " ".join(makers) or None,
        "anatomy": _among(schema.ANATOMIES, (header.body_part or "").lower()),
        "view": header.view,
        "laterality": _among(schema.LATERALITIES, (header.laterality or "").upper()),
        "age": age if age is not None and low <= age <= high else None,
        "sex": _among(schema.SEXES, (header.patient_sex or "").upper()),
        "sop_instance_uid": header.sop_instance_uid,
    }


def _among(words: tuple[str, ...], text: str) -> str | None:
    return text if text in words else None


def _shown(cell: object) -> str:
    return f"{cell:g}" if isinstance(cell, float) else str(cell)
