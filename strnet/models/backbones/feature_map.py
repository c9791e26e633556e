"""A network without its head as a function from films to one feature map."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from strnet.errors import ModelError
from strnet.models.backbones.input_scaling import InputScaling

_PROBE_SIDES = (128, 112)
"""Sides of the film that shows a new backbone's output shape: some nets refuse anything below 75 pixels, and
some take multiples of 14 only."""


class Backbone(nn.Module):
    """A network without its head: films (N, 1, H, W) to a feature map (N, C, h, w).

    `model` is timm's, or speaks as timm's do: `forward_features`, and `default_cfg` with its architecture
    and native input size. `scaling` brings films to the range that an adapter's weights know. A class
    activation map hooks the backbone itself: its output is the last map, also where the network speaks in
    tokens. Parts that only a classifier uses are gone. While frozen, the whole trunk stays in evaluation
    mode, so that batch statistics do not move either.
    """

    def __init__(self, *, model: nn.Module, scaling: InputScaling | None = None) -> None:
        super().__init__()
        self.model = model
        self.scaling = scaling
        self.left_out: tuple[str, ...] = ()
        """Names in the file of its weights that have no place here, such as those of a head."""
        self.frozen = False
        self.partly_frozen = False
        self.feature_channels = self._probe()

    def forward(self, image: Tensor) -> Tensor:
        """Feature map (N, C, h, w) of `image` (N, 1, H, W)."""
        if self.scaling is not None:
            image = self.scaling(image)
        features = self.model.forward_features(image)  # type: ignore[operator]
        if features.ndim == 3:
            return self._map_from_tokens(features, image)
        if getattr(self.model, "output_fmt", "NCHW") == "NHWC":
            return features.permute(0, 3, 1, 2)
        return features

    def train(self, mode: bool = True) -> Backbone:
        """Itself, in training mode unless frozen; so is each part of which no parameter learns."""
        super().train(mode and not self.frozen)
        if self.partly_frozen:
            for module in self.model.modules():
                learns = [parameter.requires_grad for parameter in module.parameters()]
                if learns and not any(learns):
                    module.eval()
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


def _first_that_runs(backbone: Backbone) -> Tensor:
    """Feature map of an empty film of a probe size, or else of the size the network was made for."""
    name = backbone.model.default_cfg["architecture"]  # type: ignore[index]
    native = backbone.model.default_cfg["input_size"][-2:]  # type: ignore[index]
    problem = ""
    backbone.eval()
    for height, width in (*((side, side) for side in _PROBE_SIDES), native):
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
