"""Columns of results that follow from predicted BMD: T-scores by DXA site, the lowest, its category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strnet import schema
from strnet.config import TaskConfig, YoungAdults

LOWEST = schema.t_score_column("lowest")
CATEGORY = "category_from_bmd"
"""The diagnosis that the lowest of the estimated T-scores means."""


def site_columns(tasks: Sequence[TaskConfig], columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Columns (N,) from the predicted BMD among `columns`; none without a task that has young adults.

    Source: ISCD 2023 official positions, adult: the lowest of lumbar spine, total hip and femoral neck.
    """
    found = {
        schema.t_score_column(young.site): young.t_score(columns[schema.prediction_column(name)])
        for name, young in _of_sites(tasks)
    }
    central = [found[name] for site in schema.LOWEST_OF if (name := schema.t_score_column(site)) in found]
    if not central:
        return found
    lowest = np.min(np.stack(central), axis=0)
    category = np.array([schema.diagnosis_from_t_score(value) for value in lowest])
    return {**found, LOWEST: lowest, CATEGORY: category}


def site_notes(tasks: Sequence[TaskConfig], measured: str) -> dict[str, str]:
    """What each of these columns means, in their order; `measured` is what the labels were measured with."""
    of_sites = _of_sites(tasks)
    notes = {
        schema.t_score_column(young.site): f"from {schema.prediction_column(name)}, whose labels were by "
        f"{measured}; young adults {young}"
        for name, young in of_sites
    }
    central = [young.site for _, young in of_sites if young.site in schema.LOWEST_OF]
    if not central:
        return notes
    return {
        **notes,
        LOWEST: f"lowest of the estimated T-scores of {', '.join(central)}",
        CATEGORY: f"what {LOWEST} means: normal from -1.0, osteoporosis up to -2.5",
    }


def _of_sites(tasks: Sequence[TaskConfig]) -> list[tuple[str, YoungAdults]]:
    return [(task.name, task.young_adults) for task in tasks if task.young_adults is not None]
