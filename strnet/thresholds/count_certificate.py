"""A frozen threshold at a site that sends two numbers: its positive patients, and how many it missed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from strnet.errors import ThresholdError
from strnet.stats.estimates import Estimate
from strnet.stats.proportions import proportion
from strnet.threshold_options import Proportion
from strnet.thresholds.floor import Floor, read_confidence, read_floor
from strnet.thresholds.rules import chance_of_holding, exact_misses, first_true, positives_allowing

NOT_CHECKED = (
    "Counts cannot show that these are not the patients who chose the threshold, nor that each stands for a "
    "patient of his own, nor that nobody looked before and went on: whoever counted vouches for that."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountCertificate:
    """Whether the floor holds, by the exact test of a number of patients that was fixed before.

    `misses_allowed` is None where there are too few patients for any certificate, `alarm_from` None where
    even all of them missed would be no alarm. `chance_if_floor` is that of so many misses or more if the
    sensitivity were just the floor. `more_if_none_missed` more patients would certify the site if none of
    them were missed (None if it is decided, or never).
    """

    verdict: Literal["certified", "insufficient", "alarm"]
    min_sensitivity: str
    confidence: float
    positives: int
    missed: int
    misses_allowed: int | None
    alarm_from: int | None
    chance_if_floor: float
    sensitivity: Estimate
    more_if_none_missed: int | None
    note: str = NOT_CHECKED


def certify_counts(
    positives: int,
    missed: int,
    *,
    min_sensitivity: Proportion = "0.86",
    confidence: Proportion = 0.95,
) -> CountCertificate:
    """Whether the sensitivity keeps its floor where `missed` of `positives` independent patients were missed.

    Raises: ThresholdError: no positives, or more missed than there are.
    Source: certified if missed <= c(n) of the exact rule; alarm if P(Binomial(n, 1 - floor) >= missed) is at
        most 1 - confidence. One look: the number of patients must not depend on what was seen.
    """
    if positives < 1 or not 0 <= missed <= positives:
        raise ThresholdError(
            f"counts: found {missed} missed of {positives} positives, expected at least one positive and no "
            "more missed than there are."
        )
    floor, delta = read_floor(min_sensitivity), 1 - read_confidence(confidence)
    allowed = exact_misses(positives, floor, delta)
    alarm = first_true(lambda k: _so_many(k, positives, floor) <= delta, 1, positives + 1)
    verdict: Literal["certified", "insufficient", "alarm"] = "insufficient"
    if missed <= allowed:
        verdict = "certified"
    elif missed >= alarm:
        verdict = "alarm"
    more = None
    if verdict == "insufficient" and floor.share < 1:
        more = positives_allowing(missed, "exact", floor, delta) - positives
    return CountCertificate(
        verdict=verdict,
        min_sensitivity=floor.text,
        confidence=float(1 - delta),
        positives=positives,
        missed=missed,
        misses_allowed=allowed if allowed >= 0 else None,
        alarm_from=alarm if alarm <= positives else None,
        chance_if_floor=_so_many(missed, positives, floor),
        sensitivity=proportion(
            positives - missed, positives, method="clopper_pearson", confidence=float(1 - delta)
        ),
        more_if_none_missed=more,
    )


def _so_many(missed: int, positives: int, floor: Floor) -> float:
    """P(X >= missed) if the sensitivity were just the floor."""
    if missed > positives:
        return 0.0
    return chance_of_holding(missed - 1, positives, floor) if missed > 0 else 1.0
