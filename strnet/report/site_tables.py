"""Tables of external sites: figures and drop, and what the frozen operating point did at each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from strnet.report.site_results import FloorAtSite, SiteResult
from strnet.report.table import MeasureRow, Table, measure_table
from strnet.report.wording import MISSING, counted_text, number, p_text, sentence, task_name

_BY_CHANCE: Final = (
    "Sites differ by chance as well: nothing here is corrected for their number.",
    "The drop is the AUROC of the test rows minus that of the site, of other patients: positive is a loss.",
)


def site_tables(task: str, results: Sequence[SiteResult]) -> list[Table]:
    """The tables of one task; nothing where it was not judged by site."""
    own = [result for result in results if result.task == task]
    if not own:
        return []
    return [_figures(task, own), *([_floors(task, own)] if own[0].point is not None else [])]


def _figures(task: str, own: Sequence[SiteResult]) -> Table:
    columns = ("Site", "Cases", "Patients", "Positive", "AUROC", "Drop from the test rows")
    rows = [
        MeasureRow((_name(one), str(one.rows), str(one.patients), str(one.positives)), (one.auroc, one.drop))
        for one in own
    ]
    made = measure_table(f"{sentence(task_name(task))}: external sites", columns, rows, _BY_CHANCE)
    cells = tuple((*row, p_text(one.drop_p)) for row, one in zip(made.rows, own, strict=True))
    return Table(made.title, (*columns, "p"), cells, made.notes)


def _floors(task: str, own: Sequence[SiteResult]) -> Table:
    columns = ("Site", "Sensitivity", "Specificity", "Floor", "Surely between")
    rows = tuple(
        (
            _name(one),
            MISSING if one.sensitivity is None else counted_text(one.sensitivity),
            MISSING if one.specificity is None else counted_text(one.specificity),
            *_floor_cells(one.floor),
        )
        for one in own
    )
    confidence = next((one.floor.confidence for one in own if one.floor and one.floor.confidence), None)
    first = own[0].floor
    notes = [f"Operating point: {own[0].point}, as it was frozen; floor {first.floor if first else MISSING}."]
    if confidence is not None:
        notes.append(
            f"Each verdict and bound of a site is right with probability {confidence:g}, however often one "
            "looks; among many sites some are wrong by chance."
        )
    notes += [f"{_name(one)}: {one.floor.note}" for one in own if one.floor is not None and one.floor.note]
    return Table(f"{sentence(task_name(task))}: the floor at external sites", columns, rows, tuple(notes))


def _floor_cells(floor: FloorAtSite | None) -> tuple[str, str]:
    if floor is None or floor.verdict is None:
        return MISSING, MISSING
    more = floor.more_if_none_missed
    wanted = f", {more} more positive patients needed" if floor.verdict == "insufficient" and more else ""
    return f"{floor.verdict}{wanted}", f"{number(floor.lower)} and {number(floor.upper)}"


def _name(one: SiteResult) -> str:
    return "all sites together" if one.site is None else one.site
