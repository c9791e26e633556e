"""Areas under the ROC curve with several classes: each against the rest, their mean, and Hand and Till's.

scikit-learn has the values without intervals, and refuses probabilities that sum to 1 only up to rounding.
"""

from __future__ import annotations

from itertools import combinations
from typing import Final

import numpy as np
import numpy.typing as npt

from strnet.errors import StatsError, unknown_name
from strnet.stats.auroc import auroc
from strnet.stats.bootstrap import Resampling, bootstrap_counts, own_clusters, strata_by_class
from strnet.stats.counting import SortedPatients, auroc_of_counts
from strnet.stats.estimates import Estimate
from strnet.stats.inputs import Clusters, Floats, Ints, checked_finite
from strnet.stats.multiclass import checked_codes

MULTICLASS_AVERAGES: Final = ("ovr", "hand_till")


def one_vs_rest_auroc(
    target: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    interval: str = "delong",
    clusters: npt.ArrayLike | None = None,
) -> list[Estimate]:
    """The AUROC of each class against all others, in the order of the columns.

    `target` (n,) coded 0..C-1, `score` (n, C), one column per class, `clusters` (n,).

    Raises: StatsError: as `auroc`; other codes or shapes; a class without rows.
    """
    codes, scores = _checked(target, score)
    return [
        auroc(codes == label, column, confidence=confidence, interval=interval, clusters=clusters)
        for label, column in enumerate(scores.T)
    ]


def multiclass_auroc(
    target: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    average: str = "ovr",
    confidence: float = 0.95,
    clusters: npt.ArrayLike | None = None,
    resampling: Resampling | None = None,
) -> Estimate:
    """One area for all classes, with its bootstrap interval over patients.

    `ovr` is the mean of `one_vs_rest_auroc`. `hand_till` is the mean over ordered pairs of classes of P(the
    column of the one ranks it above the other) and does not depend on how common the classes are.

    Raises: StatsError: as `one_vs_rest_auroc`, an unknown average.
    Source: Hand and Till 2001, Mach. Learn. 45:171-186.
    """
    if average not in MULTICLASS_AVERAGES:
        raise StatsError(unknown_name("average", average, MULTICLASS_AVERAGES))
    codes, scores = _checked(target, score)
    known = own_clusters(codes.size, clusters)
    classes = scores.shape[1]
    problems = _against_rest if average == "ovr" else _pairs
    sorted_rows = problems(codes, scores, known)

    def mean_area(counts: Ints) -> float:
        return float(np.mean([auroc_of_counts(rows, counts) for rows in sorted_rows]))

    strata = strata_by_class(codes, known, classes)
    drawn = bootstrap_counts(mean_area, known.count, strata, rng=rng, resampling=resampling or Resampling())
    return drawn.estimate(
        mean_area(np.ones(known.count, dtype=np.int64)),
        confidence=confidence,
        count=codes.size,
        clusters=None if clusters is None else known.count,
    )


def _against_rest(codes: Ints, scores: Floats, patients: Clusters) -> list[SortedPatients]:
    return [SortedPatients(codes == label, column, patients) for label, column in enumerate(scores.T)]


def _pairs(codes: Ints, scores: Floats, patients: Clusters) -> list[SortedPatients]:
    problems = []
    for pair in combinations(range(scores.shape[1]), 2):
        rows = np.flatnonzero(np.isin(codes, pair))
        own = Clusters(patients.codes[rows], patients.count)
        problems += [SortedPatients(codes[rows] == label, scores[rows, label], own) for label in pair]
    return problems


def _checked(target: npt.ArrayLike, score: npt.ArrayLike) -> tuple[Ints, Floats]:
    scores = np.asarray(score, dtype=np.float64)
    if scores.ndim != 2 or scores.shape[1] < 2:
        raise StatsError(f"score: found shape {scores.shape}, expected (n, classes), one column per class.")
    checked_finite(scores.reshape(-1))
    codes = checked_codes(target, scores.shape[1], name="target")
    if codes.size != len(scores):
        raise StatsError(
            f"score: found {len(scores)} rows, expected {codes.size}, one per row of the target."
        )
    counts = np.bincount(codes, minlength=scores.shape[1])
    if (counts == 0).any():
        raise StatsError(
            f"target: found no row of class {np.flatnonzero(counts == 0).tolist()}, expected some of each. "
            "The area of a class without rows is undefined: leave its column out, and say so."
        )
    return codes, scores
