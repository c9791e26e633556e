"""Whether a printed AUC goes with the printed point, and its interval with the size of the cohort."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from strnet.published.confusion_tables import FittingTables
from strnet.published.curve_areas import (
    largest_area,
    largest_hull_area,
    smallest_area,
    smallest_hull_area,
)
from strnet.published.figures import PublishedTable
from strnet.published.intervals import hanley_mcneil_error
from strnet.published.names import COUNTS
from strnet.published.printed import Rounded
from strnet.published.sentences import at_least, at_most
from strnet.published.verdicts import IMPLAUSIBLE, IMPOSSIBLE, Finding
from strnet.published.windows import EDGE
from strnet.stats.normal import normal_quantile

NARROW: Final = 0.35
"""DeLong's interval is hardly ever a smaller share of Hanley and McNeil's: of normal scores with spreads of
1 : 2 to 2 : 1 it was not in one of a thousand samples of 30 cases or more of each class."""
LARGEST_COMPARED: Final = 0.95
"""Above this area, Hanley and McNeil's interval is no guide."""
LEAST_RATE: Final = 0.5
"""Where a point misses half of one class, curves of unequal spreads do have dents."""
DENT_ERRORS: Final = 2
"""Standard errors by which the curve of a sample may miss the limits of one without dents."""


def area_findings(published: PublishedTable, fitting: FittingTables) -> Iterator[Finding]:
    """What speaks against the AUC of a paper whose other figures fit these tables."""
    if published.auc is None:
        return
    yield from _at_point(published, fitting)
    if "auc" in published.limits:
        yield from _narrow_interval(published, fitting)


def _at_point(published: PublishedTable, fitting: FittingTables) -> Iterator[Finding]:
    """Whether a curve through the point can have the printed area, and whether it needs a dent for that."""
    auc = published.auc
    assert auc is not None
    positives, negatives = fitting.positives, fitting.n - fitting.positives
    s, low_t, high_t = fitting.true / positives, fitting.lowest / negatives, fitting.highest / negatives
    least, most = float(smallest_area(s, low_t).min()), float(largest_area(s, high_t).max())
    if _beyond(auc, least, most):
        text = (
            f"An AUC of {auc.text} is impossible: a curve through the printed point has an area from "
            f"sensitivity x specificity to 1 - (1 - sensitivity)(1 - specificity), here {at_least(least)} to "
            f"{at_most(most)}."
        )
        details = {"smallest": least, "largest": most}
        yield Finding("auc_impossible", text, details, IMPOSSIBLE, _point_names(published))
        return
    if min(s.min(), low_t.min()) < LEAST_RATE:
        return
    error = DENT_ERRORS * float(hanley_mcneil_error(np.float64(auc.low), positives, negatives).max())
    least = float(smallest_hull_area(s, low_t).min()) - error
    most = float(largest_hull_area(s, high_t).max()) + error
    if _beyond(auc, least, most):
        text = (
            f"An AUC of {auc.text} needs a curve with a dent at the printed point: of one without it is "
            f"{at_least(least)} to {at_most(most)}, two standard errors ({error:.3f}) included. Another "
            "threshold, another set of cases or a class taken for the other would explain it."
        )
        details = {"smallest": least, "largest": most}
        yield Finding("auc_dent", text, details, IMPLAUSIBLE, _point_names(published))


def _beyond(auc: Rounded, least: float, most: float) -> bool:
    """Whether a printed area lies outside limits that are products of shares, and may miss it by an ulp."""
    return float(auc.high) < least - EDGE or float(auc.low) > most + EDGE


def _narrow_interval(published: PublishedTable, fitting: FittingTables) -> Iterator[Finding]:
    """Whether the interval of the AUC is that of many more cases than there are."""
    auc, (low, high) = published.auc, published.limits["auc"]
    assert auc is not None
    if auc.low > LARGEST_COMPARED:
        return
    widest = float(high.high - low.low) / 2
    areas = np.array([[float(auc.low)], [min(float(auc.high), 1 - 1e-9)]])
    positives, negatives = fitting.positives, fitting.n - fitting.positives
    errors = hanley_mcneil_error(areas, positives, negatives)
    expected = normal_quantile(published.confidence) * float(errors.min())
    if widest >= NARROW * expected:
        return
    at = int(np.argmin(errors.min(0)))
    text = (
        f"The interval of the AUC, {low.text} to {high.text}, is too narrow for {int(positives[at])} "
        f"positives and {int(negatives[at])} negatives: at most {widest:.3f} on either side, where Hanley "
        f"and McNeil's has {expected:.3f}. It would be that of about {(expected / widest) ** 2:.0f} times as "
        "many cases; images counted as patients, or scores averaged over repetitions, would explain it."
    )
    details = {"half_width": widest, "expected": expected}
    yield Finding("auc_interval_narrow", text, details, IMPLAUSIBLE, ("auc", "n"))


def _point_names(published: PublishedTable) -> tuple[str, ...]:
    names = ("sensitivity", "specificity", *COUNTS)
    return (*(name for name in names if name in published.windows), "auc")
