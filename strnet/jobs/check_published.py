"""Whether the figures of published tables can be true: of one, or of every paper in a file."""

from __future__ import annotations

from collections.abc import Mapping

from strnet.published import CheckedPapers, PublishedCheck, PublishedTable, check_published
from strnet.published import check_papers as check_file
from strnet.published.papers import papers_path


def check_metrics(
    figures: Mapping[str, str],
    *,
    n: int | None = None,
    positives: int | None = None,
    classes: Mapping[str, int] | None = None,
    intervals: Mapping[str, tuple[str, str]] | None = None,
    confidence: float = 0.95,
) -> PublishedCheck:
    """The whole-number tables that print these figures, or why there are none.

    `figures` and `intervals` hold decimal strings as printed: `0.82` is rounded to two places, `82%` to none.

    Raises: StatsError: an unknown figure, one that is no share, or too little to go by.
    """
    published = PublishedTable(
        n=n,
        figures=figures,
        positives=positives,
        classes=classes or {},
        intervals=intervals or {},
        confidence=confidence,
    )
    return check_published(published)


def check_papers(name: str) -> CheckedPapers:
    """Every table of a YAML file of papers with its check; `five-papers` comes with the package.

    Raises: ConfigError, StatsError: a file, key or figure that cannot be read.
    """
    return check_file(papers_path(name))
