"""Whom to verify among the unflagged: a random sample that anybody can draw again from the same people."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from strnet.errors import ThresholdError
from strnet.tables import id_texts, read_table, require_columns, write_table

PLACE = "place"
SEED = "seed"
UNFLAGGED = "unflagged"
DRAWN = "drawn"
SHOWN = 5


@dataclass(frozen=True, slots=True)
class SamplingList:
    """The people drawn, in the order of the drawing, of how many, and the seed."""

    drawn: tuple[str, ...]
    unflagged: int
    seed: int


def draw(unflagged: Iterable[str], number: int, seed: int) -> SamplingList:
    """The `number` people whose SHA-256 of seed, number and name is lowest, which depends on nothing else.

    The number is part of it, so that another one draws others: a list that is cut short where the results
    look good is not the drawing of fewer.

    Raises: ThresholdError: more people than there are.
    """
    ordered = sorted(
        unflagged, key=lambda name: hashlib.sha256(f"{seed}\n{number}\n{name}".encode()).digest()
    )
    if not 1 <= number <= len(ordered):
        raise ThresholdError(f"draw: found {number}, expected 1 to {len(ordered)}, the people not flagged.")
    return SamplingList(tuple(ordered[:number]), len(ordered), seed)


def write_list(sampled: SamplingList, identifier: str, path: Path | str) -> None:
    """Write the list as a table: whole, or the file is what it was before."""
    names = pl.Series(identifier, sampled.drawn, dtype=pl.String)
    place = pl.int_range(1, len(sampled.drawn) + 1, eager=True).alias(PLACE)
    constants = {SEED: sampled.seed, UNFLAGGED: sampled.unflagged, DRAWN: len(sampled.drawn)}
    columns = (pl.lit(value).alias(name) for name, value in constants.items())
    write_table(pl.DataFrame([names, place]).with_columns(*columns), path)


def read_list(path: Path | str, identifier: str, unflagged: Sequence[str]) -> SamplingList:
    """The list in a file, which was drawn from just these unflagged people.

    Raises: ManifestError: no such table. ThresholdError: another list than the drawing of these people gives.
    """
    frame = read_table(path, "sampling list", as_text=True)
    require_columns(frame, (identifier, SEED, UNFLAGGED, DRAWN), str(path))
    seed, size, number = (_only(frame, name, path) for name in (SEED, UNFLAGGED, DRAWN))
    if size != len(unflagged):
        raise ThresholdError(
            f"{path}: was drawn from {size} unflagged people, and the table has {len(unflagged)}. Give "
            "the people that it was drawn from, and no others."
        )
    if number != frame.height:
        raise ThresholdError(
            f"{path}: {number} people were drawn, and the list has {frame.height}. Give it as it was drawn: "
            "who was not examined stays on it."
        )
    again = draw(unflagged, number, seed)
    other = sorted(set(id_texts(frame[identifier])) ^ set(again.drawn))
    if other:
        raise ThresholdError(
            f"{path}: is not what seed {again.seed} draws from these people: {len(other)} differ "
            f"({', '.join(map(str, other[:SHOWN]))}). A list that was changed is no random sample: draw it "
            "again."
        )
    return again


def _only(frame: pl.DataFrame, column: str, path: Path | str) -> int:
    """The one whole number of a column."""
    found = frame[column].unique().to_list()
    if len(found) != 1 or not str(found[0]).isdecimal():
        raise ThresholdError(
            f"{path}: {column} is {' and '.join(map(str, found[:SHOWN]))}, expected one whole number. Give "
            "the list as it was drawn."
        )
    return int(found[0])
