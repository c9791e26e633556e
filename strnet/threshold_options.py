"""What can be asked of a threshold job: every option once, with its meaning and its default."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Literal, Required, TypedDict

from strnet.options import Option

Proportion = str | float | Fraction | Decimal
"""How a caller may write a floor or a confidence; text is read exactly, a float as its shortest decimal."""
Method = Literal["exact", "empirical", "crc"]
ClusterMethod = Literal["korn_graubard", "one_per_cluster", "betting", "worst"]
Anchor = Literal["tight", "midgap"]
GroupPolicy = Literal["common", "per_group"]
SiteTest = Literal["anytime", "fixed"]
SiteMethod = Literal["betting", "one_per_cluster", "worst"]

MixedClusters = Annotated[bool, Option("Films of one patient may differ in target.", False)]
ClusterMethods = Annotated[
    ClusterMethod,
    Option("betting, one_per_cluster or worst (guarantees); korn_graubard (an approximation).", "betting"),
]
Where = Annotated[str | None, Option("Rows that count, as SQL: 'split == \"validation\"'.", None)]
Cluster = Annotated[str | None, Option("Column of patients, where one has several films.", None)]
CsvDialect = Annotated[
    str | None,
    Option("How a text table is written, where that is asked: semicolon, semicolon/comma, ...", None),
]
ScoreKind = Annotated[
    str | None,
    Option("logit, probability or value, of a column whose name (logit., ...) does not say it.", None),
]
SameScore = Annotated[bool, Option("The column holds the operating point's score by another name.", False)]
Group = Annotated[str | None, Option("Column of sites or subgroups; numbers are cut: age:50,65.", None)]
Groups = Annotated[
    str | list[str] | None,
    Option("Column of sites or subgroups, once for each; numbers are cut: age:50,65.", None),
]
Floor = Annotated[Proportion, Option("The floor, as a decimal: 0.86.", "0.86")]
Confidence = Annotated[Proportion, Option("Probability that the true sensitivity keeps the floor.", "0.95")]
Methods = Annotated[
    Method, Option("exact (a guarantee), crc (on average), empirical (these rows only).", "exact")
]
MaxWeight = Annotated[float | None, Option("The largest weight that the design can give.", None)]
Seed = Annotated[
    int | None,
    Option("Other draws of one_per_cluster and betting; by default they follow from the ids.", None, least=0),
]


class FitOptions(TypedDict, total=False):
    """What is asked of a threshold."""

    min_sensitivity: Floor
    confidence: Confidence
    method: Methods
    cluster_method: ClusterMethods
    group_policy: Annotated[GroupPolicy, Option("common (one threshold) or per_group.", "common")]
    anchor: Annotated[Anchor, Option("tight (at a score) or midgap (in the gap below it).", "tight")]
    max_weight: MaxWeight
    seed: Seed


class TableColumns(TypedDict, total=False):
    """Which columns of a table hold what, and which of its rows count."""

    target: Required[Annotated[str, Option("Column of 0 and 1, or a task of the predictions table.")]]
    score_kind: ScoreKind
    where: Where
    cluster: Cluster
    mixed_clusters: MixedClusters
    group: Groups
    weight: Annotated[str | None, Option("Column of sampling weights.", None)]
    identifier: Annotated[str | None, Option("Column that must be unique.", None, flag="--id")]
    csv_dialect: CsvDialect


class FitFromTable(TableColumns, FitOptions, total=False):
    """A threshold from a table: columns, options, and what the operating point shall say of a positive."""

    score: Required[
        Annotated[str, Option("Column of scores, or a task: its probability, or logit where there is none.")]
    ]
    higher_is_positive: Annotated[
        bool, Option("Low scores mean disease.", True, flag="--lower-is-positive", turns_off=True)
    ]
    label: Annotated[str | None, Option("What a positive is, in words; default: TARGET = 1.", None)]


class ApplyToTable(TypedDict, total=False):
    """A frozen operating point that decides for the rows of a table."""

    score: Annotated[
        str | None,
        Option("Column of scores, or a task; FIRST,SECOND of a cascade. Default: the point's own.", None),
    ]
    score_kind: ScoreKind
    same_score: SameScore
    group: Group
    where: Where
    csv_dialect: CsvDialect


class CertifyOptions(TypedDict, total=False):
    """What is asked of another site."""

    confidence: Annotated[Proportion | None, Option("Default: the operating point's.", None)]
    test: Annotated[
        SiteTest | None,
        Option(
            "anytime (look as often as you like) or fixed (once, at a number planned), the only one for "
            "other floors than the sensitivity's. Default: anytime, where there is a choice.",
            None,
        ),
    ]
    cluster_method: Annotated[
        SiteMethod | None,
        Option(
            "betting (mean miss of a patient), one_per_cluster or worst (any film missed); the last two are "
            "all that the fixed test counts. Default: what the operating point speaks of.",
            None,
        ),
    ]
    max_weight: Annotated[
        float | None, Option("The largest weight that there can be, by the design of the sample.", None)
    ]


class CertifyFromTable(TableColumns, CertifyOptions, total=False):
    """A frozen operating point on the rows of another site."""

    score: Annotated[
        str | None, Option("Column of scores, or a task; default: the operating point's own column.", None)
    ]
    same_score: SameScore
    prevalence: Annotated[
        str | float | None, Option("At this site, for a PPV or NPV; default: the operating point's.", None)
    ]


class CascadeOptions(TypedDict, total=False):
    """Two thresholds whose floors hold together."""

    min_sensitivity: Annotated[Proportion, Option("The floor of bone loss, as a decimal: 0.86.", "0.86")]
    min_sensitivity_osteoporosis: Annotated[
        Proportion | None, Option("The floor of osteoporosis, end to end; default: the first floor.", None)
    ]
    confidence: Annotated[Proportion, Option("Probability that both floors hold.", "0.95")]
    method: Methods
    cluster_method: ClusterMethods
    mixed_clusters: MixedClusters
    seed: Seed


class CascadeFromTable(CascadeOptions, total=False):
    """A cascade from a table."""

    where: Where
    cluster: Cluster
    score_kind: ScoreKind
    csv_dialect: CsvDialect


class PlanOptions(TypedDict, total=False):
    """What a promise takes, before any rows are collected."""

    min_sensitivity: Floor
    confidence: Confidence
    method: Methods
    positives: Annotated[int | None, Option("Positives at hand.", None, least=1)]
    auroc: Annotated[float | None, Option("AUROC assumed, to say what specificity it costs.", None)]
    max_specificity_loss: Annotated[float | None, Option("Tolerated loss, such as 0.03.", None)]
    prevalence: Annotated[float | None, Option("Share of positives among those collected.", None)]
    site_sensitivity: Annotated[
        float | None,
        Option(
            "True sensitivity assumed of a frozen threshold at a new site, to say how surely it is kept.",
            None,
        ),
    ]
    design_effect: Annotated[float, Option("Films that count as one: up to 2 for two knees.", 1.0)]
