"""Areas under the ROC curve with several classes: each against the rest, their mean, and Hand and Till's.

scikit-learn has the values without intervals, and refuses probabilities that sum to 1 only up to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

import numpy as np
import numpy.typing as npt

from strnet.errors import StatsError, unknown_name
from strnet.stats.area_limits import area_estimate
from strnet.stats.auroc import auroc
from strnet.stats.bootstrap import Resampling, bootstrap_counts, own_clusters, strata_by_class
from strnet.stats.counting import SortedPatients, auroc_of_counts
from strnet.stats.estimates import Estimate
from strnet.stats.influence import auroc_influence
from strnet.stats.inputs import Bools, Clusters, Floats, Ints, checked_clusters, checked_finite
from strnet.stats.jackknife import jackknife_estimate
from strnet.stats.multiclass import checked_codes
from strnet.stats.scales import AREA, DIFFERENCE

MULTICLASS_AVERAGES: Final = ("ovr", "hand_till")
MULTICLASS_INTERVALS: Final = ("jackknife", "bootstrap")


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
    average: str = "ovr",
    confidence: float = 0.95,
    interval: str = "jackknife",
    clusters: npt.ArrayLike | None = None,
    rng: np.random.Generator | None = None,
    resampling: Resampling | None = None,
) -> Estimate:
    """One area for all classes, with its interval over patients.

    `ovr` is the mean of `one_vs_rest_auroc`. `hand_till` is the mean over ordered pairs of classes of P(the
    column of the one ranks it above the other) and does not depend on how common the classes are. `jackknife`
    leaves out patients; `bootstrap` draws them and needs an `rng`.

    Raises: StatsError: as `one_vs_rest_auroc`, an unknown average or interval, `bootstrap` without `rng`.
    Source: Hand and Till 2001, Mach. Learn. 45:171-186.
    """
    if interval not in MULTICLASS_INTERVALS:
        raise StatsError(unknown_name("interval of several classes", interval, MULTICLASS_INTERVALS))
    codes, scores = _checked(target, score)
    known = own_clusters(codes.size, clusters)
    problems = _problems(codes, scores, average)
    patients = None if clusters is None else known.count
    if interval == "jackknife":
        value, influence = _mean_influence(problems, codes.size)
        if value == 1:
            return _separated(codes, known, confidence, patients)
        made = jackknife_estimate(value, influence, AREA, confidence=confidence, clusters=known)
        return replace(made, clusters=patients)
    if rng is None:
        raise StatsError("multiclass_auroc: interval='bootstrap' without rng. Pass a numpy Generator.")
    sorted_rows = [_sorted(problem, known) for problem in problems]

    def mean_area(counts: Ints) -> float:
        return float(np.mean([auroc_of_counts(rows, counts) for rows in sorted_rows]))

    strata = strata_by_class(codes, known, scores.shape[1])
    drawn = bootstrap_counts(mean_area, known.count, strata, rng=rng, resampling=resampling or Resampling())
    observed = mean_area(np.ones(known.count, dtype=np.int64))
    return drawn.estimate(observed, confidence=confidence, count=codes.size, clusters=patients)


def paired_multiclass_auroc(
    target: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    average: str = "ovr",
    confidence: float = 0.95,
    clusters: npt.ArrayLike | None = None,
) -> Estimate:
    """The area of the `first` scores (n, C) minus that of the `second`, on the same rows.

    Raises: StatsError: as `multiclass_auroc`.
    """
    codes, one = _checked(target, first)
    two = _checked(target, second)[1]
    known = None if clusters is None else checked_clusters(clusters, codes.size)
    (value, influence), (other, others) = (
        _mean_influence(_problems(codes, scores, average), codes.size) for scores in (one, two)
    )
    return jackknife_estimate(
        value - other, influence - others, DIFFERENCE, confidence=confidence, clusters=known
    )


@dataclass(frozen=True, slots=True)
class _Problem:
    """Rows of two classes, or of one and the rest: places in the table, target and score, each (m,)."""

    rows: Ints
    target: Bools
    score: Floats


def _problems(codes: Ints, scores: Floats, average: str) -> list[_Problem]:
    if average not in MULTICLASS_AVERAGES:
        raise StatsError(unknown_name("average", average, MULTICLASS_AVERAGES))
    if average == "ovr":
        everyone = np.arange(codes.size)
        return [_Problem(everyone, codes == label, column) for label, column in enumerate(scores.T)]
    problems = []
    for pair in combinations(range(scores.shape[1]), 2):
        rows = np.flatnonzero(np.isin(codes, pair))
        problems += [_Problem(rows, codes[rows] == label, scores[rows, label]) for label in pair]
    return problems


def _sorted(problem: _Problem, patients: Clusters) -> SortedPatients:
    own = Clusters(patients.codes[problem.rows], patients.count)
    return SortedPatients(problem.target, problem.score, own)


def _mean_influence(problems: list[_Problem], rows: int) -> tuple[float, Floats]:
    """The mean area, and what each row (n,) adds to its error."""
    influence, total = np.zeros(rows), 0.0
    for problem in problems:
        area = auroc_influence(problem.target, problem.score, None, None)
        influence[problem.rows[problem.target]] += area.positives
        influence[problem.rows[~problem.target]] += area.negatives
        total += area.value
    return total / len(problems), influence / len(problems)


def _separated(codes: Ints, patients: Clusters, confidence: float, shown: int | None) -> Estimate:
    """An area of 1: the bound of the rarest class against all others."""
    label = int(np.argmin(np.bincount(codes)))
    rarest = auroc_influence(codes == label, (codes == label).astype(np.float64), patients, None)
    made = area_estimate(rarest, confidence)
    return replace(made, events=None, clusters=shown)


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
