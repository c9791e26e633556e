"""How an evaluation is made: what every task's figures share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from strnet.grouping import Grouping
from strnet.report.evaluation import RowUse

INTERVAL: Final = "jackknife"
"""The interval of every figure that has a choice: it holds with few patients, however many films each has.

`benchmarks/coverage_intervals.py` is its evidence. Shares have Wilson's interval over films, and Jeffreys'
over patients.
"""


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """Confidence of intervals, groups to report apart, what is known of the rows.

    `groups` are reported besides the usual ones (see `subgroups.USUAL`) or instead of them. `where` is the
    condition that chose the rows, `remarks` are further statements. `reference_standards` are the values of
    that name in the manifest, each once; `beside` names the splits on which operating points are reported
    beside the reported one. `deciding` names the operating point that decides, `undecided` says why none
    does.
    """

    confidence: float = 0.95
    groups: tuple[Grouping, ...] = ()
    where: str | None = None
    remarks: tuple[str, ...] = ()
    beside: tuple[str, ...] = ("validation",)
    reference_standards: tuple[str, ...] = ()
    row_use: RowUse = field(default_factory=RowUse)
    deciding: str | None = None
    undecided: str | None = None
