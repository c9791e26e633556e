"""Whether T-scores of one patient say the same: their own, that of the site it names, those of all sites."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import polars as pl

from strnet import schema
from strnet.cohort.findings import Finding, finding, named

_ROUNDED = 0.051
"""Largest difference between a T-score and the same one printed with one decimal."""
_CENTRAL = tuple(map(schema.t_score_column, schema.LOWEST_OF))
_ALL = tuple(map(schema.t_score_column, schema.DXA_SITES))


_LIKELY = (-4.0, 1.0)
"""Where the mean T-score of the people whom one screens lies, with room to spare."""
_APART = 1.25
"""Mean distance of T-scores at two sites of the same people that no cohort has; they go together."""
_FEWEST = 10
"""Films from which on a mean says something."""


def site_remarks(frame: pl.DataFrame) -> list[str]:
    """What hints at a BMD in another site's column or told against others: means, and sites far apart."""
    means = {name: frame[name].mean() for name in _ALL if frame[name].count() >= _FEWEST}
    low, high = _LIKELY
    unlikely = (
        f"{name}: its mean is {mean:.1f}, expected {low:g} to {high:g}. Is it the BMD of this site, and are "
        "these its young adults?"
        for name, mean in means.items()
        if isinstance(mean, float) and not low <= mean <= high
    )
    return [*unlikely, *(told for pair in combinations(means, 2) for told in _far_apart(frame, *pair))]


def _far_apart(frame: pl.DataFrame, one: str, other: str) -> Iterator[str]:
    distance = (frame[one] - frame[other]).drop_nulls()
    mean = distance.mean()
    if distance.len() >= _FEWEST and isinstance(mean, float) and abs(mean) > _APART:
        higher, lower = (one, other) if mean > 0 else (other, one)
        yield (
            f"{higher} is on average {abs(mean):.1f} above {lower} in {distance.len()} films with both. Are "
            "the columns exchanged?"
        )


def differs(one: pl.Expr, other: pl.Expr) -> pl.Expr:
    """Whether T-scores are not the same one, rounding apart; null where either is unknown.

    Rounding that carries one over a cut-off is not apart: the two would be different diagnoses.
    """
    return ((one - other).abs() > _ROUNDED) | (category(one) != category(other))


def category(t_score: pl.Expr) -> pl.Expr:
    """The diagnosis of T-scores, null where they are unknown."""
    return t_score.map_elements(schema.diagnosis_from_t_score, return_dtype=pl.String)


def site_agrees(frame: pl.DataFrame) -> Iterator[Finding | None]:
    """A patient's T-score is that of the site it names, the lowest if it says so, or one of those given."""
    t_score, site = pl.col(schema.T_SCORE), pl.col("reference_site")
    yield _not_the_lowest(frame)
    for name in schema.DXA_SITES:
        own = schema.t_score_column(name)
        yield finding(
            frame,
            (site == name) & differs(t_score, pl.col(own)),
            f"{{rows}} whose t_score is not that of the {name.replace('_', ' ')}, {{their}} reference_site.",
            [named(schema.T_SCORE), named(own)],
            "Correct one of the two, or the reference_site; a T-score is not rounded before it is compared "
            f"with {schema.NORMAL_AT_LEAST} and {schema.OSTEOPOROSIS_AT_MOST}.",
        )
    known = pl.any_horizontal(pl.col(name).is_not_null() for name in _ALL)
    same = pl.any_horizontal(~differs(t_score, pl.col(name)) for name in _ALL)
    yield finding(
        frame,
        site.is_null() & t_score.is_not_null() & known & ~same.fill_null(value=False),
        "{rows} whose t_score is that of none of {their} sites, without reference_site.",
        [named(name) for name in (schema.T_SCORE, *_ALL)],
        "Say in reference_site where it was measured, or leave t_score blank.",
    )


def _not_the_lowest(frame: pl.DataFrame) -> Finding | None:
    """Above the lowest of the sites given, or another than it where all are given."""
    t_score, lowest = pl.col(schema.T_SCORE), pl.min_horizontal(_CENTRAL)
    every = pl.all_horizontal(pl.col(name).is_not_null() for name in _CENTRAL)
    return finding(
        frame,
        (pl.col("reference_site") == "lowest") & differs(t_score, lowest) & ((t_score > lowest) | every),
        "{rows} whose t_score is not the lowest of {their} sites.",
        [named(name) for name in (schema.T_SCORE, *_CENTRAL)],
        "With reference_site lowest it is the lowest, unrounded. Correct one, or leave t_score blank.",
    )
