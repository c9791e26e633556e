"""What can be asked of floors other than that of the sensitivity, of costs, and of several networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Required, TypedDict

from strnet.options import Option
from strnet.threshold_options import (
    ClusterMethod,
    ClusterMethods,
    FitOptions,
    MaxWeight,
    Proportion,
    Seed,
    TableColumns,
)

Specificity = Annotated[
    Proportion | None, Option("Floor of the specificity, as a decimal: 0.9. Or one of the others.", None)
]
PPV = Annotated[Proportion | None, Option("Floor of the PPV at --prevalence, over --cutoffs.", None)]
NPV = Annotated[Proportion | None, Option("Floor of the NPV at --prevalence, over --cutoffs.", None)]
Prevalence = Annotated[
    str | float | None,
    Option("Share of disease where it will be used: 0.12, 0.10-0.15, or counts 24/200.", None),
]
Cutoffs = Annotated[
    str | Sequence[float] | None,
    Option("Cut-offs fixed beforehand: 0.2,0.4. Default: 0.01 to 0.99, or their logits.", None),
]
Surely = Annotated[Proportion, Option("Probability that what is promised holds.", "0.95")]
HigherIsPositive = Annotated[
    bool, Option("Low scores mean disease.", True, flag="--lower-is-positive", turns_off=True)
]
Score = Annotated[str, Option("Column of scores, or a task: its probability, or logit where there is none.")]
Label = Annotated[str | None, Option("What a positive is, in words; default: TARGET = 1.", None)]


class CutOptions(TypedDict, total=False):
    """A floor of the specificity or of the PPV, and how films hang together."""

    min_specificity: Specificity
    min_ppv: PPV
    prevalence: Prevalence
    cutoffs: Cutoffs
    confidence: Surely
    cluster_method: ClusterMethods
    max_weight: MaxWeight
    seed: Seed


class FloorOptions(CutOptions, total=False):
    """One threshold under a floor of the specificity, the PPV or the NPV."""

    min_npv: NPV


class GreyOptions(CutOptions, total=False):
    """Two thresholds: rule out under a floor of the sensitivity, rule in under one of specificity or PPV."""

    min_sensitivity: Annotated[Proportion, Option("Floor of those not ruled out, as a decimal.", "0.86")]


class CertifyFloorsOptions(TypedDict, total=False):
    """A frozen floor, or grey zone, on the rows of another site."""

    confidence: Annotated[Proportion | None, Option("Default: the operating point's.", None)]
    prevalence: Annotated[
        str | float | None, Option("Share of disease at the site: 0.12; default: the point's own.", None)
    ]
    cluster_method: Annotated[ClusterMethod, Option("worst or one_per_cluster.", "worst")]
    seed: Seed


class CostOptions(TypedDict, total=False):
    """The threshold of least expected cost on the rows at hand."""

    miss_cost: Required[Annotated[float, Option("False alarms that one missed case is worth: 10.")]]
    prevalence: Required[Annotated[str | float, Option("Share of disease where it will be used: 0.12.")]]


class ScoredTable(TableColumns, total=False):
    """A table with one score, and which way it points."""

    score: Required[Score]
    higher_is_positive: HigherIsPositive
    label: Label


class FloorFromTable(ScoredTable, FloorOptions, total=False):
    """A floor from a table."""


class GreyFromTable(ScoredTable, GreyOptions, total=False):
    """A grey zone from a table."""


class CostFromTable(ScoredTable, CostOptions, total=False):
    """The least cost from a table."""


class BestFromTable(TableColumns, FitOptions, total=False):
    """The best of several scores of one table."""

    score: Required[Annotated[list[str], Option("Column of scores, or a task; once for each network.")]]
    higher_is_positive: HigherIsPositive
    label: Label
