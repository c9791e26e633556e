"""The recipe of an ensemble: what its members share, and how they answer together."""

from __future__ import annotations

from pydantic import Field

from strnet.config.answering import CalibrationConfig, OperatingPointConfig
from strnet.config.combination import CombinationConfig
from strnet.config.frozen import Frozen
from strnet.config.recipe import CohortConfig
from strnet.config.tasks import TaskConfig


class EnsembleRecipe(Frozen):
    """What an ensemble depends on beside its members, each of which has a recipe of its own."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    description: str = ""
    cohort: CohortConfig = Field(CohortConfig(), description="the members', where they share one")
    tasks: tuple[TaskConfig, ...] = Field(min_length=1)
    combination: CombinationConfig
    mirrored: bool = Field(
        False, description="each member also answers for the mirrored film; the mean of both counts"
    )
    calibration: CalibrationConfig = CalibrationConfig()
    operating_point: OperatingPointConfig | None = None
