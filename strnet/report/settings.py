"""How an evaluation is made: what every task's figures share."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from strnet.grouping import Grouping
from strnet.report.evaluation import RowUse
from strnet.stats import Resampling


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """Confidence of intervals, seed and number of resamples, groups to report apart, what is known of rows.

    `groups` are reported besides the usual ones (see `subgroups.USUAL`) or instead of them. `where` is the
    condition that chose the rows, `remarks` are further statements. `reference_standards` are the values of
    that name in the manifest, each once; `beside` names the splits on which operating points are reported
    beside the reported one. `deciding` names the operating point that decides, `undecided` says why none
    does.
    """

    confidence: float = 0.95
    seed: int = 0
    draws: int = 2000
    groups: tuple[Grouping, ...] = ()
    where: str | None = None
    remarks: tuple[str, ...] = ()
    beside: tuple[str, ...] = ("validation",)
    reference_standards: tuple[str, ...] = ()
    row_use: RowUse = field(default_factory=RowUse)
    deciding: str | None = None
    undecided: str | None = None

    @property
    def resampling(self) -> Resampling:
        """How patients are resampled where no closed form is at hand."""
        return Resampling(draws=self.draws)

    def rng(self, *key: str) -> np.random.Generator:
        """A generator that depends on the seed and `key` alone: no figure depends on what came before it."""
        return np.random.default_rng([self.seed, *("/".join(key).encode())])
