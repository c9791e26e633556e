"""`strnet select`, `table-one`: which images of a cohort a study uses, and who its patients are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from strnet.cli.console import print_json, print_table, print_text

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to `app`."""
    app.command("select")(select)
    app.command("table-one")(table_one)


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


def table_one(
    manifest: Annotated[Path, typer.Argument(help="Cohort manifest.")],
    by: Annotated[
        str, typer.Option(help="Column whose groups are compared; numbers are cut: age:50,65.")
    ] = "diagnosis",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Also write it here (.md or .json).")
    ] = None,
    split: Annotated[Path | None, typer.Option(help="Split file: adds the columns split and fold.")] = None,
    where: Annotated[str | None, typer.Option(help="Images to describe, as SQL: \"view = 'AP'\".")] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(help="Column to show; repeatable. [default: what is known of patients]"),
    ] = None,
    median: Annotated[
        list[str] | None,
        typer.Option(help="Column with median and quartiles, compared by ranks; repeatable."),
    ] = None,
    category: Annotated[
        list[str] | None, typer.Option(help="Column of numbers whose values are counted; repeatable.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Table 1: patients by group, with tests, effect sizes and what is unknown.

    \b
    Examples:
      strnet table-one manifest.csv
      strnet table-one manifest.csv --split split.csv --by split --median bmi -o table1.md
    """
    from strnet.jobs import describe as job

    done = job(
        manifest,
        by=by,
        out=out,
        split=split,
        where=where,
        columns=column or (),
        medians=median or (),
        categories=category or (),
    )
    if as_json:
        print_json(done.content)
    else:
        table = done.table
        print_table(table.title, table.columns, table.rows, "\n".join(table.notes))
