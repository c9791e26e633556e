"""`fit_threshold`: the most specific threshold whose true sensitivity stays above a floor."""

from __future__ import annotations

from collections.abc import Iterable

import numpy.typing as npt

from strnet.errors import ThresholdError, unknown_name
from strnet.thresholds.choice import CLUSTER_METHODS, ClusterMethod, Rule, choose
from strnet.thresholds.describe import Request, describe
from strnet.thresholds.floor import Proportion, read_confidence, read_floor
from strnet.thresholds.groups import fit_groups
from strnet.thresholds.point import Anchor, GroupPolicy, OperatingPoint
from strnet.thresholds.rows import Labels, RowColumns, Rows, fittable_rows
from strnet.thresholds.rules import Method, require_method

ANCHORS: tuple[Anchor, ...] = ("tight", "midgap")
GROUP_POLICIES: tuple[GroupPolicy, ...] = ("common", "per_group")


def fit_threshold(  # noqa: PLR0913 - the public entry: every ability is one keyword
    target: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    min_sensitivity: Proportion = "0.86",
    confidence: Proportion = 0.95,
    method: Method = "exact",
    clusters: npt.ArrayLike | None = None,
    cluster_method: ClusterMethod = "korn_graubard",
    mixed_clusters: bool = False,
    groups: npt.ArrayLike | Labels | None = None,
    group_policy: GroupPolicy = "common",
    weights: npt.ArrayLike | None = None,
    higher_is_positive: bool = True,
    anchor: Anchor = "tight",
    seed: int = 0,
) -> OperatingPoint:
    """The operating point with the highest specificity among thresholds that keep the sensitivity floor.

    `target` (n,) holds 0 and 1, `score` (n,) finite numbers of any scale; a case is positive if
    `score >= threshold`. The threshold is chosen from the positives only.

    `method`: `exact` keeps the floor in the population with probability `confidence`; `crc` keeps it on
    average; `empirical` on these rows only. `clusters` (n,) are patients: see `CLUSTER_METHODS`; the films of
    one share a target unless `mixed_clusters`. `groups` (n,) are sites or subgroups, each of which keeps the
    floor. `weights` (n,) are sampling weights (a row of weight 0 counts as absent); the guarantee is then
    approximate. `anchor` `midgap` puts the threshold in the middle of the gap below it. `seed` serves the
    draws of `one_per_cluster` and `betting`, and is kept in the result.

    Raises:
        ThresholdError: rows or options that cannot be used.
        ImpossibleError: no threshold can promise this; the message says how many positives could.
    Source: see `strnet.thresholds.rules`.
    """
    request = read_request(
        min_sensitivity=min_sensitivity,
        confidence=confidence,
        method=method,
        cluster_method=cluster_method,
        group_policy=group_policy,
        anchor=anchor,
        seed=seed,
    )
    columns = RowColumns(
        weights=weights,
        clusters=clusters,
        groups=groups,
        mixed_clusters=mixed_clusters,
        higher_is_positive=higher_is_positive,
    )
    return fit_rows(fittable_rows(target, score, columns), request)


def fit_rows(rows: Rows, request: Request) -> OperatingPoint:
    """The operating point for checked rows.

    Raises: as `fit_threshold`.
    """
    if rows.groups is not None:
        return fit_groups(rows, request)
    positives = rows.positives()
    return describe(rows, positives, choose(positives, request.rule), request)


def read_request(
    *,
    min_sensitivity: Proportion = "0.86",
    confidence: Proportion = 0.95,
    method: Method = "exact",
    cluster_method: ClusterMethod = "korn_graubard",
    group_policy: GroupPolicy = "common",
    anchor: Anchor = "tight",
    seed: int = 0,
) -> Request:
    """The checked request that the keywords of `fit_threshold` make.

    Raises: ThresholdError: a floor, confidence, name or seed that cannot be used.
    """
    require_method(method)
    _require_known("cluster method", cluster_method, CLUSTER_METHODS)
    _require_known("group policy", group_policy, GROUP_POLICIES)
    _require_known("anchor", anchor, ANCHORS)
    if seed < 0:
        raise ThresholdError(f"seed: found {seed}, expected 0 or more.")
    certainty = read_confidence(confidence)
    rule = Rule(
        floor=read_floor(min_sensitivity),
        delta=1 - certainty,
        method=method,
        cluster_method=cluster_method,
        seed=seed,
    )
    return Request(rule=rule, confidence=float(certainty), anchor=anchor, group_policy=group_policy)


def _require_known(kind: str, given: str, known: Iterable[str]) -> None:
    if given not in known:
        raise ThresholdError(unknown_name(kind, given, known))
