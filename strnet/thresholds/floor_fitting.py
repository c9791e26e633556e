"""`fit_floor`: the threshold under a floor of the specificity, PPV or NPV."""

from __future__ import annotations

from dataclasses import replace
from typing import Unpack

import numpy.typing as npt

from strnet.floor_options import FloorOptions
from strnet.stats.estimates import Estimate
from strnet.stats.inputs import Floats
from strnet.stats.proportions import proportion_bounds
from strnet.thresholds.describe import notes_on, operator_of, origin, stated
from strnet.thresholds.effective import rate
from strnet.thresholds.fixed_cutoffs import CutoffCounts, limits, predictive
from strnet.thresholds.floor_cut import FloorCut, floor_cut
from strnet.thresholds.floor_point import SET_BY_THESE, FloorPoint
from strnet.thresholds.floor_request import FloorRequest, read_floor_request
from strnet.thresholds.patient_choice import Choice
from strnet.thresholds.rows import RowColumns, Rows, fittable_rows
from strnet.thresholds.rules import sensitivity_law


def fit_floor(
    target: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    score_kind: str | None = None,
    clusters: npt.ArrayLike | None = None,
    mixed_clusters: bool = False,
    weights: npt.ArrayLike | None = None,
    higher_is_positive: bool = True,
    **options: Unpack[FloorOptions],
) -> FloorPoint:
    """The most useful threshold that keeps a floor of the specificity, or of a predictive value.

    `target` (n,) holds 0 and 1, `score` (n,) finite numbers. One of `min_specificity` (the most sensitive
    threshold is returned, chosen from the negatives only), `min_ppv` (the most sensitive) and `min_npv` (the
    most specific of `cutoffs`, both at `prevalence`). Cut-offs not named are 0.01 to 0.99 for `score_kind`
    `probability`, and their log odds for `logit`. `clusters` (n,) are patients, `weights` (n,) sampling
    weights; a predictive value takes no weights, and of cluster methods `one_per_cluster` and `worst`.

    Raises:
        ThresholdError: rows or options that cannot be used.
        ImpossibleError: no threshold can promise this; the message says what would.
    Source: see `strnet.thresholds.floor_cut` and `strnet.thresholds.fixed_cutoffs`.
    """
    columns = RowColumns(
        weights=weights,
        clusters=clusters,
        mixed_clusters=mixed_clusters,
        higher_is_positive=higher_is_positive,
    )
    asked = read_floor_request(**options)
    return fit_floor_rows(fittable_rows(target, score, columns), asked, score_kind)


def fit_floor_rows(rows: Rows, asked: FloorRequest, kind: str | None = None) -> FloorPoint:
    """The point for checked rows whose scores are of `kind` (None: unknown).

    Raises: as `fit_floor`.
    """
    cut = floor_cut(rows, asked, kind)
    if cut.choice is not None:
        return _under_specificity(rows, asked, cut, cut.choice)
    assert cut.counts is not None
    return _under_predictive_value(rows, asked, cut, cut.counts)


def _under_specificity(rows: Rows, asked: FloorRequest, cut: FloorCut, choice: Choice) -> FloorPoint:
    request = asked.request
    positives, negatives = rows.positives(), rows.negatives()
    specificity = rate(negatives, negatives.score < cut.threshold, request.confidence)
    sensitivity = rate(positives, positives.score >= cut.threshold, request.confidence)
    said = stated(request, choice)
    if said["speaks_of"] == "patients without a missed film":
        said["speaks_of"] = "patients without a false alarm"
    return replace(
        _point(rows, asked, cut),
        **said,
        notes=notes_on(choice, rows, request),
        confidence_reached=choice.chance,
        expected_specificity=sensitivity_law(choice.law_misses, choice.law_units, request.confidence),
        sensitivity=sensitivity,
        specificity=replace(specificity, note=SET_BY_THESE),
        units=choice.units,
        false_alarms_allowed=choice.allowed,
    )


def _under_predictive_value(
    rows: Rows, asked: FloorRequest, cut: FloorCut, counts: CutoffCounts
) -> FloorPoint:
    assert asked.prevalence is not None
    low = limits(counts, asked.prevalence, float(asked.request.delta) / 2)
    high = limits(counts, asked.prevalence, float(asked.request.delta) / 2, upper=True)
    sensitivity, specificity = (
        _simultaneous(successes[cut.taken], total, counts.cutoffs.size, asked.request.confidence)
        for successes, total in ((counts.found, counts.positives), (counts.rejected, counts.negatives))
    )
    share = asked.prevalence.value

    def of(name: str, value: Floats) -> Estimate:
        ends = float(getattr(low, name)[cut.taken]), float(getattr(high, name)[cut.taken])
        return Estimate(float(value), *ends, asked.request.confidence, "bayes", rows.target.size)

    return replace(
        _point(rows, asked, cut),
        status="guaranteed",
        promise="wrong_or_silent",
        speaks_of="films" if rows.clusters is None else "patients",
        lower_bound=cut.lower_bound,
        sensitivity=sensitivity,
        specificity=specificity,
        ppv=of("ppv", predictive(sensitivity.value, specificity.value, share)),
        npv=of("npv", predictive(specificity.value, sensitivity.value, 1 - share)),
        prevalence=asked.prevalence.text,
        cutoffs_tried=counts.cutoffs.size,
    )


def _point(rows: Rows, asked: FloorRequest, cut: FloorCut) -> FloorPoint:
    """What every floor says; the rest is at its default."""
    return FloorPoint(
        floor_of=asked.floor_of,
        floor=asked.request.floor.text,
        confidence=asked.request.confidence,
        threshold=rows.sign * cut.threshold,
        operator=operator_of(rows),
        positives=rows.positive_count,
        negatives=rows.negative_count,
        **origin(rows, asked.request),
    )


def _simultaneous(successes: float, total: float, cutoffs: int, confidence: float) -> Estimate:
    """A share whose interval holds whichever of the `cutoffs` was taken.

    Source: Clopper and Pearson 1934, with Bonferroni.
    """
    each = 1 - (1 - confidence) / cutoffs
    low, high = proportion_bounds(successes, total, method="clopper_pearson", confidence=each)
    return Estimate(
        float(successes / total),
        float(low),
        float(high),
        confidence,
        "clopper_pearson, all cut-offs",
        round(total),
        events=round(float(successes)),
    )
