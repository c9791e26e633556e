"""What a reader of tables found and went on with: said once, refused never."""

from __future__ import annotations

import warnings


class TableNote(UserWarning):
    """Something about a table that its owner should know, though it changes no number that was read."""


def note(where: str, text: str) -> None:
    """Say `text` of the table `where`, as a warning that the command line prints."""
    warnings.warn(f"{where}: {text}", TableNote, stacklevel=2)
