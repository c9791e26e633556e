"""One picture under several labels: refused with the list, unless the user says what becomes of it."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from strnet.cohort.importers.outcome import FILM, LeftOut
from strnet.cohort.importers.request import ImportRequest
from strnet.errors import ManifestError
from strnet.schema import IMAGE_ID, PATIENT_ID, T_SCORE

_SHOWN = 20
_LABELS = ("diagnosis", T_SCORE)


def settle_conflicts(
    rows: pl.DataFrame, request: ImportRequest
) -> tuple[pl.DataFrame, list[LeftOut], list[str]]:
    """The rows that stay, the films left out, and what is to be said of them.

    Films conflict where their pixels are the same and their known diagnoses or T-scores differ. Identical
    pictures with one label stay: the audit names them, and a split keeps them together.

    Raises: ManifestError: conflicts, where the request says `refuse`.
    """
    labels = [name for name in _LABELS if name in rows.columns]
    differ = [pl.col(name).drop_nulls().n_unique().over("pixel_sha256") > 1 for name in labels]
    conflicting = pl.col("pixel_sha256").is_not_null() & pl.any_horizontal(*differ, pl.lit(False))
    films = rows.filter(conflicting)
    if not films.height:
        return rows, [], []
    if request.duplicates == "refuse":
        raise ManifestError(_refusal(films, labels, request))
    count = films["pixel_sha256"].n_unique()
    if request.duplicates == "keep":
        return rows, [], [f"{count} picture(s) stand under several labels and were kept (--duplicates keep)."]
    out = conflicting
    if request.duplicates == "first":
        out &= ~pl.col("pixel_sha256").is_first_distinct()
    left_out = [
        LeftOut(Path(film), "same picture as another film with another label", patient)
        for film, patient in rows.filter(out).select(FILM, PATIENT_ID).rows()
    ]
    note = (
        f"{count} picture(s) stood under several labels; {len(left_out)} film(s) were left out "
        f"(--duplicates {request.duplicates})."
    )
    return rows.filter(~out), left_out, [note]


def _refusal(films: pl.DataFrame, labels: list[str], request: ImportRequest) -> str:
    groups = films.partition_by("pixel_sha256", maintain_order=True)
    lines = []
    for group in groups[:_SHOWN]:
        said = [
            f"{row[IMAGE_ID]} (patient {row[PATIENT_ID]}: "
            + ", ".join(f"{name} {'(blank)' if row[name] is None else row[name]}" for name in labels)
            + ")"
            for row in group.iter_rows(named=True)
        ]
        lines.append("  " + " = ".join(said))
    more = [f"  ... and {len(groups) - _SHOWN} more"] if len(groups) > _SHOWN else []
    return "\n".join(
        [
            f"{request.table or request.folder}: {len(groups)} picture(s) stand under several labels.",
            *lines,
            *more,
            "Correct the labels or the files, or leave all of these out (no film is read again for that):",
            f"  {request.command(['--duplicates', 'drop'])}",
            "Instead of drop: first keeps the first film of each, keep keeps all and says so in the audit.",
        ]
    )
