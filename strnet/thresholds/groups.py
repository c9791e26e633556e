"""A floor in every group (site, sex, age band): one common threshold, or one for each.

Common: t = min over groups of t_g, each group at delta and without a correction. Let t*_g be the highest
threshold that truly keeps the floor in group g, and h the group, among those certified, with the lowest t*_g:
which one that is depends on the population alone. A threshold keeps the floor in all of them just if it does
not exceed t*_h; and t = min t_g exceeds it only if t_h does, whose own bound fails with probability delta at
most. Nothing is asked of how groups hang together: the same holds where a case is in several groups, as with
several columns.
Per group: each at 1 - (1 - delta)^(1/G), for groups that do not overlap.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from strnet.errors import ImpossibleError, ThresholdError
from strnet.stats.estimates import Estimate
from strnet.stats.inputs import Bools
from strnet.thresholds.choice import choose
from strnet.thresholds.describe import anchored, describe, origin, stated
from strnet.thresholds.effective import rate
from strnet.thresholds.measure import SEEN_BY_THE_RULE, measure, specificity_of
from strnet.thresholds.patient_choice import Choice
from strnet.thresholds.point import GroupRow, OperatingPoint, Ties
from strnet.thresholds.rows import ClassRows, Labels, Rows
from strnet.thresholds.rules import fewest_positives
from strnet.thresholds.threshold_request import Request


@dataclass(frozen=True, slots=True)
class Group:
    """One group's rows, and what the rule allows there; `choice` is None where it allows nothing."""

    name: str
    column: str
    rows: Rows
    positives: ClassRows
    choice: Choice | None
    refusal: str = ""

    @property
    def full_name(self) -> str:
        """Its name, behind that of its column if that has one."""
        return f"{self.column} {self.name}" if self.column else self.name


def fit_groups(rows: Rows, request: Request) -> OperatingPoint:
    """The operating point that keeps the floor in every group large enough to prove it.

    Raises: ImpossibleError: no group is.
    """
    own = request
    if request.group_policy == "per_group":
        own = replace(request, delta=_shared_delta(request.delta, rows))
    groups = [
        _choose_in(name, labels.column, rows, labels.codes == code, own)
        for labels in rows.groups
        for code, name in enumerate(labels.names)
    ]
    if not any(group.choice for group in groups):
        needed = fewest_positives(request.method, request.floor, own.delta)
        sizes = ", ".join(f"{group.full_name}: {group.positives.score.size}" for group in groups)
        raise ImpossibleError(
            f"min_sensitivity {request.floor.text}: no group can be certified (positives {sizes}); each "
            f"needs {needed} positives. Collect more, ask for less, or fit without groups."
        )
    return (_common if request.group_policy == "common" else _per_group)(rows, groups, request)


def _only_labels(rows: Rows) -> Labels:
    if len(rows.groups) > 1:
        raise ThresholdError(
            f"group_policy per_group: found {len(rows.groups)} columns of groups "
            f"({', '.join(labels.column for labels in rows.groups)}), expected one: a case in two groups "
            "would have two thresholds. Ask for a common threshold, or name one column."
        )
    return rows.groups[0]


def _shared_delta(delta: Fraction, rows: Rows) -> Fraction:
    # Sidak needs independent groups; patients with films in two of them make the split a plain one
    count = len(_only_labels(rows).names)
    if _patients_cross(rows):
        return delta / count
    return Fraction(1 - float(1 - delta) ** (1 / count))


def _patients_cross(rows: Rows) -> bool:
    if rows.clusters is None:
        return False
    pairs = np.unique(np.stack([rows.clusters, _only_labels(rows).codes]), axis=1)
    return bool(pairs.shape[1] > np.unique(rows.clusters).size)


def _choose_in(name: str, column: str, rows: Rows, members: Bools, request: Request) -> Group:
    own = rows.subset(members)
    positives = own.positives()
    if positives.score.size == 0:
        return Group(name, column, own, positives, None, "no positives")
    try:
        return Group(name, column, own, positives, choose(positives, request))
    except ImpossibleError as error:
        return Group(name, column, own, positives, None, str(error))


def _common(rows: Rows, groups: list[Group], request: Request) -> OperatingPoint:
    positives = rows.positives()
    certified = [group.choice for group in groups if group.choice]
    threshold = min(choice.threshold for choice in certified)
    pooled = _choose_in("all", "", rows, np.ones(rows.target.size, dtype=np.bool_), request).choice
    if pooled:  # the positives of groups too small to certify still count among all
        threshold = min(threshold, pooled.threshold)
    point = describe(rows, positives, _law_at(threshold, positives, pooled or certified[0]), request)
    applied = anchored(rows, threshold, request.anchor)
    needed = fewest_positives(request.method, request.floor, request.delta)
    return replace(
        point,
        **stated(request, *certified),
        confidence_reached=min(choice.chance for choice in certified),
        misses_allowed=None,
        group_policy="common",
        groups=tuple(
            replace(
                _row(group, applied, request, needed),
                sets_threshold=group.choice is not None and group.choice.threshold == threshold,
            )
            for group in groups
        ),
    )


def _law_at(threshold: float, positives: ClassRows, like: Choice) -> Choice:
    """The choice that missed exactly the positives below `threshold`, with effective numbers as in `like`."""
    found = positives.score >= threshold
    missed = 1 - rate(positives, found, 0.95).value
    return replace(like, threshold=threshold, law_misses=missed * like.law_units)


def _per_group(rows: Rows, groups: list[Group], request: Request) -> OperatingPoint:
    chosen = [(group, group.choice) for group in groups if group.choice]
    points = [describe(group.rows, group.positives, choice, request) for group, choice in chosen]
    thresholds = {
        group.name: rows.sign * (point.threshold or 0.0)
        for (group, _), point in zip(chosen, points, strict=True)
    }
    chances = [point.confidence_reached for point in points]
    sensitivity, specificity = _pooled_rates(rows, thresholds, request.confidence)
    needed = fewest_positives(request.method, request.floor, _shared_delta(request.delta, rows))
    return replace(
        points[0],
        threshold=None,
        **stated(request, *(choice for _, choice in chosen)),
        positives=rows.positive_count,
        negatives=rows.negative_count,
        units=sum(point.units for point in points),
        misses_allowed=sum(choice.allowed for _, choice in chosen),
        misses_made=sum(point.misses_made for point in points),
        effective_positives=sum(point.effective_positives for point in points),
        confidence_reached=1 - sum(1 - c for c in chances) if _patients_cross(rows) else math.prod(chances),
        expected_sensitivity=_mean_law(points, request.confidence),
        observed_sensitivity=sensitivity,
        specificity=specificity,
        ties=Ties(sum(p.ties.positives for p in points), sum(p.ties.negatives for p in points)),
        group_policy="per_group",
        groups=tuple(_row(group, thresholds.get(group.name), request, needed) for group in groups),
        notes=tuple(dict.fromkeys(note for point in points for note in point.notes)),
        **origin(rows, request),
    )


def _mean_law(points: list[OperatingPoint], confidence: float) -> Estimate:
    count = sum(point.positives for point in points)
    mean = sum(point.expected_sensitivity.value * point.positives for point in points) / count
    note = "mean over the positives of the groups with a threshold; each group has an interval of its own"
    return Estimate(mean, math.nan, math.nan, confidence, "beta", count, note=note)


def _pooled_rates(
    rows: Rows, thresholds: dict[str, float], confidence: float
) -> tuple[Estimate, Estimate | None]:
    labels = _only_labels(rows)
    each = np.array([thresholds.get(name, math.nan) for name in labels.names])[labels.codes]
    served = ~np.isnan(each)
    everyone, each = rows.subset(served), each[served]
    positives, negatives = everyone.positives(), everyone.negatives()
    sensitivity = rate(positives, positives.score >= each[everyone.target], confidence)
    rejected = negatives.score < each[~everyone.target]
    return replace(sensitivity, note=SEEN_BY_THE_RULE), specificity_of(negatives, rejected, confidence)


def _row(group: Group, threshold: float | None, request: Request, needed: int | None) -> GroupRow:
    choice, sign = group.choice, group.rows.sign
    seen = None
    if threshold is not None and group.positives.score.size:
        seen = measure(group.rows, group.positives, threshold, request.confidence)
    return GroupRow(
        name=group.name,
        certified=choice is not None,
        threshold=None if threshold is None else sign * threshold,
        own_threshold=None if choice is None else sign * choice.threshold,
        positives=group.rows.positive_count,
        negatives=group.rows.negative_count,
        misses_allowed=None if choice is None else choice.allowed,
        misses_made=None if seen is None else seen.misses,
        confidence_reached=None if choice is None else choice.chance,
        sensitivity=None if seen is None else seen.sensitivity,
        specificity=None if seen is None else seen.specificity,
        positives_needed=needed,
        note=group.refusal,
        column=group.column,
    )
