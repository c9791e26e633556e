"""Intervals by resampling patients: of an operating point, and of two models on the same rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from strnet.stats.bootstrap import (
    BootstrapDraws,
    CountStatistic,
    Resampling,
    bootstrap_counts,
    own_clusters,
    strata_by_class,
)
from strnet.stats.comparisons import Comparison, z_test
from strnet.stats.counting import OperatingPointOfCounts, SortedPatients, auroc_of_counts
from strnet.stats.estimates import Estimate
from strnet.stats.inputs import (
    Bools,
    Clusters,
    checked_finite,
    checked_target,
    require_both_classes,
    require_same_length,
)


def bootstrap_operating_point(
    target: npt.ArrayLike,
    score: npt.ArrayLike,
    threshold: float,
    *,
    rng: np.random.Generator,
    clusters: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    resampling: Resampling | None = None,
) -> dict[str, Estimate]:
    """`auroc`, `sensitivity` and `specificity` at a score of `threshold` or more, from the same resamples.

    `target`, `score`, `clusters` are (n,). Patients are drawn within strata of the classes they have.

    Raises: StatsError: unusable rows, one class only, every resample undefined.
    """
    positive, scores = checked_target(target), checked_finite(score)
    require_same_length(positive.size, score=scores)
    positives, negatives = require_both_classes(positive, purpose="bootstrap_operating_point")
    known = own_clusters(positive.size, clusters)
    figures = OperatingPointOfCounts(SortedPatients(positive, scores, known), threshold)
    drawn = resample_classes(figures, positive, known, rng=rng, resampling=resampling)
    patients = None if clusters is None else known.count
    observed = figures(np.ones(known.count, dtype=np.int64))
    called = scores >= threshold
    rows = {  # count and events of each
        "auroc": (positive.size, positives),
        "sensitivity": (positives, int(np.count_nonzero(called & positive))),
        "specificity": (negatives, int(np.count_nonzero(~called & ~positive))),
    }
    return {
        name: drawn.estimate(
            observed[column], column, confidence=confidence, count=count, events=events, clusters=patients
        )
        for column, (name, (count, events)) in enumerate(rows.items())
    }


def paired_bootstrap(
    target: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    clusters: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    resampling: Resampling | None = None,
) -> Comparison:
    """The difference of two AUROCs on the same rows, its percentile interval, and the test that it is 0.

    The test divides the difference by its standard deviation over the resamples.

    Raises: StatsError: as `bootstrap_operating_point`.
    Source: Hanley and McNeil 1983, Radiology 148:839-843, with resampled errors, as in pROC's roc.test.
    """
    positive = checked_target(target)
    scores = [checked_finite(values, name=name) for values, name in ((first, "first"), (second, "second"))]
    require_same_length(positive.size, first=scores[0], second=scores[1])
    positives, _ = require_both_classes(positive, purpose="paired_bootstrap")
    known = own_clusters(positive.size, clusters)
    models = [SortedPatients(positive, values, known) for values in scores]

    def figures(counts: npt.NDArray[np.int64]) -> tuple[float, float, float]:
        one, two = (auroc_of_counts(model, counts) for model in models)
        return one, two, one - two

    drawn = resample_classes(figures, positive, known, rng=rng, resampling=resampling)
    patients = None if clusters is None else known.count
    estimates = [
        drawn.estimate(
            value,
            column,
            confidence=confidence,
            count=positive.size,
            events=positives if column < 2 else None,
            clusters=patients,
        )
        for column, value in enumerate(figures(np.ones(known.count, dtype=np.int64)))
    ]
    error = float(drawn.standard_errors[2])
    test = z_test("paired bootstrap", estimates[2].value, error, positive.size)
    return Comparison(estimates[0], estimates[1], estimates[2], test)


def resample_classes(
    figures: CountStatistic,
    target: Bools,
    clusters: Clusters,
    *,
    rng: np.random.Generator,
    resampling: Resampling | None,
) -> BootstrapDraws:
    """`figures` of resampled patients, drawn within strata of the classes that they have."""
    strata = strata_by_class(target.astype(np.int64), clusters)
    return bootstrap_counts(figures, clusters.count, strata, rng=rng, resampling=resampling or Resampling())
