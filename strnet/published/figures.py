"""The figures of a published table as printed: a decimal string says how it was rounded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from strnet.errors import StatsError, unknown_name
from strnet.stats.inputs import checked_fraction

ALIASES: Final[Mapping[str, str]] = MappingProxyType(
    {"recall": "sensitivity", "tpr": "sensitivity", "tnr": "specificity", "precision": "ppv", "auroc": "auc"}
)
COUNTED: Final = ("sensitivity", "specificity", "ppv", "npv", "accuracy", "balanced_accuracy", "f1")
"""Figures that a 2 x 2 table decides."""
FIGURES: Final = (*COUNTED, "auc")
MOST_DECIMALS: Final = 8
"""Decimals of a share that are used: with more, products of counts would not fit into 64 bits."""


@dataclass(frozen=True, slots=True)
class Rounded:
    """The values that are printed as `text`: from `low` to `high`, both included, as exact fractions."""

    text: str
    low: Fraction
    high: Fraction

    def truncated(self) -> Rounded:
        """The values whose further digits were cut off instead of rounded."""
        middle = (self.low + self.high) / 2
        return Rounded(self.text, middle, middle + (self.high - self.low))


def rounded(text: str, *, name: str, is_limit: bool = False) -> Rounded:
    """The values behind a printed share such as `0.82`, `.82`, `82%` or `79.7 %`.

    A limit of an interval may lie outside [0, 1] by up to a half, as Wald's do. Decimals beyond
    `MOST_DECIMALS` widen to what those hold.

    Raises: StatsError: no number, or one that is no share, such as 82 for 82%.
    """
    stripped = str(text).strip()
    percent = stripped.endswith("%")
    try:
        number = Decimal(stripped.rstrip("% "))
    except InvalidOperation as error:
        raise StatsError(
            f"{name}: found {text!r}, expected a share as printed, such as 0.82 or 82%."
        ) from error
    exponent = number.as_tuple().exponent
    scale = 100 if percent else 1
    slack = Fraction(1, 2) if is_limit else 0
    if not isinstance(exponent, int) or not -slack <= Fraction(number) / scale <= 1 + slack:
        is_percentage = not percent and isinstance(exponent, int) and 1 < number <= 100
        hint = f" Write {stripped}% for a percentage." if is_percentage else ""
        raise StatsError(f"{name}: found {text!r}, expected a share between 0 and 1.{hint}")
    step = Decimal(1).scaleb(max(min(exponent, 0), (2 if percent else 0) - MOST_DECIMALS))
    half = Fraction(step) / 2
    low, high = (Fraction(number.quantize(step, rounding)) for rounding in (ROUND_FLOOR, ROUND_CEILING))
    return Rounded(stripped, (low - half) / scale, (high + half) / scale)


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """What a paper prints: figures and limits as decimal strings, the cohort's size, its positives if stated.

    `figures` by name (`FIGURES`, or recall, precision, tpr, tnr, auroc); `intervals` by the same names, lower
    and upper limit. `confidence` is that of the intervals.

    Raises: StatsError: an unknown or doubled name, a figure that is no share, impossible counts.
    """

    n: int
    figures: Mapping[str, str]
    positives: int | None = None
    intervals: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    confidence: float = 0.95

    def __post_init__(self) -> None:
        checked_fraction(self.confidence, name="confidence")
        if self.n < 2:
            raise StatsError(f"n: found {self.n}, expected two cases or more.")
        if self.positives is not None and not 0 < self.positives < self.n:
            raise StatsError(f"positives: found {self.positives} of {self.n}, expected some of each class.")
        if not self.counted:
            raise StatsError(
                f"figures: found {sorted(self.figures)}, expected one or more of {', '.join(COUNTED)}."
            )
        for limits in self.limits.values():
            if limits[0].low > limits[1].high:
                raise StatsError(
                    f"intervals: found {limits[0].text} to {limits[1].text}, expected the lower first."
                )

    @property
    def counted(self) -> dict[str, Rounded]:
        """The figures that a 2 x 2 table decides, by their canonical names."""
        named = {canonical(name): (name, text) for name, text in self.figures.items()}
        if len(named) < len(self.figures):
            raise StatsError(f"figures: found {sorted(self.figures)}, expected each figure under one name.")
        return {key: rounded(text, name=name) for key, (name, text) in named.items() if key != "auc"}

    def label(self, figure: str) -> str:
        """The name under which the paper prints a figure."""
        return next((name for name in self.figures if canonical(name) == figure), figure)

    @property
    def auc(self) -> Rounded | None:
        """The area under the ROC curve, if printed."""
        texts = [text for name, text in self.figures.items() if canonical(name) == "auc"]
        return rounded(texts[0], name="auc") if texts else None

    @property
    def limits(self) -> dict[str, tuple[Rounded, Rounded]]:
        """Lower and upper limits by canonical name."""
        return {
            canonical(name): (
                rounded(low, name=f"{name} from", is_limit=True),
                rounded(high, name=f"{name} to", is_limit=True),
            )
            for name, (low, high) in self.intervals.items()
        }


def canonical(name: str) -> str:
    """The name of `FIGURES` for a name that papers use.

    Raises: StatsError: an unknown name.
    """
    key = name.strip().lower().replace(" ", "_").replace("-", "_")
    key = ALIASES.get(key, key)
    if key not in FIGURES:
        raise StatsError(unknown_name("figure", name, (*FIGURES, *ALIASES)))
    return key
