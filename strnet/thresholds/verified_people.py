"""People of a table: who was flagged, who was verified, and with what result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Unpack

import numpy as np
import polars as pl

from strnet.errors import ThresholdError
from strnet.options import with_defaults
from strnet.row_filter import keep_rows
from strnet.schema import target_column
from strnet.stats.inputs import Bools
from strnet.tables import id_texts
from strnet.threshold_options import ApplyToTable
from strnet.thresholds.applying import POSITIVE, TAKEN_FOR, apply_to_table
from strnet.thresholds.partial_verification import VerificationCounts
from strnet.thresholds.point import OperatingPoint
from strnet.thresholds.sampling_list import SHOWN, SamplingList
from strnet.thresholds.scores_table import Source, as_table_error, column_named, open_table
from strnet.thresholds.verified_rows import has_score, held_against_fit
from strnet.verification_options import VerifyFromTable

RESULTS: Final[Mapping[str, bool]] = MappingProxyType(
    {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}
)
"""How a table may say what the reference standard found, in lower case."""
FLAGS: Final[Mapping[str, bool]] = MappingProxyType({**RESULTS, "positive": True, "negative": False})
"""How it may say who was flagged."""


@dataclass(frozen=True, slots=True)
class People:
    """Names (n,), each once; who was flagged (n,), who was verified (n,), and who was found positive (n,).

    `new` is whether the verified were held against the rows that chose the threshold, and are others.
    """

    names: tuple[str, ...]
    flagged: Bools
    verified: Bools
    positive: Bools
    new: bool = False

    def unflagged_names(self) -> list[str]:
        """The names of those who were not flagged."""
        return [name for name, flagged in zip(self.names, self.flagged, strict=True) if not flagged]


def read_people(
    source: Source, point: OperatingPoint | None = None, **asked: Unpack[VerifyFromTable]
) -> People:
    """The people of a table with one row for each, flagged by its column of decisions, or by `point`.

    Where both can be had, they have to agree. Without a target nobody counts as verified.

    Raises:
        ThresholdError: unknown columns; a name that is empty or stands twice; a decision that is empty, none,
            or not the operating point's; a target other than 0, 1 and empty; people who chose the threshold.
        BundleError: another score than the operating point's.
    """
    options = with_defaults(VerifyFromTable, asked)
    target = options["target"]
    with as_table_error():
        people = open_table(source, text=(options["identifier"],))
        frame = keep_rows(people, options["where"]).collect(engine="streaming")
    if not frame.height:
        raise ThresholdError("verify: found no rows. Check the table and the filter (--where).")
    table = frame.lazy()
    names = id_texts(frame[column_named(options["identifier"], table)])
    _require_each_once(names)
    flagged = _flagged(frame, names, point, options)
    results = pl.repeat(None, frame.height, dtype=pl.Boolean, eager=True)
    if target is not None:
        results = _told(frame[column_named(target, table, target_column(target))], RESULTS)
    new = held_against_fit(point, frame, results, options)
    known, positive = results.is_not_null().to_numpy(), results.fill_null(value=False).to_numpy()
    return People(tuple(names), flagged.to_numpy(), known, positive, new)


def counts_of(people: People, drawn: SamplingList | None) -> VerificationCounts:
    """The counts of partial verification; those verified among the unflagged are held against the list.

    Raises: ThresholdError: an unflagged person with a result who is not on the list.
    """
    unflagged = ~people.flagged
    seen = unflagged & people.verified
    if drawn is not None:
        _require_on_list(people, seen, drawn)
    return VerificationCounts(
        flagged=_count(people.flagged),
        flagged_verified=_count(people.flagged & people.verified),
        flagged_positive=_count(people.flagged & people.positive),
        unflagged=_count(unflagged),
        unflagged_drawn=_count(seen) if drawn is None else len(drawn.drawn),
        unflagged_verified=_count(seen),
        unflagged_positive=_count(unflagged & people.positive),
    )


def _flagged(
    frame: pl.DataFrame, names: pl.Series, point: OperatingPoint | None, options: dict[str, Any]
) -> pl.Series:
    """Who was flagged (n,): as the table says, or the operating point, or both with one voice."""
    column = options["decision"] or POSITIVE
    told = options["decision"] is not None or column in frame.columns or point is None
    decided = None
    if point is not None and (not told or _can_decide(point, frame, options["score"])):
        own = {name: value for name, value in options.items() if name in ApplyToTable.__annotations__}
        rows = frame.drop(POSITIVE, TAKEN_FOR, strict=False)
        decided = apply_to_table(point, rows, **{**own, "where": None})[POSITIVE]
    if not told and decided is not None:
        return decided
    flagged = _told(frame[column_named(column, frame.lazy())], FLAGS)
    _require_known(flagged, "an empty decision", "Decide for every person, or leave rows out (--where)")
    if decided is not None and (others := names.filter(flagged != decided)).len():
        raise ThresholdError(
            f"{column}: {others.len()} decisions are not the operating point's ({_some(others.to_list())}). "
            "Give the operating point that decided, or the scores that it decided on."
        )
    return flagged


def _can_decide(point: OperatingPoint, frame: pl.DataFrame, score: str | None) -> bool:
    """Whether the table has the score of `point`, and all groups share one threshold."""
    return point.threshold is not None and has_score(point, frame, score)


def _count(chosen: Bools) -> int:
    return int(np.count_nonzero(chosen))


def _told(column: pl.Series, words: Mapping[str, bool]) -> pl.Series:
    """What a column says (n,), null where it is empty.

    Raises: ThresholdError: other words.
    """
    texts = column.cast(pl.String).str.strip_chars().str.to_lowercase().replace("", None)
    said = texts.replace_strict(words, default=None, return_dtype=pl.Boolean)
    other = column.filter(texts.is_not_null() & said.is_null())
    if other.len():
        raise ThresholdError(
            f"{column.name}: found {other.len()} cells such as {other[0]!r}, expected "
            f"{', '.join(sorted(words))} or an empty cell."
        )
    return said


def _require_each_once(names: pl.Series) -> None:
    """Raise unless every row has a name of its own.

    Raises: ThresholdError: names that are empty or stand twice.
    """
    _require_known(names, "no name", "Name every person (--id)")
    twice = names.filter(names.is_duplicated()).unique().sort()
    if twice.len():
        raise ThresholdError(
            f"{names.name}: {twice.len()} people stand in more than one row: {_some(twice.to_list())}. Keep "
            "one row per person, whose decision and result are those of the person."
        )


def _require_known(column: pl.Series, what: str, advice: str) -> None:
    missing = column.is_null().arg_true()
    if missing.len():
        shown = ", ".join(map(str, missing.head(SHOWN)))
        raise ThresholdError(
            f"{column.name}: {missing.len()} rows with {what} (row {shown}; counted from 0). {advice}."
        )


def _require_on_list(people: People, seen: Bools, drawn: SamplingList) -> None:
    listed = set(drawn.drawn)
    others = [name for name, known in zip(people.names, seen, strict=True) if known and name not in listed]
    if others:
        raise ThresholdError(
            f"verify: {len(others)} unflagged people have a result and are not on the list: {_some(others)}. "
            "Who was examined for another reason, such as complaints, is not part of a random sample: empty "
            "their targets. They stay among the unflagged."
        )


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
