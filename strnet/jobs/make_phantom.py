"""A phantom cohort on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from strnet.phantom import Draw, make_cohort, named_anatomy


def phantom(  # noqa: PLR0913 - a public entry: every ability is one keyword
    out: Path,
    *,
    patients: int,
    seed: int,
    anatomy: str = "knee",
    size: tuple[int, int] | None = None,
    t_score_known: float = 0.7,
    sites: int = 2,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Counts and ceilings of the cohort now in `out`; an interrupted one is completed.

    `size` is (rows, columns) of a film or slice in pixels (None: what is usual for the anatomy),
    `t_score_known` the share of patients with a T-score or density.

    Raises: StrnetError: unknown anatomy, arguments out of range, a folder that holds something else, or a
    process killed.
    """
    draw = Draw(seed, size or named_anatomy(anatomy).size, t_score_known, sites)
    made = make_cohort(anatomy, out, draw, patients=patients, workers=workers, progress=progress)
    return {"folder": str(made.folder), **made.summary}
