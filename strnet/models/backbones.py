"""Backbones: any 2-D timm network as a function from films to one feature map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn

from strnet.errors import ModelError, unknown_name
from strnet.models.weights import fit_weights, load_backbone_weights

_PROBE_SIDE = 128
"""Side of the film that shows a new backbone's output shape; some nets refuse anything below 75 pixels."""


class Backbone(nn.Module):
    """A timm network without its head: films (N, 1, H, W) to a feature map (N, C, h, w).

    A class activation map hooks the backbone itself: its output is the last map, also where the timm
    network speaks in tokens. Parts that only a classifier uses are gone. While frozen, the whole trunk
    stays in evaluation mode, so that batch statistics do not move either.
    """

    def __init__(self, *, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.frozen = False
        self.feature_channels = self._probe()

    def forward(self, image: Tensor) -> Tensor:
        """Feature map (N, C, h, w) of `image` (N, 1, H, W)."""
        features = self.model.forward_features(image)  # type: ignore[operator]
        if features.ndim == 3:
            return self._map_from_tokens(features, image)
        if getattr(self.model, "output_fmt", "NCHW") == "NHWC":
            return features.permute(0, 3, 1, 2)
        return features

    def train(self, mode: bool = True) -> Backbone:
        """Itself, in training mode unless frozen."""
        super().train(mode and not self.frozen)
        return self

    def _map_from_tokens(self, tokens: Tensor, image: Tensor) -> Tensor:
        height, width = self.model.patch_embed.dynamic_feat_size(image.shape[-2:])  # type: ignore[union-attr,operator]
        patches = tokens[:, getattr(self.model, "num_prefix_tokens", 0) :]
        return patches.transpose(1, 2).reshape(patches.shape[0], -1, height, width)

    @torch.enable_grad()
    def _probe(self) -> int:
        """Channels of the feature map. Removes the parts that the feature map does not depend on."""
        features = _first_that_runs(self)
        gradients = torch.autograd.grad(features.sum(), list(self.model.parameters()), allow_unused=True)
        reached = {
            name.split(".")[0]
            for (name, _), gradient in zip(self.model.named_parameters(), gradients, strict=True)
            if gradient is not None
        }
        for name, child in self.model.named_children():
            if name not in reached and next(child.parameters(), None) is not None:
                setattr(self.model, name, nn.Identity())
        return int(features.shape[1])


def build_backbone(
    *, name: str, weights: Path | None = None, pretrained: bool = False, drop_path: float = 0.0
) -> Backbone:
    """The timm network `name` for single-channel films, with random weights or those asked for.

    The first convolution of RGB weights becomes the sum of its three filters, which is what the RGB
    network computes on a grey image repeated in three channels (but for the few networks, such as NFNet,
    whose convolutions standardise their own filters).

    Raises: ModelError: unknown name (with the nearest valid one); both sources of weights at once;
        weights that cannot be had or do not fit; a network that yields no spatial feature map.
    """
    if not timm.is_model(name) or ":" in name:
        raise ModelError(f"network.backbone.name: {unknown_name('backbone', name, timm.list_models())}")
    if weights is not None and pretrained:
        raise ModelError(
            "network.backbone: both weights (a file) and pretrained (timm's hub) are given. Keep one of them."
        )
    backbone = Backbone(model=_create(name, drop_path))
    if weights is not None:
        load_backbone_weights(backbone.model, weights)
    if pretrained:
        fit_weights(backbone.model, _hub_weights(name), source=f"timm's hub, {name}")
    return backbone


def _create(name: str, drop_path: float) -> nn.Module:
    settings: dict[str, Any] = {"in_chans": 1, "num_classes": 0}
    if drop_path > 0:
        settings["drop_path_rate"] = drop_path
    try:
        try:
            # Transformers then take any film size; most other networks do not know the word.
            return timm.create_model(name, dynamic_img_size=True, **settings)
        except TypeError as error:
            if "dynamic_img_size" not in str(error):
                raise
        return timm.create_model(name, **settings)
    except TypeError as error:
        raise ModelError(f"network.backbone: {name} does not take these settings ({error}).") from error
    except Exception as error:
        raise ModelError(f"network.backbone: timm cannot build {name} for films ({error}).") from error


def _hub_weights(name: str) -> dict[str, Tensor]:
    """Timm's published weights, through its whole network: only that loads strictly there."""
    try:
        return timm.create_model(name, pretrained=True).state_dict()
    except Exception as error:
        raise ModelError(
            f"network.backbone: no pretrained weights for {name} from timm's hub ({error}). Check the "
            "connection to it, or give a local file as network.backbone.weights."
        ) from error


def _first_that_runs(backbone: Backbone) -> Tensor:
    """Feature map of an empty film of the probe size, or else of the size the timm network was made for."""
    name = backbone.model.default_cfg["architecture"]  # type: ignore[index]
    native = backbone.model.default_cfg["input_size"][-2:]  # type: ignore[index]
    problem = ""
    backbone.eval()
    for height, width in ((_PROBE_SIDE, _PROBE_SIDE), native):
        try:
            features = backbone(torch.zeros(1, 1, height, width))
        except (AssertionError, AttributeError, RuntimeError) as error:
            problem = "no grid is known for its tokens" if isinstance(error, AttributeError) else str(error)
            continue
        backbone.train()
        return features
    raise ModelError(
        f"network.backbone: {name} gives no (N, C, h, w) feature map ({problem}). Take another backbone, "
        "for example resnet18, efficientnet_b0 or vit_tiny_patch16_224."
    )
