"""A file of published tables: papers, what each of their tables states, and which figures it prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from strnet.errors import ConfigError, StatsError
from strnet.published.check import check_published
from strnet.published.figures import PublishedTable
from strnet.published.verdicts import PublishedCheck, worst
from strnet.yaml_text import explain, read_yaml_file

SHIPPED: Final[Mapping[str, str]] = MappingProxyType({"five-papers": "five_papers.yaml"})
"""Files that come with the package, by the name they are asked for with."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TableEntry(_Strict):
    """One table of a paper: one set of cases at one threshold. Figures stand as they are printed."""

    name: str
    n: int | None = Field(default=None, description="Cases.")
    positives: int | None = None
    classes: int | dict[str, int] | None = Field(default=None, description="How many, or the cases of each.")
    figures: dict[str, str] = Field(default_factory=dict)
    intervals: dict[str, tuple[str, str]] = Field(default_factory=dict)
    confidence: float = 0.95
    per_class: dict[str, dict[str, str]] = Field(default_factory=dict)
    note: str = Field(default="", description="What a reader should know; not used.")


class Paper(_Strict):
    """A paper and its tables."""

    name: str
    source: str = ""
    tables: tuple[TableEntry, ...] = Field(min_length=1)


class PapersFile(_Strict):
    """What the YAML file holds."""

    papers: tuple[Paper, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class CheckedTable:
    """A table of a paper, and what became of it."""

    paper: str
    table: str
    check: PublishedCheck


@dataclass(frozen=True, slots=True)
class CheckedPapers:
    """The tables of a file of papers, in its order."""

    tables: tuple[CheckedTable, ...]

    @property
    def verdict(self) -> str:
        """The worst of all tables."""
        return worst(table.check.verdict for table in self.tables)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        tables = [{"paper": t.paper, "table": t.table, **t.check.to_dict()} for t in self.tables]
        return {"verdict": self.verdict, "tables": tables}


def papers_path(name: str) -> Path:
    """The file that `name` means: one that comes with the package, or a path."""
    return Path(str(files(__package__) / SHIPPED[name])) if name in SHIPPED else Path(name)


def check_papers(path: Path) -> CheckedPapers:
    """Every table of the file with its check.

    Raises: ConfigError: an unreadable file, an unknown key.
        StatsError: a figure that cannot be read, with its paper and table.
    """
    return CheckedPapers(tuple(_checked(read_papers(path), path)))


def read_papers(path: Path) -> PapersFile:
    """The papers of a YAML file, every figure with the digits that it is written with.

    Raises: ConfigError: an unreadable file, an unknown key (with the nearest valid one), or no paper.
    """
    content = read_yaml_file(path, as_written=True)
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: found no keys, expected `papers` and a list of papers below it.")
    try:
        return PapersFile.model_validate(content)
    except ValidationError as error:
        lines = explain(error, PapersFile)
        raise ConfigError(f"{path}: {len(lines)} problem(s).\n  " + "\n  ".join(lines)) from error


def _checked(content: PapersFile, path: Path) -> Iterator[CheckedTable]:
    for paper in content.papers:
        for entry in paper.tables:
            try:
                yield CheckedTable(paper.name, entry.name, check_published(_published(entry)))
            except StatsError as error:
                raise StatsError(f"{path}: {paper.name}, {entry.name}: {error}") from error


def _published(entry: TableEntry) -> PublishedTable:
    counted = isinstance(entry.classes, dict)
    return PublishedTable(
        figures=entry.figures,
        n=entry.n,
        positives=entry.positives,
        intervals=entry.intervals,
        confidence=entry.confidence,
        classes=entry.classes if isinstance(entry.classes, dict) else {},
        class_number=None if counted else entry.classes,  # type: ignore[arg-type]
        per_class=entry.per_class,
    )
