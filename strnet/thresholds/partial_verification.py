"""The floor at a site where the flagged were sent to the reference standard, and few of the others.

Two sensitivities are asked about. That of the flag **among these people** is settled but for the positives
among the unflagged who were not examined. That of **the population they come from** is the floor's: chance
also decided who of its positives came. The verdict is about the second.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, TypedDict

from strnet.errors import ImpossibleError, ThresholdError
from strnet.stats.estimates import Estimate
from strnet.stats.proportions import clopper_pearson_lower, clopper_pearson_upper, proportion
from strnet.threshold_options import Proportion
from strnet.thresholds.floor import Floor, read_confidence, read_floor
from strnet.thresholds.hypergeometric import least_positives, most_positives
from strnet.thresholds.sampled_sensitivity import Sampled, lower_bound, upper_bound

Verdict = Literal["certified", "insufficient", "alarm"]
Absent = Literal["worst", "random"]

ATTENDANCE_SHARE = 0.1
"""The part of delta with which the bounds of the attendance may fail, where absence is taken for random."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationCounts:
    """People by flag, those of them whose reference standard is known, and the positives among these.

    `unflagged_drawn` is how many of the unflagged were drawn at random to be verified, those verified if
    everybody came.
    """

    flagged: int
    flagged_verified: int
    flagged_positive: int
    unflagged: int
    unflagged_verified: int
    unflagged_positive: int
    unflagged_drawn: int

    @property
    def flagged_absent(self) -> int:
        """The flagged who were not verified."""
        return self.flagged - self.flagged_verified

    @property
    def unflagged_absent(self) -> int:
        """The unflagged who were drawn and not verified."""
        return self.unflagged_drawn - self.unflagged_verified


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedFloor:
    """What follows if those who did not come are `absent` at their worst, or at random.

    Each bound holds with the confidence by itself. `missed` are the positives among all unflagged;
    `among_these` bounds the sensitivity of the flag in this group of people, `sensitivity` that of the
    population.
    """

    absent: Absent
    verdict: Verdict
    missed: tuple[int, int]
    among_these: tuple[float, float]
    sensitivity: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialVerification:
    """The floor at a site by partial verification.

    `worst` counts who did not come against whatever would be said of the floor; `random` takes them for like
    those who came (None where everybody came). `estimate` is the sensitivity if both samples were exactly
    typical, `ppv` that of those who came. `from_list` is whether those verified were held against the list
    that was drawn; without it nothing shows that they are a random sample. `new_people` is whether those
    verified were held against the rows that chose the threshold, and are others. `drawn_needed` unflagged
    people would certify the floor if all of them came and no more were positive (None where nobody asked, it
    is decided, or not even all would do).
    """

    verdict: Verdict
    min_sensitivity: str
    confidence: float
    counts: VerificationCounts
    estimate: float | None
    ppv: Estimate
    worst: VerifiedFloor
    random: VerifiedFloor | None
    from_list: bool = False
    new_people: bool = False
    drawn_needed: int | None = None


def verify_counts(
    counts: VerificationCounts,
    *,
    min_sensitivity: Proportion = "0.86",
    confidence: Proportion = 0.95,
    from_list: bool = False,
) -> PartialVerification:
    """Whether the sensitivity of a flag keeps its floor in the population that these people come from.

    The people are independent of each other, the unflagged who were drawn are a random sample of the
    unflagged, and the flag is one that was fixed before.

    Raises:
        ThresholdError: counts that contradict each other.
        ImpossibleError: no unflagged person was verified; the message says what can be known.
    """
    _require_consistent(counts)
    floor, delta = read_floor(min_sensitivity), float(1 - read_confidence(confidence))
    _require_verified_negatives(counts, 1 - delta)
    worst = _worst(counts, floor, delta)
    everybody_came = counts.flagged_absent == counts.unflagged_absent == 0
    return PartialVerification(
        verdict=worst.verdict,
        min_sensitivity=floor.text,
        confidence=1 - delta,
        counts=counts,
        estimate=_estimate(counts),
        ppv=_ppv(counts, 1 - delta),
        worst=worst,
        random=None if everybody_came else _random(counts, floor, delta),
        from_list=from_list,
    )


def _worst(counts: VerificationCounts, floor: Floor, delta: float) -> VerifiedFloor:
    """Who did not come counts against each bound: flagged as negative, drawn as positive, or the reverse."""
    positives = counts.unflagged_positive, counts.unflagged_positive + counts.unflagged_absent
    least, most = counts.flagged_positive, counts.flagged_positive + counts.flagged_absent
    seen = Sampled(found=least, unflagged=counts.unflagged, drawn=counts.unflagged_drawn, positives=positives)
    missed = _missed(seen, delta)
    return VerifiedFloor(
        absent="worst",
        missed=missed,
        among_these=(_share(least, missed[1]), _share(most, missed[0])),
        **_judged(lower_bound(seen, delta), upper_bound(replace(seen, found=most), delta), floor),
    )


def _random(counts: VerificationCounts, floor: Floor, delta: float) -> VerifiedFloor:
    """Who came is a random sample of those who should have come.

    "Flagged, and came" is a flag too, of which nobody is absent. With attendance a its odds, positives that
    did not come counted as not found by it, are a times those of the sensitivity.
    """
    came, flagged, found = counts.flagged_verified, counts.flagged, counts.flagged_positive
    seen = Sampled(
        found=found,
        unflagged=counts.unflagged,
        drawn=counts.unflagged_verified,
        positives=(counts.unflagged_positive, counts.unflagged_positive),
    )
    small, rest = delta * ATTENDANCE_SHARE, delta * (1 - ATTENDANCE_SHARE)
    missed = _missed(seen, rest)
    least, most = (end(found, came, flagged, small) for end in (least_positives, most_positives))
    low, high = (
        float(end(came, flagged, confidence=1 - small))
        for end in (clopper_pearson_lower, clopper_pearson_upper)
    )
    bounds = (
        _at_full_attendance(lower_bound(seen, rest), high),
        _at_full_attendance(upper_bound(seen, rest), low),
    )
    return VerifiedFloor(
        absent="random",
        missed=_missed(seen, delta),
        among_these=(_share(least, missed[1]), _share(most, missed[0])),
        **_judged(*bounds, floor),
    )


class _Judged(TypedDict):
    sensitivity: tuple[float, float]
    verdict: Verdict


def _judged(low: float, high: float, floor: Floor) -> _Judged:
    verdict: Verdict = "insufficient"
    if low >= floor.share:
        verdict = "certified"
    elif high < floor.share:
        verdict = "alarm"
    return {"sensitivity": (low, high), "verdict": verdict}


def _missed(seen: Sampled, delta: float) -> tuple[int, int]:
    """Bounds of the positives among the unflagged."""
    return (
        least_positives(seen.positives[0], seen.drawn, seen.unflagged, delta),
        most_positives(seen.positives[1], seen.drawn, seen.unflagged, delta),
    )


def _share(found: int, missed: int) -> float:
    return found / (found + missed) if found else 0.0


def _at_full_attendance(sensitivity: float, attendance: float) -> float:
    """The sensitivity of the flag, from that of "flagged, and came"."""
    found = sensitivity + (1 - sensitivity) * attendance
    return sensitivity / found if found > 0 else sensitivity


def _estimate(counts: VerificationCounts) -> float | None:
    found = counts.flagged_positive * counts.flagged / counts.flagged_verified
    drawn = max(counts.unflagged_verified, 1)  # nobody need be unflagged
    missed = counts.unflagged_positive * counts.unflagged / drawn
    return found / (found + missed) if found + missed > 0 else None


def _require_consistent(counts: VerificationCounts) -> None:
    """Raise unless each count is contained in the next larger one.

    Raises: ThresholdError: a count below 0, or above that of which it is a part.
    """
    chains = (
        ("flagged_positive", "flagged_verified", "flagged"),
        ("unflagged_positive", "unflagged_verified", "unflagged_drawn", "unflagged"),
    )
    for chain in chains:
        for part, whole in pairwise(chain):
            found, most = getattr(counts, part), getattr(counts, whole)
            if not 0 <= found <= most:
                raise ThresholdError(
                    f"{part}: found {found}, expected 0 to {most}, which is {whole}. Check the counts."
                )
    if counts.flagged_verified == 0:
        raise ThresholdError(
            f"flagged_verified: found 0 of {counts.flagged} flagged, expected at least one. Without a "
            "reference standard nothing can be said of a flag."
        )


def _require_verified_negatives(counts: VerificationCounts, confidence: float) -> None:
    """Raise unless the unflagged were verified at least in part.

    Raises: ImpossibleError: none of them was; what can be known all the same.
    """
    if counts.unflagged_verified or not counts.unflagged:
        return
    raise ImpossibleError(
        f"unflagged_verified: found 0 of {counts.unflagged} unflagged, expected a random sample of them. "
        "Sensitivity cannot be known: how many positives went unflagged was looked for in nobody, and any "
        f"number fits what was seen. What can be known is the PPV: {_ppv(counts, confidence)} of those who "
        "came. Draw a list of unflagged people and verify them: strnet threshold plan --verify-negatives."
    )


def _ppv(counts: VerificationCounts, confidence: float) -> Estimate:
    return proportion(
        counts.flagged_positive, counts.flagged_verified, method="clopper_pearson", confidence=confidence
    )
