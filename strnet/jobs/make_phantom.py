"""A phantom cohort on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from strnet.phantom import make_knee_cohort


def phantom(
    out: Path,
    *,
    patients: int,
    seed: int,
    size: tuple[int, int] = (768, 640),
    t_score_known: float = 0.7,
    sites: int = 2,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Counts and ceilings of the cohort now in `out`; an interrupted one is completed.

    `size` is (rows, columns) of a film in pixels, `t_score_known` the share of patients with a T-score.

    Raises: StrnetError: arguments out of range, a folder that holds something else, or a process killed.
    """
    made = make_knee_cohort(
        out,
        patients=patients,
        seed=seed,
        size=size,
        t_score_known=t_score_known,
        sites=sites,
        workers=workers,
        progress=progress,
    )
    return {"folder": str(made.folder), **made.summary}
