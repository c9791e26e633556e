"""`strnet threshold floor`, `grey`, `cost` and `best`: other floors than that of the sensitivity."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Unpack

import typer

from strnet.cli.console import print_json
from strnet.cli.floor_printing import print_best, print_cost, print_floor, print_grey
from strnet.cli.option_parameters import with_options
from strnet.cli.threshold_app import Json, PointOut, Scores
from strnet.floor_options import BestFromTable, CostFromTable, FloorFromTable, GreyFromTable

Plot = Annotated[Path | None, typer.Option(help="Picture to draw (.svg, .pdf, .png).")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to `app`, that of `strnet threshold`."""
    for command in (floor, grey, cost, best):
        app.command(command.__name__)(command)


@with_options(FloorFromTable, leave_out=("label", "group"))
def floor(
    scores: Scores, out: PointOut, plot: Plot = None, as_json: Json = False, **asked: Unpack[FloorFromTable]
) -> None:
    """The most useful threshold under a floor of the specificity, or of the PPV or NPV at a prevalence.

    \b
    Examples:
      strnet threshold floor scores.csv --target disease --score prob --min-specificity 0.9 -o op.json
      strnet threshold floor s.csv --target y --score prob.y --min-ppv 0.3 --prevalence 24/200 -o op.json
      strnet threshold floor s.csv --target y --score risk --min-npv 0.98 --prevalence 0.10-0.15 \\
        --cutoffs 1,2,3 -o op.json
    """
    from strnet.jobs import threshold_floor

    _show(threshold_floor(scores, out, plot=plot, **asked), out, print_floor, as_json=as_json)


@with_options(GreyFromTable, leave_out=("label", "group"))
def grey(
    scores: Scores, out: PointOut, plot: Plot = None, as_json: Json = False, **asked: Unpack[GreyFromTable]
) -> None:
    """Two thresholds: rule out under a sensitivity floor, rule in under a specificity or PPV floor.

    \b
    Examples:
      strnet threshold grey scores.csv --target disease --score prob --min-sensitivity 0.95 \\
        --min-specificity 0.9 -o zone.json
      strnet threshold grey s.csv --target y --score prob.y --min-ppv 0.4 --prevalence 0.12 -o zone.json
      strnet threshold apply zone.json new.csv -o decisions.csv
    """
    from strnet.jobs import threshold_grey

    _show(threshold_grey(scores, out, plot=plot, **asked), out, print_grey, as_json=as_json)


@with_options(CostFromTable, leave_out=("label", "group"))
def cost(
    scores: Scores, out: PointOut, plot: Plot = None, as_json: Json = False, **asked: Unpack[CostFromTable]
) -> None:
    """The threshold of least expected cost on these rows. It promises nothing.

    \b
    Example:
      strnet threshold cost s.csv --target y --score prob --miss-cost 10 --prevalence 0.12 -o op.json
    """
    from strnet.jobs import threshold_cost

    _show(threshold_cost(scores, out, plot=plot, **asked), out, print_cost, as_json=as_json)


@with_options(BestFromTable, leave_out=("label",))
def best(
    scores: Scores, out: PointOut, plot: Plot = None, as_json: Json = False, **asked: Unpack[BestFromTable]
) -> None:
    """The most specific of several networks under a sensitivity floor, corrected for choosing on these rows.

    \b
    Example:
      strnet threshold best scores.csv --target disease --score net_a --score net_b --score net_c -o op.json
    """
    from strnet.jobs import threshold_best

    _show(threshold_best(scores, out, plot=plot, **asked), out, print_best, as_json=as_json)


def _show(point: Any, out: Path, printed: Any, *, as_json: bool) -> None:
    if as_json:
        print_json({"operating_point": str(out), **asdict(point)})
    else:
        printed(point, str(out))
