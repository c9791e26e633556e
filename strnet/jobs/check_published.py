"""Whether the figures of a published table can be true."""

from __future__ import annotations

from collections.abc import Mapping

from strnet.published import PublishedCheck, PublishedTable, check_published


def check_metrics(
    figures: Mapping[str, str],
    *,
    n: int,
    positives: int | None = None,
    intervals: Mapping[str, tuple[str, str]] | None = None,
    confidence: float = 0.95,
) -> PublishedCheck:
    """The whole-number tables that print these figures, or why there are none.

    `figures` and `intervals` hold decimal strings as printed: `0.82` is rounded to two places, `82%` to none.

    Raises: StatsError: an unknown figure, one that is no share, or too little to go by.
    """
    published = PublishedTable(
        n=n, figures=figures, positives=positives, intervals=intervals or {}, confidence=confidence
    )
    return check_published(published)
