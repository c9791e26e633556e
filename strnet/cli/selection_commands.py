"""`strnet select`: which images of a cohort a study uses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from strnet.cli.console import print_json, print_table, print_text

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to `app`."""
    app.command("select")(select)


def select(
    manifest: Annotated[Path, typer.Argument(help="Cohort manifest.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Manifest to write (.csv or .parquet).")],
    rules: Annotated[Path, typer.Option(help="Rule file (YAML): names, reasons, conditions, in order.")],
    as_json: Json = False,
) -> None:
    """A manifest of the images that a rule file keeps; the others with their reason, and the flow.

    \b
    Example:
      strnet select manifest.csv --rules rules.yaml -o enrolled.csv
    """
    from strnet.jobs import select as job

    done = job(manifest, out, rules=rules)
    if as_json:
        print_json(done)
        return
    columns = ["step", "films", "patients", "films out", "patients out", "of them empty cell", "empty, kept"]
    print_table(f"Selection {out}", columns, [_row(step) for step in done["steps"]])
    print_text(f"{done['excluded']} says of each image left out which rule it was.")


def _row(step: dict[str, Any]) -> list[str]:
    lost = sum(step["left_out"].values())
    counts = (step["patients"], lost, step["patients_left_out"], step["unknown"], step["unknown_kept"])
    return [step["name"], str(step["images"]), *("" if count is None else str(count) for count in counts)]
