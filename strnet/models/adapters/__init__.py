"""Adapters: weights of other projects, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from strnet.errors import ModelError, unknown_name
from strnet.models.adapters.adapter import AdaptedWeights, Adapter, adapt
from strnet.models.adapters.rad_dino import RAD_DINO
from strnet.models.adapters.torchvision_names import TORCHVISION
from strnet.models.adapters.torchxrayvision import TORCHXRAYVISION

ADAPTERS: Mapping[str, Adapter] = MappingProxyType(
    {adapter.name: adapter for adapter in (TORCHXRAYVISION, RAD_DINO, TORCHVISION)}
)


def find_adapter(name: str, network: str) -> Adapter:
    """The adapter `name`, which knows the backbone `network`.

    Raises: ModelError: an unknown adapter, with the nearest one, or one of other backbones.
    """
    if name not in ADAPTERS:
        raise ModelError(f"network.backbone.adapter: {unknown_name('adapter', name, ADAPTERS)}")
    adapter = ADAPTERS[name]
    if network not in adapter.networks:
        raise ModelError(
            f"network.backbone.adapter: {adapter.project} has no {network}, but "
            f"{', '.join(adapter.networks)}. Set network.backbone.name to one of these."
        )
    return adapter


__all__ = ["ADAPTERS", "AdaptedWeights", "Adapter", "adapt", "find_adapter"]
