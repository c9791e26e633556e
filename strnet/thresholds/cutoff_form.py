"""A form that asks hospitals for counts at cut-offs that were fixed beforehand, and what they filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cached_property
from pathlib import Path
from typing import Final, TypeVar, Unpack

import numpy as np
import polars as pl

from strnet.errors import ThresholdError
from strnet.files import canonical_json, sha256_bytes
from strnet.options import with_defaults
from strnet.stats.inputs import Ints
from strnet.tables import ForeignTable, read_foreign_table, require_columns, write_table
from strnet.thresholds.point import Operator
from strnet.thresholds.score_identity import KINDS, Kind, identity_of
from strnet.verification_options import FormOptions

FORM, HOSPITAL, SCORE, KIND, LABEL, FLAGGED_IF, CUTOFF = (
    *("form", "hospital", "score", "score_kind", "positive_is", "flagged_if", "cutoff"),
)
COUNTS: Final = ("positives_flagged", "positives", "negatives_flagged", "negatives")
COLUMNS: Final = (FORM, HOSPITAL, SCORE, KIND, LABEL, FLAGGED_IF, CUTOFF, *COUNTS)
FLAGGED: Final[Mapping[Operator, str]] = {">=": "score >= cutoff", "<=": "score <= cutoff"}
MOST_CUTOFFS: Final = 10_000
AS_MADE: Final = "Give the form as it was made."

Meant = TypeVar("Meant")


@dataclass(frozen=True)
class CutoffForm:
    """Cut-offs (k,), from the one that flags most to the one that flags fewest, and their score."""

    cutoffs: tuple[float, ...]
    operator: Operator
    score: str
    kind: Kind | None
    label: str

    @cached_property
    def sha256(self) -> str:
        """What names the form: everything that a hospital must not change."""
        exact = [cutoff.hex() for cutoff in self.cutoffs]
        return sha256_bytes(canonical_json([exact, self.operator, self.score, self.kind, self.label]))


@dataclass(frozen=True, slots=True)
class FilledForm:
    """The counts of one hospital: flagged at each cut-off (k,), and in all, of positives and of negatives."""

    hospital: str
    form: CutoffForm
    positives_flagged: Ints
    positives: int
    negatives_flagged: Ints
    negatives: int

    @property
    def missed(self) -> Ints:
        """Positives missed at each cut-off (k,)."""
        return self.positives - self.positives_flagged


def make_form(**asked: Unpack[FormOptions]) -> CutoffForm:
    """The form for the cut-offs that were asked for.

    Raises: ThresholdError: cut-offs that are no numbers, or none; an unknown kind of score.
    """
    options = with_defaults(FormOptions, asked)
    cutoffs = sorted(set(_read_cutoffs(options["cutoffs"])), reverse=not options["higher_is_positive"])
    kind = identity_of(options["score"], options["score_kind"]).kind
    operator: Operator = ">=" if options["higher_is_positive"] else "<="
    return CutoffForm(tuple(cutoffs), operator, options["score"], kind, options["label"])


def write_form(form: CutoffForm, path: Path | str, filled: FilledForm | None = None) -> None:
    """Write the form, or what a hospital filled in: whole, or the file is what it was before."""
    rows = len(form.cutoffs)
    counts: dict[str, Sequence[int | None]] = {name: [None] * rows for name in COUNTS}
    if filled is not None:
        totals = [filled.positives] * rows, [filled.negatives] * rows
        flagged = filled.positives_flagged.tolist(), filled.negatives_flagged.tolist()
        counts = dict(zip(COUNTS, (flagged[0], totals[0], flagged[1], totals[1]), strict=True))
    constants = (form.sha256, filled and filled.hospital, form.score, form.kind, form.label)
    frame = pl.DataFrame(
        {
            **{name: [value] * rows for name, value in zip(COLUMNS[:5], constants, strict=True)},
            FLAGGED_IF: [FLAGGED[form.operator]] * rows,
            CUTOFF: [repr(cutoff) for cutoff in form.cutoffs],
            **counts,
        }
    )
    write_table(frame, path)


def read_form(path: Path | str) -> CutoffForm:
    """The form in a file, filled in or not, as it was made.

    Raises: ManifestError: no such table. ThresholdError: no form, or one that was changed.
    """
    return _form(_table(path))


def read_filled(path: Path | str) -> FilledForm:
    """What a hospital filled in.

    Raises:
        ManifestError: no such table.
        ThresholdError: no form, or one that was changed; an empty or impossible count, with its line.
    """
    table = _table(path)
    form = _form(table)
    hospital = _one(table, HOSPITAL, "Write the same name of the hospital into every line.")
    counts = {name: _whole(table, name) for name in COUNTS}
    for flagged, total in (COUNTS[:2], COUNTS[2:]):
        _require_possible(table, counts, flagged, total)
    return FilledForm(
        hospital or "",
        form,
        counts["positives_flagged"],
        int(counts["positives"][0]),
        counts["negatives_flagged"],
        int(counts["negatives"][0]),
    )


def _table(path: Path | str) -> ForeignTable:
    table = read_foreign_table(path, "form", ignored=(FORM, HOSPITAL, SCORE, LABEL))
    require_columns(table.frame, COLUMNS, str(path))
    if not table.frame.height:
        raise ThresholdError(f"{path}: found no cut-offs. Give a form of strnet threshold form.")
    return table


def _form(table: ForeignTable) -> CutoffForm:
    named = _one(table, FORM, AS_MADE)
    form = CutoffForm(
        tuple(_number(table, row, CUTOFF) for row in range(table.frame.height)),
        _known(table, FLAGGED_IF, {text: operator for operator, text in FLAGGED.items()}),
        _one(table, SCORE, AS_MADE) or "",
        _known(table, KIND, {None: None, **{kind: kind for kind in KINDS}}),
        _one(table, LABEL, AS_MADE) or "",
    )
    if form.sha256 != named:
        raise ThresholdError(
            f"{table.path}: the cut-offs, or what they are for, are not those of form {str(named)[:12]}: a "
            "line was changed, added or left out, or a spreadsheet rounded a cut-off. Fill in the form as it "
            "was made."
        )
    return form


def _known(table: ForeignTable, column: str, meanings: Mapping[str | None, Meant]) -> Meant:
    """What the one text of a column means.

    Raises: ThresholdError: a text without a meaning, which must not pass for another.
    """
    found = _one(table, column, AS_MADE, may_be_empty=None in meanings)
    if found in meanings:
        return meanings[found]
    expected = ", ".join("nothing" if text is None else repr(text) for text in meanings)
    raise ThresholdError(f"{_place(table, 0)}: {column} is {found!r}, expected one of {expected}. {AS_MADE}")


def _one(table: ForeignTable, column: str, advice: str, *, may_be_empty: bool = False) -> str | None:
    """The one value of a column."""
    values = table.frame[column]
    first = values[0]
    other = next((row for row, value in enumerate(values) if value != first), None)
    if other is not None:
        raise ThresholdError(
            f"{_place(table, other)}: {column} is {values[other]!r}, and {first!r} before. {advice}"
        )
    if first is None and not may_be_empty:
        raise ThresholdError(f"{_place(table, 0)}: {column} is empty. {advice}")
    return None if first is None else str(first)


def _whole(table: ForeignTable, column: str) -> Ints:
    values = [_number(table, row, column) for row in range(table.frame.height)]
    for row, value in enumerate(values):
        if value < 0 or value % 1:
            raise ThresholdError(
                f"{_place(table, row)}: {column} is {value:g}, expected a whole number from 0 on."
            )
    return np.array(values, dtype=np.int64)


def _number(table: ForeignTable, row: int, column: str) -> float:
    text = table.frame[column][row]
    try:
        value = float(text or "")
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise ThresholdError(f"{_place(table, row)}: {column} is {text or 'empty'}, expected a number.")
    return value


def _require_possible(table: ForeignTable, counts: dict[str, Ints], flagged: str, total: str) -> None:
    """Raise unless the flagged are among all, and fall as the cut-off flags fewer.

    Raises: ThresholdError: the first line where they do not.
    """
    flags, totals = counts[flagged], counts[total]
    for row in range(flags.size):
        found = None
        if totals[row] != totals[0]:
            found = f"{total} is {totals[row]}, and {totals[0]} before"
        elif flags[row] > totals[row]:
            found = f"{flagged} is {flags[row]}, more than the {totals[row]} {total}"
        elif row and flags[row] > flags[row - 1]:
            found = f"{flagged} rises from {flags[row - 1]} to {flags[row]}, where the cut-off flags fewer"
        if found is not None:
            raise ThresholdError(f"{_place(table, row)}: {found}. Count again.")


def _place(table: ForeignTable, row: int) -> str:
    return f"{table.path}: {table.line_word} {table.lines[row]}"


def _read_cutoffs(text: str) -> list[float]:
    """The cut-offs of `0.1,0.2` or `FROM:TO:STEP`, ends included."""
    try:
        numbers = [Decimal(part) for part in text.replace(":", ",").split(",")]
    except InvalidOperation as error:
        raise ThresholdError(_unreadable(text)) from error
    if not all(number.is_finite() for number in numbers):
        raise ThresholdError(_unreadable(text))
    if ":" not in text:
        return [float(number) for number in numbers]
    if len(numbers) != 3 or "," in text or numbers[2] <= 0 or numbers[0] > numbers[1]:
        raise ThresholdError(_unreadable(text))
    first, last, step = numbers
    steps = int((last - first) / step)
    if steps >= MOST_CUTOFFS:
        raise ThresholdError(
            f"cutoffs: found {steps + 1}, expected at most {MOST_CUTOFFS}. Take larger steps."
        )
    return [float(first + step * number) for number in range(steps + 1)]


def _unreadable(text: str) -> str:
    return (
        f"cutoffs: found {text!r}, expected numbers such as 0.1,0.2,0.5, or FROM:TO:STEP as 0.02:0.98:0.02."
    )
