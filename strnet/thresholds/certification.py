"""A frozen operating point at another site: certified, alarm, or not enough positives to say."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Unpack

import numpy as np
import numpy.typing as npt

from strnet.options import with_defaults
from strnet.stats.estimates import Estimate
from strnet.stats.inputs import Bools
from strnet.threshold_options import CertifyOptions, SiteMethod, SiteTest
from strnet.thresholds.confidence_sequence import PatientMisses
from strnet.thresholds.effective import rate
from strnet.thresholds.floor import Floor, read_confidence, read_floor
from strnet.thresholds.known_rows import numbered_rows, require_each_once, require_unknown
from strnet.thresholds.measure import specificity_of
from strnet.thresholds.point import OperatingPoint
from strnet.thresholds.rows import Labels, RowColumns, Rows, checked_rows
from strnet.thresholds.score_identity import ScoreIdentity
from strnet.thresholds.site_misses import patient_misses
from strnet.thresholds.site_verdict import SITE_TESTS, SiteVerdict, Verdict, verdict_of
from strnet.thresholds.threshold_request import require_known


@dataclass(frozen=True, slots=True, kw_only=True)
class Certification:
    """Whether the floor holds at a site.

    `certified`: it does, with probability `confidence`; `alarm`: it does not, with that probability;
    `insufficient`: neither is shown. `test` and `cluster_method` say how that was found out, on `patients`
    (each film one where none are known) whose mean miss is `miss_share`; `positives`, `negatives` and
    `misses` count films. The bounds of the sensitivity, `lower` and `upper`, hold with `confidence` each.
    `misses_allowed` (None: too few patients for any) and `alarm_from` are counts of patients, of the fixed
    test alone. `more_if_none_missed` patients would certify the site if none of them were missed,
    `more_at_this_rate` if misses went on as they did (None: then it never is). `sensitivity` is over films.

    From a table: `rows_without_target` were left out, counted for the whole of it. `score` is the column that
    was read, `taken_for` the one of the operating point where the user said that both hold the same score.
    """

    verdict: Verdict
    test: SiteTest
    cluster_method: SiteMethod | None
    min_sensitivity: str
    confidence: float
    positives: int
    negatives: int
    misses: int
    patients: int
    miss_share: float | None
    lower: float
    upper: float
    misses_allowed: int | None
    alarm_from: int | None
    sensitivity: Estimate | None
    specificity: Estimate | None
    more_if_none_missed: int | None
    more_at_this_rate: int | None
    rows_without_target: int = 0
    score: str | None = None
    taken_for: str | None = None
    notes: tuple[str, ...] = ()


ROWS_NOT_KNOWN: Final = (
    "not checked: that these are others than the rows that chose the threshold, since the operating point "
    "does not know those. They cannot confirm it."
)


@dataclass(frozen=True, slots=True)
class SiteRows:
    """Rows of a site, and the decisions (n,) of a frozen operating point."""

    rows: Rows
    decided: Bools

    @property
    def missed(self) -> Bools:
        """Which of the positive films were missed."""
        return ~self.decided[self.rows.target]


@dataclass(frozen=True, slots=True)
class SiteQuestion:
    """What is asked of a site: the floor, how surely, by which test, and how films of a patient count."""

    floor: Floor
    confidence: Any
    test: SiteTest
    method: SiteMethod
    max_weight: float | None

    def misses(self, site: SiteRows) -> PatientMisses:
        """The misses of the patients of a site.

        Raises: ThresholdError: weights without a declared largest one.
        """
        return patient_misses(
            site.rows.positives(),
            site.missed,
            method=self.method,
            max_weight=self.max_weight,
        )

    def verdict(self, misses: PatientMisses) -> SiteVerdict:
        """What these misses say.

        Raises: ThresholdError: a fixed test of weighted patients, or of shares of films.
        """
        return verdict_of(misses, self.test, self.floor, 1 - self.confidence)


def certify(
    point: OperatingPoint,
    target: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    clusters: npt.ArrayLike | None = None,
    mixed_clusters: bool = False,
    groups: npt.ArrayLike | Labels | None = None,
    weights: npt.ArrayLike | None = None,
    source: ScoreIdentity | None = None,
    **options: Unpack[CertifyOptions],
) -> Certification:
    """Whether the frozen `point` keeps its floor at the site that `target` and `score` (n,) come from.

    The rows must be new: not those that the threshold was chosen from. By default the test is `anytime`: ask
    as often as you like, with all rows so far. `fixed` needs fewer patients, of a number that was
    planned, and may be asked once. `clusters` (n,) are patients; the sensitivity is then averaged over them.
    `weights` (n,) need `max_weight`, the largest that there can be by the design. `groups` (n,) are for a
    point with one threshold per group. `options` are those of `CertifyOptions`, which holds their defaults.

    Raises:
        ThresholdError: rows or options that cannot be used.
        BundleError: `source` says that the scores are of another model.
    """
    columns = RowColumns(
        weights=weights,
        clusters=clusters,
        groups=groups,
        mixed_clusters=mixed_clusters,
        higher_is_positive=point.operator == ">=",
    )
    rows = checked_rows(target, score, columns)
    numbers = numbered_rows(rows.target, rows.score)
    require_each_once(rows.target, rows.score, rows.clusters, numbers)
    if point.known_rows is not None:
        require_unknown(point.known_rows, numbers)
    found = certify_rows(decided_rows(point, rows, source), read_question(point, **options))
    return replace(found, notes=unchecked(point))


def unchecked(point: OperatingPoint) -> tuple[str, ...]:
    """What is to be said where `point` does not know the rows that chose it."""
    return () if point.known_rows is not None else (ROWS_NOT_KNOWN,)


def read_question(point: OperatingPoint, **options: Unpack[CertifyOptions]) -> SiteQuestion:
    """What is asked of a site of `point`, checked.

    Raises: ThresholdError: an unknown test, a confidence outside (0, 1).
    """
    asked = with_defaults(CertifyOptions, options)
    test: SiteTest = asked["test"] or "anytime"
    require_known("test", test, SITE_TESTS)
    usual: SiteMethod = "betting" if test == "anytime" else "one_per_cluster"
    if point.cluster_method == "worst":
        usual = "worst"  # the share of patients that the point speaks of
    confidence = point.confidence if asked["confidence"] is None else asked["confidence"]
    return SiteQuestion(
        floor=read_floor(point.min_sensitivity),
        confidence=read_confidence(confidence),
        test=test,
        method=asked["cluster_method"] or usual,
        max_weight=asked["max_weight"],
    )


def decided_rows(point: OperatingPoint, rows: Rows, source: ScoreIdentity | None = None) -> SiteRows:
    """The rows of a site with the decisions of the frozen `point`.

    Raises: as `OperatingPoint.apply`.
    """
    labels = rows.groups[0] if rows.groups else None
    return SiteRows(rows, point.apply(rows.score, labels, source=source))


def certify_rows(site: SiteRows, question: SiteQuestion) -> Certification:
    """What the rows of a site say.

    Raises: as `certify`.
    """
    misses = question.misses(site)
    return described(site, question, misses, question.verdict(misses))


def described(
    site: SiteRows, question: SiteQuestion, misses: PatientMisses, verdict: SiteVerdict
) -> Certification:
    """The verdict with what was seen at the site."""
    rows, missed, confidence = site.rows, site.missed, float(question.confidence)
    return Certification(
        **asdict(verdict),
        cluster_method=None if rows.clusters is None else question.method,
        min_sensitivity=question.floor.text,
        confidence=confidence,
        positives=missed.size,
        negatives=rows.negative_count,
        misses=int(np.count_nonzero(missed)),
        miss_share=misses.miss_share if misses.patients else None,
        sensitivity=rate(rows.positives(), ~missed, confidence) if missed.size else None,
        specificity=specificity_of(rows.negatives(), ~site.decided[~rows.target], confidence),
    )
