"""The check of a published table: each kind of figure by the rules for it."""

from __future__ import annotations

from collections.abc import Iterator

from strnet.published.class_check import class_findings
from strnet.published.cohort_check import check_cohort
from strnet.published.conflicts import conflict_finding, count_findings, dent_finding, size_free
from strnet.published.figures import PublishedTable
from strnet.published.macro_means import macro_findings
from strnet.published.prediction_errors import error_findings
from strnet.published.remedies import FARTHEST, smallest_cohort
from strnet.published.sentences import first_table, printed_figures
from strnet.published.verdicts import IMPLAUSIBLE, Finding, PublishedCheck


def check_published(published: PublishedTable) -> PublishedCheck:
    """Whether the figures can be true: which whole-number tables print them, or which rule they break.

    All numbers of positives are tried where none is stated. Where nothing fits, it is told what would.

    Raises: StatsError: more possibilities than can be tried, because too little is stated.
    """
    found = _decided(published)
    others = (
        *_idle_intervals(published),
        *_outside_intervals(published),
        *error_findings(published),
        *macro_findings(published),
        *class_findings(published),
    )
    return PublishedCheck((*found.findings, *others), found.table_count, found.tables, found.positives)


def _decided(published: PublishedTable) -> PublishedCheck:
    """What there is to say of the figures of a 2 x 2 table."""
    if not published.counted or published.classes or published.class_number:
        return PublishedCheck(())
    if published.size is not None:
        return check_cohort(published, published.size)
    return PublishedCheck(tuple(_without_size(published)))


def _without_size(published: PublishedTable) -> Iterator[Finding]:
    against_counts = tuple(count_findings(published))
    if against_counts:
        yield from against_counts
        return
    conflict = conflict_finding(published)
    if conflict is not None:
        yield conflict
        return
    yield _some_size(published)
    dent = dent_finding(published)
    if dent is not None:
        yield dent


def _some_size(published: PublishedTable) -> Finding:
    names = tuple(name for name in published.windows if name in size_free(published))
    smallest = smallest_cohort(published)
    told = printed_figures(published, names or tuple(published.counts))
    text = f"Nothing speaks against {told}; the size is not stated"
    if smallest is None:
        return Finding("some_size", f"{text}, and no cohort of up to {FARTHEST} cases prints this.", {})
    return Finding(
        "some_size",
        f"{text}: {smallest.n} cases could print this ({first_table(smallest)}).",
        {"n": smallest.n},
    )


def _idle_intervals(published: PublishedTable) -> Iterator[Finding]:
    """Intervals need counts: where there are none, that is said."""
    if published.limits and (published.size is None or not published.counted or published.class_number):
        text = "No interval is held against a method: that takes n and figures of one threshold."
        yield Finding("idle_intervals", text, {})


def _outside_intervals(published: PublishedTable) -> Iterator[Finding]:
    windows = published.windows
    for name, (low, high) in published.limits.items():
        figure = windows.get(name)
        if figure is not None and (figure.high < low.low or figure.low > high.high):
            label = published.label(name)
            text = (
                f"{label} {figure.text} lies outside its interval, {low.text} to {high.text}. Only that of a "
                "bootstrap can leave its figure out."
            )
            yield Finding("outside_interval", text, {"figure": name}, IMPLAUSIBLE, (name,))
