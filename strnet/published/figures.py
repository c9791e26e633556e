"""What a paper prints of one test: figures, limits, and what it says of its size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from strnet.errors import StatsError
from strnet.published.names import COUNTS, DECIDED, ERRORS, MACRO, PROPORTIONS, SPANS, canonical
from strnet.published.printed import CountedShare, Rounded, counted_share, rounded, whole_number
from strnet.stats.inputs import checked_fraction

Limits = tuple[Rounded, Rounded]


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """What a paper prints: figures and limits as decimal strings, the cohort's size and positives if stated.

    `figures` by name (`FIGURES`, or a name of `ALIASES`), of one set of cases at one threshold; a proportion
    may be given as `173/198`. `intervals` by the same names, lower and upper limit, of `confidence`. Tests
    with several classes state `classes`, the cases of each, and may have figures `per_class`.

    Raises: StatsError: an unknown or doubled name, a figure that cannot be what its name says, counts that
        contradict each other.
    """

    figures: Mapping[str, str]
    n: int | None = None
    positives: int | None = None
    intervals: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    confidence: float = 0.95
    classes: Mapping[str, int] = field(default_factory=dict)
    class_number: int | None = None
    per_class: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        checked_fraction(self.confidence, name="confidence")
        self._check_names()
        self._check_sizes()
        self._check_classes()
        for name, (low, high) in self.limits.items():
            if low.low > high.high:
                raise StatsError(
                    f"intervals: found {low.text} to {high.text} of {name}, expected the lower first."
                )

    def _check_names(self) -> None:
        if len({canonical(name) for name in self.figures}) < len(self.figures):
            raise StatsError(f"figures: found {sorted(self.figures)}, expected each figure under one name.")
        checkable = (*DECIDED, *ERRORS, *MACRO)
        if not self.per_class and not any(canonical(name) in checkable for name in self.figures):
            raise StatsError(
                f"figures: found {sorted(self.figures)}, expected one or more of {', '.join(checkable)}."
            )
        for name in self.figures:
            self._window(name)

    def _check_sizes(self) -> None:
        if self.n is not None and self.n < 2:
            raise StatsError(f"n: found {self.n}, expected two cases or more.")
        if self.positives is not None and not 0 < self.positives < (self.size or self.positives + 1):
            raise StatsError(
                f"positives: found {self.positives} of {self.size}, expected some of each class."
            )
        for name, figure in self.counts.items():
            if self.size is not None and figure.high > self.size:
                raise StatsError(
                    f"{name}: found {figure.text} of {self.size} cases, expected no more than all."
                )

    def _check_classes(self) -> None:
        if self.classes and (len(self.classes) < 2 or min(self.classes.values()) < 1):
            raise StatsError(
                f"classes: found {dict(self.classes)}, expected two classes or more, with cases in each."
            )
        if self.classes and self.n not in (None, sum(self.classes.values())):
            raise StatsError(f"classes: found {sum(self.classes.values())} cases in all, but n is {self.n}.")
        if self.class_number is not None and self.class_number < 2:
            raise StatsError(f"classes: found {self.class_number}, expected two or more.")
        of_two = [name for name in self.figures if canonical(name) in (*DECIDED, "auc")]
        of_two = [name for name in of_two if canonical(name) != "accuracy"]
        if of_two and (self.classes or self.class_number):
            raise StatsError(
                f"figures: found {of_two[0]} beside several classes, expected accuracy or one of "
                f"{', '.join(MACRO)}. Put a figure of one class under it (per_class)."
            )
        unknown = sorted(set(self.per_class) - set(self.classes))
        if unknown:
            raise StatsError(
                f"per_class: found figures of {unknown[0]!r}, expected one of the classes whose cases are "
                f"stated ({', '.join(self.classes) or 'none'})."
            )

    def _window(self, name: str) -> Rounded:
        key, text = canonical(name), self.figures[name]
        if key in COUNTS:
            return whole_number(text, name=name)
        counted = counted_share(text, name=name) if key in PROPORTIONS else None
        if counted is None:
            return rounded(text, name=name, span=SPANS[key])
        value = Fraction(counted.hits, counted.total)
        return Rounded(str(text).strip(), value, value)

    @property
    def windows(self) -> dict[str, Rounded]:
        """The values behind every figure, by canonical name."""
        return {canonical(name): self._window(name) for name in self.figures}

    @property
    def counted(self) -> dict[str, Rounded]:
        """The figures that a 2 x 2 table decides."""
        return {key: figure for key, figure in self.windows.items() if key in DECIDED}

    @property
    def counts(self) -> dict[str, Rounded]:
        """The cells that are stated."""
        return {key: figure for key, figure in self.windows.items() if key in COUNTS}

    @property
    def fractions(self) -> dict[str, CountedShare]:
        """The proportions that are printed as counts."""
        found = {
            canonical(name): counted_share(text, name=name)
            for name, text in self.figures.items()
            if canonical(name) in PROPORTIONS
        }
        return {name: share for name, share in found.items() if share is not None}

    @property
    def size(self) -> int | None:
        """Cases: as stated, or else as counts give them away; None where nothing does."""
        return self.n if self.n is not None else next(self._implied_sizes(), None)

    def _implied_sizes(self) -> Iterator[int]:
        totals = {name: share.total for name, share in self.fractions.items()}
        yield from (totals[name] for name in ("accuracy", "prevalence") if name in totals)
        for one, other in (("sensitivity", "specificity"), ("ppv", "npv")):
            if one in totals and other in totals:
                yield totals[one] + totals[other]
        if set(self.counts) == set(COUNTS):
            yield sum(int(figure.low) for figure in self.counts.values())
        if self.classes:
            yield sum(self.classes.values())

    def label(self, figure: str) -> str:
        """The name under which the paper prints a figure."""
        return next((name for name in self.figures if canonical(name) == figure), figure)

    @property
    def auc(self) -> Rounded | None:
        """The area under the ROC curve, if printed."""
        return self.windows.get("auc")

    @property
    def limits(self) -> dict[str, Limits]:
        """Lower and upper limits by canonical name."""
        return {
            canonical(name): (
                rounded(low, name=f"{name} from", span=SPANS[canonical(name)], is_limit=True),
                rounded(high, name=f"{name} to", span=SPANS[canonical(name)], is_limit=True),
            )
            for name, (low, high) in self.intervals.items()
        }
