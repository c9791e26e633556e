"""`strnet density`: from scans and masks to HU, density and category."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from strnet.cli.console import print_json, print_pairs, progress_bar
from strnet.cli.worker_options import FileMemory, FileSeconds, WorkerCount
from strnet.workers import Workers

_SCAN_SECONDS = 600.0
_SCAN_MEMORY_GIB = 8.0


def add_to(app: typer.Typer) -> None:
    """Add the command of this module to `app`."""
    app.command("density")(density)


def density(
    manifest: Annotated[Path, typer.Argument(help="Manifest of scans with the columns path and mask.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Table per scan (.csv, .parquet); one per vertebra beside it.")
    ],
    method: Annotated[
        str,
        typer.Option(
            help="HU to mg/cm3 by rods, tissues or scanner; hu: no density; given: values are mg/cm3 already."
        ),
    ],
    table: Annotated[
        Path | None,
        typer.Option(
            help="Of rods (image_id, density, mean_hu), or of scanners (scanner, kvp, slope, intercept, "
            "mineral; also YAML)."
        ),
    ] = None,
    mineral: Annotated[str, typer.Option(help="What densities are of: K2HPO4 or CHA.")] = "K2HPO4",
    label: Annotated[
        list[str] | None,
        typer.Option(help="VERTEBRA=NUMBER[,NUMBER] in the mask; repeatable. [default: L1=31, L2=41, L3=51]"),
    ] = None,
    whole_vertebra: Annotated[
        bool, typer.Option("--whole-vertebra", help="Labels have processes too: find the body first.")
    ] = False,
    cortex_mm: Annotated[float, typer.Option(help="Distance of the core from the cortex.")] = 3.0,
    endplate_mm: Annotated[float, typer.Option(help="Distance of the core from the endplates.")] = 5.0,
    contrast: Annotated[
        str, typer.Option(help="none, iv or unknown, where neither manifest nor header say.")
    ] = "unknown",
    correction: Annotated[
        str | None, typer.Option(help="Contrast correction for scans with contrast: ruehling2022.")
    ] = None,
    cropped: Annotated[
        bool, typer.Option("--cropped", help="No air need be in view: the values are known to be HU.")
    ] = False,
    workers: WorkerCount = None,
    file_seconds: FileSeconds = _SCAN_SECONDS,
    file_memory_gib: FileMemory = _SCAN_MEMORY_GIB,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Mean HU and density of the trabecular core of L1 to L3, with category and provenance.

    Scans that cannot be measured keep their row, with the reason; the others are done.

    \b
    Examples:
      strnet density scans.csv -o hu.csv --method hu
      strnet density scans.csv -o density.csv --method scanner --table scanners.yaml --contrast none
      strnet density scans.csv -o density.csv --method tissues --label L1=31 --label L2=30 --whole-vertebra
    """
    from strnet.jobs import density as job
    from strnet.jobs import density_plan

    plan = density_plan(
        method,
        labels=labels_of(label or ()),
        table=table,
        correction=correction,
        mineral=mineral,
        contrast=contrast,
        cropped=cropped,
        core={"cortex_mm": cortex_mm, "endplate_mm": endplate_mm, "whole_vertebra": whole_vertebra},
    )
    with progress_bar("scans", shown=not as_json) as progress:
        made = job(
            manifest,
            out,
            plan,
            workers=Workers(workers, file_seconds, file_memory_gib),
            progress=progress,
        )
    if as_json:
        print_json(made)
    else:
        print_pairs(f"Density in {out}", made)


def labels_of(given: list[str] | tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    """The numbers of each vertebra as `--label L1=31` says them.

    Raises: BadParameter: not NAME=NUMBER[,NUMBER], a number outside 1 to 255, or one given twice.
    """
    found: dict[str, tuple[int, ...]] = {}
    for text in given:
        name, _, numbers = text.partition("=")
        parts = numbers.split(",")
        if not all(part.strip().isdecimal() and 1 <= int(part) <= 255 for part in parts):
            raise typer.BadParameter(f"--label {text}: expected such as L1=31 or L1=31,32, of 1 to 255.")
        if name in found:
            raise typer.BadParameter(f"--label {name} is given twice: L1=31,32 gives two numbers at once.")
        found[name] = tuple(int(part) for part in parts)
    used = [number for numbers in found.values() for number in numbers]
    if len(set(used)) < len(used):
        raise typer.BadParameter("--label: one number belongs to two vertebrae.")
    return found
