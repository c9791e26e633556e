"""What every command with worker processes says about them."""

from __future__ import annotations

from typing import Annotated

import typer

WorkerCount = Annotated[
    int | None,
    typer.Option(
        "--workers", min=0, help="Processes; default: one per core. 0: none but this one, and no limits."
    ),
]
FileSeconds = Annotated[
    float, typer.Option(help="Seconds that one file may take; then it counts as unreadable.")
]
FileMemory = Annotated[
    float,
    typer.Option("--file-memory-gib", help="Memory that one file may take, GiB (kept on Linux only)."),
]
