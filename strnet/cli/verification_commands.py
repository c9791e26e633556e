"""`strnet threshold verify` and `certify-counts`: sites where few were verified, or counts alone are sent."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Unpack

import typer

from strnet.cli.console import print_json, print_pairs, print_table, print_text
from strnet.cli.option_parameters import with_options
from strnet.cli.threshold_app import Json
from strnet.verification_options import CertifyCounts, Verify

SomePoint = Annotated[
    Path | None, typer.Argument(help="Operating point (JSON); without it: --min-sensitivity.")
]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to `app`, that of `strnet threshold`."""
    for command in (verify, certify_counts):
        app.command(command.__name__.replace("_", "-"))(command)


@with_options(Verify)
def verify(
    point: SomePoint = None,
    people: Annotated[Path | None, typer.Argument(help="Table, one row per person; or give counts.")] = None,
    sampled: Annotated[
        Path | None, typer.Option("--list", help="List that the verified unflagged were drawn on.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Verdict to write (JSON).")] = None,
    as_json: Json = False,
    **asked: Unpack[Verify],
) -> None:
    """Whether the floor holds where the flagged were verified, and a random sample of the others.

    \b
    Examples:
      strnet threshold verify op.json site.csv --target dxa --list list.csv -o certificate.json
      strnet threshold verify op.json --flagged 100 --flagged-verified 80 --flagged-positive 62 \
        --unflagged 200 --unflagged-verified 60 --unflagged-positive 1
      strnet threshold verify decisions.csv --target dxa --min-sensitivity 0.9
    """
    from strnet.jobs import threshold_verify

    if people is None and point is not None and point.suffix != ".json":
        point, people = None, point  # a table alone: its decisions are nobody's operating point
    found = threshold_verify(point, people, sampled=sampled, out=out, **asked)
    if as_json:
        print_json(asdict(found))
    else:
        _print_verification(found)
    if found.verdict == "alarm":
        raise typer.Exit(1)


@with_options(CertifyCounts)
def certify_counts(point: SomePoint = None, as_json: Json = False, **asked: Unpack[CertifyCounts]) -> None:
    """Whether the floor holds at a site that sends two numbers: its positive patients, and those missed.

    \b
    Example:
      strnet threshold certify-counts op.json --positives 100 --missed 7
    """
    from strnet.jobs import threshold_certify_counts

    certificate = threshold_certify_counts(point, **asked)
    found = asdict(certificate)
    if as_json:
        print_json(found)
    else:
        note = found.pop("note")
        found["sensitivity"] = certificate.sensitivity
        print_pairs(f"Floor {found.pop('min_sensitivity')} at confidence {found.pop('confidence')}", found)
        print_text(f"Not checked: {note}")
    if certificate.verdict == "alarm":
        raise typer.Exit(1)


def print_negatives_plan(found: Any, out: Path | None, seed: int) -> None:
    """Print how many of the unflagged a certificate takes, and where the list is."""
    rows = [
        [str(one.positives), str(one.drawn), "" if one.chance is None else f"{one.chance:.2f}"]
        for one in found.samples
    ]
    title = (
        f"Floor {found.min_sensitivity} at confidence {found.confidence:g}: {found.flagged_positive} "
        f"positives among the flagged, {found.unflagged} not flagged"
    )
    columns = ["positive among the verified unflagged, at most", "verify", "chance, as expected"]
    print_table(title, columns, rows)
    if out is not None:
        print_text(f"Drawn with seed {seed}: {out}. Verify these and no others; count who does not come.")


def _print_verification(found: Any) -> None:
    counts = found.counts
    print_pairs(
        f"Floor {found.min_sensitivity} at confidence {found.confidence:g}: {found.verdict}",
        {
            "flagged": f"{counts.flagged}, {counts.flagged_verified} verified, "
            f"{counts.flagged_positive} positive",
            "not flagged": f"{counts.unflagged}, {counts.unflagged_drawn} drawn, {counts.unflagged_verified} "
            f"verified, {counts.unflagged_positive} positive",
            "PPV of those who came": found.ppv,
            "sensitivity, if both are typical": found.estimate,
        },
    )
    columns = ["who did not come", "verdict", "missed", "among these people", "of the population"]
    rows = [
        [
            "at their worst" if case.absent == "worst" else "as those who came",
            case.verdict,
            f"{case.missed[0]} to {case.missed[1]}",
            *(f"{low:.3f} to {high:.3f}" for low, high in (case.among_these, case.sensitivity)),
        ]
        for case in (found.worst, found.random)
        if case is not None
    ]
    caption = "Each bound by itself has the confidence. The floor is one of the population's sensitivity."
    print_table("Sensitivity", columns, rows, caption)
    if found.drawn_needed is not None:
        print_text(
            f"{found.drawn_needed} drawn who all came would have certified it, if no more were positive. "
            "Draw so many among other people: a second look at these would cost confidence."
        )
    _print_unchecked(found)


def _print_unchecked(found: Any) -> None:
    if not found.from_list:
        print_text("Not checked: that the verified unflagged are a random sample. Give the list (--list).")
    if not found.new_people:
        print_text(
            "Not checked: that none of these people chose the threshold. Give its operating point, and a "
            "table of the people with its scores."
        )
