"""`strnet threshold certify`: a frozen operating point at another site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Unpack

import typer

from strnet.cli.console import print_json, print_table, print_text
from strnet.cli.floor_printing import print_floor_certificates
from strnet.cli.option_parameters import with_options
from strnet.cli.threshold_app import Json, PointFile, Scores
from strnet.cli.threshold_printing import print_left_out
from strnet.threshold_options import CertifyFromTable

State = Annotated[
    Path | None,
    typer.Option(help="Site certificate (JSON) that goes on: patients counted before are passed over."),
]


def add_to(app: typer.Typer) -> None:
    """Add the command of this module to `app`, that of `strnet threshold`."""
    app.command("certify")(certify)


@with_options(CertifyFromTable)
def certify(
    point: PointFile,
    scores: Scores,
    state: State = None,
    as_json: Json = False,
    **asked: Unpack[CertifyFromTable],
) -> None:
    """Whether the floor holds elsewhere: certified, insufficient (and how many more), or alarm (exit code 1).

    Look as often as you like, with all rows so far, or with those that are new and --state.

    \b
    Examples:
      strnet threshold certify op.json second_site.csv --target disease
      strnet threshold certify op.json week_7.csv --target disease --cluster patient --state site.json
      strnet threshold certify op.json planned_136.csv --target disease --test fixed
    """
    from strnet.jobs import threshold_certify

    found = threshold_certify(point, scores, state=state, **asked)
    first = next(iter(found.values()))
    if as_json:
        print_json({name: asdict(certification) for name, certification in found.items()})
    else:
        printed = print_floor_certificates if hasattr(first, "floor_of") else print_certifications
        printed(found, point)
    if any(site.verdict == "alarm" for site in found.values()):
        raise typer.Exit(1)


def print_certifications(found: Mapping[str, Any], point: Path) -> None:
    """Print the verdicts, one row for all rows and one for each group."""
    everyone, *groups = found.values()
    counted = "patients" if everyone.cluster_method else "films"
    columns = ["", "verdict", counted, "missed on average", "sensitivity at least", "at most"]
    fixed = everyone.test == "fixed"
    columns += ["allowed", "alarm from"] if fixed else []
    rows = [
        [
            name,
            site.verdict,
            str(site.patients),
            _missed(site),
            f"{site.lower:.3f}",
            f"{site.upper:.3f}",
            *([_allowed(site), str(site.alarm_from)] if fixed else []),
            _more(site),
        ]
        for name, site in found.items()
    ]
    if everyone.taken_for is not None:
        print_text(f"{everyone.score} is taken for {everyone.taken_for}, as --same-score says.")
    by_chance = "Each group is judged by itself: among many of them a verdict may arise by chance."
    title = f"Floor {everyone.min_sensitivity} of {point}, {everyone.test} test"
    print_table(title, [*columns, f"more {counted}"], rows, by_chance if len(groups) > 1 else "")
    print_text(
        f"Each bound and verdict is right with probability {everyone.confidence:g}, {LOOKS[everyone.test]}."
    )
    for note in everyone.notes:
        print_text(f"Note: {note}")
    print_left_out(everyone.rows_without_target)


LOOKS = {"anytime": "however often you look", "fixed": "for one look at a number planned beforehand"}
"""For how many looks the verdict of a test holds."""


def _missed(site: Any) -> str:
    films = f"{site.misses} of {site.positives} films"
    return films if site.miss_share is None else f"{site.miss_share:.3f} ({films})"


def _allowed(site: Any) -> str:
    return "none" if site.misses_allowed is None else str(site.misses_allowed)


def _more(site: Any) -> str:
    if site.verdict != "insufficient" or site.more_if_none_missed is None:
        return ""
    at_rate = (
        "never at this rate" if site.more_at_this_rate is None else f"{site.more_at_this_rate} at this rate"
    )
    return f"{site.more_if_none_missed} if none missed, {at_rate}"
