"""How many films were found, and what became of them: the counts that a flow diagram draws."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from strnet.cohort.manifest import Manifest, beside_manifest
from strnet.cohort.splits import Split
from strnet.errors import ManifestError
from strnet.files import write_json
from strnet.schema import PATIENT_ID
from strnet.sealed import Format, read_sealed, seal

FLOW = "flow.json"
"""Last part of the name of the counts that stand beside a manifest."""
LABELLED = "labelled"
"""The last step: images with a diagnosis."""
_FORMAT = Format(
    name="strnet-cohort-flow",
    version=1,
    noun="a cohort flow",
    source="`strnet ingest` and `strnet select` write one beside their manifest.",
    remake="Give the command that made the manifest again.",
    error=ManifestError,
)


@dataclass(frozen=True, slots=True)
class FlowStep:
    """Films that reached a step, and why others did not."""

    name: str
    images: int
    patients: int | None = None
    """None where a film's patient is not known yet."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Films lost on the way from the step before, by reason."""
    patients_left_out: int | None = None
    """Patients of whom no film is left."""
    unknown: int | None = None
    """Films of those left out that had an empty cell where a rule looked."""
    unknown_kept: int | None = None
    """Films that had one and were kept."""


@dataclass(frozen=True, slots=True)
class CohortFlow:
    """`found`, `readable`, `usable`, a step per rule of a selection, `labelled`, and the sides of a split."""

    steps: tuple[FlowStep, ...]
    sides: tuple[FlowStep, ...] = ()
    rules: Mapping[str, Any] = field(default_factory=dict)
    """The rule file of a selection: its name, its SHA-256, and its rules; empty without one."""
    t_scores: tuple[Mapping[str, Any], ...] = ()
    """Each time that BMD became T-scores: the table, and per column how many were computed, kept, lacking."""

    @property
    def without_labelled(self) -> tuple[FlowStep, ...]:
        """The steps that new labels leave as they are."""
        return tuple(step for step in self.steps if step.name != LABELLED)

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
            "rules": dict(self.rules),
            "t_scores": [dict(told) for told in self.t_scores],
        }


def flow_of(found: int, unreadable: int, unusable: Iterable[str], frame: pl.DataFrame) -> CohortFlow:
    """The flow from `found` files to the manifest rows in `frame`.

    `unusable` holds the reason of each film that could be read but is in no row.
    """
    reasons: dict[str, int] = {}
    for reason in unusable:
        reasons[reason] = reasons.get(reason, 0) + 1
    return CohortFlow(
        (
            FlowStep("found", found),
            FlowStep(
                "readable", found - unreadable, left_out={"unreadable": unreadable} if unreadable else {}
            ),
            FlowStep("usable", frame.height, frame[PATIENT_ID].n_unique(), dict(sorted(reasons.items()))),
            labelled_step(frame),
        )
    )


def flow_before(manifest: Manifest) -> CohortFlow:
    """The flow beside `manifest`, or one that begins with its rows where none stands there.

    Raises: ManifestError: as `read_flow`.
    """
    kept = beside_manifest(manifest.path, FLOW)
    if kept.exists():
        return read_flow(kept, manifest)
    rows = manifest.frame
    return CohortFlow((FlowStep("screened", rows.height, rows[PATIENT_ID].n_unique()), labelled_step(rows)))


def labelled_step(frame: pl.DataFrame) -> FlowStep:
    """The films of manifest rows that have a diagnosis."""
    labelled = frame.filter(pl.col("diagnosis").is_not_null())
    unlabelled = frame.height - labelled.height
    return FlowStep(
        LABELLED,
        labelled.height,
        labelled[PATIENT_ID].n_unique(),
        {"diagnosis and T-score unknown": unlabelled} if unlabelled else {},
    )


def write_flow(flow: CohortFlow, path: Path | str, manifest: Manifest) -> None:
    """Write the flow that ended in `manifest` to `path` as JSON, which names the manifest by its hash."""
    content = {"manifest_identity_sha256": manifest.identity_sha256, **flow.as_json()}
    write_json(path, seal(content, _FORMAT))


def read_flow(path: Path | str, manifest: Manifest) -> CohortFlow:
    """The flow that ended in `manifest`, from a JSON file.

    Raises: ManifestError: not a flow, one that was edited, or that of another manifest.
    """
    content = read_sealed(path, _FORMAT).content
    if content.get("manifest_identity_sha256") != manifest.identity_sha256:
        raise ManifestError(
            f"{path}: the flow of another manifest than {manifest.path}: their images or patients differ. "
            f"{_FORMAT.remake} If the manifest was changed on purpose, remove the file."
        )
    try:
        steps, sides = (tuple(FlowStep(**step) for step in content[key]) for key in ("steps", "sides"))
        return CohortFlow(steps, sides, content["rules"], tuple(content["t_scores"]))
    except (KeyError, TypeError) as error:
        raise ManifestError(f"{path}: not a cohort flow ({error}). {_FORMAT.remake}") from error
