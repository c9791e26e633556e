"""What a frozen operating point did at one external site, as data of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from strnet.report.measures import Measure, Strict


@dataclass(frozen=True, slots=True)
class FloorAtSite(Strict):
    """Whether the floor of an operating point holds: what `strnet threshold certify` says of these rows.

    `lower` and `upper` bound the sensitivity with `confidence` each. `more_if_none_missed` patients would
    certify the site. Without a verdict `note` says why.
    """

    verdict: Literal["certified", "insufficient", "alarm"] | None
    floor: str
    confidence: float | None = None
    lower: float | None = None
    upper: float | None = None
    more_if_none_missed: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class SiteResult(Strict):
    """A binary task at one external site, or (`site` None) at all of them together.

    `drop` is the AUROC of the test rows minus that of the site, of other patients; a positive one is a loss.
    `point` names the operating point; it and what follows from it are None where the task has none.
    """

    task: str
    site: str | None
    rows: int
    positives: int
    patients: int
    auroc: Measure
    drop: Measure
    drop_p: float | None
    point: str | None
    sensitivity: Measure | None
    specificity: Measure | None
    floor: FloorAtSite | None
