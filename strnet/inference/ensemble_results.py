"""The results table of an ensemble: one row per case, from what its members said of the films."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from strnet import schema
from strnet.calibration import Cases, combine, output_columns
from strnet.inference.ensemble_bundle import EnsembleBundle
from strnet.inference.ensemble_films import NO_VIEW, Case, agreed_cells, joined, spoken_for, unused_films
from strnet.inference.journal import Row
from strnet.inference.results import (
    IDENTITY_NOTES,
    MISSING_CLINICAL,
    Outputs,
    origin_notes,
    result_columns,
    score_notes,
)
from strnet.trust import FLAGS, REASONS

FILMS: Final = "films"
NOT_USED: Final = "film_not_used"
MISSING_MEMBER: Final = "missing_member"
NO_CASE: Final = "no_case"
_SHARED: Final = (*schema.IDENTITY_COLUMNS, "sop_instance_uid", "path", "body_part", "missing_clinical")


def ensemble_table(
    ensemble: EnsembleBundle,
    cases: Sequence[Case],
    outputs: Mapping[str, Mapping[int, Outputs]],
    *,
    accept_anyway: bool,
) -> pl.DataFrame:
    """One row per case, in order; columns as in `ensemble_notes`.

    `outputs` holds by member and position of a film its raw outputs per task, () or (C,).
    """
    long = _long_table(ensemble, cases, outputs)
    combined = None if long.is_empty() else combine(long, ensemble.tasks, ensemble.combination)
    silent = {} if combined is None else dict(combined.left_out.rows())
    told = set() if combined is None else set(combined.table[schema.CASE_ID])
    rows = [_row(case, told, silent) | {"accept_anyway": accept_anyway} for case in cases]
    table = pl.DataFrame(rows, schema=_ROW_SCHEMA)
    if combined is not None:
        scores = _scores(ensemble, combined)
        table = table.join(scores, on=schema.CASE_ID, how="left", maintain_order="left")
    measured = str(ensemble.provenance.reference_standard)
    table = table.with_columns(pl.lit(measured).alias("reference_standard"))
    names = list(ensemble_notes(ensemble))
    absent = [pl.lit(None).alias(name) for name in names if name not in table.columns]
    return table.with_columns(absent).select(names)


def ensemble_notes(ensemble: EnsembleBundle) -> dict[str, str]:
    """What each column of an ensemble's results table means, in the table's order."""
    by = ensemble.combination.by
    notes = {
        "path": "the file; empty for several",
        **IDENTITY_NOTES,
        schema.CASE_ID: f"what the decision is about: the {by}",
        "body_part": "as the DICOM header says",
        FILMS: "films of the case among the files",
        "status": "ok; refused: no member may answer, or one that is needed is missing; failed: no film "
        "could be read, or they are no case; skipped: a file in a folder that is no film",
        "reason_code": f"of a refusal: {', '.join((*REASONS, NO_VIEW, MISSING_MEMBER))}; of a failure: "
        f"{NO_CASE}",
        "reason": "in words: why a case was refused or failed, or a film of it was not used",
        "flags": "what is to be known of an answered case, joined by spaces: "
        f"{', '.join((*FLAGS, NOT_USED))}",
        "accept_anyway": "whether the job was told to answer films that would have been refused",
        schema.ATYPICALITY: "of the film that is least like the training films of its member",
        schema.MEMBERS: f"how many of the {len(ensemble.members)} members spoke for the case",
        schema.MISSING_MEMBERS: "the members that did not",
    }
    notes |= score_notes(ensemble)
    for task in ensemble.tasks:
        notes[schema.disagreement_column(task.name)] = "SD between the members' logits or values"
    for member in ensemble.members:
        for name in (name for task in ensemble.tasks for name in output_columns(task)):
            notes[schema.member_column(member, name)] = f"{name} of this member"
    notes["missing_clinical"] = MISSING_CLINICAL
    return notes | origin_notes(ensemble)


_TEXTS = (*_SHARED, "status", "reason_code", "reason", "flags")
_ROW_SCHEMA = {
    **dict.fromkeys(_TEXTS, pl.String),
    "age": pl.Float64,
    FILMS: pl.Int64,
    schema.ATYPICALITY: pl.Float64,
    "accept_anyway": pl.Boolean,
}


def _long_table(
    ensemble: EnsembleBundle, cases: Sequence[Case], outputs: Mapping[str, Mapping[int, Outputs]]
) -> pl.DataFrame:
    """A row per film and member that speaks for it, as `combine` takes them."""
    rows = []
    for case in cases:
        for film, member in spoken_for(case):
            ids = {name: film.row.get(name) for name in (schema.IMAGE_ID, schema.PATIENT_ID, schema.EXAM_ID)}
            rows.append({**ids, schema.MEMBER: member, **_cells(ensemble, outputs[member][film.position])})
    texts = (schema.IMAGE_ID, schema.PATIENT_ID, schema.EXAM_ID, schema.MEMBER)
    return pl.DataFrame(
        rows, schema_overrides=dict.fromkeys(texts, pl.String) if rows else None, infer_schema_length=None
    )


def _cells(ensemble: EnsembleBundle, outputs: Outputs) -> dict[str, float]:
    cells: dict[str, float] = {}
    for task in ensemble.tasks:
        values = np.atleast_1d(outputs[task.name].astype(np.float64))
        cells |= dict(zip(output_columns(task), values.tolist(), strict=True))
    return cells


def _scores(ensemble: EnsembleBundle, combined: Cases) -> pl.DataFrame:
    """By case what the ensemble says: scores, classes, decisions, disagreement, and each member's own."""
    table = combined.table
    raw: dict[str, NDArray[Any]] = {}
    for task in ensemble.tasks:
        names = output_columns(task)
        several = task.kind in ("ordinal", "multiclass")
        raw[task.name] = table.select(names).to_numpy() if several else table[names[0]].to_numpy()
    said = [
        name
        for name in table.columns
        if name.startswith((f"{schema.MEMBER}.", schema.disagreement_column("")))
        or name in (schema.MEMBERS, schema.MISSING_MEMBERS)
    ]
    columns = result_columns(ensemble, raw) if table.height else {}
    return table.select(schema.CASE_ID, *said).with_columns(
        pl.Series(name, values) for name, values in columns.items()
    )


def _row(case: Case, answered: set[str], silent: Mapping[str, str | None]) -> Row:
    """What is said of a case beside its scores."""
    row: Row = agreed_cells(case.films, _SHARED) | {schema.CASE_ID: case.case_id, FILMS: len(case.films)}
    used = [film for film in case.films if film.speakers]
    if case.failure is not None:
        code = None if case.films[0].status == "failed" else NO_CASE
        return row | {"status": "failed", "reason_code": code, "reason": f"{_place(case)}: {case.failure}."}
    if case.case_id in answered:
        rows = [film.row for film in used]
        unused = " " + NOT_USED if len(used) < len(case.films) else ""
        known = [own[schema.ATYPICALITY] for own in rows if schema.ATYPICALITY in own]
        said = [unused_films(case), *(film.reason for film in used)]
        return row | {
            "status": "ok",
            "flags": (joined(rows, "flags") + unused).strip(),
            "reason_code": joined(rows, "reason_code") or None,
            "reason": "; ".join(dict.fromkeys(filter(None, said))) or None,
            "missing_clinical": joined(rows, "missing_clinical"),
            schema.ATYPICALITY: max(known, default=None),
        }
    if used:
        told = f"no answer of {silent.get(str(case.case_id))}, and every member is needed"
        why = "; ".join(filter(None, (told, unused_films(case), *(film.reason for film in used))))
        return row | {"status": "refused", "reason_code": MISSING_MEMBER, "reason": why}
    failed = any(film.status == "failed" for film in case.films)
    codes = [code for film in case.films for code in (film.reason_code or "").split()]
    reason = unused_films(case) if len(case.films) > 1 or failed else case.films[0].reason
    return row | {
        "status": "failed" if failed else "refused",
        "reason_code": " ".join(dict.fromkeys(codes)) or None,
        "reason": reason,
    }


def _place(case: Case) -> str:
    return str(case.films[0].row["path"])
