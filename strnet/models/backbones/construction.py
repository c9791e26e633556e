"""A backbone by its name, with the weights that are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from torch import Tensor, nn

from strnet.errors import ModelError, unknown_name
from strnet.models.backbones.darknet import create_darknet19
from strnet.models.backbones.feature_map import Backbone
from strnet.models.backbones.timm_2d import create_timm, hub_weights, is_timm_name, timm_names
from strnet.models.weights import fit_weights, load_backbone_weights

_OWN: Mapping[str, Callable[..., nn.Module]] = MappingProxyType({"darknet19": create_darknet19})
"""Networks that timm does not have."""
_SHORT_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "xception": "legacy_xception",
        "vit_tiny": "vit_tiny_patch16_224",
        "vit_small": "vit_small_patch16_224",
        "vit_base": "vit_base_patch16_224",
    }
)
"""Names of the papers that timm does not know, or calls deprecated."""


def backbone_names() -> list[str]:
    """Every name that `build_backbone` takes."""
    return sorted({*timm_names(), *_OWN, *_SHORT_NAMES})


def full_name(name: str) -> str:
    """The name of one architecture and no other: `xception` and `legacy_xception` are the same network.

    Raises: ModelError: an unknown name, with the nearest valid one.
    """
    if name in _OWN:
        return name
    name = _SHORT_NAMES.get(name, name)
    if not is_timm_name(name):
        raise ModelError(f"network.backbone.name: {unknown_name('backbone', name, backbone_names())}")
    return name


def build_backbone(
    *, name: str, weights: Path | None = None, pretrained: bool = False, drop_path: float = 0.0
) -> Backbone:
    """The network `name` for single-channel films, with random weights or those asked for.

    The first convolution of RGB weights becomes the sum of its three filters, which is what the RGB
    network computes on a grey image repeated in three channels (but for the few networks, such as NFNet,
    whose convolutions standardise their own filters).

    Raises: ModelError: unknown name (with the nearest valid one); both sources of weights at once;
        weights that cannot be had or do not fit; a network that yields no spatial feature map.
    """
    name = full_name(name)
    if weights is not None and pretrained:
        raise ModelError(
            "network.backbone: both weights (a file) and pretrained (timm's hub) are given. Keep one of them."
        )
    backbone = Backbone(model=_create(name, drop_path))
    if weights is not None:
        load_backbone_weights(backbone.model, weights)
    if pretrained:
        fit_weights(backbone.model, _published(name), source=f"timm's hub, {name}")
    return backbone


def _create(name: str, drop_path: float) -> nn.Module:
    return _OWN[name](drop_path=drop_path) if name in _OWN else create_timm(name, drop_path=drop_path)


def _published(name: str) -> dict[str, Tensor]:
    if name in _OWN:
        raise ModelError(
            f"network.backbone.pretrained: timm's hub has no weights of {name}. Give a file or a bundle as "
            "network.backbone.weights, or start from random weights."
        )
    return hub_weights(name)
