"""A patient-disjoint split on disk, with its certificate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from strnet.cohort import certify_split, make_split, read_manifest, write_split
from strnet.errors import SplitError


def split(
    manifest: Path,
    out: Path,
    *,
    ratios: Mapping[str, float] | None = None,
    folds: int | None = None,
    assignment: Path | None = None,
    seed: int = 0,
    external_sites: Sequence[str] = (),
    stratify_by: str = "diagnosis",
) -> dict[str, Any]:
    """The certificate of the split now in `out` (CSV): counts, balance, disjointness, hashes.

    One of `ratios` (train, validation, test to shares or numbers of films), `folds`, or `assignment`: a
    table of somebody's own with image_id and split or fold, which is certified if it is disjoint.

    Raises: ManifestError: rows that cannot be trusted. SplitError: an impossible request.
    """
    if sum(way is not None for way in (ratios, folds, assignment)) != 1:
        raise SplitError("Give exactly one of ratios, folds and assignment.")
    cohort = read_manifest(manifest)
    if assignment is not None:
        made = certify_split(assignment, cohort, stratify_by=stratify_by)
    else:
        made = make_split(
            cohort,
            ratios=ratios,
            folds=folds,
            seed=seed,
            external_sites=external_sites,
            stratify_by=stratify_by,
        )
    write_split(made, out)
    return dict(made.certificate)
