"""`strnet t-scores`: from BMD to T-scores and diagnoses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from strnet.cli.console import print_json, print_pairs, print_table, print_text


def add_to(app: typer.Typer) -> None:
    """Add the command of this module to `app`."""
    app.command("t-scores")(t_scores)


def t_scores(
    manifest: Annotated[Path, typer.Argument(help="Manifest with bmd_lumbar_spine, ... in g/cm2.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Manifest to write (.csv or .parquet).")],
    table: Annotated[
        str,
        typer.Option(
            help="Young adults: nhanes3_white_women, nhanes_us_women, or a file with the columns site, "
            "mean_g_cm2, sd_g_cm2."
        ),
    ],
    where: Annotated[
        str | None,
        typer.Option(help="Rows of that file, as SQL: \"sex = 'F' and age_group = '20-29'\"."),
    ] = None,
    leave_out: Annotated[
        list[str] | None, typer.Option(help="DXA site whose BMD is not used; repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """A manifest with the T-score of every BMD, and the lowest of spine and hip as the patient's.

    \b
    Example:
      strnet t-scores manifest.csv -o told.csv --table nhanes_us_women
    """
    from strnet.jobs import t_scores as job

    made = job(manifest, out, table=table, where=where, leave_out=leave_out or ())
    if as_json:
        print_json(made)
    else:
        rows = [[name, *map(str, counts.values())] for name, counts in made["films"].items()]
        print_table(f"T-scores in {out}", ["films", "computed", "kept", "lacking"], rows)
        print_pairs("Told against", {name: made[name] for name in ("young_adults", "diagnoses", "flow")})
        for note in made["notes"]:
            print_text(note)
