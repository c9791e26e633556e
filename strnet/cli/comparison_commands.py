"""`strnet compare` and `train-each`: several networks on the same rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from strnet.cli.console import print_json, print_notice, print_table, print_text
from strnet.cli.training_commands import (
    Json,
    ManifestFile,
    Overrides,
    Overwrite,
    RecipeFile,
    Resume,
    SplitFile,
    Where,
    changed_recipe,
)

if TYPE_CHECKING:
    from strnet.jobs.compare_runs import ComparedRuns


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to `app`."""
    app.command("compare")(compare)
    app.command("train-each")(train_each)


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Two or more run folders, of one manifest and split.")],
    split: Annotated[str, typer.Option(help="Rows that judge: test, external or validation.")] = "test",
    task: Annotated[
        list[str] | None, typer.Option(help="Task; may be repeated. Default: all that the runs share.")
    ] = None,
    against: Annotated[
        str | None, typer.Option(help="Name of the run that all others are compared with, and no more.")
    ] = None,
    by: Annotated[str, typer.Option(help="What rows are matched by: image, examination, patient.")] = "image",
    common: Annotated[
        bool, typer.Option("--common", help="Leave out rows that only some of them answer, and count them.")
    ] = False,
    out: Annotated[
        list[Path] | None,
        typer.Option("--out", "-o", help="File to write: .csv, .tsv, .parquet or .json; may be repeated."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Networks on the same rows: each one's figure, paired tests, Holm's correction. Patients are the unit.

    \b
    Examples:
      strnet compare runs/resnet18 runs/vgg16 runs/darknet19 -o comparison.csv
      strnet compare ap lateral both --by examination --against both
    """
    from strnet.jobs import compare as job

    chosen: Any = by
    done = job(runs, split=split, tasks=task or (), against=against, by=chosen, common=common, out=out or ())
    if as_json:
        print_json(done.content)
    else:
        _print(done)


def train_each(
    recipe: RecipeFile,
    over: Annotated[
        str, typer.Option(help="Recipe key and its values: network.backbone.name=resnet18,vgg16.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder; each value gets a run folder in it.")],
    manifest: ManifestFile = None,
    split: SplitFile = None,
    where: Where = None,
    overrides: Overrides = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """One protocol over several networks: an ordinary run for each value of a recipe key, then `compare`.

    With a split in folds, each is a cross-validation.

    \b
    Example:
      strnet train-each recipe.yaml --over network.backbone.name=resnet18,darknet19,vgg16 -o runs
    """
    from strnet.config import parse_override
    from strnet.jobs import train_each as job
    from strnet.jobs.one_protocol import Protocol

    key, _, values = over.partition("=")
    tried = [parse_override(f"{key}={value}")[1] for value in values.split(",")]
    changed = changed_recipe(recipe, overrides, manifest=manifest, split=split, where=where)
    done, compared = job(
        Protocol(changed, key.strip(), tried),
        out,
        resume=resume,
        overwrite=overwrite,
        progress=not as_json,
        notice=None if as_json else print_notice,
    )
    if as_json:
        print_json({"runs": done, **compared.content})
    else:
        _print(compared)


def _print(done: ComparedRuns) -> None:
    for table in done.tables:
        print_table(table.title, table.columns, table.rows, "\n".join(table.notes))
    for note in done.notes:
        print_text(f"Note: {note}")
