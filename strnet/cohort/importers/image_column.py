"""The column of a table whose cells name the films of the folder, whatever it is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from strnet.cohort.columns import spelt_column
from strnet.cohort.importers.matching import FilmFinder
from strnet.cohort.importers.open_questions import Question
from strnet.schema import EXAM_ID, IMAGE_ID, PATIENT_ID

FILM_COLUMNS = ("path", IMAGE_ID)
_SPELT_LIKE = (None, *FILM_COLUMNS, PATIENT_ID, EXAM_ID, "sop_instance_uid")
"""What a column of film names may be called after; an age that happens to name film 58.png is an age."""
_MOST = 0.5
"""Share of the cells, or of the films, that must fit."""
_DISTINCT = 0.9
"""Share of different cells: a column of film names has one per film."""


@dataclass(frozen=True, slots=True)
class NamingCells:
    """How well a column's cells name films."""

    cells: int
    distinct: int
    naming: int
    """Cells that name a film."""
    films: int
    """Films that a cell names."""
    films_in_all: int

    @property
    def are_names(self) -> bool:
        """Whether this can be the column of film names."""
        most = self.naming >= _MOST * self.cells or self.films >= _MOST * self.films_in_all
        return self.naming > 0 and most and self.distinct >= _DISTINCT * self.cells

    @property
    def sentence(self) -> str:
        """`its cells name 70 of 70 films`."""
        strangers = self.cells - self.naming
        return f"its cells name {self.films} of {self.films_in_all} films" + (
            f", {strangers} name none" if strangers else ""
        )


@dataclass(frozen=True, eq=False)
class ImageColumn:
    """The column found, as a mapping of none or one; the columns that come in question, and the question."""

    columns: Mapping[str, str]
    questions: tuple[Question, ...] = ()
    concerned: tuple[str, ...] = ()


def naming_cells(cells: pl.Series, films: FilmFinder) -> NamingCells:
    """How well `cells` name the films."""
    known = cells.drop_nulls().to_list()
    fits = [films.fitting(text) for text in known]
    named = set().union(*fits) if fits else set()
    return NamingCells(len(known), len(set(known)), sum(map(bool, fits)), len(named), len(films.films))


def image_column(
    table: pl.DataFrame, free: Sequence[str], said: Mapping[str, str], films: FilmFinder
) -> ImageColumn:
    """The column among `free` whose cells name the films; none if it was said, or where no column does."""
    if IMAGE_ID in said:
        return ImageColumn({})
    fits = {name: naming_cells(table[name], films) for name in free if spelt_column(name) in _SPELT_LIKE}
    for name in FILM_COLUMNS:
        if name in fits and fits[name].naming:
            return ImageColumn({IMAGE_ID: name})
    found = [name for name, fit in fits.items() if fit.are_names]
    if len(found) > 1 and not all(table[name].equals(table[found[0]]) for name in found):
        return _several(found, fits)
    if found:
        return ImageColumn({IMAGE_ID: found[0]})
    called = [name for name in fits if spelt_column(name) in FILM_COLUMNS]
    return _names_none(table, called, fits, films) if called else ImageColumn({})


def _several(found: Sequence[str], fits: Mapping[str, NamingCells]) -> ImageColumn:
    listing = " or ".join(f"'{name}' ({fits[name].sentence})" for name in found)
    word = "IMAGE_COLUMN"
    mend = ("--column", f"{IMAGE_ID}={word}")
    question = Question("column image_id", f"could be {listing}.", mend, (word,))
    return ImageColumn({}, (question,), tuple(found))


def _names_none(
    table: pl.DataFrame, called: Sequence[str], fits: Mapping[str, NamingCells], films: FilmFinder
) -> ImageColumn:
    name = called[0]
    cells = table[name].drop_nulls()
    shown = f"such as '{cells[0]}'; " if cells.len() else ""
    example = films.films[0].relative_to(films.folder).as_posix() if films.films else "(none)"
    text = (
        f"'{name}' is called like the films' names, but {fits[name].sentence} ({shown}a film is '{example}')."
    )
    if cells.n_unique() < cells.len():
        text += " Some cells stand in several rows."
    word = "IMAGE_COLUMN"
    return ImageColumn(
        {}, (Question("column image_id", text, ("--column", f"{IMAGE_ID}={word}"), (word,)),), tuple(called)
    )
