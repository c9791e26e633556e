"""How many of the unflagged must be verified before a floor can be certified."""

from __future__ import annotations

from dataclasses import dataclass

from strnet.errors import ImpossibleError, ThresholdError
from strnet.threshold_options import Proportion
from strnet.thresholds.floor import Floor, read_confidence, read_floor
from strnet.thresholds.hypergeometric import chance_of_at_most
from strnet.thresholds.partial_verification import PartialVerification
from strnet.thresholds.rules import first_true, positives_allowing
from strnet.thresholds.sampled_sensitivity import Sampled, closed_form, proves

MOST_ROWS = 6
"""Numbers of positives in the sample for which a plan says how large it must be."""


@dataclass(frozen=True, slots=True)
class NegativesNeeded:
    """A sample of `drawn` unflagged people certifies the floor if at most `positives` of them are positive.

    `chance` is that of so few, if the flag misses what its expected sensitivity says (None without one).
    """

    positives: int
    drawn: int
    chance: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NegativesPlan:
    """What the verification of the unflagged takes, for so many positives among the flagged."""

    min_sensitivity: str
    confidence: float
    flagged_positive: int
    unflagged: int
    samples: tuple[NegativesNeeded, ...]


def drawn_needed(found: PartialVerification) -> int | None:
    """How many unflagged people would certify the floor, if all of them came and no more were positive.

    None where it is decided, or where not even all of them would do.
    """
    counts = found.counts
    if found.verdict != "insufficient" or not counts.unflagged:
        return None
    positives, delta = counts.unflagged_positive, 1 - found.confidence
    floor = read_floor(found.min_sensitivity)
    return fewest_drawn(counts.flagged_positive, positives, counts.unflagged, floor, delta)


def plan_negatives(
    *,
    flagged_positive: int,
    unflagged: int,
    min_sensitivity: Proportion = "0.86",
    confidence: Proportion = 0.95,
    expected_sensitivity: float | None = None,
) -> NegativesPlan:
    """How many of the unflagged to draw, by the number of positives that may turn up among them.

    Everybody drawn is taken to come. The more are drawn, the more positives are borne.

    Raises:
        ThresholdError: numbers out of range.
        ImpossibleError: too few positives among the flagged; the message says how many it takes.
    """
    floor, delta = read_floor(min_sensitivity), float(1 - read_confidence(confidence))
    _require_ranges(flagged_positive, unflagged, expected_sensitivity)
    samples: list[NegativesNeeded] = []
    for positives in range(min(MOST_ROWS, unflagged + 1)):
        drawn = fewest_drawn(flagged_positive, positives, unflagged, floor, delta)
        if drawn is None:
            break
        chance = _chance(positives, drawn, flagged_positive, unflagged, expected_sensitivity)
        samples.append(NegativesNeeded(positives, drawn, chance))
    if not samples:
        raise ImpossibleError(_too_few(flagged_positive, floor, confidence))
    return NegativesPlan(
        min_sensitivity=floor.text,
        confidence=1 - delta,
        flagged_positive=flagged_positive,
        unflagged=unflagged,
        samples=tuple(samples),
    )


def fewest_drawn(found: int, positives: int, unflagged: int, floor: Floor, delta: float) -> int | None:
    """The fewest to draw so that `positives` among them still certify the floor; None if all are too few."""
    least = max(positives, 1)

    def certified(drawn: int) -> bool:
        seen = Sampled(found=found, unflagged=unflagged, drawn=drawn, positives=(positives, positives))
        return proves(seen, float(floor.share), delta)

    def nearly(drawn: int) -> bool:
        return closed_form(found, positives, drawn / unflagged, delta, "lower") >= float(floor.share)

    if not certified(unflagged):
        return None
    # the closed form is a quick and cautious neighbour: it saves the exact bound most of the search
    most = first_true(nearly, least, unflagged)
    return first_true(certified, least, most if certified(most) else unflagged)


def _chance(positives: int, drawn: int, found: int, unflagged: int, expected: float | None) -> float | None:
    if expected is None:
        return None
    missed = min(round(found * (1 - expected) / expected), unflagged)
    return float(chance_of_at_most(positives, unflagged, missed, drawn))


def _too_few(found: int, floor: Floor, confidence: Proportion) -> str:
    promise = f"min_sensitivity {floor.text} at confidence {confidence}"
    if floor.share == 1:
        return f"{promise} is impossible with any number of people: no rows can prove a sensitivity of 1."
    needed = positives_allowing(0, "exact", floor, 1 - read_confidence(confidence))
    return (
        f"{promise} is impossible with {found} positives among the flagged, even if every unflagged person "
        f"is verified and negative. It takes {needed}: collect more, or ask for less."
    )


def _require_ranges(found: int, unflagged: int, expected: float | None) -> None:
    """Raise unless a plan can be made.

    Raises: ThresholdError: a number out of range.
    """
    for name, value in (("flagged_positive", found), ("unflagged", unflagged)):
        if value < 1:
            raise ThresholdError(f"{name}: found {value}, expected at least 1.")
    if expected is not None and not 0 < expected <= 1:
        raise ThresholdError(f"expected_sensitivity: found {expected:g}, expected above 0 and at most 1.")
