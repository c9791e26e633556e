"""Which films of a job are one case, and which member speaks for each film."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from strnet.calibration import CASE_OF
from strnet.inference.journal import Row
from strnet.schema import ATYPICALITY, PATIENT_ID

NO_VIEW: Final = "view_not_told_apart"
"""Reason code: nothing says which of the members' views a film is, so no member may speak for it."""
_ANOTHER_VIEW: Final = "another_view"
_OPEN_VIEW: Final = frozenset({"view_unknown", "view_unsure", "view_contradicted"})


@dataclass(frozen=True, eq=False)
class FilmOfCase:
    """One film: its row, the members that speak for it, and why nobody does where nobody does."""

    position: int
    row: Row
    speakers: tuple[str, ...]
    status: str
    reason_code: str | None = None
    reason: str | None = None


@dataclass(frozen=True, eq=False)
class Case:
    """The films that one decision is about, in the order of the files, and why there can be none."""

    case_id: str | None
    films: tuple[FilmOfCase, ...] = field(default=())
    failure: str | None = None


def film_of_case(position: int, rows: Mapping[str, Row], views: Mapping[str, frozenset[str]]) -> FilmOfCase:
    """One film, from the row that each member has for it.

    Where members were trained on different views, only those of its own view speak for it. A film whose view
    nothing tells is nobody's: a lateral network must not answer for what may be an AP film.
    """
    answering = {name: row for name, row in rows.items() if row["status"] == "ok"}
    speakers = {name: row for name, row in answering.items() if not _other_view(row)} or answering
    if not speakers:
        return _unanswered(position, rows)
    row = _row_of_all(list(speakers.values()))
    # a member that cannot answer this film, as where its region was not found, may be the one for its view
    nearest = [name for name, own in rows.items() if not _other_view(own)] or list(speakers)
    told = _not_told_apart(speakers.values(), [views[name] for name in nearest])
    if told is not None:
        return FilmOfCase(position, row, (), "refused", NO_VIEW, told)
    silent = [
        f"{name}: {own['reason']}"
        for name, own in rows.items()
        if own["status"] != "ok" and not _other_view(own)
    ]
    reason = "; ".join(filter(None, (row["reason"], *silent))) or None
    return FilmOfCase(position, row, tuple(speakers), "ok", row["reason_code"], reason)


def _unanswered(position: int, rows: Mapping[str, Row]) -> FilmOfCase:
    """A film that no member answers, with the reason of the one that came furthest."""
    failed = [row for row in rows.values() if row["status"] == "failed"]
    # the member that is for this view says more than the one that is not
    nearest = [row for row in rows.values() if not _other_view(row)]
    row = [*failed, *nearest, *rows.values()][0]
    code = None if failed else row.get("reason_code")
    return FilmOfCase(position, row, (), row["status"], code, row["reason"])


def _row_of_all(rows: Sequence[Row]) -> Row:
    """The row of a film that several members answered: what any of them flags, or lacks."""
    row = dict(rows[0])
    for name in ("flags", "missing_clinical", "reason_code"):
        row[name] = joined(rows, name)
    row["reason"] = "; ".join(dict.fromkeys(own["reason"] for own in rows if own.get("reason"))) or None
    known = [own[ATYPICALITY] for own in rows if ATYPICALITY in own]
    return row | ({ATYPICALITY: max(known)} if known else {})


def joined(rows: Sequence[Row], column: str) -> str:
    """The codes in a column of several rows, each once, joined by spaces."""
    return " ".join(dict.fromkeys(code for row in rows for code in (row.get(column) or "").split()))


def _not_told_apart(speakers: Iterable[Row], views: Sequence[frozenset[str]]) -> str | None:
    """Why members for these `views` may not all be for a film whose view is open; None where they may."""
    open_view = any(_OPEN_VIEW & set((row.get("flags") or "").split()) for row in speakers)
    if not open_view or len(set(views)) == 1:
        return None
    told = ", ".join(sorted(set().union(*views)))
    return f"which view it is stays open, and the members are for different ones of {told}"


def cases_of(films: Sequence[FilmOfCase], by: str) -> list[Case]:
    """The films by image, examination or patient, in the order of their first film.

    A film without an examination (or patient) is a case that cannot be answered, and so is an examination
    whose films name several patients.
    """
    key = CASE_OF[by]
    found: dict[str, list[FilmOfCase]] = {}
    cases: list[Case] = []
    for film in films:
        name = film.row.get(key)
        if name is None:
            reason = film.reason if film.status == "failed" else _nameless(key, by)
            cases.append(Case(None, (film,), reason))
            continue
        if name not in found:
            found[name] = []
            cases.append(Case(name))
        found[name].append(film)
    return [
        Case(case.case_id, tuple(found[case.case_id]), _torn(case.case_id, found[case.case_id], by))
        if case.case_id is not None
        else case
        for case in cases
    ]


def _nameless(key: str, by: str) -> str:
    return f"no {key}, and films are combined by {by}. Give a clinical table that names it"


def _torn(name: str, films: Sequence[FilmOfCase], by: str) -> str | None:
    """Why these films are no case: patients that differ; None where they are one."""
    patients = sorted({str(patient) for film in films if (patient := film.row.get(PATIENT_ID)) is not None})
    if len(patients) > 1:
        return (
            f"{by} '{name}' has films of several patients, {', '.join(patients)}. Name it otherwise for each "
            "in the clinical table"
        )
    return None


def _other_view(row: Row) -> bool:
    return _ANOTHER_VIEW in (row.get("reason_code") or "").split()


def agreed_cells(films: Sequence[FilmOfCase], names: Sequence[str]) -> dict[str, Any]:
    """What all films of a case say in these columns; None where they differ."""
    cells: dict[str, Any] = {}
    for name in names:
        values = Counter(film.row.get(name) for film in films)
        cells[name] = next(iter(values)) if len(values) == 1 else None
    if cells.get(PATIENT_ID) is None and PATIENT_ID in names:
        known = {film.row.get(PATIENT_ID) for film in films} - {None}
        cells[PATIENT_ID] = next(iter(known)) if len(known) == 1 else None
    return cells


def spoken_for(case: Case) -> list[tuple[FilmOfCase, str]]:
    """Each film of a case with each member that speaks for it; none where there is no case."""
    return [] if case.failure else [(film, name) for film in case.films for name in film.speakers]


def unused_films(case: Case) -> str | None:
    """Why films of a case were not used, one after the other; None where all were."""
    lines = [
        str(film.reason) if film.status == "failed" else f"{film.row['path']}: {film.reason}"
        for film in case.films
        if film.status != "ok"
    ]
    return "; ".join(lines) or None
