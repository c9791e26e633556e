"""Rules applied to a manifest one after the other: who stays, who goes by which, and how many each cost."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from strnet.cohort.columns import VOCABULARY
from strnet.cohort.selection_rules import BOUNDS, Limit, OnePer, SelectionRule, SelectionRules
from strnet.errors import ManifestError, RowFilterError, unknown_name
from strnet.row_filter import ISO_DATE, condition_of, require_held, require_held_numbers
from strnet.schema import EXAM_ID, IMAGE_ID, PATIENT_ID

_EXCLUDED = (IMAGE_ID, PATIENT_ID, EXAM_ID, "rule", "reason", "unknown", "cells")


@dataclass(frozen=True, slots=True)
class RuleCounts:
    """What a rule left of the images that came to it, and what it cost.

    A patient is left out with the last of their images. `unknown` images were left out for an empty cell,
    `unknown_kept` had one and stayed.
    """

    rule: SelectionRule
    images: int
    patients: int
    images_left_out: int
    patients_left_out: int
    unknown: int
    unknown_kept: int


@dataclass(frozen=True, eq=False)
class Selection:
    """Manifest rows that every rule kept, the others with the first rule that did not, and the counts."""

    kept: pl.DataFrame
    excluded: pl.DataFrame
    """image_id, patient_id, exam_id, rule, reason, unknown (whether for an empty cell), cells."""
    counts: tuple[RuleCounts, ...]


def apply_rules(frame: pl.DataFrame, rules: SelectionRules) -> Selection:
    """Which rows of a manifest's `frame` the rules keep, applied in their order.

    Raises: RowFilterError: a rule that names no column, an empty one, or a value that no row holds.
        ManifestError: no image is left; what each rule cost.
    """
    judges = [_Judge(rule, frame, rules.file) for rule in rules.rules]
    kept, counts, excluded = frame, [], []
    for judge in judges:
        verdict = judge.verdict(kept)
        stays = verdict.fill_null(value=judge.rule.unknown == "keep")
        gone = kept.with_columns(verdict.is_null().alias("unknown")).filter(~stays)
        before, kept = kept, kept.filter(stays)
        counts.append(_counted(judge.rule, before, kept, verdict, gone))
        excluded.append(_told(gone, judge))
        if not kept.height:
            raise ManifestError(_nobody_left(rules.file, frame.height, counts))
    return Selection(kept, pl.concat(excluded), tuple(counts))


class _Judge:
    """A rule that has been found to fit the manifest's columns."""

    def __init__(self, rule: SelectionRule, frame: pl.DataFrame, file: str) -> None:
        self.rule = rule
        self._named = f"{file}: rule {rule.name}"
        self.columns = self._checked_columns(frame)

    def verdict(self, rows: pl.DataFrame) -> pl.Series:
        """For each of `rows` (n,), whether it stays; null where the rule cannot say."""
        rule = self.rule
        if rule.one_per is not None:
            return _one_of_each(rows, rule.one_per)
        if rule.limit is not None:
            return rows.select(_within(rule.limit)).to_series()
        found = rows.select(self._condition(rows)).to_series()
        if found.len() != rows.height:
            raise RowFilterError(
                f"{self._named}: {rule.keep or rule.exclude!r} is one answer for all images, expected one "
                "for each. Compare columns with values."
            )
        return found if rule.keep is not None else ~found

    def _condition(self, rows: pl.DataFrame) -> pl.Expr:
        return condition_of(str(self.rule.keep or self.rule.exclude), rows.lazy(), self._named)

    def _checked_columns(self, frame: pl.DataFrame) -> list[str]:
        columns = list(self._named_columns(frame))
        for name in columns:
            if name not in frame.columns:
                raise RowFilterError(f"{self._named}: {unknown_name('column', name, frame.columns)}")
            if frame[name].null_count() == frame.height:
                raise RowFilterError(
                    f"{self._named}: column {name} is empty in all {frame.height} rows, so the rule cannot "
                    "say anything. Fill it, or take the rule out."
                )
        self._require_usable(frame)
        return columns

    def _named_columns(self, frame: pl.DataFrame) -> Iterator[str]:
        rule = self.rule
        if rule.limit is not None:
            yield rule.limit.column
        elif rule.one_per is not None:
            yield from dict.fromkeys((*rule.one_per.columns, rule.one_per.decided_by))
        else:
            yield from dict.fromkeys(self._condition(frame).meta.root_names())

    def _require_usable(self, frame: pl.DataFrame) -> None:
        """Raise unless texts are held, limits are of numbers, and what decides has an order."""
        rule = self.rule
        if rule.limit is not None:
            self._require_numbers(frame[rule.limit.column])
        elif rule.one_per is not None:
            decides = frame[rule.one_per.decided_by]
            if rule.one_per.choose == "nearest":
                self._require_numbers(decides)
            elif decides.name != IMAGE_ID and not _has_an_order(decides):
                raise RowFilterError(
                    f"{self._named}: by: column {decides.name} holds text, such as "
                    f"'{decides.drop_nulls()[0]}', of which none is first. Expected numbers or dates such as "
                    "2026-03-31."
                )
        else:
            where = str(rule.keep or rule.exclude)
            require_held(where, frame, VOCABULARY, self._named)
            require_held_numbers(where, frame, self._named)

    def _require_numbers(self, cells: pl.Series) -> None:
        if not cells.dtype.is_numeric():
            raise RowFilterError(
                f"{self._named}: column {cells.name} holds {cells.dtype}, expected numbers. Correct its "
                "cells, or write a condition (keep, exclude)."
            )


def _has_an_order(cells: pl.Series) -> bool:
    if cells.dtype != pl.String:
        return cells.dtype.is_numeric() or cells.dtype.is_temporal()
    return bool(cells.drop_nulls().str.contains(ISO_DATE).all())


def _within(limit: Limit) -> pl.Expr:
    cell = pl.col(limit.column)
    given = ((_HOLDS[name], getattr(limit, name)) for name in BOUNDS)
    return pl.all_horizontal(holds(cell, bound) for holds, bound in given if bound is not None)


_HOLDS: Mapping[str, Callable[[pl.Expr, float], pl.Expr]] = {
    "at_least": operator.ge,
    "above": operator.gt,
    "at_most": operator.le,
    "below": operator.lt,
    "within": lambda cell, bound: cell.abs() <= bound,
}


def _one_of_each(rows: pl.DataFrame, rule: OnePer) -> pl.Series:
    """True for the chosen image of each group, false for the others, null where a cell is empty."""
    decides = pl.col(rule.decided_by)
    rank = decides.abs() if rule.choose == "nearest" else decides
    known = pl.all_horizontal(pl.col(name).is_not_null() for name in (*rule.columns, rule.decided_by))
    numbered = rows.select(*dict.fromkeys((*rule.columns, IMAGE_ID)), rank.alias("__rank__"), known=known)
    chosen = (
        numbered.filter("known")
        .sort("__rank__", IMAGE_ID)
        .unique(list(rule.columns), keep="first", maintain_order=True)
    )
    return numbered.select(
        pl.when("known").then(pl.col(IMAGE_ID).is_in(chosen[IMAGE_ID].implode()))
    ).to_series()


def _counted(
    rule: SelectionRule, before: pl.DataFrame, kept: pl.DataFrame, verdict: pl.Series, gone: pl.DataFrame
) -> RuleCounts:
    patients = kept[PATIENT_ID].n_unique()
    unknown = int(gone["unknown"].sum())
    return RuleCounts(
        rule=rule,
        images=kept.height,
        patients=patients,
        images_left_out=gone.height,
        patients_left_out=before[PATIENT_ID].n_unique() - patients,
        unknown=unknown,
        unknown_kept=verdict.null_count() - unknown,
    )


def _told(gone: pl.DataFrame, judge: _Judge) -> pl.DataFrame:
    """The rows that a rule left out, with what stood in the cells it looked at."""
    shown = [
        pl.format("{} {}", pl.lit(name), pl.col(name).cast(pl.String).fill_null("(blank)"))
        for name in judge.columns
    ]
    return gone.select(
        *(pl.col(name) for name in (IMAGE_ID, PATIENT_ID, EXAM_ID, "unknown")),
        rule=pl.lit(judge.rule.name),
        reason=pl.lit(judge.rule.reason),
        cells=pl.concat_str(shown, separator="; "),
    ).select(_EXCLUDED)


def _nobody_left(file: str, images: int, counts: Sequence[RuleCounts]) -> str:
    lines = [
        f"  {each.rule.name}: {each.images_left_out} left out ({each.unknown} for an empty cell), "
        f"{each.images} left"
        for each in counts
    ]
    return (
        f"{file}: no image is left of {images}.\n"
        + "\n".join(lines)
        + "\nCorrect the last of these rules, or "
        "the cells it looks at."
    )
