"""`strnet threshold ...`: calibration jobs on anybody's scores."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Unpack

import typer

from strnet.cli import (
    certify_commands,
    floor_commands,
    local_commands,
    pooling_commands,
    verification_commands,
)
from strnet.cli.console import print_json, print_notice, print_pairs
from strnet.cli.floor_printing import print_any
from strnet.cli.option_parameters import with_options
from strnet.cli.threshold_app import Json, PointFile, PointOut, Scores, threshold_app
from strnet.cli.threshold_printing import print_comparison, print_point, told
from strnet.errors import ThresholdError
from strnet.threshold_options import (
    ApplyToTable,
    CascadeFromTable,
    FitFromTable,
)
from strnet.verification_options import PlanAnything

DRAWING = ("flagged_positive", "unflagged", "expected_sensitivity", "draw", "decision", "where")
PLANNING = ("positives", "auroc", "max_specificity_loss", "prevalence", "site_sensitivity")
"""Options that one of the two plans answers and the other does not."""


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to `app`."""
    for commands in (
        *(certify_commands, floor_commands, local_commands),
        *(verification_commands, pooling_commands),
    ):
        commands.add_to(threshold_app)
    app.add_typer(threshold_app, name="threshold")


@threshold_app.command("fit")
@with_options(FitFromTable, leave_out=("label",))
def fit(
    scores: Scores,
    out: PointOut,
    plot: Annotated[Path | None, typer.Option(help="Picture to draw (.svg, .pdf, .png).")] = None,
    as_json: Json = False,
    **asked: Unpack[FitFromTable],
) -> None:
    """The most specific threshold whose true sensitivity keeps the floor, with a stated confidence.

    \b
    Examples:
      strnet threshold fit scores.csv --target disease --score prob -o op.json
      strnet threshold fit s.parquet --target y --score s --cluster patient --min-sensitivity 0.9 -o op.json
      strnet threshold fit run --target bone_loss --score bone_loss --cluster patient_id \\
        --where 'split = "validation"' -o op.json
    """
    from strnet.jobs import threshold_fit

    found = threshold_fit(scores, out, plot=plot, **asked)
    if as_json:
        print_json({"operating_point": str(out), **found.to_dict(), "chosen": told(found.chosen)})
        return
    floor, confidence = asked["min_sensitivity"], asked["confidence"]
    title = f"Sensitivity at least {floor}, confidence {confidence}: {out}"
    print_comparison(found, title, asked["method"])


@threshold_app.command("apply")
@with_options(ApplyToTable)
def apply(
    point: PointFile,
    scores: Scores,
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", help="Table to write, with a column `positive`, or `decision`; - prints it as CSV."
        ),
    ],
    as_json: Json = False,
    **asked: Unpack[ApplyToTable],
) -> None:
    """The decision for each row of a table. Scores that the operating point is not for are refused.

    \b
    Examples:
      strnet threshold apply op.json scores.csv -o decisions.csv
      strnet threshold apply op.json other.csv --score risk --same-score -o decisions.csv
      strnet threshold apply cascade.json run -o decisions.csv
      zcat scores.csv.gz | strnet threshold apply op.json - -o - | head
    """
    from strnet.jobs import threshold_apply

    printed = str(out) == "-"
    if printed and as_json:
        raise ThresholdError("--json: found with -o -, which prints the table. Leave one of them out.")
    done = threshold_apply(point, scores, out, **asked)
    if printed:
        print_notice(", ".join(f"{name} {value}" for name, value in done.items()))
    elif as_json:
        print_json(done)
    else:
        print_pairs(f"Decisions {out}", done)


@threshold_app.command("plan")
@with_options(PlanAnything)
def plan(
    verify_negatives: Annotated[
        bool, typer.Option("--verify-negatives", help="Plan how many of the unflagged to verify.")
    ] = False,
    table: Annotated[Path | None, typer.Option(help="People to draw from, one row each.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="List to write, of the people drawn (CSV).")
    ] = None,
    as_json: Json = False,
    **asked: Unpack[PlanAnything],
) -> None:
    """How many positives a promise takes, and what those at hand can promise; or whom to verify.

    \b
    Examples:
      strnet threshold plan --positives 136
      strnet threshold plan --auroc 0.93 --max-specificity-loss 0.04 --prevalence 0.6
      strnet threshold plan --verify-negatives --flagged-positive 70 --unflagged 200
      strnet threshold plan --verify-negatives --flagged-positive 70 --table decided.csv --draw 60 -o list.csv
    """
    from strnet.jobs import threshold_plan, threshold_plan_negatives

    _require_one_plan(verify_negatives, table, out, asked)
    if verify_negatives:
        negatives = threshold_plan_negatives(table, out, **asked)
        if as_json:
            print_json(asdict(negatives))
        else:
            verification_commands.print_negatives_plan(negatives, out, asked["seed"])
        return
    found = asdict(threshold_plan(**asked))
    if as_json:
        print_json(found)
    else:
        print_pairs("Plan", found)


@threshold_app.command("cascade")
@with_options(CascadeFromTable)
def cascade(
    scores: Scores,
    out: Annotated[Path, typer.Option("--out", "-o", help="Both operating points to write (JSON).")],
    bone_loss: Annotated[str, typer.Option(help="TARGET,SCORE columns, or a task.")] = "bone_loss",
    osteoporosis: Annotated[
        str, typer.Option(help="TARGET,SCORE columns, or a task.")
    ] = "osteoporosis_given_loss",
    as_json: Json = False,
    **asked: Unpack[CascadeFromTable],
) -> None:
    """Thresholds for bone loss, then osteoporosis, whose floors hold together, end to end.

    \b
    Example:
      strnet threshold cascade run --cluster patient_id --where 'split = "validation"' -o cascade.json
    """
    from strnet.jobs import threshold_cascade

    tasks = {
        "bone_loss": _target_and_score(bone_loss),
        "osteoporosis": _target_and_score(osteoporosis),
    }
    found = threshold_cascade(scores, out, **tasks, **asked)
    if as_json:
        print_json(told(found))
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
        print_json(told(found))
    else:
        print_any(found, str(point))


@threshold_app.command("schema")
def schema() -> None:
    """The JSON Schema of an operating point's file.

    \b
    Example:
      strnet threshold schema > operating_point.schema.json
    """
    from strnet.jobs import threshold_schema

    print_json(threshold_schema())


def _require_one_plan(
    verify_negatives: bool, table: Path | None, out: Path | None, asked: PlanAnything
) -> None:
    """Raise if something was asked that the plan in question would leave unanswered.

    Raises: ThresholdError: it was; which options do not go together.
    """
    drawing = {"table": table, "out": out, **{name: asked.get(name) for name in DRAWING}}
    planning = {name: asked.get(name) for name in PLANNING}
    others = planning if verify_negatives else drawing
    given = [f"--{name.replace('_', '-')}" for name, value in others.items() if value is not None]
    if given:
        flag = "not with" if verify_negatives else "only with"
        raise ThresholdError(f"plan: {', '.join(given)} is answered {flag} --verify-negatives.")


def _target_and_score(text: str) -> tuple[str, str]:
    target, comma, score = text.partition(",")
    return target.strip(), (score if comma else target).strip()
