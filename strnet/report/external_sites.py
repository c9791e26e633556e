"""A binary task at external sites: figures of each, the drop from the test rows, and the floor there."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

import numpy as np
import polars as pl

from strnet import stats
from strnet.errors import StatsError, ThresholdError
from strnet.report.binary import BinaryTask, decided_score
from strnet.report.decisions import decide
from strnet.report.measures import Measure, absent, attempt, measured
from strnet.report.settings import INTERVAL, EvaluationSettings
from strnet.report.site_results import FloorAtSite, SiteResult
from strnet.report.task_rows import NETWORK, Bools, TaskRows
from strnet.schema import PATIENT_ID
from strnet.stats import Estimate
from strnet.thresholds import OperatingPoint, certify

EXTERNAL, INTERNAL = "external", "test"
UNKNOWN = "unknown"
_SITE = "site"


def site_results(
    task: BinaryTask, internal: TaskRows | None, external: TaskRows, settings: EvaluationSettings
) -> Iterator[SiteResult]:
    """All external rows together, then each site; a row without a site is of the site `unknown`.

    The operating point is the one that decides, or else the task's first.
    """
    everyone = np.ones(external.target.size, dtype=np.bool_)
    yield _result(None, task, internal, external.where(everyone), settings)
    for name, keep in _sites(external):
        yield _result(name, task, internal, external.where(keep), settings)


def _sites(rows: TaskRows) -> Iterator[tuple[str, Bools]]:
    if _SITE not in rows.frame.columns:
        return
    site = rows.frame[_SITE].cast(pl.String).fill_null(UNKNOWN)
    for name in site.unique().sort():
        yield name, (site == name).to_numpy()


def _result(
    site: str | None,
    task: BinaryTask,
    internal: TaskRows | None,
    rows: TaskRows,
    settings: EvaluationSettings,
) -> SiteResult:
    name, point = _chosen(task, settings)
    drop, drop_p = _drop(internal, rows, settings)
    rates = None
    if point is not None and rows.target.size:
        score, source = decided_score(point, _calibrator(task), rows)
        called = point.apply(score, source=source)
        rates = decide(EXTERNAL, rows.positive, called, rows.clusters, settings.confidence)
    return SiteResult(
        task=task.name,
        site=site,
        rows=rows.target.size,
        positives=int(rows.positive.sum()),
        patients=np.unique(rows.patients).size,
        auroc=attempt(partial(_area, rows, settings)),
        drop=drop,
        drop_p=drop_p,
        point=name,
        sensitivity=None if rates is None else rates.sensitivity,
        specificity=None if rates is None else rates.specificity,
        floor=None if point is None else _floor(point, task, rows),
    )


def _chosen(task: BinaryTask, settings: EvaluationSettings) -> tuple[str | None, OperatingPoint | None]:
    names = [settings.deciding] if settings.deciding in task.points else list(task.points)[:1]
    for name in names:
        point = task.points[str(name)]
        if isinstance(point, OperatingPoint):
            return name, point
    return None, None


def _calibrator(task: BinaryTask) -> stats.Calibrator | None:
    return task.calibration if isinstance(task.calibration, stats.Calibrator) else None


def _floor(point: OperatingPoint, task: BinaryTask, rows: TaskRows) -> FloorAtSite:
    score, source = decided_score(point, _calibrator(task), rows)
    try:
        found = certify(
            point, rows.positive, score, clusters=rows.clusters, mixed_clusters=True, source=source
        )
    except ThresholdError as error:
        return FloorAtSite(None, point.min_sensitivity, note=str(error))
    return FloorAtSite(
        verdict=found.verdict,
        floor=found.min_sensitivity,
        confidence=found.confidence,
        lower=found.lower,
        upper=found.upper,
        more_if_none_missed=found.more_if_none_missed,
    )


def _area(rows: TaskRows, settings: EvaluationSettings) -> Estimate:
    return stats.auroc(
        rows.positive,
        rows.scores[NETWORK],
        confidence=settings.confidence,
        interval=INTERVAL,
        clusters=rows.clusters,
    )


def _drop(
    internal: TaskRows | None, rows: TaskRows, settings: EvaluationSettings
) -> tuple[Measure, float | None]:
    """The AUROC of the test rows minus that of the site, and the p-value that it is 0."""
    if internal is None:
        return absent("the table has no test rows to compare with"), None
    # by name: the numbers of patients in two sets of rows are not the same
    names = [set(part.frame[PATIENT_ID].cast(pl.String)) for part in (internal, rows)]
    if both := names[0] & names[1]:
        return absent(f"{len(both)} patients stand in the test rows as well: not two samples"), None
    try:
        areas = [_area(part, settings) for part in (internal, rows)]
        if any(area.value in (0, 1) for area in areas):
            gain = areas[0].value - areas[1].value
            return Measure(gain, note="no interval: an area of 0 or 1 shows no spread"), None
        found = stats.unpaired_delong(*areas)
    except StatsError as error:
        return absent(str(error)), None
    p_value = found.test.p_value
    return measured(found.difference), p_value if math.isfinite(p_value) else None
