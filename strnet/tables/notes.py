"""What a reader of tables found and went on with."""

from __future__ import annotations

import warnings

from strnet.errors import TableNote


def note(where: str, text: str) -> None:
    """Say `text` of the table `where`, as a warning that the command line prints."""
    warnings.warn(f"{where}: {text}", TableNote, stacklevel=2)
