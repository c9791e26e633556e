"""What the experiments share: where their runs get their rows, and where their tables go."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from experiments.readme import write_sections
from strnet.config import parse_override

SAY = Console(stderr=True).print


def arguments(description: str | None, name: str) -> argparse.ArgumentParser:
    """A parser with what every experiment takes: where it writes, its size, changes of its recipes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=Path, default=Path("reproduce") / name)
    parser.add_argument(
        "--size", default="paper", choices=("paper", "smoke"), help="smoke: minutes, no figures"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change every recipe; may be repeated"
    )
    parser.add_argument("--write-readme", action="store_true", help="put the tables into the README")
    return parser


def sizes(file: Path, size: str) -> dict[str, Any]:
    """The numbers of people and the changes of the recipes that `file` (YAML) holds for a size."""
    found: dict[str, Any] = yaml.safe_load(file.read_text())[size]
    return found


def overrides(given: list[str]) -> dict[str, Any]:
    """What `--set` asks for, by key."""
    return dict(parse_override(text) for text in given)


def rows_of(manifest: Path, split: Path, cache: Path) -> dict[str, Any]:
    """The part of a recipe that says where its rows are."""
    return {"cohort.manifest": str(manifest), "cohort.split": str(split), "cohort.cache": str(cache)}


def show(section: str, text: str, readme: Path | None) -> None:
    """Print `text` and write it to its section of `readme`."""
    print(text, flush=True)
    if readme is not None:
        write_sections(readme, {section: text})
