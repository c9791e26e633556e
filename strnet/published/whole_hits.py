"""Proportions that no whole number of the stated cases gives."""

from __future__ import annotations

from collections.abc import Iterator

from strnet.published.figures import PublishedTable
from strnet.published.verdicts import IMPOSSIBLE, Finding


def whole_hits_findings(published: PublishedTable) -> Iterator[Finding]:
    """Each proportion that no whole number of its stated cases gives, with the nearest two."""
    windows = published.windows
    for name, (total, stated) in _totals(published).items():
        figure = windows.get(name)
        if figure is None or -(-figure.low * total // 1) <= figure.high * total // 1:
            continue
        below = int(figure.low * total // 1)
        label = published.label(name)
        text = (
            f"No whole number of {total} gives {label} {figure.text}: {below} are {below / total:.4f}, "
            f"{below + 1} are {(below + 1) / total:.4f}."
        )
        details = {"figure": name, "below": below, "above": below + 1}
        yield Finding("no_whole_number", text, details, IMPOSSIBLE, (name, stated))


def _totals(published: PublishedTable) -> dict[str, tuple[int, str]]:
    """The cases below each proportion, and what states them."""
    n, positives = published.size, published.positives
    totals = {} if n is None else {"accuracy": (n, "n"), "prevalence": (n, "n")}
    if positives is not None:
        totals["sensitivity"] = positives, "positives"
        if n is not None:
            totals["specificity"] = n - positives, "positives"
    return totals
