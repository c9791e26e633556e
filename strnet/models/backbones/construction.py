"""A backbone by its name, with the weights that are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from torch import Tensor, nn

from strnet.config import Preprocessing
from strnet.errors import ModelError, unknown_name
from strnet.models.adapters import Adapter, adapt, find_adapter
from strnet.models.backbones.darknet import create_darknet19
from strnet.models.backbones.feature_map import Backbone
from strnet.models.backbones.input_scaling import InputScaling
from strnet.models.backbones.timm_2d import create_timm, hub_weights, is_timm_name, timm_names
from strnet.models.parent_bundle import ParentBundle, read_parent
from strnet.models.weights import fit_weights, load_backbone_weights, read_weights

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
    *,
    name: str,
    weights: Path | None = None,
    pretrained: bool = False,
    drop_path: float = 0.0,
    adapter: str | None = None,
    preprocessing: Preprocessing | None = None,
) -> Backbone:
    """The network `name` for single-channel films, with random weights or those asked for.

    `weights` is a file, or the folder of a bundle whose backbone is taken. The first convolution of RGB
    weights becomes the sum of its three filters, which is what the RGB network computes on a grey image
    repeated in three channels (but for the few networks, such as NFNet, whose convolutions standardise their
    own filters). With an `adapter` the file is of another project, and the films, which come as
    `preprocessing` left them, are brought to the range it was trained on.

    Raises: ModelError: unknown name (with the nearest valid one); both sources of weights at once;
        weights that cannot be had or do not fit; a network that yields no spatial feature map.
    """
    name = full_name(name)
    if weights is not None and pretrained:
        raise ModelError(
            "network.backbone: both weights (a file) and pretrained (timm's hub) are given. Keep one of them."
        )
    chosen = None if adapter is None else find_adapter(adapter, name)
    scaling = None if chosen is None else InputScaling(chosen, preprocessing)
    model = _create(name, 1 if chosen is None else chosen.channels, drop_path)
    backbone = Backbone(model=model, scaling=scaling)
    if weights is not None and weights.is_dir():
        _start_from_parent(backbone, name, read_parent(weights), adapter, preprocessing)
    elif weights is not None and chosen is not None:
        _require_preprocessing(chosen, preprocessing)
        adapted = adapt(chosen, name, read_weights(weights), model.state_dict(), str(weights))
        backbone.model.load_state_dict(adapted.values, strict=False)
        backbone.left_out = adapted.left_out
    elif weights is not None:
        load_backbone_weights(backbone.model, weights)
    if pretrained:
        fit_weights(backbone.model, _published(name), source=f"timm's hub, {name}")
    return backbone


def _create(name: str, channels: int, drop_path: float) -> nn.Module:
    if name in _OWN:
        return _OWN[name](channels=channels, drop_path=drop_path)
    return create_timm(name, channels=channels, drop_path=drop_path)


def _start_from_parent(
    backbone: Backbone,
    name: str,
    parent: ParentBundle,
    adapter: str | None,
    preprocessing: Preprocessing | None,
) -> None:
    parent.require_same_network(name, full_name(parent.network.backbone.name), adapter)
    if preprocessing is not None:
        parent.require_same_grey_values(preprocessing)
    fit_weights(backbone.model, parent.part("backbone.model"), source=str(parent.folder))


def _require_preprocessing(adapter: Adapter, preprocessing: Preprocessing | None) -> None:
    if preprocessing is None:
        raise ModelError(
            f"network.backbone.adapter: {adapter.name} scales films, and needs the preprocessing that they "
            "come from."
        )


def _published(name: str) -> dict[str, Tensor]:
    if name in _OWN:
        raise ModelError(
            f"network.backbone.pretrained: timm's hub has no weights of {name}. Give a file or a bundle as "
            "network.backbone.weights, or start from random weights."
        )
    return hub_weights(name)
