"""Thresholds under other floors: of specificity, PPV or NPV, with a grey zone, by cost, best of K."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

from strnet.floor_options import BestFromTable, CostFromTable, FloorFromTable, GreyFromTable
from strnet.jobs.threshold import require_other_files, require_point_file, source_of
from strnet.thresholds import OperatingPoint, write_operating_point
from strnet.thresholds.floor_point import FloorPoint
from strnet.thresholds.floors_from_table import (
    FloorFit,
    best_from_table,
    cost_from_table,
    floor_from_table,
    grey_from_table,
)
from strnet.thresholds.grey_zone import GreyZone
from strnet.thresholds.least_cost import CostPoint


def threshold_floor(
    scores: Path, out: Path, *, plot: Path | None = None, **asked: Unpack[FloorFromTable]
) -> FloorPoint:
    """The point under a floor of the specificity, PPV or NPV, now in `out` (JSON); `plot` is drawn.

    Raises: ThresholdError: unusable rows, or `out` is `scores`. ImpossibleError: none keeps the floor.
    """
    require_point_file(out)
    require_other_files(scores, out, plot)
    fit = floor_from_table(source_of(scores, asked.get("where")), **asked)
    assert isinstance(fit.point, FloorPoint)
    _leave(fit, {"threshold": fit.point.threshold}, out, plot)
    return fit.point


def threshold_grey(
    scores: Path, out: Path, *, plot: Path | None = None, **asked: Unpack[GreyFromTable]
) -> GreyZone:
    """The grey zone now in `out` (JSON); `plot` is drawn.

    Raises: as `threshold_floor`.
    """
    require_point_file(out)
    require_other_files(scores, out, plot)
    fit = grey_from_table(source_of(scores, asked.get("where")), **asked)
    assert isinstance(fit.point, GreyZone)
    _leave(fit, {"rule out": fit.point.rule_out, "rule in": fit.point.rule_in}, out, plot)
    return fit.point


def threshold_cost(
    scores: Path, out: Path, *, plot: Path | None = None, **asked: Unpack[CostFromTable]
) -> CostPoint:
    """The point of least expected cost now in `out` (JSON); `plot` is drawn.

    Raises: ThresholdError: unusable rows, or `out` is `scores`.
    """
    require_point_file(out)
    require_other_files(scores, out, plot)
    fit = cost_from_table(source_of(scores, asked.get("where")), **asked)
    assert isinstance(fit.point, CostPoint)
    _leave(fit, {"threshold": fit.point.threshold}, out, plot)
    return fit.point


def threshold_best(
    scores: Path, out: Path, *, plot: Path | None = None, **asked: Unpack[BestFromTable]
) -> OperatingPoint:
    """The operating point of the best of several networks, now in `out` (JSON); `plot` is drawn.

    Raises: as `threshold_floor`.
    """
    require_point_file(out)
    require_other_files(scores, out, plot)
    fit = best_from_table(source_of(scores, asked.get("where"), asked.get("group")), **asked)
    if plot is not None:
        from strnet.report.figures.threshold_cuts import plot_networks  # who draws waits for matplotlib

        plot_networks(fit.rows, fit.point, plot)
    write_operating_point(fit.point, out)
    return fit.point


def _leave(fit: FloorFit, cuts: dict[str, float], out: Path, plot: Path | None) -> None:
    if plot is not None:
        from strnet.report.figures.threshold_cuts import plot_cuts

        plot_cuts(fit.rows, cuts, plot)
    write_operating_point(fit.point, out)
