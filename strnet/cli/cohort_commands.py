"""`strnet phantom` and `split`: a made cohort, and the sides of any."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from strnet.cli.console import print_json, print_pairs, print_table, progress_bar
from strnet.cli.worker_options import WorkerCount

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to `app`."""
    app.command("phantom")(phantom)
    app.command("split")(split)


def phantom(
    out: Annotated[
        Path, typer.Argument(help="Folder for images/, masks/, manifest.csv, truth.csv and cohort.json.")
    ],
    anatomy: Annotated[str, typer.Option(help="What is imaged: knee, lumbar, chest or ct.")] = "knee",
    patients: Annotated[
        int, typer.Option(help="Patients; each has one or two films of it, or one CT scan.", min=1)
    ] = 400,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.", min=0)] = 0,
    rows: Annotated[
        int | None,
        typer.Option(help="Rows of a film or slice, pixels. [default: usual for the anatomy]", min=48),
    ] = None,
    columns: Annotated[int | None, typer.Option(help="Columns of it; with --rows.", min=48)] = None,
    t_score_known: Annotated[
        float, typer.Option(help="Fraction of patients with a T-score, or a density (ct).", min=0, max=1)
    ] = 0.7,
    sites: Annotated[
        int,
        typer.Option(
            help="Hospitals; each has its scanners (ct: the third to fifth are outside ones).", min=1
        ),
    ] = 2,
    workers: WorkerCount = None,
    as_json: Json = False,
) -> None:
    """Films or CT with planted truth as DICOM, with a manifest, the truth table and its ideal observer.

    \b
    Examples:
      strnet phantom cohort --patients 400 --seed 1
      strnet phantom spines --anatomy lumbar --patients 400 --seed 1
      strnet phantom scans --anatomy ct --patients 400 --seed 1 --sites 5
    """
    from strnet.jobs import phantom as job

    with progress_bar("patients", shown=not as_json) as progress:
        made = job(
            out,
            patients=patients,
            seed=seed,
            anatomy=anatomy,
            size=_size(rows, columns),
            t_score_known=t_score_known,
            sites=sites,
            workers=workers,
            progress=progress,
        )
    if as_json:
        print_json(made)
    else:
        print_pairs(f"Phantom {anatomy} cohort in {out}", made)


def _size(rows: int | None, columns: int | None) -> tuple[int, int] | None:
    if (rows is None) != (columns is None):
        raise typer.BadParameter("--rows and --columns belong together: give both, or neither.")
    return None if rows is None or columns is None else (rows, columns)


def split(
    manifest: Annotated[Path, typer.Argument(help="Cohort manifest.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Split file to write (.csv); a certificate goes beside it.")
    ],
    ratio: Annotated[
        str | None, typer.Option(help="train/validation/test: shares or numbers of films. [default: 5/1/1]")
    ] = None,
    folds: Annotated[int | None, typer.Option(help="k folds instead of a ratio.", min=3)] = None,
    assignment: Annotated[
        Path | None, typer.Option(help="Your own table (image_id, and split or fold), to be certified.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    external_site: Annotated[list[str] | None, typer.Option(help="Site kept apart; may be repeated.")] = None,
    stratify_by: Annotated[str, typer.Option(help="Column whose balance is kept.")] = "diagnosis",
    as_json: Json = False,
) -> None:
    """A patient-disjoint split or folds, with a certificate that training checks.

    \b
    Examples:
      strnet split manifest.csv -o split.csv --ratio 0.7/0.15/0.15
      strnet split manifest.csv -o folds.csv --folds 5 --external-site north
      strnet split manifest.csv -o split.csv --assignment published_split.csv
    """
    from strnet.jobs import split as job

    by_ratio = folds is None and assignment is None
    done = job(
        manifest,
        out,
        ratios=shares(ratio or "5/1/1") if by_ratio or ratio else None,
        folds=folds,
        assignment=assignment,
        seed=seed,
        external_sites=external_site or [],
        stratify_by=stratify_by,
    )
    if as_json:
        print_json(done)
        return
    classes = sorted({name for side in done["sides"].values() for name in side["classes"]})
    rows = [
        [name, str(side["images"]), str(side["patients"]), *(str(side["classes"].get(c, 0)) for c in classes)]
        for name, side in done["sides"].items()
    ]
    caption = "No patient and no picture stands on two sides."
    print_table(f"Split {out}", ["side", "films", "patients", *classes], rows, caption)


def shares(text: str) -> dict[str, float]:
    """Shares by split that `train/validation/test` gives, such as 0.7/0.15/0.15."""
    parts = text.split("/")
    try:
        return dict(zip(("train", "validation", "test"), map(float, parts), strict=True))
    except ValueError as error:
        raise typer.BadParameter(f"--ratio {text}: expected three numbers, such as 0.7/0.15/0.15.") from error


def pairs(texts: list[str] | None, option: str) -> dict[str, str]:
    """The mapping that repeated `NAME=VALUE` options give."""
    found = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not equals:
            raise typer.BadParameter(f"{option} {text}: expected NAME=VALUE.")
        found[name.strip()] = value.strip()
    return found
