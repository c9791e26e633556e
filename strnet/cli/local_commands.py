"""`strnet threshold update` and `watch`: a frozen threshold at a new site, and the scores that come there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Unpack

import typer

from strnet.cli.console import print_json, print_pairs, print_text
from strnet.cli.option_parameters import with_options
from strnet.cli.threshold_app import Json, PointFile, PointOut, Scores
from strnet.cli.threshold_printing import print_left_out, print_point, told
from strnet.local_options import UpdateFromTable, WatchScores


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to `app`, that of `strnet threshold`."""
    for command in (update, watch):
        app.command(command.__name__)(command)


@with_options(UpdateFromTable, leave_out=("group",))
def update(
    point: PointFile, scores: Scores, out: PointOut, as_json: Json = False, **asked: Unpack[UpdateFromTable]
) -> None:
    """Keep a frozen threshold at a new site, or lower it so that the floor holds there: from labelled rows.

    Plan the number of rows first (strnet threshold plan), and update once: to look again and again until the
    threshold pleases breaks the promise.

    \b
    Examples:
      strnet threshold update op.json local.csv --target disease -o local.json
      strnet threshold update op.json local.csv --target disease --allow-raise -o local.json
    """
    from strnet.jobs import threshold_update

    found = threshold_update(point, scores, out, **asked)
    if as_json:
        print_json(told(found))
        return
    print_point(found, str(out))
    print_left_out(found.rows_without_target)


@with_options(WatchScores)
def watch(
    state: Annotated[Path, typer.Argument(help="The watch (JSON): read, and written anew.")],
    scores: Annotated[
        Path | None, typer.Argument(help="New films: CSV or Parquet table, or a run folder. No targets.")
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(help="Films from before, as a table; begins the watch.")
    ] = None,
    as_json: Json = False,
    **asked: Unpack[WatchScores],
) -> None:
    """Whether the scores of new patients have changed since the reference; look as often as you like.

    A flag (exit code 1) withdraws no certificate: a rarer or more common disease changes scores and leaves
    sensitivity as it is. Only labelled rows decide: strnet threshold certify.

    \b
    Examples:
      strnet threshold watch watch.json --reference validation.csv --score prob.bone_loss
      strnet threshold watch watch.json november.csv --time acquired
    """
    from strnet.jobs import threshold_watch

    found = threshold_watch(state, scores, reference=reference, **asked)
    if as_json:
        print_json(found.to_dict())
    else:
        print_pairs(f"Shift watch {state}", _in_words(found))
        print_text(found.meaning)
    if found.flagged:
        raise typer.Exit(1)


def _in_words(found: Any) -> dict[str, object]:
    seen = found.watch
    left_out = f"{found.known} patients, known already" if found.known else None
    flags = [f"at new patient {flag.patient}: scores {flag.towards}" for flag in seen.flags]
    return {
        "verdict": "flagged" if found.flagged else "nothing flagged",
        "score": str(seen.score),
        "reference": f"{seen.reference} patients",
        "new patients": f"{found.new} now ({found.films} films read), {seen.patients} in all",
        "left out": left_out,
        "false alarms": seen.alarms.promise,
        "evidence": f"{seen.wealth:.3g} (flagged at {seen.alarms.limit:g})",
        "flags": "; ".join(flags) or None,
    }
