"""How many films were found, and what became of them: the counts that a flow diagram draws."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from strnet.cohort.splits import Split
from strnet.errors import ManifestError
from strnet.files import read_json, write_json
from strnet.schema import PATIENT_ID

FLOW = "flow.json"
"""Last part of the name of the counts that stand beside a manifest."""


@dataclass(frozen=True, slots=True)
class FlowStep:
    """Films that reached a step, and why others did not."""

    name: str
    images: int
    patients: int | None = None
    """None where a film's patient is not known yet."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Films lost on the way from the step before, by reason."""


@dataclass(frozen=True, slots=True)
class CohortFlow:
    """`found`, `readable`, `usable` (rows of the manifest), `labelled`, and the sides of a split."""

    steps: tuple[FlowStep, ...]
    sides: tuple[FlowStep, ...] = ()

    def with_split(self, split: Split) -> CohortFlow:
        """The flow that ends in the sides of `split`, which holds the usable films."""
        counts: Mapping[str, Any] = split.certificate["sides"]
        sides = (FlowStep(name, side["images"], side["patients"]) for name, side in counts.items())
        return replace(self, sides=tuple(sides))

    def as_json(self) -> dict[str, Any]:
        """The flow as JSON values; `read_flow` takes them back."""
        return {
            "steps": [asdict(step) for step in self.steps],
            "sides": [asdict(side) for side in self.sides],
        }


def flow_of(found: int, unreadable: int, unusable: Iterable[str], frame: pl.DataFrame) -> CohortFlow:
    """The flow from `found` files to the manifest rows in `frame`.

    `unusable` holds the reason of each film that could be read but is in no row.
    """
    reasons: dict[str, int] = {}
    for reason in unusable:
        reasons[reason] = reasons.get(reason, 0) + 1
    labelled = frame.filter(pl.col("diagnosis").is_not_null())
    unlabelled = frame.height - labelled.height
    return CohortFlow(
        (
            FlowStep("found", found),
            FlowStep(
                "readable", found - unreadable, left_out={"unreadable": unreadable} if unreadable else {}
            ),
            FlowStep("usable", frame.height, frame[PATIENT_ID].n_unique(), dict(sorted(reasons.items()))),
            FlowStep(
                "labelled",
                labelled.height,
                labelled[PATIENT_ID].n_unique(),
                {"diagnosis and T-score unknown": unlabelled} if unlabelled else {},
            ),
        )
    )


def write_flow(flow: CohortFlow, path: Path | str) -> None:
    """Write the flow to `path` as JSON."""
    write_json(path, flow.as_json())


def read_flow(path: Path | str) -> CohortFlow:
    """The flow in a JSON file.

    Raises: ManifestError: not a flow. StrnetError: not JSON.
    """
    content = read_json(path)
    try:
        steps, sides = (tuple(FlowStep(**step) for step in content[key]) for key in ("steps", "sides"))
    except (KeyError, TypeError) as error:
        raise ManifestError(f"{path}: not a cohort flow ({error}). Run `strnet ingest` again.") from error
    return CohortFlow(steps, sides)
