"""Where the network of a run comes from, for its bundle or its segmenter."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl

import strnet
from strnet.cohort import read_manifest
from strnet.files import read_json
from strnet.inference import Provenance, reference_standard_of
from strnet.schema import IMAGE_ID, SPLIT
from strnet.training import RunFolder


def provenance_of(folder: RunFolder, manifest: Path, rows: pl.DataFrame) -> Provenance:
    """What a complete run was made from; `rows` (image_id, split) are the films that it used."""
    environment = read_json(folder.environment)
    used = read_manifest(manifest).frame.filter(pl.col(IMAGE_ID).is_in(rows[IMAGE_ID].implode()))
    return Provenance(
        created=datetime.fromtimestamp(folder.run.stat().st_mtime, UTC),
        strnet_version=strnet.__version__,
        packages={name: version for name, version in environment["packages"].items() if version},
        code_commit=environment["git_commit"],
        manifest_sha256=environment["manifest_sha256"],
        split_sha256=environment["split_sha256"],
        fold=environment.get("fold"),
        images=dict(rows.group_by(SPLIT).len().sort(SPLIT).rows()),
        reference_standard=reference_standard_of(used),
        starting_weights=environment.get("starting_weights"),
    )
