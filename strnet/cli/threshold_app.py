"""The application `strnet threshold`, and the parameters that several of its commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

threshold_app = typer.Typer(
    help="Thresholds that keep a sensitivity floor, on anybody's scores.", no_args_is_help=True
)

Scores = Annotated[
    Path,
    typer.Argument(
        help="CSV, Parquet or XLSX table (book.xlsx#Sheet2), a folder of parts, a run folder, or - (stdin)."
    ),
]
PointFile = Annotated[Path, typer.Argument(help="Operating point (JSON).")]
PointOut = Annotated[Path, typer.Option("--out", "-o", help="Operating point to write (JSON).")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
