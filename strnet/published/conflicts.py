"""Figures that contradict each other whatever the size of the cohort, told with the arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from strnet.published.any_size import any_size, conflict, nearest_possible
from strnet.published.area_check import LEAST_RATE
from strnet.published.figures import PublishedTable
from strnet.published.names import COUNTED, COUNTED_RATIOS, COUNTS, PROPORTIONS
from strnet.published.printed import Rounded
from strnet.published.sentences import at_least, at_most, listed
from strnet.published.verdicts import IMPLAUSIBLE, IMPOSSIBLE, Finding

FREE_OF_SIZE: Final = (
    "prevalence",
    *(name for name in (*COUNTED, *COUNTED_RATIOS) if name != "prevalence"),
    "auc",
)
"""The figures that need no counts, those first that others are made of."""
DENT_SLACK: Final = Fraction(5, 100)
"""The curve of a sample is not smooth: its area may miss that of one without dents by so much."""
FORMULAS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ppv": "PPV = prevalence x sensitivity / (prevalence x sensitivity + (1 - prevalence)(1 - "
        "specificity))",
        "npv": "NPV = (1 - prevalence) x specificity / ((1 - prevalence) x specificity + prevalence (1 - "
        "sensitivity))",
        "accuracy": "accuracy = prevalence x sensitivity + (1 - prevalence) x specificity",
        "balanced_accuracy": "balanced accuracy = (sensitivity + specificity) / 2",
        "f1": "F1 = 2 PPV x sensitivity / (PPV + sensitivity)",
        "youden": "Youden's index = sensitivity + specificity - 1",
        "kappa": "kappa = (accuracy - agreement by chance) / (1 - agreement by chance)",
        "mcc": "MCC^2 = (sensitivity + specificity - 1)(PPV + NPV - 1)",
        "lr_positive": "LR+ = sensitivity / (1 - specificity)",
        "lr_negative": "LR- = (1 - sensitivity) / specificity",
        "dor": "DOR = LR+ / LR-",
        "auc": "an ROC curve through the point has an area from sensitivity x specificity to "
        "1 - (1 - sensitivity)(1 - specificity)",
    }
)


def size_free(published: PublishedTable) -> dict[str, Rounded]:
    """The figures that can be held against each other without n, and those that counts amount to."""
    windows = {**published.windows, **_from_counts(published)}
    return {name: windows[name] for name in FREE_OF_SIZE if name in windows}


def count_findings(published: PublishedTable) -> Iterator[Finding]:
    """Proportions that are not those of the counts printed beside them."""
    for name, exact in _from_counts(published).items():
        printed = published.windows.get(name)
        if printed is not None and not printed.low <= exact.low <= printed.high:
            text = f"{published.label(name)} {printed.text} is not {exact.text} = {float(exact.low):.4f}."
            cells = tuple(COUNTS[cell] for cell in PROPORTIONS[name][1])
            yield Finding("not_of_counts", text, {"figure": name}, IMPOSSIBLE, (name, *cells))


def _from_counts(published: PublishedTable) -> dict[str, Rounded]:
    """The proportions whose cells are all stated."""
    cells = {COUNTS.index(name): int(figure.low) for name, figure in published.counts.items()}
    found = {}
    for name, (hits, total) in PROPORTIONS.items():
        if set(total) <= set(cells) and (below := sum(cells[cell] for cell in total)):
            above = sum(cells[cell] for cell in hits)
            value = Fraction(above, below)
            found[name] = Rounded(f"{above}/{below}", value, value)
    return found


def conflict_finding(published: PublishedTable) -> Finding | None:
    """Which figures no cohort of any size prints together, and what the last would be beside the others."""
    figures = size_free(published)
    if len(figures) < 2 or not any_size(figures).excluded:
        return None
    names = conflict(figures)
    last = names[-1]
    given = {name: figures[name] for name in names[:-1]}
    bound, details = _bound(nearest_possible(last, given, figures[last]))
    text = (
        f"No cohort of any size gives {_told(published, figures, names)} together: {FORMULAS[last]}. Beside "
        f"{_told(published, figures, names[:-1])}, {published.label(last)} is {bound}."
    )
    return Finding("no_size", text, {"figures": list(names), **details}, IMPOSSIBLE, names)


def _bound(nearest: tuple[str, float] | None) -> tuple[str, dict[str, float]]:
    """What a figure is beside others, in words and as data."""
    if nearest is None:
        return "no number: what it is divided by is 0", {}
    side, limit = nearest
    told = at_most(limit) if side == "at most" else at_least(limit)
    return f"{side} {told}", {side.replace(" ", "_"): limit}


def _told(published: PublishedTable, figures: Mapping[str, Rounded], names: Sequence[str]) -> str:
    return listed([f"{published.label(name)} {figures[name].text}" for name in names])


def dent_finding(published: PublishedTable) -> Finding | None:
    """Whether an AUC needs an ROC curve with a dent (that is not concave) at the printed point."""
    names = ("sensitivity", "specificity", "auc")
    windows = published.windows
    if not all(name in windows and windows[name].low >= LEAST_RATE for name in names):
        return None
    area, point = windows["auc"], {name: windows[name] for name in names[:2]}
    slack = Rounded(area.text, area.low - DENT_SLACK, area.high + DENT_SLACK)
    if not any_size({**point, "auc_without_dents": slack}).excluded:
        return None
    bound, details = _bound(nearest_possible("auc_without_dents", point, area))
    text = (
        f"An AUC of {area.text} needs an ROC curve with a dent at the printed point: of a curve without one "
        f"it is {bound}, give or take {float(DENT_SLACK):.2f} in a sample. Another threshold, another "
        "set of cases or a class taken for the other would explain it."
    )
    return Finding("auc_dent", text, details, IMPLAUSIBLE, names)
