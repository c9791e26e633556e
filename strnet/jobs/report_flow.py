"""From the counts beside a manifest and those of a split to the flow that a report draws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from strnet.cohort import Manifest
from strnet.cohort.flow import FLOW, FlowStep, flow_of, labelled_step, read_flow
from strnet.cohort.manifest import beside_manifest
from strnet.cohort.splits import certificate_path
from strnet.files import read_json
from strnet.report import CohortFlow, FlowBox
from strnet.report.wording import counted, plain_name


def reported_flow(manifest: Manifest, split: Path, chosen: Mapping[str, Any] | None) -> CohortFlow:
    """The counts of the importer and of a selection, or else of the manifest, ending in the split's sides.

    Where the run `chosen` its rows by a condition, each side says what it lost by it.

    Raises: ManifestError: the flow beside the manifest is that of another.
    """
    kept = beside_manifest(manifest.path, FLOW)
    counts = (
        read_flow(kept, manifest) if kept.exists() else flow_of(manifest.frame.height, 0, (), manifest.frame)
    )
    # labels may have come to the same images since
    steps = (*counts.without_labelled, labelled_step(manifest.frame))
    sides = read_json(certificate_path(split))["sides"] if chosen is None else chosen["parts"]
    return CohortFlow(
        stages=tuple(FlowBox(plain_name(step.name), step.images, step.patients) for step in steps),
        excluded=tuple(_left_out(step) for step in steps[1:]),
        splits=tuple(
            FlowBox(name, side["images"], side["patients"], _lost(side)) for name, side in sides.items()
        ),
        notes=(*_notes(counts.rules, steps), *map(_told, counts.t_scores)),
    )


def _left_out(step: FlowStep) -> tuple[FlowBox, ...]:
    """What was lost before a step; of a rule also whole patients, and films lost by an empty cell."""
    lines = []
    if step.patients_left_out:
        lines.append(f"{counted(step.patients_left_out, 'patient')} without a film left")
    if step.unknown:
        lines.append(f"{step.unknown:,} by an empty cell")
    return tuple(FlowBox(why, films, lines=tuple(lines)) for why, films in step.left_out.items())


def _notes(rules: Mapping[str, Any], steps: tuple[FlowStep, ...]) -> Iterator[str]:
    said: Mapping[str, Any] | None = rules or None
    while said is not None:
        yield f"Rules of {said['file']}, SHA-256 {said['sha256']}, applied in their order."
        said = said.get("after")
    for step in steps:
        if step.unknown_kept:
            films = counted(step.unknown_kept, "film")
            yield f"{plain_name(step.name)}: {films} with an empty cell kept, as the rule says."


def _told(t_scores: Mapping[str, Any]) -> str:
    """By which table BMD became T-scores, and of how many films."""
    columns = (
        f"{plain_name(column)}: {counts['computed']:,} computed, {counts['kept']:,} kept as they stood, "
        f"{counts['lacking']:,} lacking"
        for column, counts in t_scores["films"].items()
    )
    return f"T-scores by {t_scores['table']}, in films: {'; '.join(columns)}."


def _lost(side: Mapping[str, int]) -> tuple[str, ...]:
    words = {"left_out": "not chosen", "unknown": "undecided (empty cell)"}
    return tuple(f"{side[key]} {word}" for key, word in words.items() if side.get(key))
