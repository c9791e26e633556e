"""A manifest whose BMD values have become T-scores by a named reference table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from strnet.cohort import read_manifest, write_manifest
from strnet.cohort.manifest import beside_manifest
from strnet.cohort.site_t_scores import reference_table, with_site_t_scores
from strnet.files import write_json
from strnet.schema import DXA_SITES, bmd_column

YOUNG_ADULTS = "young_adults.json"
"""Beside the manifest: whose BMD its T-scores were told against."""


def t_scores(
    manifest: Path, out: Path, *, table: str, where: str | None = None, leave_out: Sequence[str] = ()
) -> dict[str, Any]:
    """What stands in the manifest now in `out`: T-scores per DXA site and diagnoses, and by whose BMD.

    `table` names a reference table or a file of one, of which `where` chooses the rows; `leave_out` names
    DXA sites that are not used.

    Raises: ManifestError, ConfigError, RowFilterError: see `reference_table` and `with_site_t_scores`.
    """
    cohort = read_manifest(manifest)
    young = reference_table(table, where)
    made = write_manifest(with_site_t_scores(cohort.rows_at(out), young, leave_out), out)
    counts = {site: made.frame[bmd_column(site)].count() for site in DXA_SITES if site not in leave_out}
    told = {site: count for site, count in counts.items() if count}
    content = {"table": table, "where": where, "sites": {site: young[site].model_dump() for site in told}}
    write_json(beside_manifest(out, YOUNG_ADULTS), content)
    return {
        "manifest": str(out),
        "t_scores": told,
        "diagnoses": dict(made.frame["diagnosis"].drop_nulls().value_counts(sort=True).rows()),
        "young_adults": {site: str(young[site]) for site in told},
    }
