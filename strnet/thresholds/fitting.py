"""`fit_threshold`: the most specific threshold whose true sensitivity stays above a floor."""

from __future__ import annotations

from dataclasses import replace
from typing import Unpack

import numpy.typing as npt

from strnet.threshold_options import FitOptions
from strnet.thresholds.choice import choose
from strnet.thresholds.describe import describe
from strnet.thresholds.groups import fit_groups
from strnet.thresholds.known_rows import numbered_rows, remembered, require_each_once
from strnet.thresholds.point import OperatingPoint
from strnet.thresholds.rows import Groups, RowColumns, Rows, fittable_rows
from strnet.thresholds.threshold_request import Request, read_request


def fit_threshold(
    target: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    clusters: npt.ArrayLike | None = None,
    mixed_clusters: bool = False,
    groups: Groups | None = None,
    weights: npt.ArrayLike | None = None,
    higher_is_positive: bool = True,
    **options: Unpack[FitOptions],
) -> OperatingPoint:
    """The operating point with the highest specificity among thresholds that keep the sensitivity floor.

    `target` (n,) holds 0 and 1, `score` (n,) finite numbers of any scale; a case is positive if
    `score >= threshold`. The threshold is chosen from the positives only.

    `clusters` (n,) are patients: see `CLUSTER_METHODS`; the films of one share a target unless
    `mixed_clusters`. `groups` (n,) are sites or subgroups, each of which keeps the floor; or several,
    overlapping ways to group the rows, by name: {"site": ..., "sex": ...}. `weights` (n,) are sampling
    weights (a row of weight 0 counts as absent), and take `max_weight`, the largest that the design can
    give: without it nothing is promised.

    `options` are those of `FitOptions`, which holds their defaults. Its `method`: `exact` keeps the floor in
    the population with probability `confidence`; `crc` keeps it on average; `empirical` on these rows only.
    `anchor` `midgap` puts the threshold in the middle of the gap below it. What `one_per_cluster` and
    `betting` draw follows from the ids; a `seed` gives other draws, and is kept in the result.

    Raises:
        ThresholdError: rows or options that cannot be used.
        ImpossibleError: no threshold can promise this; the message says how many positives could.
    Source: see `strnet.thresholds.rules`.
    """
    request = read_request(**options)
    columns = RowColumns(
        weights=weights,
        clusters=clusters,
        groups=groups,
        mixed_clusters=mixed_clusters,
        higher_is_positive=higher_is_positive,
    )
    rows = fittable_rows(target, score, columns)
    numbers = numbered_rows(rows.target, rows.score)
    require_each_once(rows.target, rows.score, rows.clusters, numbers)
    return replace(fit_rows(rows, request), known_rows=remembered(numbers))


def fit_rows(rows: Rows, request: Request) -> OperatingPoint:
    """The operating point for checked rows.

    Raises: as `fit_threshold`.
    """
    if rows.groups:
        return fit_groups(rows, request)
    positives = rows.positives()
    return describe(rows, positives, choose(positives, request), request)
