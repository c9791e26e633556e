"""`strnet threshold ...`: calibration jobs on anybody's scores."""

import typer


def add_to(app: typer.Typer) -> None:
    """Nothing."""
