"""The floor and the confidence as exact fractions: 0.86 means 43/50, not the nearest binary number."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from strnet.errors import ThresholdError
from strnet.threshold_options import Proportion


@dataclass(frozen=True, slots=True)
class Floor:
    """The least that a rate may be: as it was written, as a fraction in (0, 1], and which rate it is."""

    text: str
    share: Fraction
    of: str = "sensitivity"

    @property
    def cases(self) -> str:
        """The cases that the rate is of."""
        return "negatives" if self.of == "specificity" else "positives"

    @property
    def miss_share(self) -> Fraction:
        """The share of those cases that may be decided wrongly, in [0, 1)."""
        return 1 - self.share


def read_floor(given: Proportion, *, of: str = "sensitivity") -> Floor:
    """The floor of the rate `of`, exact.

    Raises: ThresholdError: not a number, a percentage, or outside (0, 1].
    """
    share = _read(f"min_{of}", given)
    if not 0 < share <= 1:
        raise ThresholdError(_outside(f"min_{of}", given, share, "above 0 and at most 1"))
    return Floor(str(given), share, of)


def read_confidence(given: Proportion, *, name: str = "confidence") -> Fraction:
    """The confidence, exact; `name` is what errors call it.

    Raises: ThresholdError: not a number, a percentage, or outside (0, 1).
    """
    share = _read(name, given)
    if not 0 < share < 1:
        raise ThresholdError(_outside(name, given, share, "strictly between 0 and 1"))
    return share


def required_true_positives(floor: Floor, positives: int) -> int:
    """The fewest of `positives` that must be found for the observed sensitivity to reach the floor.

    Source: ceil(floor * n) in rational arithmetic; the float product is one too high for 0.55 x 100.
    """
    return -((-floor.share * positives) // 1)


def _read(name: str, given: Proportion) -> Fraction:
    try:
        return Fraction(given) if isinstance(given, Fraction | Decimal) else Fraction(str(given).strip())
    except (ValueError, OverflowError, ZeroDivisionError) as error:
        hint = " Divide a percentage by 100: 86% is 0.86." if "%" in str(given) else ""
        raise ThresholdError(
            f"{name}: found {given!r}, expected a fraction such as 0.86 or '43/50'.{hint}"
        ) from error


def _outside(name: str, given: Proportion, share: Fraction, expected: str) -> str:
    hint = f" Write {given} percent as {float(share / 100):g}." if 1 < share <= 100 else ""
    return f"{name}: found {given}, expected a fraction {expected}.{hint}"
