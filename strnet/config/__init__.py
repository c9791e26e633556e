"""The recipe: frozen models of everything a training run depends on.

A recipe is data. Nothing in `models/` or `imaging/` sees more of it than the part it needs.
"""

from __future__ import annotations

from strnet.config.answering import ApplicabilityConfig, CalibrationConfig, OperatingPointConfig
from strnet.config.architecture import BackboneConfig, NeckConfig, NetworkConfig, RoutingConfig, UnetConfig
from strnet.config.combination import CombinationConfig
from strnet.config.ensemble_recipe import EnsembleRecipe
from strnet.config.frozen import Fraction01, Frozen, Positive
from strnet.config.preprocessing import Augmentation, Preprocessing
from strnet.config.recipe import CohortConfig, Recipe
from strnet.config.recipe_text import (
    dump_recipe,
    load_recipe,
    load_run_recipe,
    override_recipe,
    parse_override,
    parse_recipe,
)
from strnet.config.region_use import RegionConfig
from strnet.config.tasks import BMD_UNIT, Given, Target, TaskConfig
from strnet.config.trainer import TrainerConfig
from strnet.config.young_adults import REFERENCE_TABLES, YoungAdults, young_adults_of

__all__ = [
    "BMD_UNIT",
    "REFERENCE_TABLES",
    "ApplicabilityConfig",
    "Augmentation",
    "BackboneConfig",
    "CalibrationConfig",
    "CohortConfig",
    "CombinationConfig",
    "EnsembleRecipe",
    "Fraction01",
    "Frozen",
    "Given",
    "NeckConfig",
    "NetworkConfig",
    "OperatingPointConfig",
    "Positive",
    "Preprocessing",
    "Recipe",
    "RegionConfig",
    "RoutingConfig",
    "Target",
    "TaskConfig",
    "TrainerConfig",
    "UnetConfig",
    "YoungAdults",
    "dump_recipe",
    "load_recipe",
    "load_run_recipe",
    "override_recipe",
    "parse_override",
    "parse_recipe",
    "young_adults_of",
]
