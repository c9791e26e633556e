"""`strnet threshold form`, `counts` and `pool`: one threshold for hospitals that send counts alone."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Unpack

import typer

from strnet.cli.console import print_json, print_pairs, print_table, print_text
from strnet.cli.option_parameters import with_options
from strnet.cli.threshold_app import Json, PointOut, Scores
from strnet.cli.threshold_printing import print_point
from strnet.verification_options import FillOptions, FormOptions, PoolOptions


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to `app`, that of `strnet threshold`."""
    for command in (form, counts, pool):
        app.command(command.__name__.replace("_", "-"))(command)


@with_options(FormOptions)
def form(
    out: Annotated[Path, typer.Option("--out", "-o", help="Form to write (CSV).")],
    as_json: Json = False,
    **asked: Unpack[FormOptions],
) -> None:
    """A form that asks hospitals for counts at cut-offs, fixed before anybody counts.

    \b
    Example:
      strnet threshold form --score prob --cutoffs 0.02:0.98:0.02 --label 'T <= -2.5' -o form.csv
    """
    from strnet.jobs import threshold_form

    made = threshold_form(out, **asked)
    told = {"cut-offs": len(made.cutoffs), "score": made.score, "positive": made.label, "form": made.sha256}
    if as_json:
        print_json(told)
    else:
        print_pairs(f"Form {out}", told)


@with_options(FillOptions)
def counts(
    scores: Scores,
    form: Annotated[Path, typer.Option(help="Form of `strnet threshold form`.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Counts to write (CSV).")],
    as_json: Json = False,
    **asked: Unpack[FillOptions],
) -> None:
    """The form, filled in from the rows of one hospital, none of which leaves it.

    \b
    Example:
      strnet threshold counts scores.csv --form form.csv --hospital north --target dxa -o north.csv
    """
    from strnet.jobs import threshold_counts

    filled = threshold_counts(scores, form, out, **asked)
    told = {"hospital": filled.hospital, "positives": filled.positives, "negatives": filled.negatives}
    if as_json:
        print_json(told)
    else:
        print_pairs(f"Counts {out}", told)
        if asked.get("cluster") is None:
            print_text(
                "Not checked: that each film is of a patient of its own. Name the patients (--cluster)."
            )


@with_options(PoolOptions)
def pool(
    forms: Annotated[list[Path], typer.Argument(help="Filled forms (CSV), one of each hospital.")],
    out: PointOut,
    as_json: Json = False,
    **asked: Unpack[PoolOptions],
) -> None:
    """The cut-off that flags fewest and keeps the floor of the hospitals' pooled sensitivity.

    \b
    Example:
      strnet threshold pool north.csv south.csv east.csv -o op.json
    """
    from strnet.jobs import threshold_pool

    found = threshold_pool(forms, out, **asked)
    if as_json:
        print_json({"operating_point": str(out), **asdict(found)})
        return
    print_point(found.point, str(out))
    _print_hospitals(found)


def _print_hospitals(found: Any) -> None:
    rows = [
        [one.name, str(one.missed), str(one.sensitivity), str(one.specificity or "undefined")]
        for one in found.hospitals
    ]
    caption = "No promise is made for a hospital by itself."
    print_table("Hospitals", ["", "missed", "sensitivity", "specificity"], rows, caption)
    grid = found.grid
    beyond = "the last" if grid.next_cutoff is None else f"the next is {grid.next_cutoff:g}"
    won = (
        ""
        if grid.specificity_at_most is None
        else f"; rows would win at most {grid.specificity_at_most:.3f} of specificity"
    )
    print_text(f"The grid: {beyond}, {grid.misses_unused} misses allowed and not made{won}.")
