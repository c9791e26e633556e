"""A frozen operating point and the labelled rows of a new site, in one job."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

from strnet.jobs.threshold import require_other_files, require_point_file, source_of
from strnet.local_options import UpdateFromTable
from strnet.sealed import read_sealed
from strnet.thresholds import OperatingPoint, read_threshold, write_operating_point
from strnet.thresholds.point_file import FORMAT
from strnet.thresholds.update_from_table import update_from_table


def threshold_update(
    point: Path, scores: Path, out: Path, **asked: Unpack[UpdateFromTable]
) -> OperatingPoint:
    """The operating point of the new site, now in `out` (JSON): see `thresholds.local_update.updated`.

    Raises: BundleError: an edited operating point, or another score than its own. ThresholdError: unusable
        rows, those that the threshold was chosen from, or `out` is one of the files read.
    """
    require_point_file(out)
    require_other_files(scores, out)
    require_other_files(point, out)
    parent, name = read_threshold(point), read_sealed(point, FORMAT).sha256
    found = update_from_table(parent, name, source_of(scores, asked.get("where")), **asked)
    write_operating_point(found, out)
    return found
