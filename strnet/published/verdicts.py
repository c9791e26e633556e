"""What a check comes to: three words, and the findings behind them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from strnet.stats.confusion import Confusion

POSSIBLE: Final = "possible"
IMPLAUSIBLE: Final = "implausible"
IMPOSSIBLE: Final = "impossible"
VERDICTS: Final = (POSSIBLE, IMPLAUSIBLE, IMPOSSIBLE)
"""Implausible figures need an assumption, which the finding names; impossible ones contradict arithmetic."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found out; `kind` is what a program asks for, `text` what a reader is told.

    `doubt` names the figures of which one is wrong, or of something else than it says. `details` holds
    numbers.
    """

    kind: str
    text: str
    details: Mapping[str, Any]
    verdict: str = POSSIBLE
    doubt: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "kind": self.kind,
            "verdict": self.verdict,
            "text": self.text,
            "doubt": list(self.doubt),
            **self.details,
        }


@dataclass(frozen=True, slots=True)
class PublishedCheck:
    """The findings, and the 2 x 2 tables that fit: how many, the first of them, their numbers of positives.

    All tables count that print the figures; those with the printed intervals, too, stand in the finding of
    kind `one_method`.
    """

    findings: tuple[Finding, ...]
    table_count: int = 0
    tables: tuple[Confusion, ...] = ()
    positives: tuple[int, ...] = ()

    @property
    def verdict(self) -> str:
        """The worst of the findings: possible, implausible or impossible."""
        return worst(finding.verdict for finding in self.findings)

    @property
    def doubt(self) -> tuple[str, ...]:
        """The figures to doubt first, each once."""
        return tuple(dict.fromkeys(name for finding in self.findings for name in finding.doubt))

    def found(self, kind: str) -> tuple[Finding, ...]:
        """The findings of one kind."""
        return tuple(finding for finding in self.findings if finding.kind == kind)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "verdict": self.verdict,
            "doubt": list(self.doubt),
            "table_count": self.table_count,
            "tables": [named_cells(table) for table in self.tables],
            "positives": list(self.positives),
            "findings": [finding.to_dict() for finding in self.findings],
        }


def worst(verdicts: Iterable[str]) -> str:
    """The gravest of some verdicts; possible if there is none."""
    return max(verdicts, key=VERDICTS.index, default=POSSIBLE)


def named_cells(table: Confusion) -> dict[str, int]:
    """The counts of a table by their names in print."""
    return {
        "tp": table.true_positives,
        "fn": table.false_negatives,
        "fp": table.false_positives,
        "tn": table.true_negatives,
    }
