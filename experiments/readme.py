"""The made parts of an experiment's README."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from strnet.files import write_text


def write_sections(readme: Path, sections: Mapping[str, str]) -> None:
    """Write each section between its markers in `readme`.

    Raises: ValueError: a marker is missing.
    """
    text = readme.read_text()
    for name, content in sections.items():
        start, end = f"<!-- {name}: made by run.py -->", f"<!-- end of {name} -->"
        before, found, rest = text.partition(start)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"{readme}: expected the markers '{start}' and '{end}'.")
        text = f"{before}{start}\n\n{content}\n\n{end}{after}"
    write_text(readme, text)
