"""`strnet threshold ...`: calibration jobs on anybody's scores."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from strnet.cli.console import print_json, print_pairs
from strnet.cli.threshold_printing import (
    print_certifications,
    print_comparison,
    print_point,
)

threshold_app = typer.Typer(
    help="Thresholds that keep a sensitivity floor, on anybody's scores.", no_args_is_help=True
)

Scores = Annotated[Path, typer.Argument(help="CSV or Parquet table, or a run folder.")]
PointFile = Annotated[Path, typer.Argument(help="Operating point (JSON).")]
Target = Annotated[str, typer.Option(help="Column of 0 and 1, or a task of the predictions table.")]
Score = Annotated[
    str, typer.Option(help="Column of scores, or a task: its probability, or logit where there is none.")
]
PointScore = Annotated[
    str | None, typer.Option(help="Column of scores, or a task; default: the operating point's own column.")
]
ScoreKind = Annotated[
    str | None,
    typer.Option(help="logit, probability or value, of a column whose name (logit., ...) does not say it."),
]
SameScore = Annotated[
    bool, typer.Option("--same-score", help="The column holds the operating point's score by another name.")
]
Where = Annotated[str | None, typer.Option(help="Rows that count, as SQL: 'split == \"validation\"'.")]
Cluster = Annotated[str | None, typer.Option(help="Column of patients, where one has several films.")]
Group = Annotated[str | None, typer.Option(help="Column of sites or subgroups; numbers are cut: age:50,65.")]
Weight = Annotated[str | None, typer.Option(help="Column of sampling weights.")]
Floor = Annotated[str, typer.Option("--min-sensitivity", help="The floor, as a decimal: 0.86.")]
Confidence = Annotated[str, typer.Option(help="Probability that the true sensitivity keeps the floor.")]
Method = Annotated[
    str, typer.Option(help="exact (a guarantee), crc (on average), empirical (these rows only).")
]
ClusterMethod = Annotated[str, typer.Option(help="korn_graubard, one_per_cluster, betting or worst.")]
Mixed = Annotated[bool, typer.Option("--mixed-clusters", help="Films of one patient may differ in target.")]
Seed = Annotated[int, typer.Option(help="For the draws of one_per_cluster and betting.", min=0)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to `app`."""
    app.add_typer(threshold_app, name="threshold")


@threshold_app.command("fit")
def fit(
    scores: Scores,
    target: Target,
    score: Score,
    out: Annotated[Path, typer.Option("--out", "-o", help="Operating point to write (JSON).")],
    score_kind: ScoreKind = None,
    min_sensitivity: Floor = "0.86",
    confidence: Confidence = "0.95",
    method: Method = "exact",
    cluster: Cluster = None,
    cluster_method: ClusterMethod = "korn_graubard",
    mixed_clusters: Mixed = False,
    group: Group = None,
    group_policy: Annotated[str, typer.Option(help="common (one threshold) or per_group.")] = "common",
    weight: Weight = None,
    where: Where = None,
    identifier: Annotated[str | None, typer.Option("--id", help="Column that must be unique.")] = None,
    lower_is_positive: Annotated[
        bool, typer.Option("--lower-is-positive", help="Low scores mean disease.")
    ] = False,
    anchor: Annotated[
        str, typer.Option(help="tight (at a score) or midgap (in the gap below it).")
    ] = "tight",
    seed: Seed = 0,
    plot: Annotated[Path | None, typer.Option(help="Picture to draw (.svg, .pdf, .png).")] = None,
    as_json: Json = False,
) -> None:
    """The most specific threshold whose true sensitivity keeps the floor, with a stated confidence.

    \b
    Examples:
      strnet threshold fit scores.csv --target disease --score prob -o op.json
      strnet threshold fit run --target bone_loss --score bone_loss --where 'split = "validation"' -o op.json
      strnet threshold fit s.parquet --target y --score s --cluster patient --min-sensitivity 0.9 -o op.json
    """
    from strnet.jobs import threshold_fit

    found = threshold_fit(
        scores,
        out,
        plot=plot,
        target=target,
        score=score,
        score_kind=score_kind,
        min_sensitivity=min_sensitivity,
        confidence=confidence,
        method=method,
        cluster=cluster,
        cluster_method=cluster_method,
        mixed_clusters=mixed_clusters,
        group=group,
        group_policy=group_policy,
        weight=weight,
        where=where,
        identifier=identifier,
        higher_is_positive=not lower_is_positive,
        anchor=anchor,
        seed=seed,
    )
    if as_json:
        print_json({"operating_point": str(out), **found.to_dict(), "chosen": asdict(found.chosen)})
        return
    title = f"Sensitivity at least {min_sensitivity}, confidence {confidence}: {out}"
    print_comparison(found, title, method)


@threshold_app.command("apply")
def apply(
    point: PointFile,
    scores: Scores,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Table to write, with a column `positive`, or `decision`.")
    ],
    score: Annotated[
        str | None,
        typer.Option(
            help="Column of scores, or a task; FIRST,SECOND of a cascade. Default: the point's own."
        ),
    ] = None,
    score_kind: ScoreKind = None,
    same_score: SameScore = False,
    group: Group = None,
    where: Where = None,
    as_json: Json = False,
) -> None:
    """The decision for each row of a table. Scores that the operating point is not for are refused.

    \b
    Examples:
      strnet threshold apply op.json scores.csv -o decisions.csv
      strnet threshold apply op.json other.csv --score risk --same-score -o decisions.csv
      strnet threshold apply cascade.json run -o decisions.csv
    """
    from strnet.jobs import threshold_apply

    done = threshold_apply(
        point,
        scores,
        out,
        score=score,
        group=group,
        where=where,
        score_kind=score_kind,
        same_score=same_score,
    )
    if as_json:
        print_json(done)
    else:
        print_pairs(f"Decisions {out}", done)


@threshold_app.command("certify")
def certify(
    point: PointFile,
    scores: Scores,
    target: Target,
    score: PointScore = None,
    score_kind: ScoreKind = None,
    same_score: SameScore = False,
    cluster: Cluster = None,
    cluster_method: ClusterMethod = "korn_graubard",
    mixed_clusters: Mixed = False,
    group: Group = None,
    weight: Weight = None,
    where: Where = None,
    confidence: Annotated[str | None, typer.Option(help="Default: the operating point's.")] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Whether the floor holds elsewhere: certified, insufficient (and how many more), or alarm (exit code 1).

    \b
    Example:
      strnet threshold certify op.json second_site.csv --target disease
    """
    from strnet.jobs import threshold_certify

    found = threshold_certify(
        point,
        scores,
        target=target,
        score=score,
        score_kind=score_kind,
        same_score=same_score,
        cluster=cluster,
        cluster_method=cluster_method,
        mixed_clusters=mixed_clusters,
        group=group,
        weight=weight,
        where=where,
        confidence=confidence,
        seed=seed,
    )
    if as_json:
        print_json({name: asdict(certification) for name, certification in found.items()})
    else:
        print_certifications(found, point)
    if any(site.verdict == "alarm" for site in found.values()):
        raise typer.Exit(1)


@threshold_app.command("plan")
def plan(
    min_sensitivity: Floor = "0.86",
    confidence: Confidence = "0.95",
    method: Method = "exact",
    positives: Annotated[int | None, typer.Option(help="Positives at hand.", min=1)] = None,
    auroc: Annotated[
        float | None, typer.Option(help="AUROC assumed, to say what specificity it costs.")
    ] = None,
    max_specificity_loss: Annotated[float | None, typer.Option(help="Tolerated loss, such as 0.03.")] = None,
    prevalence: Annotated[
        float | None, typer.Option(help="Share of positives among those collected.")
    ] = None,
    design_effect: Annotated[
        float, typer.Option(help="Films that count as one: up to 2 for two knees.")
    ] = 1.0,
    as_json: Json = False,
) -> None:
    """How many positives a promise takes, and what those at hand can promise.

    \b
    Examples:
      strnet threshold plan --positives 136
      strnet threshold plan --auroc 0.93 --max-specificity-loss 0.04 --prevalence 0.6
    """
    from strnet.jobs import threshold_plan

    found = asdict(
        threshold_plan(
            min_sensitivity=min_sensitivity,
            confidence=confidence,
            method=method,
            positives=positives,
            auroc=auroc,
            max_specificity_loss=max_specificity_loss,
            prevalence=prevalence,
            design_effect=design_effect,
        )
    )
    if as_json:
        print_json(found)
    else:
        print_pairs("Plan", found)


@threshold_app.command("cascade")
def cascade(
    scores: Scores,
    out: Annotated[Path, typer.Option("--out", "-o", help="Both operating points to write (JSON).")],
    bone_loss: Annotated[str, typer.Option(help="TARGET,SCORE columns, or a task.")] = "bone_loss",
    osteoporosis: Annotated[
        str, typer.Option(help="TARGET,SCORE columns, or a task.")
    ] = "osteoporosis_given_loss",
    min_sensitivity: Floor = "0.86",
    min_sensitivity_osteoporosis: Annotated[
        str | None, typer.Option(help="Default: the first floor.")
    ] = None,
    confidence: Confidence = "0.95",
    method: Method = "exact",
    cluster: Cluster = None,
    cluster_method: ClusterMethod = "korn_graubard",
    mixed_clusters: Mixed = False,
    where: Where = None,
    score_kind: ScoreKind = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Thresholds for bone loss, then osteoporosis, whose floors hold together, end to end.

    \b
    Example:
      strnet threshold cascade run --where 'split = "validation"' -o cascade.json
    """
    from strnet.jobs import threshold_cascade

    found = threshold_cascade(
        scores,
        out,
        bone_loss=_target_and_score(bone_loss),
        osteoporosis=_target_and_score(osteoporosis),
        where=where,
        cluster=cluster,
        score_kind=score_kind,
        min_sensitivity=min_sensitivity,
        min_sensitivity_osteoporosis=min_sensitivity_osteoporosis,
        confidence=confidence,
        method=method,
        cluster_method=cluster_method,
        mixed_clusters=mixed_clusters,
        seed=seed,
    )
    if as_json:
        print_json(asdict(found))
    else:
        print_point(found, f"Cascade {out}")


@threshold_app.command("show")
def show(point: PointFile, as_json: Json = False) -> None:
    """An operating point in words, checked against its hash.

    \b
    Example:
      strnet threshold show op.json
    """
    from strnet.jobs import threshold_show

    found = threshold_show(point)
    if as_json:
        print_json(asdict(found))
    else:
        print_point(found, str(point))


def _target_and_score(text: str) -> tuple[str, str]:
    target, comma, score = text.partition(",")
    return target.strip(), (score if comma else target).strip()
