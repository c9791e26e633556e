"""One name of an image, wherever it is named: at ingest, at prediction, and in everybody's tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePath

FILM_ENDINGS = (".dcm", ".dicom", ".png", ".jpg", ".jpeg", ".nii.gz", ".nii")
"""Endings that say no more than the format; every other part of a file's name belongs to its name."""


def image_name(name: PurePath | str) -> str:
    """The name of an image in a table's cell or a path: `a/IM7.dcm` is `a/IM7`, `1.2.840.7` is itself."""
    text = str(name).strip().replace("\\", "/")
    lower = text.lower()
    ending = next((ending for ending in FILM_ENDINGS if lower.endswith(ending)), "")
    bare = text[: len(text) - len(ending)]
    return text if bare == "" or bare.endswith("/") else bare


def image_names(files: Sequence[Path]) -> list[str]:
    """The name of each of `files` (all different): the file's name without its ending.

    Where several share one, each takes as many folders before it as tell them apart (`north/IM7`,
    `south/IM7`), and keeps its ending where only that does. So the names do not depend on which folder
    above the films a command was given.
    """
    keys = _keys(files)
    names: dict[int, str] = {}
    waiting, depth = list(range(len(keys))), 1
    while waiting:
        tails = {i: "/".join(keys[i][-depth:]) for i in waiting}
        counts = Counter(tails.values())
        names |= {i: tail for i, tail in tails.items() if counts[tail] == 1}
        waiting, depth = [i for i in waiting if counts[tails[i]] > 1], depth + 1
    return [names[i] for i in range(len(keys))]


def _keys(files: Sequence[Path]) -> list[tuple[str, ...]]:
    """The parts of each whole path, all different: without the ending, unless that is what differs."""
    paths = [path.absolute() for path in files]
    bare = [(*path.parts[:-1], image_name(path.name)) for path in paths]
    counts = Counter([*bare, *(path.parts for path in paths)])
    # A path without an ending counts twice by itself, as its bare and as its whole form.
    alone = [counts[key] == (2 if key == path.parts else 1) for key, path in zip(bare, paths, strict=True)]
    return [key if only else path.parts for key, only, path in zip(bare, alone, paths, strict=True)]
