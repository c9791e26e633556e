"""Whom to verify among the unflagged: a random sample that anybody can draw again from the same people."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from strnet.errors import ThresholdError
from strnet.tables import read_table, require_columns, write_table

PLACE = "place"
SEED = "seed"
UNFLAGGED = "unflagged"
SHOWN = 5


@dataclass(frozen=True, slots=True)
class SamplingList:
    """The people drawn, in the order of the drawing, of how many, and the seed."""

    drawn: tuple[str, ...]
    unflagged: int
    seed: int


def draw(unflagged: Iterable[str], number: int, seed: int) -> SamplingList:
    """The `number` people whose SHA-256 of seed and name is lowest, which depends on nothing else.

    Raises: ThresholdError: more people than there are.
    """
    ordered = sorted(unflagged, key=lambda name: hashlib.sha256(f"{seed}\n{name}".encode()).digest())
    if not 1 <= number <= len(ordered):
        raise ThresholdError(f"draw: found {number}, expected 1 to {len(ordered)}, the people not flagged.")
    return SamplingList(tuple(ordered[:number]), len(ordered), seed)


def write_list(sampled: SamplingList, identifier: str, path: Path | str) -> None:
    """Write the list as a table: whole, or the file is what it was before."""
    names = pl.Series(identifier, sampled.drawn, dtype=pl.String)
    place = pl.int_range(1, len(sampled.drawn) + 1, eager=True).alias(PLACE)
    constants = pl.lit(sampled.seed).alias(SEED), pl.lit(sampled.unflagged).alias(UNFLAGGED)
    write_table(pl.DataFrame([names, place]).with_columns(*constants), path)


def read_list(path: Path | str, identifier: str, unflagged: Sequence[str]) -> SamplingList:
    """The list in a file, which was drawn from just these unflagged people.

    Raises: ManifestError: no such table. ThresholdError: another list than the drawing of these people gives.
    """
    frame = read_table(path, "sampling list", as_text=True)
    require_columns(frame, (identifier, SEED, UNFLAGGED), str(path))
    seeds, sizes = (frame[name].unique().to_list() for name in (SEED, UNFLAGGED))
    if len(seeds) != 1 or len(sizes) != 1 or not (seeds + sizes)[0].isdigit() or not sizes[0].isdigit():
        raise ThresholdError(
            f"{path}: found seeds {seeds} of {sizes} people, expected one of each. Give the list as it was "
            "drawn."
        )
    if int(sizes[0]) != len(unflagged):
        raise ThresholdError(
            f"{path}: was drawn from {sizes[0]} unflagged people, and the table has {len(unflagged)}. Give "
            "the people that it was drawn from, and no others."
        )
    again = draw(unflagged, frame.height, int(seeds[0]))
    other = sorted(set(frame[identifier].to_list()) ^ set(again.drawn))
    if other:
        raise ThresholdError(
            f"{path}: is not what seed {again.seed} draws from these people: {len(other)} differ "
            f"({', '.join(map(str, other[:SHOWN]))}). A list that was changed is no random sample: draw it "
            "again."
        )
    return again
