"""`strnet train`, `crossval`, `tune`: from a recipe to a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from strnet.cli.console import print_json, print_notice, print_pairs, print_table

RecipeFile = Annotated[Path, typer.Argument(help="Recipe (YAML); docs/recipe.md lists its keys.")]
RunFolder = Annotated[Path, typer.Option("--out", "-o", help="Run folder.")]
ManifestFile = Annotated[Path | None, typer.Option(help="Cohort manifest; default: the recipe's.")]
SplitFile = Annotated[
    Path | None, typer.Option(help="Split file with its certificate; default: the recipe's.")
]
Where = Annotated[
    str | None,
    typer.Option(help="Rows that are used, as SQL: \"view = 'AP' and age >= 50\"; default: the recipe's."),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change the recipe, e.g. trainer.max_epochs=5; may be repeated."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with a run that was interrupted.")]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Remove the run that stands in the folder, and start afresh.")
]
FoldsAtOnce = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Folds trained side by side, a process each; default: one per core, on a GPU one. 0: in this "
        "process, one after the other.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to `app`."""
    app.command("train")(train)
    app.command("crossval")(crossval)
    app.command("tune")(tune)


def train(
    recipe: RecipeFile,
    out: RunFolder,
    manifest: ManifestFile = None,
    split: SplitFile = None,
    where: Where = None,
    overrides: Overrides = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """A trained network: run folder with checkpoint, predictions table, operating points and bundle.

    \b
    Examples:
      strnet train recipe.yaml -o run --manifest manifest.csv --split split.csv
      strnet train recipe.yaml -o run --set trainer.max_epochs=5 --set network.routing.kind=film
      strnet train recipe.yaml -o run --where "view = 'AP' and age >= 50"
      strnet train recipe.yaml -o run --resume
    """
    from strnet.jobs import train as job

    changed = changed_recipe(recipe, overrides, manifest=manifest, split=split, where=where)
    done = job(changed, out, resume=resume, overwrite=overwrite, progress=not as_json, notice=print_notice)
    _show(done, f"Run {out}", as_json)


def crossval(
    recipe: RecipeFile,
    out: RunFolder,
    manifest: ManifestFile = None,
    split: SplitFile = None,
    where: Where = None,
    overrides: Overrides = None,
    folds_at_once: FoldsAtOnce = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Out-of-fold predictions of k networks, one per fold of a split made with `strnet split --folds`.

    \b
    Examples:
      strnet crossval recipe.yaml -o folds --manifest manifest.csv --split folds.csv
      strnet crossval recipe.yaml -o folds --folds-at-once 1 --set trainer.threads=2
    """
    from strnet.jobs import crossval as job

    changed = changed_recipe(recipe, overrides, manifest=manifest, split=split, where=where)
    done = job(
        changed,
        out,
        resume=resume,
        overwrite=overwrite,
        progress=not as_json,
        folds_at_once=folds_at_once,
    )
    _show(done, f"Cross-validation {out}", as_json)


def tune(
    recipe: RecipeFile,
    space: Annotated[Path, typer.Argument(help="Search space (YAML): recipe key to choices or range.")],
    out: RunFolder,
    trials: Annotated[int, typer.Option(help="Trials in all, those of earlier calls counted.", min=1)] = 20,
    manifest: ManifestFile = None,
    split: SplitFile = None,
    where: Where = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """The best recipe of a search on the validation rows; test rows are never read.

    \b
    Example:
      strnet tune recipe.yaml space.yaml -o study --trials 20
    """
    from strnet.jobs import tune as job

    done = job(
        changed_recipe(recipe, overrides, manifest=manifest, split=split, where=where),
        space,
        out,
        trials=trials,
        progress=not as_json,
    )
    if as_json:
        print_json(done)
        return
    rows = [
        [str(trial["number"]), trial["state"], str(trial["value"]), str(trial["parameters"])]
        for trial in done["trials"]
    ]
    print_table(f"Study {out}", ["trial", "state", str(done["objective"]), "parameters"], rows)
    print_pairs("Best", {"recipe": done["best_recipe"], "value": done["best_value"]})


def changed_recipe(path: Path, overrides: list[str] | None, **cohort: Path | str | None) -> Any:
    """The recipe in a file, with what the command line says in its place."""
    from strnet.config import load_recipe, parse_override

    changes = dict(parse_override(text) for text in overrides or [])
    changes |= {f"cohort.{key}": str(value) for key, value in cohort.items() if value is not None}
    return load_recipe(path, changes)


def _show(done: dict[str, Any], title: str, as_json: bool) -> None:
    if as_json:
        print_json(done)
    else:
        print_pairs(title, done)
