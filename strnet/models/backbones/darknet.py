"""Darknet-19, which timm does not have."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from strnet.errors import ModelError

_STAGES = (
    ((32, 3),),
    ((64, 3),),
    ((128, 3), (64, 1), (128, 3)),
    ((256, 3), (128, 1), (256, 3)),
    ((512, 3), (256, 1), (512, 3), (256, 1), (512, 3)),
    ((1024, 3), (512, 1), (1024, 3), (512, 1), (1024, 3)),
)
"""Filters and kernel of each convolution; between two stages the map is halved."""
_SLOPE = 0.1
"""Of the leaky ReLU below zero. Source: `leaky` in darknet's activations."""


class Darknet19(nn.Module):
    """Darknet-19: 18 convolutions in six stages, and the 19th, 1x1, as classifier where `classes` is given.

    Each convolution but the classifier is followed by a batch norm and a leaky ReLU.
    Source: Redmon and Farhadi 2016, YOLO9000: Better, Faster, Stronger, table 6.
    """

    def __init__(self, *, channels: int = 1, classes: int = 0) -> None:
        super().__init__()
        self.default_cfg: dict[str, Any] = {
            "architecture": "darknet19",
            "input_size": (channels, 224, 224),
            "classifier": "classifier",
        }
        stages = []
        for number, convolutions in enumerate(_STAGES):
            stages.append(_stage(channels, convolutions, halved=number > 0))
            channels = convolutions[-1][0]
        self.stages = nn.Sequential(*stages)
        self.classifier = nn.Conv2d(channels, classes, 1) if classes else nn.Identity()
        self.apply(_initialise)

    def forward_features(self, image: Tensor) -> Tensor:
        """Feature map (N, 1024, H / 32, W / 32) of `image` (N, channels, H, W)."""
        return self.stages(image)

    def forward(self, image: Tensor) -> Tensor:
        """Logits (N, classes); the mean feature (N, 1024) without a classifier."""
        return self.classifier(self.forward_features(image)).mean(dim=(2, 3))

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """Patterns of the stages, as timm's networks tell theirs; unless `coarse`, one per convolution."""
        return {"stem": r"^stages\.0", "blocks": r"^stages\.(\d+)" if coarse else r"^stages\.(\d+)\.(\d+)"}


def create_darknet19(*, channels: int = 1, drop_path: float = 0.0) -> nn.Module:
    """Darknet-19 for films, with random weights and without its classifier.

    Raises: ModelError: stochastic depth, which needs residual blocks.
    """
    if drop_path > 0:
        raise ModelError(
            f"network.backbone.drop_path: {drop_path}, but darknet19 has no residual blocks to drop. "
            "Set it to 0."
        )
    return Darknet19(channels=channels)


def _stage(channels: int, convolutions: tuple[tuple[int, int], ...], *, halved: bool) -> nn.Sequential:
    parts: list[nn.Module] = [nn.MaxPool2d(2)] if halved else []
    for filters, kernel in convolutions:
        parts.append(_convolution(channels, filters, kernel))
        channels = filters
    return nn.Sequential(*parts)


def _convolution(channels: int, filters: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, filters, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(filters),
        nn.LeakyReLU(_SLOPE, inplace=True),
    )


def _initialise(module: nn.Module) -> None:
    """Source: He et al. 2015, Delving Deep into Rectifiers, section 2.2."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, a=_SLOPE, mode="fan_out", nonlinearity="leaky_relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
