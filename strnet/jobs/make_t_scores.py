"""A manifest whose BMD values have become T-scores by a named reference table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from strnet.cohort import read_manifest
from strnet.cohort.flow import FLOW, flow_before, labelled_step, write_flow
from strnet.cohort.manifest import beside_manifest, manifest_of
from strnet.cohort.site_agreement import site_remarks
from strnet.cohort.site_t_scores import reference_table, t_score_counts, with_site_t_scores
from strnet.files import write_json, write_together
from strnet.schema import DXA_SITES, bmd_column
from strnet.tables import require_writable, write_table

YOUNG_ADULTS = "young_adults.json"
"""Beside the manifest: whose BMD its T-scores were told against, and of how many films."""


def t_scores(
    manifest: Path, out: Path, *, table: str, where: str | None = None, leave_out: Sequence[str] = ()
) -> dict[str, Any]:
    """What stands in the manifest now in `out`: T-scores computed, kept and lacking, diagnoses, whose BMD.

    The flow goes on from that of `manifest`, if it has one, and holds these counts.

    `table` names a reference table or a file of one, of which `where` chooses the rows; `leave_out` names
    DXA sites that are not used.

    Raises: ManifestError, ConfigError, RowFilterError: see `reference_table` and `with_site_t_scores`.
    """
    cohort = read_manifest(manifest)
    require_writable(out)
    before = flow_before(cohort)
    young = reference_table(table, where)
    frame = with_site_t_scores(cohort.rows_at(out), young, leave_out)
    made = manifest_of(frame, out)
    used = [site for site in DXA_SITES if site not in leave_out and frame[bmd_column(site)].count()]
    record = {"table": table, "where": where, "films": t_score_counts(cohort.frame, made.frame)}
    flow = replace(
        before,
        steps=(*before.without_labelled, labelled_step(made.frame)),
        t_scores=(*before.t_scores, record),
    )
    content = record | {"sites": {site: young[site].model_dump() for site in used}}
    paths = [out, beside_manifest(out, YOUNG_ADULTS), beside_manifest(out, FLOW)]
    with write_together(*paths) as (manifest_file, young_file, flow_file):
        write_table(made.stored(frame.columns), manifest_file)
        write_json(young_file, content)
        write_flow(flow, flow_file, made)
    return {
        "manifest": str(out),
        "flow": str(paths[2]),
        "films": record["films"],
        "diagnoses": dict(made.frame["diagnosis"].drop_nulls().value_counts(sort=True).rows()),
        "young_adults": {site: str(young[site]) for site in used},
        "notes": site_remarks(made.frame),
    }
