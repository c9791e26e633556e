"""The manifest of those images that a rule file keeps, with the others, their reasons, and the flow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from strnet.cohort import Manifest, read_manifest
from strnet.cohort.flow import FLOW, CohortFlow, FlowStep, flow_before, labelled_step, write_flow
from strnet.cohort.manifest import EXTENSIONS, beside_manifest, manifest_of
from strnet.cohort.selection import RuleCounts, Selection, apply_rules
from strnet.cohort.selection_rules import SelectionRules, read_rules
from strnet.errors import ManifestError
from strnet.files import write_together
from strnet.schema import IMAGE_ID, PATIENT_ID
from strnet.tables import require_writable, write_table

EXCLUDED = "excluded.csv"
"""Last part of the name of the table of images that a selection left out."""


def select(manifest: Path, out: Path, *, rules: Path) -> dict[str, Any]:
    """The counts of each step to the manifest now in `out`; the excluded and the flow are named after it.

    The flow goes on from that of `manifest`, if it has one.

    Raises: ConfigError: rules that cannot be used. ManifestError: an `out` that would write over the cohort's
    own files, a flow that is not the manifest's, or no image left.
    """
    asked = read_rules(rules)
    cohort = read_manifest(manifest)
    _require_another(manifest, out)
    require_writable(out)
    found = apply_rules(cohort.frame, asked)
    held = [column.name for column in cohort.frame if column.null_count() < column.len()]
    moved = cohort.rows_at(out).join(found.kept.select(IMAGE_ID), on=IMAGE_ID, how="semi")
    made = manifest_of(moved, out)
    flow = _flow(cohort, found, asked, made)
    paths = [out, beside_manifest(out, EXCLUDED), beside_manifest(out, FLOW)]
    with write_together(*paths) as (manifest_file, excluded_file, flow_file):
        write_table(made.stored(held), manifest_file)
        write_table(found.excluded, excluded_file)
        write_flow(flow, flow_file, made)
    return {
        "manifest": str(out),
        "excluded": str(paths[1]),
        "flow": str(paths[2]),
        "films": made.frame.height,
        "patients": made.frame[PATIENT_ID].n_unique(),
        "steps": flow.as_json()["steps"],
    }


def _require_another(manifest: Path, out: Path) -> None:
    if out.suffix.lower() not in EXTENSIONS:
        raise ManifestError(f"{out}: a manifest is a {', '.join(EXTENSIONS)} file.")
    if beside_manifest(manifest, FLOW).resolve() == beside_manifest(out, FLOW).resolve():
        raise ManifestError(
            f"{out}: it and its flow would stand where those of {manifest} do. Give another name, such as "
            f"{manifest.stem}_selected{manifest.suffix}."
        )


def _flow(cohort: Manifest, found: Selection, rules: SelectionRules, made: Manifest) -> CohortFlow:
    before = flow_before(cohort)
    said = rules.as_json()
    if before.rules:
        said["after"] = dict(before.rules)  # a selection of a selection
    ended = (*map(_step, found.counts), labelled_step(made.frame))
    return CohortFlow((*before.without_labelled, *ended), rules=said, t_scores=before.t_scores)


def _step(counts: RuleCounts) -> FlowStep:
    return FlowStep(
        counts.rule.name,
        counts.images,
        counts.patients,
        {counts.rule.reason: counts.images_left_out} if counts.images_left_out else {},
        counts.patients_left_out,
        counts.unknown,
        counts.unknown_kept,
    )
